using System.Diagnostics;
using System.Globalization;

namespace Varve.Workloads.Bulk;

/// <summary>
/// The child that checks: everything acknowledged is there and right, read in both directions and by single gets; nothing is there
/// that was not written. At most the one put that was under way may be there beyond the acknowledged ones.
/// </summary>
internal static class BulkChecker
{
    private const long GetsMax = 1_000_000;

    /// <returns>0, or 1 with the reason on standard error.</returns>
    public static int Run(BulkJob job)
    {
        KeySpace keys = job.CreateKeys();
        using var acks = new AckFile(job.AckPath);
        long acked = acks.Count;
        ulong[] seen = new ulong[(job.Entries + 63) / 64];
        byte[] expected = new byte[keys.ValueBytes];
        Array.Fill(seen, 1UL);
        var gauge = new MemoryGauge();
        long started = Stopwatch.GetTimestamp();
        using Database database = job.Open();
        double opened = Stopwatch.GetElapsedTime(started).TotalSeconds;
        SortedMap map = database.GetMap("bulk");
        string? wrong = null;
        Span<double> seconds = stackalloc double[3];
        for (int way = 0; way < 2 && wrong is null; way++)
        {
            started = Stopwatch.GetTimestamp();
            wrong = Walk(map, keys, seen, expected, way == 0 ? Direction.Ascending : Direction.Descending, out long count)
                ?? Compare(keys, seen, acked, count);
            seconds[way] = Stopwatch.GetElapsedTime(started).TotalSeconds;
        }

        started = Stopwatch.GetTimestamp();
        long gets = Math.Min(GetsMax, acked);
        wrong ??= Get(map, keys, expected, gets, acked);
        seconds[2] = Stopwatch.GetElapsedTime(started).TotalSeconds;
        if (wrong is not null)
        {
            Console.Error.WriteLine($"WRONG after {acked:N0} acknowledged puts: {wrong}");
            return 1;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"  opened in {opened:N2} s; all {acked:N0} acknowledged entries are there: "
            + $"ascending {acked / seconds[0]:N0}/s, descending {acked / seconds[1]:N0}/s, gets {gets / seconds[2]:N0}/s"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"now {gauge.NowAboveBytes}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"managed {MemoryGauge.ManagedBytes}"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"peak {gauge.PeakAboveBytes}"));
        return 0;
    }

    /// <summary>Marks what it sees; order, keys and values are checked on the way.</summary>
    private static string? Walk(SortedMap map, KeySpace keys, ulong[] seen, byte[] expected, Direction direction, out long count)
    {
        Array.Clear(seen);
        count = 0;
        long before = direction == Direction.Ascending ? -1 : long.MaxValue;
        foreach (Entry entry in map.All(direction))
        {
            if (entry.Key.Length != KeySpace.KeyBytes) return $"a key of {entry.Key.Length} bytes";
            long number = KeySpace.NumberOf(entry.Key);
            if (direction == Direction.Ascending ? number <= before : number >= before)
                return $"key {number} comes after {before}, {direction}";
            if ((ulong)number >= (ulong)keys.Count) return $"key {number} was never written";
            keys.WriteValue(expected, number);
            if (!entry.Value.SequenceEqual(expected)) return $"key {number} has another value than was written";
            seen[number / 64] |= 1UL << (int)(number % 64);
            before = number;
            count++;
        }

        return null;
    }

    private static string? Compare(KeySpace keys, ulong[] seen, long acked, long count)
    {
        for (long place = 0; place < acked; place++)
        {
            long number = keys.Shuffled(place);
            if ((seen[number / 64] & 1UL << (int)(number % 64)) == 0) return $"key {number}, put number {place}, is missing";
        }

        if (count == acked) return null;
        long under = acked < keys.Count ? keys.Shuffled(acked) : -1;
        bool isTheOneUnderWay = count == acked + 1 && under >= 0 && (seen[under / 64] & 1UL << (int)(under % 64)) != 0;
        return isTheOneUnderWay ? null : $"{count:N0} entries, {acked:N0} were acknowledged";
    }

    private static string? Get(SortedMap map, KeySpace keys, byte[] expected, long gets, long acked)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        byte[] value = new byte[keys.ValueBytes];
        for (long i = 0; i < gets; i++)
        {
            long number = keys.Shuffled(i * 7_368_787 % acked);
            KeySpace.WriteKey(key, number);
            if (!map.TryGet(key, value, out int length)) return $"key {number} is not found";
            keys.WriteValue(expected, number);
            if (!value.AsSpan(0, Math.Min(length, value.Length)).SequenceEqual(expected))
                return $"key {number} has another value than was written";
        }

        return null;
    }
}
