using System.Text.Json;
using System.Text.Json.Serialization;
using Varve.Cli.Commands;
using Varve.Cli.Torture;
using Varve.Cli.Transfer;

namespace Varve.Cli.Output;

/// <summary>Whole objects as indented JSON with camel-case names.</summary>
internal static partial class JsonOutput
{
    public static void Write(Terminal terminal, DatabaseStatistics statistics) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(statistics, Shapes.Default.DatabaseStatistics));

    public static void Write(Terminal terminal, IReadOnlyList<LevelStatistics> levels) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(levels, Shapes.Default.IReadOnlyListLevelStatistics));

    public static void Write(Terminal terminal, VerifyResult result) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(result, Shapes.Default.VerifyResult));

    public static void Write(Terminal terminal, ImportResult result) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(result, Shapes.Default.ImportResult));

    public static void Write(Terminal terminal, ExportResult result) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(result, Shapes.Default.ExportResult));

    public static void Write(Terminal terminal, CompactResult result) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(result, Shapes.Default.CompactResult));

    public static void Write(Terminal terminal, CheckpointResult result) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(result, Shapes.Default.CheckpointResult));

    public static void Write(Terminal terminal, RemovalResult result) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(result, Shapes.Default.RemovalResult));

    public static void Write(Terminal terminal, DirectoryInspection found) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(found, Shapes.Default.DirectoryInspection));

    public static void Write(Terminal terminal, List<ManifestInspection> found) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(found, Shapes.Default.ListManifestInspection));

    public static void Write(Terminal terminal, List<LogInspection> found) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(found, Shapes.Default.ListLogInspection));

    public static void Write(Terminal terminal, List<TableInspection> found) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(found, Shapes.Default.ListTableInspection));

    public static void Write(Terminal terminal, TortureResult result) =>
        Write(terminal, JsonSerializer.SerializeToUtf8Bytes(result, Shapes.Default.TortureResult));

    private static void Write(Terminal terminal, byte[] json)
    {
        terminal.Write(json);
        terminal.Write("\n"u8);
    }

    [JsonSourceGenerationOptions(
        WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
    [JsonSerializable(typeof(DatabaseStatistics))]
    [JsonSerializable(typeof(IReadOnlyList<LevelStatistics>))]
    [JsonSerializable(typeof(VerifyResult))]
    [JsonSerializable(typeof(ImportResult))]
    [JsonSerializable(typeof(ExportResult))]
    [JsonSerializable(typeof(CompactResult))]
    [JsonSerializable(typeof(CheckpointResult))]
    [JsonSerializable(typeof(RemovalResult))]
    [JsonSerializable(typeof(DirectoryInspection))]
    [JsonSerializable(typeof(List<ManifestInspection>))]
    [JsonSerializable(typeof(List<LogInspection>))]
    [JsonSerializable(typeof(List<TableInspection>))]
    [JsonSerializable(typeof(TortureResult))]
    private sealed partial class Shapes : JsonSerializerContext;
}

/// <summary>What <c>verify --json</c> prints.</summary>
internal sealed record VerifyResult(bool IsSound, int Tables, long Bytes, long Entries, IReadOnlyList<VerifyDamage> Damages);

/// <summary>One damage of <see cref="VerifyResult"/>.</summary>
internal sealed record VerifyDamage(string Path, long Offset, string Detail);
