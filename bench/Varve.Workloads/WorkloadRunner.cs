using System.Diagnostics;
using Varve.Workloads.Peers;

namespace Varve.Workloads;

/// <summary>Runs one workload against one peer, in the process at hand, and measures it.</summary>
internal sealed class WorkloadRunner(Peer peer, WorkloadKind workload, WorkloadSizes sizes)
{
    /// <summary>Operations between two looks at the clock, which costs as much as a fast operation.</summary>
    private const int StretchOperations = 16;

    private const int WarmupEntries = 20_000;
    private const int SeekEntries = 10;
    private const int KeysOfCall = 8;

    /// <summary>Deleted keys between two that stay.</summary>
    private const int DeletedRun = 100;

    /// <summary>
    /// How long the workload runs on a small store before the clock starts: until then code is being compiled. The same for every peer.
    /// </summary>
    private static readonly TimeSpan WarmupTime = TimeSpan.FromSeconds(1);

    /// <summary>A single walk over a million entries is too short to be timed: whole walks are repeated until they took so long.</summary>
    private static readonly TimeSpan WalkTimeMin = TimeSpan.FromSeconds(2);

    private long _longestTicks;

    public WorkloadResult Run(string directory, int run)
    {
        string scratch = directory + ".warmup";
        if (Directory.Exists(scratch)) Directory.Delete(scratch, recursive: true);
        WarmUp(scratch);
        Directory.Delete(scratch, recursive: true);
        GC.Collect();

        var keys = new KeySpace(sizes.Entries, sizes.ValueBytes, sizes.Seed);
        int self = Environment.ProcessId;
        ProcessFigures.ResetPeakOfThisProcess();
        using Store store = peer.Open(directory, sizes.BudgetBytes);
        if (workload.IsSettledBefore)
        {
            // Idle time: the same for every peer.
            Thread.Sleep(TimeSpan.FromSeconds(5));
            store.TrySettle();
        }

        long allocated = GC.GetTotalAllocatedBytes();
        int collections = CountCollections();
        TimeSpan processor = Process.GetCurrentProcess().TotalProcessorTime;
        long written = ProcessFigures.DiskWrittenBytes(self);
        _longestTicks = 0;
        double foreground = ProcessFigures.ThreadProcessorSeconds();
        long started = Stopwatch.GetTimestamp();
        long operations = 0;
        do operations += Execute(store, keys, sizes.Reads);
        while (workload.IsWalk && Stopwatch.GetElapsedTime(started) < WalkTimeMin);
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        foreground = ProcessFigures.ThreadProcessorSeconds() - foreground;
        double? settled = workload.IsFill && store.TrySettle() ? Stopwatch.GetElapsedTime(started).TotalSeconds : null;
        return new WorkloadResult
        {
            Peer = peer.Name,
            Workload = workload.Name,
            Run = run,
            Operations = operations,
            Seconds = seconds,
            SettledSeconds = settled,
            LongestPauseMilliseconds = _longestTicks * 1e3 / Stopwatch.Frequency,
            ForegroundProcessorSeconds = foreground,
            ProcessorSeconds = (Process.GetCurrentProcess().TotalProcessorTime - processor).TotalSeconds,
            AllocatedBytes = GC.GetTotalAllocatedBytes() - allocated,
            Collections = CountCollections() - collections,
            PeakResidentBytes = ProcessFigures.PeakResidentBytes(self),
            DiskWrittenBytes = ProcessFigures.DiskWrittenBytes(self) - written,
            DirectoryBytes = ProcessFigures.DirectoryBytes(directory),
        };
    }

    private static int CountCollections() => GC.CollectionCount(0);

