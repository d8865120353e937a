using System.CommandLine;
using System.Diagnostics;
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
            "Read every byte of every table and check checksums, order and counts; opening has checked manifest and log.",
            "varve verify",
            "varve verify --json",
            "varve verify --data backup && echo sound")
        {
            data,
            json,
        };
        command.Run((parsed, cancellation) =>
        {
            using Database database = Inputs.OpenForReading(parsed.GetRequiredValue(data));
            long started = Stopwatch.GetTimestamp();
            VerifyReport report = Verify(terminal, database, cancellation);
            string time = Figures.Duration(Stopwatch.GetElapsedTime(started));
            if (parsed.GetValue(json)) JsonOutput.Write(terminal, ToResult(report));
            else if (report.IsSound) terminal.Writer.WriteLine($"sound: {Describe(report)}, read in {time}");
            if (report.IsSound) return ExitCode.Ok;
            terminal.Flush();
            foreach (CorruptDataException damage in report.Damages) terminal.WriteError(damage.Message);
            string damages = Figures.Count(report.Damages.Count, "damage", "damages");
            throw new CommandFailureException(ExitCode.Storage, $"{damages} found in {Describe(report)}.");
        });
        return command;
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

    private static VerifyResult ToResult(VerifyReport report)
    {
        List<VerifyDamage> damages = [.. report.Damages.Select(damage => new VerifyDamage(damage.Path, damage.Offset, damage.Detail))];
        return new VerifyResult(report.IsSound, report.Tables, report.Bytes, report.Entries, damages);
    }

    /// <summary>Told on the verifying thread; <see cref="Progress{T}"/> would tell late and out of order.</summary>
    private sealed class ProgressShare(Action<double> show) : IProgress<VerifyProgress>
    {
        public void Report(VerifyProgress value) => show(value.TotalBytes == 0 ? 1 : (double)value.DoneBytes / value.TotalBytes);
    }
}
