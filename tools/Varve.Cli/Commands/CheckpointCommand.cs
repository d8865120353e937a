using System.CommandLine;
using System.Diagnostics;
using Varve.Cli.Output;

namespace Varve.Cli.Commands;

/// <summary><c>varve checkpoint DIRECTORY</c></summary>
internal static class CheckpointCommand
{
    public static VarveCommand Create(Terminal terminal)
    {
        var directory = new Argument<string>("directory") { Description = "Where to make it: a new or empty directory." };
        Option<string> data = Inputs.Data();
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "checkpoint",
            "Make a second directory that opens as the database. Takes hardly any time or room on the same file system (hard links).",
            "varve checkpoint backup/monday",
            "varve checkpoint /mnt/other/monday --json && varve verify --data /mnt/other/monday")
        {
            directory,
            data,
            json,
        };
        command.Run((parsed, cancellation) =>
        {
            string target = parsed.GetRequiredValue(directory);
            if (target.Length == 0) throw CommandFailureException.Usage("The checkpoint's directory is empty.");
            target = Path.GetFullPath(target);
            using Database database = Inputs.OpenForWriting(parsed.GetRequiredValue(data), createIfMissing: false);
            long started = Stopwatch.GetTimestamp();
            var progress = new ProgressBytes();
            ulong sequence = 0;
            terminal.RunWithProgress("checkpoint", (Action<double> show) =>
            {
                progress.Show = show;
                sequence = database.Checkpoint(target, progress, cancellation);
            });
            var result = new CheckpointResult(target, sequence, progress.Bytes, Stopwatch.GetElapsedTime(started).TotalSeconds);
            database.Close();
            if (parsed.GetValue(json)) JsonOutput.Write(terminal, result);
            else terminal.Writer.WriteLine(Describe(result));
            return ExitCode.Ok;
        });
        return command;
    }

    private static string Describe(CheckpointResult result)
    {
        string time = Figures.Duration(TimeSpan.FromSeconds(result.Seconds));
        return $"sequence {result.Sequence}, {Figures.Bytes(result.TableBytes)} of tables in '{result.Directory}', in {time}";
    }

    /// <summary>Told on the thread that makes the checkpoint.</summary>
    private sealed class ProgressBytes : IProgress<CheckpointProgress>
    {
        public Action<double>? Show { get; set; }

        public long Bytes { get; private set; }

        public void Report(CheckpointProgress value)
        {
            Bytes = value.BytesTotal;
            Show?.Invoke(value.BytesTotal == 0 ? 1 : (double)value.BytesDone / value.BytesTotal);
        }
    }
}

/// <summary>What <c>checkpoint --json</c> prints.</summary>
/// <param name="Directory">The full path.</param>
/// <param name="Sequence">Every write up to this one is in it.</param>
/// <param name="TableBytes">Of its tables, linked or copied.</param>
/// <param name="Seconds">What it took.</param>
internal sealed record CheckpointResult(string Directory, ulong Sequence, long TableBytes, double Seconds);
