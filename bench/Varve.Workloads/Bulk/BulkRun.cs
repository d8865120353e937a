using System.Diagnostics;
using System.Globalization;
using System.Text;
using Varve.Workloads.Measuring;

namespace Varve.Workloads.Bulk;

/// <summary>
/// The parent of the bulk run: lets a child load, kills it with SIGKILL at random moments, lets another check what is there, and so on;
/// then the load is completed, read back in both directions, and the memory of all children is held against the bound.
/// </summary>
internal sealed class BulkRun(BulkJob job, int kills)
{
    private readonly StringBuilder _report = new();
    private long _peakBytes;
    private bool _failed;

    public string ReportText => _report.ToString();

    /// <returns>Whether everything was there and memory stayed within its bound.</returns>
    public bool Run()
    {
        if (Directory.Exists(job.Directory)) Directory.Delete(job.Directory, recursive: true);
        Directory.CreateDirectory(job.Directory);
        File.Delete(job.AckPath);
        var random = new Random(job.Seed);
        Say($"{job.Entries:N0} entries of 116 bytes in random order, budget {ByteSize.Mebibytes(job.BudgetBytes)}, {kills} kills");
        for (int kill = 1; kill <= kills && !_failed; kill++)
        {
            // Every third time once more at once, while it still recovers.
            long target = job.Entries * kill / (kills + 1) + random.NextInt64(-job.Entries / (4 * kills + 4), 1);
            var delay = TimeSpan.FromMilliseconds(random.Next(0, 400));
            if (kill % 3 == 0) Load(killAt: 0, TimeSpan.FromMilliseconds(random.Next(150, 700)));
            if (!Load(target, delay)) break;
            Check();
        }

        if (!_failed) Load(killAt: null, TimeSpan.Zero);
        if (!_failed) Check();
        bool isWithin = _peakBytes <= job.ResidentBytesMax;
        Say($"resident memory above the process before Open: highest {ByteSize.Mebibytes(_peakBytes)}, "
            + $"bound {ByteSize.Mebibytes(job.ResidentBytesMax)}: {(isWithin ? "within" : "OVER")}");
        Say(_failed ? "FAILED" : "everything acknowledged was there after every kill");
        return isWithin && !_failed;
    }

    /// <summary>Runs a loader; kills it a while after it has reported so many entries, or lets it come to its end.</summary>
    /// <returns>False when it failed, or ended before it was killed.</returns>
    private bool Load(long? killAt, TimeSpan delay)
    {
        using Process child = ChildProcess.Start(Arguments("bulk-load"));
        long acked = 0;
        long before = 0;
        long peak = 0;
        bool wasKilled = false;
        var reader = new Thread(() =>
        {
            while (child.StandardOutput.ReadLine() is { } line)
            {
                if (TryFigure(line, "before", out long figure)) Volatile.Write(ref before, figure);
                else if (TryFigure(line, "acked", out figure)) Volatile.Write(ref acked, figure);
                else if (TryFigure(line, "peak", out figure)) Note("load", figure);
                else if (TryFigure(line, "now", out figure) || TryFigure(line, "managed", out figure)) Say("  " + Pretty(line, figure));
                else if (TryFigure(line, "opened", out figure)) Say($"  loader opened in {figure} ms");
                else Say(line);
            }
        });
        reader.Start();
        while (!child.WaitForExit(5))
        {
            peak = Math.Max(peak, ProcessFigures.PeakResidentBytes(child.Id));
            if (killAt is not { } at || Volatile.Read(ref acked) < at) continue;
            Thread.Sleep(delay);
            peak = Math.Max(peak, ProcessFigures.PeakResidentBytes(child.Id));
            child.Kill();
            wasKilled = true;
            child.WaitForExit();
            break;
        }

        reader.Join();
        if (wasKilled)
        {
            using var acks = new AckFile(job.AckPath);
            Say($"killed at {acks.Count:N0} acknowledged puts");
            if (before > 0) Note("load", peak - before);
            return true;
        }

        if (child.ExitCode != 0) Fail($"the loader ended with {child.ExitCode}");
        return false;
    }

    private void Check()
    {
        using Process child = ChildProcess.Start(Arguments("bulk-check"));
        while (child.StandardOutput.ReadLine() is { } line)
        {
            if (TryFigure(line, "peak", out long figure)) Note("check", figure);
            else if (TryFigure(line, "now", out figure) || TryFigure(line, "managed", out figure)) Say("  " + Pretty(line, figure));
            else Say(line);
        }

        child.WaitForExit();
        if (child.ExitCode != 0) Fail("the check found something wrong");
    }

    private void Note(string what, long peakAboveBytes)
    {
        _peakBytes = Math.Max(_peakBytes, peakAboveBytes);
        Say($"  {what}: peak {ByteSize.Mebibytes(peakAboveBytes)} above the process before Open");
    }

    private void Fail(string reason)
    {
        _failed = true;
        Say("FAILED: " + reason);
    }

    private void Say(string line)
    {
        lock (_report) _report.AppendLine(line);
        Console.WriteLine(line);
    }

    private static string Pretty(string line, long figure) => line[..line.IndexOf(' ')] + " " + ByteSize.Mebibytes(figure);

    private static bool TryFigure(string line, string what, out long figure)
    {
        figure = 0;
        return line.StartsWith(what + " ", StringComparison.Ordinal)
            && long.TryParse(line.AsSpan(what.Length + 1), NumberStyles.Integer, CultureInfo.InvariantCulture, out figure);
    }

    private IEnumerable<string> Arguments(string command) =>
    [
        command, "--directory", job.Directory, "--acks", job.AckPath, "--num", job.Entries.ToString(CultureInfo.InvariantCulture),
        "--budget", job.BudgetBytes.ToString(CultureInfo.InvariantCulture), "--seed", job.Seed.ToString(CultureInfo.InvariantCulture),
    ];
}
