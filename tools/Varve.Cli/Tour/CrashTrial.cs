using System.Diagnostics;
using Varve.Cli.Output;

namespace Varve.Cli.Tour;

/// <summary>
/// Kills a process in the middle of synced writes and looks for everything it had acknowledged once the database is open again.
/// </summary>
internal sealed class CrashTrial(TourReport report, string directory, DatabaseOptions options)
{
    /// <summary>The kill comes after so many acknowledgements, or earlier where the device is slow.</summary>
    private const int AcknowledgementsWanted = 1_000;
    private const int AcknowledgementsAtLeast = 5;

    /// <summary>128 + SIGKILL.</summary>
    private const int KilledExitCode = 137;

    private static readonly TimeSpan WritingMax = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan SilenceMax = TimeSpan.FromSeconds(30);

    private long _acknowledged;
    private ulong _acknowledgedSequence;

    /// <summary>The database must be closed; it is closed afterwards.</summary>
    public void Kill(CancellationToken cancellation)
    {
        using Process child = SelfProcess.Start(CrashWriter.CommandName, "--data", directory);
        try
        {
            Task<string> errors = child.StandardError.ReadToEndAsync(CancellationToken.None);
            long started = Stopwatch.GetTimestamp();
            while (!IsEnough(started) && ReadAcknowledgement(child, cancellation))
            {
            }

            CheckLocked(child);
            bool wasAlive = !child.HasExited;
            child.Kill();
            child.WaitForExit();

            // What it had said before it died is an acknowledgement too.
            while (ReadAcknowledgement(child, cancellation))
            {
            }

            bool wasKilled = wasAlive && (OperatingSystem.IsWindows() || child.ExitCode == KilledExitCode);
            string failure = wasKilled ? "" : $" (exit code {child.ExitCode}: {errors.GetAwaiter().GetResult().Trim()})";
            string acknowledged = Figures.Count(_acknowledged, "batch", "batches");
            report.Check(
                $"process {child.Id} was killed while it wrote, after {acknowledged} that it had acknowledged{failure}", wasKilled);
        }
        finally
        {
            if (!child.HasExited) child.Kill();

            // It has written its last byte before anybody opens or removes the directory.
            child.WaitForExit();
        }
    }

    /// <summary>Looks at what recovery has brought back.</summary>
    public void CheckRecovered(Database database)
    {
        SortedMap byNumber = database.GetMap(CrashRecord.ByNumberName);
        SortedMap byContent = database.GetMap(CrashRecord.ByContentName);
        long found = 0;
        bool isWhole = true;
        foreach (Entry entry in byNumber.All())
        {
            found++;
            byte[] key = CrashRecord.Key(found);
            byte[] content = CrashRecord.Content(found);
            isWhole &= entry.Key.SequenceEqual(key) && entry.Value.SequenceEqual(content);
            isWhole &= byContent.Get(content) is { } back && back.AsSpan().SequenceEqual(key);
        }

        long foundByContent = 0;
        foreach (Entry _ in byContent.All()) foundByContent++;

        string more = Figures.Count(Math.Max(0, found - _acknowledged));
        report.Check(
            $"{Figures.Count(_acknowledged)} acknowledged, {Figures.Count(found)} found: "
            + $"everything acknowledged, and {more} more on their way",
            _acknowledged >= AcknowledgementsAtLeast && found >= _acknowledged && database.LatestSequence >= _acknowledgedSequence);
        report.Check("they are whole: no gap in the numbers, every batch in both maps or in none", isWhole && found == foundByContent);
    }

    private bool IsEnough(long started) =>
        _acknowledged >= AcknowledgementsWanted
        || (_acknowledged >= AcknowledgementsAtLeast && Stopwatch.GetElapsedTime(started) >= WritingMax);

    private bool ReadAcknowledgement(Process child, CancellationToken cancellation)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        silence.CancelAfter(SilenceMax);
        string? line;
        try
        {
            line = child.StandardOutput.ReadLineAsync(silence.Token).AsTask().GetAwaiter().GetResult();
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return false;
        }

        if (line is null || !CrashRecord.TryParseAcknowledgement(line, out long number, out ulong sequence)) return false;
        _acknowledged = number;
        _acknowledgedSequence = sequence;
        return true;
    }

    private void CheckLocked(Process child)
    {
        try
        {
            using Database database = Database.Open(directory, options);
            report.Check("a second process is kept out while the first one writes", false);
        }
        catch (DatabaseLockedException locked)
        {
            report.Check($"meanwhile a second open is refused: \"{locked.Message}\"", locked.OwnerProcessId == child.Id);
        }
    }
}
