using Varve.Compaction;
using Varve.Files;
using Varve.Levels;
using Varve.Memory;
using Varve.Reading;
using Varve.Recovery;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>Gathers the figures of a store from its parts.</summary>
internal static class StatisticsReader
{
    public static DatabaseStatistics Read(Store store)
    {
        ReadView view = store.Views.Pin();
        try
        {
            UpkeepCounters counters = store.Upkeep?.Counters ?? UpkeepCounters.Zero;
            BlockCacheStatistics cache = store.Cache.GetStatistics();
            long memtableEntries = view.Active.EntryCount;
            foreach (MemTable frozen in view.Frozen) memtableEntries += frozen.EntryCount;
            return new DatabaseStatistics
            {
                DatabaseId = store.Tables.DatabaseId.ToString(),
                LatestSequence = store.Views.VisibleSequence,
                DurableSequence = store.DurableSequence,
                MapCount = store.Catalog.GetRecordedNames().Count,
                Levels = ReadLevels(view.Levels, store.Setup.Compaction),
                TableBytes = view.Levels.FileBytes,
                LogBytes = store.Log?.LiveBytes ?? 0,
                ChangeHistoryBytes = store.Changes.HistoryBytes,
                MemtableBytes = view.Active.UsedBytes,
                FrozenMemtables = view.Frozen.Length,
                MemtableEntries = memtableEntries,
                MemoryBudgetBytes = store.Setup.Memory.BudgetBytes,
                CacheBytes = cache.BytesUsed,
                CacheCapacityBytes = store.Setup.Memory.CacheBytes,
                CacheHits = cache.Hits,
                CacheMisses = cache.Misses,
                OpenSnapshots = store.Snapshots.Count,
                OldestSnapshotAge = store.Snapshots.OldestAge,
                WritePressure = store.Pacer?.Pressure ?? 0,
                CommittedBatches = store.Commit?.Counters.Batches ?? 0,
                CommittedOperations = store.Commit?.Counters.Operations ?? 0,
                CommitGroups = store.Commit?.Counters.Groups ?? 0,
                WriteStalls = counters.Stalls,
                WriteStallTime = counters.StalledTime,
                Flushes = counters.Flushes,
                FlushedBytes = counters.FlushedBytes,
                Compactions = counters.Compactions,
                TableMoves = counters.Moves,
                TableDrops = counters.Drops,
                CompactionReadBytes = counters.CompactionReadBytes,
                CompactionWrittenBytes = counters.CompactionWrittenBytes,
                UpkeepFailures = counters.Failures,
            };
        }
        finally
        {
            view.Release();
        }
    }

    private static List<LevelStatistics> ReadLevels(LevelMap map, CompactionOptions options)
    {
        LevelTargets targets = LevelTargets.Compute(map, options);
        var levels = new List<LevelStatistics>(LevelMap.LevelCount);
        for (int level = 0; level < LevelMap.LevelCount; level++)
        {
            var tables = new List<TableStatistics>();
            long entries = 0;
            foreach (Table table in map.Tables(level))
            {
                tables.Add(Describe(table.Info));
                entries += table.Info.EntryCount;
            }

            levels.Add(new LevelStatistics
            {
                Level = level,
                Tables = tables,
                Bytes = map.LevelBytes(level),
                Entries = entries,
                TargetBytes = targets.TargetBytes(level),
            });
        }

        return levels;
    }

    private static TableStatistics Describe(TableInfo info) => new()
    {
        FileName = FileNames.Table(info.Number),
        Bytes = info.FileBytes,
        Entries = info.EntryCount,
        Tombstones = info.TombstoneCount,
        RangeTombstones = info.RangeTombstoneCount,
        ContentBytes = info.ContentBytes,
        IsCompressed = info.IsCompressed,
    };
}
