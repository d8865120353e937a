namespace Varve.Workloads.Loads;

/// <summary>Walks over all entries, and the deletes that leave few of them.</summary>
internal static class Walks
{
    /// <summary>Deleted keys between two that stay.</summary>
    private const int DeletedRun = 100;

    public static long Forward(Load load) => Walk(load, isForward: true, load.Keys.Count);

    public static long Backward(Load load) => Walk(load, isForward: false, load.Keys.Count);

    public static long SparseForward(Load load) => Walk(load, isForward: true, CountOfSparse(load));

    public static long SparseBackward(Load load) => Walk(load, isForward: false, CountOfSparse(load));

    public static long SparseBothWays(Load load) => SparseForward(load) + SparseBackward(load);

    /// <summary>Deletes all keys but one of each 101.</summary>
    public static long DeletePoints(Load load)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        long calls = 0;
        for (long number = 0; number < load.Keys.Count; number++)
        {
            if (number % (DeletedRun + 1) == 0) continue;
            KeySpace.WriteKey(key, number);
            load.Meter.Start();
            load.Store.Delete(key);
            load.Meter.Stop();
            calls++;
        }

        return calls;
    }

    /// <summary>The same by ranges.</summary>
    public static long DeleteRanges(Load load)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        Span<byte> end = stackalloc byte[KeySpace.KeyBytes];
        long calls = 0;
        for (long number = 1; number < load.Keys.Count; number += DeletedRun + 1)
        {
            KeySpace.WriteKey(key, number);
            KeySpace.WriteKey(end, Math.Min(number + DeletedRun, load.Keys.Count));
            load.Meter.Start();
            load.Store.DeleteRange(key, end);
            load.Meter.Stop();
            calls++;
        }

        return calls;
    }

    public static long DeleteAtRandom(Load load)
    {
        KeySpace keys = load.Keys;
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        for (long i = 0; i < keys.Count; i++)
        {
            KeySpace.WriteKey(key, keys.Shuffled((i + keys.Count / 2) % keys.Count));
            load.Meter.Start();
            load.Store.Delete(key);
            load.Meter.Stop();
        }

        return keys.Count;
    }

    private static long CountOfSparse(Load load) => (load.Keys.Count + DeletedRun) / (DeletedRun + 1);

    private static long Walk(Load load, bool isForward, long expected)
    {
        long count = 0;
        long sum = 0;
        using StoreCursor cursor = load.Store.OpenCursor();
        bool isOn = isForward ? cursor.SeekToFirst() : cursor.SeekToLast();
        while (isOn)
        {
            sum += cursor.Key[7] + cursor.Value[0];
            count++;
            load.Meter.Start();
            isOn = isForward ? cursor.Next() : cursor.Previous();
            load.Meter.Stop();
        }

        if (count != expected || sum < 0) load.ThrowWrong($"a walk gave {count:N0} of {expected:N0} entries.");
        return count;
    }
}