    private void WarmUp(string directory)
    {
        var keys = new KeySpace(WarmupEntries, sizes.ValueBytes, sizes.Seed + 1);
        using Store store = peer.Open(directory, sizes.BudgetBytes);
        FillRandom(store, keys, 0);
        store.TrySettle();
        long started = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(started) < WarmupTime) Execute(store, keys, WarmupEntries);
    }

    private long Execute(Store store, KeySpace keys, long operations)
    {
        switch (workload.Name)
        {
            case "fillseq":
                FillInOrder(store, keys);
                return keys.Count;
            case "fillrandom":
                FillRandom(store, keys, 0);
                return keys.Count;
            case "overwrite":
                FillRandom(store, keys, keys.Count / 2);
                return keys.Count;
            case "readrandom":
                return Get(store, keys, operations, isPresent: true);
            case "readmissing":
                return Get(store, keys, operations, isPresent: false);
            case "multiget8":
                return GetMany(store, keys, operations);
            case "readseq":
                return Walk(store, keys, isForward: true);
            case "readreverse":
                return Walk(store, keys, isForward: false);
            case "deletepoints":
                return Delete(store, keys, byRange: false);
            case "deleteranges":
                return Delete(store, keys, byRange: true);
            case "scandeleted":
                return Walk(store, keys, isForward: true) + Walk(store, keys, isForward: false);
            case "scansparse":
                return Walk(store, keys, isForward: true);
            case "scansparsereverse":
                return Walk(store, keys, isForward: false);
            case "seekrandom":
                return Seek(store, keys, operations / SeekEntries);
            default:
                throw new ArgumentException($"No workload is called '{workload.Name}'.");
        }
    }

    private void FillInOrder(Store store, KeySpace keys)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        byte[] value = new byte[keys.ValueBytes];
        long stretch = Stopwatch.GetTimestamp();
        for (long number = 0; number < keys.Count; number++)
        {
            KeySpace.WriteKey(key, number);
            keys.WriteValue(value, number);
            store.Put(key, value);
            if (number % StretchOperations == 0) stretch = EndStretch(stretch);
        }
    }

    private void FillRandom(Store store, KeySpace keys, long firstPlace)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        byte[] value = new byte[keys.ValueBytes];
        long stretch = Stopwatch.GetTimestamp();
        for (long i = 0; i < keys.Count; i++)
        {
            long number = keys.Shuffled((i + firstPlace) % keys.Count);
            KeySpace.WriteKey(key, number);
            keys.WriteValue(value, number);
            store.Put(key, value);
            if (i % StretchOperations == 0) stretch = EndStretch(stretch);
        }
    }

    private long Get(Store store, KeySpace keys, long operations, bool isPresent)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        byte[] value = new byte[keys.ValueBytes];
        long stretch = Stopwatch.GetTimestamp();
        // Another order than that of the fill, or the newest entries would be read last.
        long place = keys.Count / 3;
        for (long i = 0; i < operations; i++)
        {
            place = (place + 7_368_787) % keys.Count;
            long number = keys.Shuffled(place);
            if (isPresent) KeySpace.WriteKey(key, number);
            else KeySpace.WriteMissingKey(key, number);
            int length = store.Get(key, value);
            if ((length == keys.ValueBytes) != isPresent || (isPresent && KeySpace.NumberOf(value) != number))
            {
                throw new InvalidDataException($"{peer.Name}: key {number} gave {length} bytes.");
            }

            if (i % StretchOperations == 0) stretch = EndStretch(stretch);
        }

        return operations;
    }

    /// <summary>The keys of <see cref="Get"/>, in the same order.</summary>
    private long GetMany(Store store, KeySpace keys, long operations)
    {
        byte[] asked = new byte[KeysOfCall * KeySpace.KeyBytes];
        byte[] values = new byte[KeysOfCall * keys.ValueBytes];
        Span<int> lengths = stackalloc int[KeysOfCall];
        Span<long> numbers = stackalloc long[KeysOfCall];
        long stretch = Stopwatch.GetTimestamp();
        long place = keys.Count / 3;
        long done = 0;
        for (; done + KeysOfCall <= operations; done += KeysOfCall)
        {
            for (int i = 0; i < KeysOfCall; i++)
            {
                place = (place + 7_368_787) % keys.Count;
                numbers[i] = keys.Shuffled(place);
                KeySpace.WriteKey(asked.AsSpan(i * KeySpace.KeyBytes), numbers[i]);
            }

            store.GetMany(asked, values, lengths);
            for (int i = 0; i < KeysOfCall; i++)
            {
                if (lengths[i] != keys.ValueBytes || KeySpace.NumberOf(values.AsSpan(i * keys.ValueBytes)) != numbers[i])
                    throw new InvalidDataException($"{peer.Name}: key {numbers[i]} gave {lengths[i]} bytes.");
            }

            if (done % StretchOperations == 0) stretch = EndStretch(stretch);
        }

        return done;
    }

    private long Walk(Store store, KeySpace keys, bool isForward)
    {
        long count = 0;
        long sum = 0;
        using StoreCursor cursor = store.OpenCursor();
        for (bool isOn = isForward ? cursor.SeekToFirst() : cursor.SeekToLast(); isOn; isOn = isForward ? cursor.Next() : cursor.Previous())
        {
            sum += cursor.Key[7] + cursor.Value[0];
            count++;
        }

        bool isSparse = count == (keys.Count + DeletedRun) / (DeletedRun + 1) && workload.Name.StartsWith("scan", StringComparison.Ordinal);
        if ((count != keys.Count && !isSparse) || sum < 0)
            throw new InvalidDataException($"{peer.Name}: a walk gave {count:N0} of {keys.Count:N0} entries.");
        return count;
    }

    /// <summary>Deletes all keys but one of each 101; returns the number of calls.</summary>
    private long Delete(Store store, KeySpace keys, bool byRange)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        Span<byte> end = stackalloc byte[KeySpace.KeyBytes];
        long stretch = Stopwatch.GetTimestamp();
        long calls = 0;
        for (long number = 0; number < keys.Count; number++)
        {
            if (number % (DeletedRun + 1) == 0) continue;
            KeySpace.WriteKey(key, number);
            if (byRange)
            {
                number = Math.Min(number + DeletedRun, keys.Count);
                KeySpace.WriteKey(end, number);
                store.DeleteRange(key, end);
            }
            else
            {
                store.Delete(key);
            }

            if (++calls % StretchOperations == 0) stretch = EndStretch(stretch);
        }

        return calls;
    }

    private long Seek(Store store, KeySpace keys, long operations)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        long stretch = Stopwatch.GetTimestamp();
        long sum = 0;
        using StoreCursor cursor = store.OpenCursor();
        for (long i = 0; i < operations; i++)
        {
            long number = keys.Shuffled(i * 7_368_787 % keys.Count);
            KeySpace.WriteKey(key, number);
            bool isOn = cursor.Seek(key);
            if (!isOn || KeySpace.NumberOf(cursor.Key) != number)
                throw new InvalidDataException($"{peer.Name}: a seek to {number} went elsewhere.");
            for (int step = 0; step < SeekEntries && isOn; step++)
            {
                sum += cursor.Value[0];
                isOn = cursor.Next();
            }

            if (i % StretchOperations == 0) stretch = EndStretch(stretch);
        }

        GC.KeepAlive(sum);
        return operations;
    }

    private long EndStretch(long started)
    {
        long now = Stopwatch.GetTimestamp();
        if (now - started > _longestTicks) _longestTicks = now - started;
        return now;
    }
}

/// <summary>How much, how large, from which seed.</summary>
internal sealed record WorkloadSizes(long Entries, long Reads, int ValueBytes, long BudgetBytes, int Seed);
