using System.Diagnostics.Metrics;
using Varve.Compaction;
using Varve.Diagnostics;
using Varve.Levels;
using Varve.Memory;
using Varve.Reading;
using Varve.Recovery;

namespace Varve.Maintenance;

/// <summary>
/// The instruments of the process-wide meter that are read when a listener asks: one measurement for each open store (for each level of
/// it), tagged with its directory. They cost nothing between two questions.
/// </summary>
internal static class StoreMeter
{
    private const string LevelTag = "varve.level";

    private static readonly Lock OpenGuard = new();
    private static volatile ObservedStore[] s_open = [];

    static StoreMeter()
    {
        AddWrites();
        AddUpkeep();
        AddLevels();
        AddMemory();
        AddReads();
        AddEvents();
    }

    /// <summary>Shows a store's figures; <see cref="Remove"/> it before it is closed.</summary>
    public static ObservedStore Add(Store store)
    {
        var added = new ObservedStore(store);
        lock (OpenGuard) s_open = [.. s_open, added];
        return added;
    }

    public static void Remove(ObservedStore store)
    {
        lock (OpenGuard) s_open = Array.FindAll(s_open, open => !ReferenceEquals(open, store));
        store.Close();
    }

    private static void AddWrites()
    {
        Counter("varve.commits", "{batch}", "Batches committed; a put or delete alone is a batch of one.",
            store => store.Commit?.Counters.Batches ?? 0);
        Counter("varve.operations", "{operation}", "Operations in those batches.", store => store.Commit?.Counters.Operations ?? 0);
        Counter("varve.commit.groups", "{group}", "Groups of batches that were logged together.",
            store => store.Commit?.Counters.Groups ?? 0);
        Counter("varve.commit.bytes", "By", "Bytes of those batches.", store => store.Commit?.Counters.Bytes ?? 0);
        Gauge("varve.commit.not_durable", "{operation}", "Sequences that reads see and a power cut would take.",
            store => (long)(store.Views.VisibleSequence - Math.Min(store.DurableSequence, store.Views.VisibleSequence)));
        Gauge("varve.log.bytes", "By", "Bytes of the log that a recovery would read.", store => store.Log?.LiveBytes ?? 0);
        Counter("varve.log.recycled", "{segment}", "Segments of the log whose entries came to be in tables.",
            store => CountersOf(store).LogSegmentsRecycled);
        Gauge("varve.write.pressure", "1", "How far compaction is behind, 0 to 1.", store => store.Pacer?.Pressure ?? 0);
        Counter("varve.write.delay.time", "s", "Time that writes were held back to the pace of compaction.",
            store => store.Pacer?.DelayedTime.TotalSeconds ?? 0);
        Counter("varve.write.stalls", "{stall}", "Times that writes stood still.", store => CountersOf(store).Stalls);
        Counter("varve.write.stall.time", "s", "Time that writes stood still.", store => CountersOf(store).StalledTime.TotalSeconds);
        Gauge("varve.write.stopped", "1", "1 when no writes are taken until the next open, else 0.",
            store => store.Commit?.StopCause is null ? 0L : 1L);
    }

    private static void AddUpkeep()
    {
        Counter("varve.flushes", "{table}", "Tables written by flushes.", store => CountersOf(store).Flushes);
        Counter("varve.flush.bytes", "By", "Bytes written by flushes.", store => CountersOf(store).FlushedBytes);
        Counter("varve.compactions", "{compaction}", "Compactions that rewrote tables.", store => CountersOf(store).Compactions);
        Counter("varve.compaction.moves", "{table}", "Tables that went a level deeper without being rewritten.",
            store => CountersOf(store).Moves);
        Counter("varve.compaction.read.bytes", "By", "Bytes read by compactions.", store => CountersOf(store).CompactionReadBytes);
        Counter("varve.compaction.written.bytes", "By", "Bytes written by compactions.",
            store => CountersOf(store).CompactionWrittenBytes);
        Gauge("varve.compaction.debt", "By", "Bytes that compaction has to rewrite before the levels are as they should be.",
            ReadDebtBytes);
        Counter("varve.upkeep.failures", "{failure}", "Flushes and compactions that failed.", store => CountersOf(store).Failures);
    }

    private static void AddLevels()
    {
        LevelGauge("varve.level.tables", "{table}", "Tables of a level.", static (map, level) => map.Tables(level).Length);
        LevelGauge("varve.level.bytes", "By", "Bytes of a level's tables.", static (map, level) => map.LevelBytes(level));
        Gauge("varve.tables.open", "{file}", "Table files held open.", store => (long)store.Tables.OpenFiles.OpenCount);
    }

