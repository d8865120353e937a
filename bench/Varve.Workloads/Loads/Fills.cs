using System.Diagnostics;

namespace Varve.Workloads.Loads;

/// <summary>Workloads that put.</summary>
internal static class Fills
{
    private const int EntriesOfBatch = 100;

    public static long InOrder(Load load)
    {
        for (Places places = new(load, firstPlace: 0, isShuffled: false); places.MoveNext();) places.Put();
        return load.EntriesWritten;
    }

    public static long AtRandom(Load load) => AtRandom(load, firstPlace: 0);

    /// <summary>In the order of the fill, begun in its middle.</summary>
    public static long Again(Load load) => AtRandom(load, load.Keys.Count / 2);

    public static long InBatches(Load load)
    {
        KeySpace keys = load.Keys;
        byte[] batchKeys = new byte[EntriesOfBatch * KeySpace.KeyBytes];
        byte[] batchValues = new byte[EntriesOfBatch * keys.ValueBytes];
        for (long place = 0; place < keys.Count;)
        {
            int count = (int)Math.Min(EntriesOfBatch, keys.Count - place);
            for (int i = 0; i < count; i++)
            {
                long number = keys.Shuffled(place + i);
                KeySpace.WriteKey(batchKeys.AsSpan(i * KeySpace.KeyBytes), number);
                keys.WriteValue(batchValues.AsSpan(i * keys.ValueBytes), number);
            }

            load.Meter.Start();
            load.Store.PutMany(batchKeys.AsSpan(0, count * KeySpace.KeyBytes), batchValues.AsSpan(0, count * keys.ValueBytes), count);
            load.Meter.Stop();
            place += count;
            load.EntriesWritten += count;
        }

        return load.EntriesWritten;
    }

    /// <summary>Puts in random order until the time is over, or all is written.</summary>
    public static long ForSomeTime(Load load) => ForSomeTime(load, thread: 0, threads: 1);

    public static long ForSomeTimeByEight(Load load) => load.OnThreads(8, (own, thread) => ForSomeTime(own, thread, threads: 8));

    /// <summary>
    /// Puts at a steady rate, each at its time or as soon as the one before has returned. The thread spins in between, as if it worked.
    /// </summary>
    public static long Paced(Load load)
    {
        double ticksPerPut = Stopwatch.Frequency / load.PacedRate;
        long started = Stopwatch.GetTimestamp();
        var places = new Places(load, firstPlace: 0, isShuffled: true);
        while (places.MoveNext())
        {
            long due = started + (long)(load.EntriesWritten * ticksPerPut);
            while (Stopwatch.GetTimestamp() < due) Thread.SpinWait(4);
            places.Put();
        }

        return load.EntriesWritten;
    }

    /// <summary>Overwrites at random, as fast as it goes, until somebody says that it is over.</summary>
    public static void UntilOver(Load load, Func<bool> isOver)
    {
        while (!isOver())
        {
            var places = new Places(load, load.Keys.Count / 2, isShuffled: true);
            while (places.MoveNext() && !isOver()) places.Put();
        }
    }

    private static long AtRandom(Load load, long firstPlace)
    {
        for (Places places = new(load, firstPlace, isShuffled: true); places.MoveNext();) places.Put();
        return load.EntriesWritten;
    }

    private static long ForSomeTime(Load load, int thread, int threads)
    {
        long started = Stopwatch.GetTimestamp();
        var places = new Places(load, firstPlace: 0, isShuffled: true, thread, threads);
        while (places.MoveNext() && Stopwatch.GetElapsedTime(started) < load.Time) places.Put();
        return load.EntriesWritten;
    }

    /// <summary>All keys once, each put by <see cref="Put"/>.</summary>
    private ref struct Places(Load load, long firstPlace, bool isShuffled, int first = 0, int step = 1)
    {
        private readonly byte[] _key = new byte[KeySpace.KeyBytes];
        private readonly byte[] _value = new byte[load.Keys.ValueBytes];
        private long _next = first;

        public bool MoveNext()
        {
            KeySpace keys = load.Keys;
            if (_next >= keys.Count) return false;
            long place = _next + firstPlace;
            if (place >= keys.Count) place -= keys.Count;
            long number = isShuffled ? keys.Shuffled(place) : place;
            KeySpace.WriteKey(_key, number);
            keys.WriteValue(_value, number);
            _next += step;
            return true;
        }

        public readonly void Put()
        {
            load.Meter.Start();
            load.Store.Put(_key, _value);
            load.Meter.Stop();
            load.EntriesWritten++;
        }
    }
}
