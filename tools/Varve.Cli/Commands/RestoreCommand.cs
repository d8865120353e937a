using System.CommandLine;
using System.Diagnostics;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve restore BACKUP DIR</c></summary>
internal static class RestoreCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        Argument<string> backup = BackupsCommand.Backup();
        var target = new Argument<string>("dir") { Description = "The new database's directory; must be empty where it exists." };
        var version = new Option<long?>("--version") { Description = "The version's number; when not given, the newest.", HelpName = "N" };
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "restore",
            "Make a new database directory of a backup version. Every byte is checked.",
            "varve restore /backup/people people",
            "varve restore /backup/people people-in-may --version 12")
        {
            backup, target, version, json,
        };
        command.Run((parsed, cancellation) =>
        {
            string directory = Inputs.RequireDirectory(parsed.GetRequiredValue(target));
            long started = Stopwatch.GetTimestamp();
            BackupVersion? restored = null;
            terminal.RunWithProgress(
                "restoring",
                show => restored = BackupRepository.Restore(
                    parsed.GetRequiredValue(backup), directory, parsed.GetValue(version), new BackupShare(show), cancellation));
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(terminal, restored!);
                return ExitCode.Ok;
            }

            string time = Figures.Duration(Stopwatch.GetElapsedTime(started));
            string tables = $"{Figures.Count(restored!.Tables, "table", "tables")} of {Figures.Bytes(restored.Bytes)}";
            terminal.Writer.WriteLine($"version {restored.Number} of {BackupsCommand.Describe(restored.Created)}: {tables}, in {time}");
            return ExitCode.Ok;
        });
        return command;
    }
}
