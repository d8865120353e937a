using System.Diagnostics;
using System.Globalization;

namespace Varve.Workloads.Bulk;

/// <summary>
/// The child that loads: puts entries in random order from a place on, and counts every acknowledgement where a kill does not reach it.
/// </summary>
internal static class BulkLoader
{
    private const int ReportEntries = 50_000;

    public static int Run(BulkJob job)
    {
        KeySpace keys = job.CreateKeys();
        using var acks = new AckFile(job.AckPath);
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        byte[] value = new byte[keys.ValueBytes];
        keys.WriteValue(value, 0);
        long first = acks.Count;
        var gauge = new MemoryGauge();
        Report("before", gauge.BeforeBytes);
        long started = Stopwatch.GetTimestamp();
        Database database = job.Open();
        Report("opened", (long)Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        SortedMap map = database.GetMap("bulk");
        started = Stopwatch.GetTimestamp();
        double longest = 0;
        long last = started;
        for (long place = first; place < job.Entries; place++)
        {
            long number = keys.Shuffled(place);
            KeySpace.WriteKey(key, number);
            keys.WriteValue(value, number);
            map.Put(key, value);
            acks.Count = place + 1;
            if (place % 16 != 0) continue;
            long now = Stopwatch.GetTimestamp();
            longest = Math.Max(longest, Stopwatch.GetElapsedTime(last, now).TotalMilliseconds);
            last = now;
            if (place % ReportEntries == 0) Report("acked", place + 1);
        }

        double foreground = Stopwatch.GetElapsedTime(started).TotalSeconds;
        database.WaitForUpkeep();
        double settled = Stopwatch.GetElapsedTime(started).TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  loaded {job.Entries - first:N0} entries: {(job.Entries - first) / foreground:N0}/s, "
            + $"{(job.Entries - first) / settled:N0}/s until upkeep was done, longest pause {longest:N1} ms"));
        DatabaseStatistics figures = database.GetStatistics();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  tables {ByteSize.Mebibytes(figures.TableBytes)}, flushed {ByteSize.Mebibytes(figures.FlushedBytes)}, "
            + $"compactions wrote {ByteSize.Mebibytes(figures.CompactionWrittenBytes)}"));
        Report("now", gauge.NowAboveBytes);
        Report("managed", MemoryGauge.ManagedBytes);
        Report("peak", gauge.PeakAboveBytes);
        database.Close();
        return 0;
    }

    private static void Report(string what, long figure) =>
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what} {figure}"));
}
