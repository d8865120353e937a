using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Varve.Cli.Commands;
using Varve.Cli.Torture;
using Varve.Cli.Transfer;

namespace Varve.Cli.Output;

/// <summary>Whole objects as indented JSON with camel-case names.</summary>
internal static partial class JsonOutput
{
    public static void Write(Terminal terminal, DatabaseStatistics statistics) =>
        Write(terminal, statistics, Shapes.Default.DatabaseStatistics);

    public static void Write(Terminal terminal, IReadOnlyList<LevelStatistics> levels) =>
        Write(terminal, levels, Shapes.Default.IReadOnlyListLevelStatistics);

    public static void Write(Terminal terminal, ImportResult result) =>
        Write(terminal, result, Shapes.Default.ImportResult);

    public static void Write(Terminal terminal, ExportResult result) =>
        Write(terminal, result, Shapes.Default.ExportResult);

    public static void Write(Terminal terminal, CompactResult result) =>
        Write(terminal, result, Shapes.Default.CompactResult);

    public static void Write(Terminal terminal, CheckpointResult result) =>
        Write(terminal, result, Shapes.Default.CheckpointResult);

    public static void Write(Terminal terminal, RemovalResult result) =>
        Write(terminal, result, Shapes.Default.RemovalResult);

    public static void Write(Terminal terminal, DirectoryInspection found) =>
        Write(terminal, found, Shapes.Default.DirectoryInspection);

    public static void Write(Terminal terminal, List<ManifestInspection> found) =>
        Write(terminal, found, Shapes.Default.ListManifestInspection);

    public static void Write(Terminal terminal, List<LogInspection> found) =>
        Write(terminal, found, Shapes.Default.ListLogInspection);

    public static void Write(Terminal terminal, List<TableInspection> found) =>
        Write(terminal, found, Shapes.Default.ListTableInspection);

    public static void Write(Terminal terminal, TortureResult result) =>
        Write(terminal, result, Shapes.Default.TortureResult);

    private static void Write<T>(Terminal terminal, T value, JsonTypeInfo<T> shape)
    {
        terminal.Write(JsonSerializer.SerializeToUtf8Bytes(value, shape));
        terminal.Write("\n"u8);
    }

    [JsonSourceGenerationOptions(
        WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
    [JsonSerializable(typeof(DatabaseStatistics))]
    [JsonSerializable(typeof(IReadOnlyList<LevelStatistics>))]
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
