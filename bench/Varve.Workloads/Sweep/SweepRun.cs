using System.Diagnostics;

namespace Varve.Workloads.Sweep;

/// <summary>One row of a sweep: rates at one setting of what is swept.</summary>
/// <param name="Setting">What was set.</param>
/// <param name="Puts">Entries put a second, at random.</param>
/// <param name="Gets">Entries got a second, at random, upkeep done.</param>
/// <param name="Walk">Entries walked over a second.</param>
internal sealed record SweepRow(string Setting, double Puts, double Gets, double Walk);

/// <summary>
/// Puts, gets and walks of Varve alone while one thing changes: length of values, bytes of a batch, threads, maps, open snapshots. Every
/// value that is read is checked by its number.
/// </summary>
internal sealed class SweepRun(string directory, long budgetBytes, long num)
{
    /// <summary>All values together, where their length is swept: the same work for the disk.</summary>
    private const long ValueBytesTotal = 256 << 20;

    private const int SmallValueBytes = 100;
    private const double WalkSeconds = 1;
    private const int WarmupEntries = 50_000;

    private static readonly int[] s_valueBytes = [100, 1 << 10, 10 << 10, 100 << 10];
    private static readonly int[] s_batchBytes = [100, 1 << 10, 10 << 10, 100 << 10, 1 << 20];
    private static readonly int[] s_threads = [1, 2, 4, 8, 16];
    private static readonly int[] s_maps = [1, 10, 100, 1_000, 10_000];
    private static readonly int[] s_snapshotCounts = [0, 1, 10];

    /// <summary>What can be swept, by the name the command line uses.</summary>
    public static IReadOnlyDictionary<string, Func<SweepRun, IEnumerable<SweepRow>>> Kinds { get; } =
        new Dictionary<string, Func<SweepRun, IEnumerable<SweepRow>>>
        {
            ["values"] = run => s_valueBytes.Select(run.Values),
            ["batches"] = run => s_batchBytes.Select(run.Batches),
            ["threads"] = run => s_threads.Select(run.Threads),
            ["maps"] = run => s_maps.Select(run.Maps),
            ["snapshots"] = run => s_snapshotCounts.Select(run.Snapshots),
        };

    /// <summary>Code is compiled by the first calls.</summary>
    public void WarmUp()
    {
        var run = new SweepRun(directory, budgetBytes, WarmupEntries);
        run.Threads(1);
        run.Batches(batchBytes: 1 << 10);
    }

    private SweepRow Values(int valueBytes) =>
        Measure($"{valueBytes:N0} bytes a value", new KeySpace(ValueBytesTotal / valueBytes, valueBytes, seed: 1));

    private SweepRow Batches(int batchBytes)
    {
        int entries = Math.Max(1, batchBytes / (KeySpace.KeyBytes + SmallValueBytes));
        return Measure($"{batchBytes:N0} bytes a batch ({entries:N0} entries)", SmallValues(), batchEntries: entries);
    }

    private SweepRow Threads(int threads) => Measure($"{threads} threads", SmallValues(), threads: threads);

    private SweepRow Maps(int maps) => Measure($"{maps:N0} maps", SmallValues(), mapCount: maps);

    private SweepRow Snapshots(int snapshots) =>
        Measure($"{snapshots} snapshots open, keys put again", SmallValues(), snapshotCount: snapshots);

    private KeySpace SmallValues() => new(num, SmallValueBytes, seed: 1);

    /// <param name="setting">Its name in the report.</param>
    /// <param name="keys">Keys and values.</param>
    /// <param name="threads">Each puts and gets a part of the keys; one thread walks.</param>
    /// <param name="mapCount">Keys go to them in turn.</param>
    /// <param name="batchEntries">1: single puts.</param>
    /// <param name="snapshotCount">
    /// Not null: all keys are put before, then the snapshots are taken, so that every put has to leave an older version.
    /// </param>
    private SweepRow Measure(
        string setting, KeySpace keys, int threads = 1, int mapCount = 1, int batchEntries = 1, int? snapshotCount = null)
    {
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        var options = new DatabaseOptions { MemoryBudgetBytes = budgetBytes, Durability = Durability.Buffered };
        using Database database = Database.Open(directory, options);
        SortedMap[] maps = [.. Enumerable.Range(0, mapCount).Select(i => database.GetMap($"map {i}"))];
        if (snapshotCount is not null) Put(database, maps, keys, 0, keys.Count, batchEntries);
        Snapshot[] snapshots = [.. Enumerable.Range(0, snapshotCount ?? 0).Select(_ => database.CreateSnapshot())];
        double puts = keys.Count / Time(threads, (from, to) => Put(database, maps, keys, from, to, batchEntries), keys.Count);
        database.WaitForUpkeep();
        double gets = keys.Count / Time(threads, (from, to) => Get(maps, keys, from, to), keys.Count);
        double walk = Walk(maps, keys);
        foreach (Snapshot snapshot in snapshots) snapshot.Dispose();
        return new SweepRow(setting, puts, gets, walk);
    }

    /// <summary>Seconds until all threads have done their parts.</summary>
    private static double Time(int threads, Action<long, long> work, long count)
    {
        long started = Stopwatch.GetTimestamp();
        Task[] parts =
        [
            .. Enumerable.Range(0, threads).Select(i => Task.Factory.StartNew(
                () => work(count * i / threads, count * (i + 1) / threads),
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default)),
        ];
        Task.WaitAll(parts);
        return Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static void Put(Database database, SortedMap[] maps, KeySpace keys, long from, long to, int batchEntries)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        byte[] value = new byte[keys.ValueBytes];
        using WriteBatch batch = database.CreateBatch();
        for (long place = from; place < to; place++)
        {
            long number = keys.Shuffled(place);
            KeySpace.WriteKey(key, number);
            keys.WriteValue(value, number);
            SortedMap map = maps[number % maps.Length];
            if (batchEntries == 1)
            {
                map.Put(key, value);
                continue;
            }

            batch.Put(map, key, value);
            if (batch.Count < batchEntries && place + 1 < to) continue;
            database.Write(batch);
            batch.Clear();
        }
    }

    private static void Get(SortedMap[] maps, KeySpace keys, long from, long to)
    {
        Span<byte> key = stackalloc byte[KeySpace.KeyBytes];
        byte[] value = new byte[keys.ValueBytes];
        for (long place = from; place < to; place++)
        {
            long number = keys.Shuffled(place);
            KeySpace.WriteKey(key, number);
            if (!maps[number % maps.Length].TryGet(key, value, out int length) || length != value.Length
                || KeySpace.NumberOf(value) != number)
            {
                throw new InvalidDataException($"Key {number} is not what was put.");
            }
        }
    }

    private static double Walk(SortedMap[] maps, KeySpace keys)
    {
        long started = Stopwatch.GetTimestamp();
        long count = 0;
        do
        {
            foreach (SortedMap map in maps)
            {
                using Cursor cursor = map.CreateCursor();
                for (bool isOn = cursor.SeekToFirst(); isOn; isOn = cursor.Next())
                {
                    if (KeySpace.NumberOf(cursor.Value) != KeySpace.NumberOf(cursor.Key))
                        throw new InvalidDataException($"Key {KeySpace.NumberOf(cursor.Key)} has the value of another.");
                    count++;
                }
            }

            if (count % keys.Count != 0) throw new InvalidDataException($"A walk found {count} entries of {keys.Count}.");
        }
        while (Stopwatch.GetElapsedTime(started).TotalSeconds < WalkSeconds);
        return count / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }
}
