using System.CommandLine;
using System.Diagnostics;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve backup BACKUP</c></summary>
internal static class BackupCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        Argument<string> backup = BackupsCommand.Backup();
        Option<string> data = Inputs.Data();
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "backup",
            "Add a version to a backup directory. Only tables that no earlier version has are copied; every byte is checked.",
            "varve backup /backup/people",
            "varve backup /backup/people --data people --json")
        {
            backup, data, json,
        };
        command.Run((parsed, cancellation) =>
        {
            string target = Inputs.RequireDirectory(parsed.GetRequiredValue(backup));
            using Database database = Inputs.OpenForWriting(parsed.GetRequiredValue(data), createIfMissing: false);
            long started = Stopwatch.GetTimestamp();
            BackupResult? result = null;
            terminal.RunWithProgress("backing up", show => result = database.Backup(target, new BackupShare(show), cancellation));
            database.Close();
            if (parsed.GetValue(json))
            {
                JsonOutput.Write(terminal, result!);
                return ExitCode.Ok;
            }

            string copied = $"{Figures.Count(result!.CopiedTables, "table", "tables")} of {Figures.Bytes(result.CopiedBytes)} copied";
            string whole = $"{Figures.Count(result.Version.Tables)} of {Figures.Bytes(result.Version.Bytes)} in all";
            string time = Figures.Duration(Stopwatch.GetElapsedTime(started));
            terminal.Writer.WriteLine($"version {result.Version.Number}: {copied}, {whole}, in {time}");
            return ExitCode.Ok;
        });
        return command;
    }
}

/// <summary>Told on the working thread, so in order.</summary>
internal sealed class BackupShare(Action<double> show) : IProgress<BackupProgress>
{
    public void Report(BackupProgress value) => show(value.TotalBytes == 0 ? 1 : (double)value.DoneBytes / value.TotalBytes);
}
