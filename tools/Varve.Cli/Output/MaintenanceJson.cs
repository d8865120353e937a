using System.Text.Json.Serialization;

namespace Varve.Cli.Output;

// What the commands for a bad day print.
internal static partial class JsonOutput
{
    public static void Write(Terminal terminal, VerifyResult result) =>
        Write(terminal, result, MaintenanceShapes.Default.VerifyResult);

    public static void Write(Terminal terminal, RepairReport report) =>
        Write(terminal, report, MaintenanceShapes.Default.RepairReport);

    public static void Write(Terminal terminal, BackupResult result) =>
        Write(terminal, result, MaintenanceShapes.Default.BackupResult);

    public static void Write(Terminal terminal, BackupVersion version) =>
        Write(terminal, version, MaintenanceShapes.Default.BackupVersion);

    public static void Write(Terminal terminal, IReadOnlyList<BackupVersion> versions) =>
        Write(terminal, versions, MaintenanceShapes.Default.IReadOnlyListBackupVersion);

    public static void Write(Terminal terminal, BackupVerifyReport report) =>
        Write(terminal, report, MaintenanceShapes.Default.BackupVerifyReport);

    public static void Write(Terminal terminal, BackupPruneReport report) =>
        Write(terminal, report, MaintenanceShapes.Default.BackupPruneReport);

    [JsonSourceGenerationOptions(WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(VerifyResult))]
    [JsonSerializable(typeof(RepairReport))]
    [JsonSerializable(typeof(BackupResult))]
    [JsonSerializable(typeof(BackupVersion))]
    [JsonSerializable(typeof(IReadOnlyList<BackupVersion>))]
    [JsonSerializable(typeof(BackupVerifyReport))]
    [JsonSerializable(typeof(BackupPruneReport))]
    private sealed partial class MaintenanceShapes : JsonSerializerContext;
}

/// <summary>What <c>verify --json</c> prints.</summary>
internal sealed record VerifyResult(
    bool IsSound,
    bool WasClosedCleanly,
    int Tables,
    long Bytes,
    long Entries,
    long LogRecords,
    IReadOnlyList<VerifyDamage> Damages,
    IReadOnlyList<VerifyDamage> Notes)
{
    public static VerifyResult Of(DirectoryVerifyReport report) => new(
        report.IsSound,
        report.WasClosedCleanly,
        report.Tables,
        report.Bytes,
        report.Entries,
        report.LogRecords,
        [.. report.Problems.Select(problem => VerifyDamage.Of(report.Directory, problem))],
        [.. report.Notes.Select(note => VerifyDamage.Of(report.Directory, note))]);
}

/// <summary>One damage of <see cref="VerifyResult"/>.</summary>
internal sealed record VerifyDamage(string Path, long Offset, string Detail)
{
    public static VerifyDamage Of(string directory, VerifyProblem problem) =>
        new(System.IO.Path.Combine(directory, problem.FileName), problem.Offset, problem.Detail);
}