    private static void AddMemory()
    {
        Gauge("varve.memory.budget", "By", "The budget of all memory.", store => store.Setup.Memory.BudgetBytes);
        Gauge("varve.memtable.bytes", "By", "Bytes of all memtables.", store => SumMemtables(store, static table => table.UsedBytes));
        Gauge("varve.memtable.entries", "{entry}", "Entries in all memtables.",
            store => SumMemtables(store, static table => table.EntryCount));
        Gauge("varve.memtable.frozen", "{memtable}", "Memtables that wait for their flush.",
            store => (long)store.Views.Unpinned.Frozen.Length);
        Gauge("varve.snapshots", "{snapshot}", "Snapshots and cursors that are open.", store => (long)store.Snapshots.Count);
        Gauge("varve.snapshot.oldest.age", "s", "How long the oldest of them has been held.",
            store => store.Snapshots.OldestAge.TotalSeconds);
        Gauge("varve.cursor.memtable.bytes", "By", "Bytes of memtables that live on for cursors that do not move.",
            store => store.Views.GetOutlivedBytes());
        Gauge("varve.cursor.block.bytes", "By", "Bytes of blocks that cursors stand on.", store => store.Cache.CursorBytes);
    }

    private static void AddReads()
    {
        Counter("varve.cache.hits", "{block}", "Blocks that reads found in the cache; approximate.",
            store => store.Cache.GetStatistics().Hits);
        Counter("varve.cache.misses", "{block}", "Blocks that they had to fetch from a file; approximate.",
            store => store.Cache.GetStatistics().Misses);
        Counter("varve.cache.evictions", "{block}", "Blocks that had to go for others.",
            store => store.Cache.GetStatistics().Evictions);
        Gauge("varve.cache.bytes", "By", "Bytes of cached blocks, indexes and filters.",
            store => store.Cache.GetStatistics().BytesUsed);
        Gauge("varve.cache.capacity", "By", "Bytes the cache may take.", store => store.Cache.CapacityBytes);
        Counter("varve.table.read.bytes", "By", "Bytes read from table files, compactions and verifications included.",
            store => store.Tables.ReadBytes);
    }

    private static void AddEvents()
    {
        Gauge("varve.damaged.files", "{file}", "Files in which damage was found since the open.",
            store => (long)store.Events.DamagedFileCount);
        Counter("varve.events.dropped", "{event}", "Events that a slow handler made the queue forget.",
            store => store.Events.DroppedCount);
        Counter("varve.events.failures", "{exception}", "Exceptions that the handler of events threw.",
            store => store.Events.HandlerFailureCount);
    }

    private static UpkeepCounters CountersOf(Store store) => store.Upkeep?.Counters ?? UpkeepCounters.Zero;

    private static long ReadDebtBytes(Store store)
    {
        ReadView view = store.Views.Pin();
        try
        {
            return LevelTargets.Compute(view.Levels, store.Setup.Compaction).EstimateDebtBytes(view.Levels.Tables(0).Length);
        }
        finally
        {
            view.Release();
        }
    }

    private static long SumMemtables(Store store, Func<MemTable, long> figure)
    {
        ReadView view = store.Views.Pin();
        try
        {
            long sum = figure(view.Active);
            foreach (MemTable frozen in view.Frozen) sum += figure(frozen);
            return sum;
        }
        finally
        {
            view.Release();
        }
    }

    private static void Counter<T>(string name, string unit, string description, Func<Store, T> read)
        where T : struct => EngineMeter.Meter.CreateObservableCounter(name, () => Observe(read), unit, description);

    private static void Gauge<T>(string name, string unit, string description, Func<Store, T> read)
        where T : struct => EngineMeter.Meter.CreateObservableGauge(name, () => Observe(read), unit, description);

    private static void LevelGauge(string name, string unit, string description, Func<LevelMap, int, long> read) =>
        EngineMeter.Meter.CreateObservableGauge(name, () => ObserveLevels(read), unit, description);

    private static IEnumerable<Measurement<T>> Observe<T>(Func<Store, T> read)
        where T : struct
    {
        foreach (ObservedStore open in s_open)
        {
            if (open.TryRead(read, out T value)) yield return new Measurement<T>(value, open.Tag);
        }
    }

    private static IEnumerable<Measurement<long>> ObserveLevels(Func<LevelMap, int, long> read)
    {
        foreach (ObservedStore open in s_open)
        {
            for (int level = 0; level < LevelMap.LevelCount; level++)
            {
                int asked = level;
                if (!open.TryRead(store => ReadLevel(store, asked, read), out long value)) break;
                yield return new Measurement<long>(value, open.Tag, new KeyValuePair<string, object?>(LevelTag, level));
            }
        }
    }

    private static long ReadLevel(Store store, int level, Func<LevelMap, int, long> read)
    {
        ReadView view = store.Views.Pin();
        try
        {
            return read(view.Levels, level);
        }
        finally
        {
            view.Release();
        }
    }
}
