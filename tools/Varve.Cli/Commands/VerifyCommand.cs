using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve verify</c></summary>
internal static class VerifyCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        Option<string> data = Inputs.Data();
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "verify",
            "Read every byte of every file and check checksums, order and counts; also of a database that is too damaged to be opened.",
            "varve verify",
            "varve verify --json",
            "varve verify --data backup && echo sound")
        {
            data,
            json,
        };
        command.Run((parsed, cancellation) =>
        {
            string directory = Inputs.RequireDirectory(parsed.GetRequiredValue(data));
            long started = Stopwatch.GetTimestamp();
            DirectoryVerifyReport? report = null;
            terminal.RunWithProgress(
                "verifying", show => report = DatabaseInspector.VerifyDirectory(directory, new ProgressShare(show), cancellation));
            Write(terminal, report!, parsed.GetValue(json), Figures.Duration(Stopwatch.GetElapsedTime(started)));
            if (report!.IsSound) return ExitCode.Ok;
            terminal.Flush();
            WriteErrors(terminal, report.Directory, report.Problems);
            string problems = Figures.Count(report.Problems.Count, "problem", "problems");
            throw new CommandFailureException(ExitCode.Storage, $"{problems} found in {Describe(report)}. See 'varve repair --help'.");
        });
        return command;
    }

    public static void WriteErrors(Terminal terminal, string directory, IReadOnlyList<VerifyProblem> problems)
    {
        foreach (VerifyProblem problem in problems) terminal.WriteError(Describe(directory, problem));
    }

    public static string Describe(string directory, VerifyProblem problem) =>
        string.Create(
            CultureInfo.InvariantCulture, $"{Path.Combine(directory, problem.FileName)}, offset {problem.Offset}: {problem.Detail}");

    private static void Write(Terminal terminal, DirectoryVerifyReport report, bool isJson, string time)
    {
        if (isJson)
        {
            JsonOutput.Write(terminal, VerifyResult.Of(report));
            return;
        }

        if (!report.IsSound) return;
        terminal.Writer.WriteLine($"sound: {Describe(report)}, read in {time}");
        foreach (VerifyProblem note in report.Notes) terminal.Writer.WriteLine("harmless: " + Describe(report.Directory, note));
    }

    private static string Describe(DirectoryVerifyReport report)
    {
        string tables = Figures.Count(report.Tables, "table", "tables");
        string records = Figures.Count(report.LogRecords, "batch", "batches");
        return $"{tables}, {Figures.Count(report.Entries, "entry", "entries")}, {records} in the log, {Figures.Bytes(report.Bytes)}";
    }

    public static VerifyReport Verify(Terminal terminal, Database database, CancellationToken cancellation)
    {
        VerifyReport? report = null;
        terminal.RunWithProgress("verifying", show => report = database.Verify(new ProgressShare(show), cancellation));
        return report!;
    }

    public static string Describe(VerifyReport report)
    {
        string tables = Figures.Count(report.Tables, "table", "tables");
        return $"{tables}, {Figures.Bytes(report.Bytes)}, {Figures.Count(report.Entries, "entry", "entries")}";
    }

    /// <summary>Told on the verifying thread; <see cref="Progress{T}"/> would tell late and out of order.</summary>
    public sealed class ProgressShare(Action<double> show) : IProgress<VerifyProgress>
    {
        public void Report(VerifyProgress value) => show(value.TotalBytes == 0 ? 1 : (double)value.DoneBytes / value.TotalBytes);
    }
}
