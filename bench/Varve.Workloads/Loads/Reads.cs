using System.Diagnostics;

namespace Varve.Workloads.Loads;

/// <summary>Workloads that get and seek.</summary>
internal static class Reads
{
    private const int KeysOfCall = 8;

    /// <summary>A prime: with it every place of the order comes once before one comes again, far from the one before.</summary>
    private const long Stride = 7_368_787;

    public static long Present(Load load) => Get(load, 0, load.Operations, isPresent: true);

    public static long Absent(Load load) => Get(load, 0, load.Operations, isPresent: false);

    /// <summary>Each thread in an order of its own.</summary>
    public static long PresentByTwo(Load load) =>
        load.OnThreads(2, (own, thread) => Get(own, thread * (long)own.Keys.Count / 2, own.Operations, isPresent: true));

    /// <summary>Gets until the time is over while a writer overwrites.</summary>
    public static long WhileWriting(Load load) => load.BesideWriter(GetForSomeTime, Fills.UntilOver);

    /// <summary>The keys of <see cref="Present"/>, in the same order.</summary>
    public static long Several(Load load)
    {
        KeySpace keys = load.Keys;
        byte[] asked = new byte[KeysOfCall * KeySpace.KeyBytes];
        byte[] values = new byte[KeysOfCall * keys.ValueBytes];
        Span<int> lengths = stackalloc int[KeysOfCall];
        Span<long> numbers = stackalloc long[KeysOfCall];
        long place = keys.Count / 3;
        long stride = Stride % keys.Count;
        long done = 0;
        for (; done + KeysOfCall <= load.Operations; done += KeysOfCall)
        {
            for (int i = 0; i < KeysOfCall; i++)
            {
                place = Next(place, stride, keys.Count);
                numbers[i] = keys.Shuffled(place);
                KeySpace.WriteKey(asked.AsSpan(i * KeySpace.KeyBytes), numbers[i]);
            }

            load.Meter.Start();
            load.Store.GetMany(asked, values, lengths);
            load.Meter.Stop();
            for (int i = 0; i < KeysOfCall; i++)
            {
                if (lengths[i] != keys.ValueBytes || KeySpace.NumberOf(values.AsSpan(i * keys.ValueBytes)) != numbers[i])
                    load.ThrowWrong($"key {numbers[i]} gave {lengths[i]} bytes.");
            }
        }

        return done;
    }

    public static long Seek1(Load load) => Seek(load, steps: 1, isForward: true);

    public static long Seek10(Load load) => Seek(load, steps: 10, isForward: true);

    public static long Seek100(Load load) => Seek(load, steps: 100, isForward: true);

    public static long SeekPrevious10(Load load) => Seek(load, steps: 10, isForward: false);

    private static long GetForSomeTime(Load load)
    {
        long started = Stopwatch.GetTimestamp();
        long operations = 0;
        while (Stopwatch.GetElapsedTime(started) < load.Time) operations += Get(load, operations, 1_000, isPresent: true);
        return operations;
    }

    private static long Get(Load load, long first, long operations, bool isPresent)
    {
        KeySpace keys = load.Keys;
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        byte[] value = new byte[keys.ValueBytes];
        // Another order than that of the fill, or the newest entries would be read last.
        long stride = Stride % keys.Count;
        long place = (keys.Count / 3 + first % keys.Count * stride) % keys.Count;
        for (long i = 0; i < operations; i++)
        {
            place = Next(place, stride, keys.Count);
            long number = keys.Shuffled(place);
            if (isPresent) KeySpace.WriteKey(key, number);
            else KeySpace.WriteMissingKey(key, number);
            load.Meter.Start();
            int length = load.Store.Get(key, value);
            load.Meter.Stop();
            if ((length == keys.ValueBytes) != isPresent || (isPresent && KeySpace.NumberOf(value) != number))
                load.ThrowWrong($"key {number} gave {length} bytes.");
        }

        return operations;
    }

    /// <summary>The next place: no division, which costs a tenth of a get.</summary>
    private static long Next(long place, long stride, long count)
    {
        place += stride;
        return place < count ? place : place - count;
    }

    /// <summary>Seeks to random keys and reads so many entries from there, the one at the key among them.</summary>
    private static long Seek(Load load, int steps, bool isForward)
    {
        KeySpace keys = load.Keys;
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        long operations = load.Operations;
        long sum = 0;
        long stride = Stride % keys.Count;
        long place = 0;
        using StoreCursor cursor = load.Store.OpenCursor();
        for (long i = 0; i < operations; i++, place = Next(place, stride, keys.Count))
        {
            long number = keys.Shuffled(place);
            KeySpace.WriteKey(key, number);
            load.Meter.Start();
            bool isOn = isForward ? cursor.Seek(key) : cursor.SeekForPrevious(key);
            if (!isOn || KeySpace.NumberOf(cursor.Key) != number) load.ThrowWrong($"a seek to {number} went elsewhere.");
            sum += cursor.Value[0];
            for (int step = 0; step < steps && isOn; step++)
            {
                isOn = isForward ? cursor.Next() : cursor.Previous();
                if (isOn) sum += cursor.Value[0];
            }

            load.Meter.Stop();
        }

        GC.KeepAlive(sum);
        return operations;
    }
}
