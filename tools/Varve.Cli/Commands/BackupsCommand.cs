using System.CommandLine;
using System.Globalization;
using Spectre.Console;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve backups list|verify|prune BACKUP</c></summary>
internal static class BackupsCommand
{
    private const int KeepDefault = 7;

    public static VarveCommand Create(Terminal terminal) => new(
        "backups",
        "Look after a backup directory.",
        "varve backups list /backup/people",
        "varve backups verify /backup/people",
        "varve backups prune /backup/people --keep 7")
    {
        CreateList(terminal),
        CreateVerify(terminal),
        CreatePrune(terminal),
    };

    public static Argument<string> Backup() => new("backup") { Description = "The backup directory, of one database." };

    public static string Describe(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static VarveCommand CreateList(Terminal terminal)
    {
        Argument<string> backup = Backup();
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "list", "List the versions.", "varve backups list /backup/people", "varve backups list /backup/people --json")
        {
            backup, json,
        };
        command.Run((parsed, _) =>
        {
            IReadOnlyList<BackupVersion> versions = BackupRepository.List(Inputs.RequireDirectory(parsed.GetRequiredValue(backup)));
            if (parsed.GetValue(json)) JsonOutput.Write(terminal, versions);
            else terminal.Console.Write(Draw(versions));
            return ExitCode.Ok;
        });
        return command;
    }

    private static Table Draw(IReadOnlyList<BackupVersion> versions)
    {
        Table drawn = new Table().Border(TableBorder.None).AddColumn("version").AddColumn("made").AddColumn("sequence").AddColumn("tables")
            .AddColumn("bytes");
        foreach (int column in (int[])[0, 2, 3, 4]) drawn.Columns[column].RightAligned();
        foreach (BackupVersion version in versions)
        {
            drawn.AddRow(
                version.Number.ToString(CultureInfo.InvariantCulture),
                Describe(version.Created),
                version.Sequence.ToString(CultureInfo.InvariantCulture),
                Figures.Count(version.Tables),
                Figures.Bytes(version.Bytes));
        }

        return drawn;
    }

    private static VarveCommand CreateVerify(Terminal terminal)
    {
        Argument<string> backup = Backup();
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "verify",
            "Read every byte that any version needs and compare it with the checksums it was backed up with.",
            "varve backups verify /backup/people",
            "varve backups verify /backup/people --json")
        {
            backup, json,
        };
        command.Run((parsed, cancellation) =>
        {
            string directory = Inputs.RequireDirectory(parsed.GetRequiredValue(backup));
            BackupVerifyReport? report = null;
            terminal.RunWithProgress(
                "verifying", show => report = BackupRepository.Verify(directory, new BackupShare(show), cancellation));
            string versions = Figures.Count(report!.Versions.Count, "version", "versions");
            string what = $"{versions}, {Figures.Count(report.Tables, "table", "tables")}, {Figures.Bytes(report.Bytes)}";
            if (parsed.GetValue(json)) JsonOutput.Write(terminal, report);
            else if (report.IsSound) terminal.Writer.WriteLine("sound: " + what);
            if (report.IsSound) return ExitCode.Ok;
            terminal.Flush();
            VerifyCommand.WriteErrors(terminal, directory, report.Problems);
            string broken = string.Join(' ', report.BrokenVersions);
            throw new CommandFailureException(ExitCode.Storage, $"{what}; versions that cannot be restored: {broken}.");
        });
        return command;
    }

    private static VarveCommand CreatePrune(Terminal terminal)
    {
        Argument<string> backup = Backup();
        var keep = new Option<int>("--keep", "-k")
        {
            Description = $"How many versions stay, the newest; {KeepDefault} when not given.",
            HelpName = "N",
            DefaultValueFactory = _ => KeepDefault,
        };
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "prune",
            "Remove old versions, and the tables that only they needed.",
            "varve backups prune /backup/people",
            "varve backups prune /backup/people --keep 30")
        {
            backup, keep, json,
        };
        command.Run((parsed, _) =>
        {
            string directory = Inputs.RequireDirectory(parsed.GetRequiredValue(backup));
            BackupPruneReport report = BackupRepository.Prune(directory, parsed.GetValue(keep));
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(terminal, report);
                return ExitCode.Ok;
            }

            string versions = Figures.Count(report.RemovedVersions.Count, "version", "versions");
            string tables = $"{Figures.Count(report.RemovedFiles, "file", "files")} of {Figures.Bytes(report.FreedBytes)}";
            terminal.Writer.WriteLine($"removed {versions}, {tables}");
            return ExitCode.Ok;
        });
        return command;
    }
}
