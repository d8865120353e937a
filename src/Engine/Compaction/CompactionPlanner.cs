using Varve.Levels;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>
/// Chooses what to compact next. Pure: the same map, options and context give the same answer, and nothing is remembered between
/// questions. Asked again after each job is started or installed, until it has nothing.
/// </summary>
/// <remarks>
/// The order: tables that range tombstones delete as a whole, which costs nothing; a level 0 at twice its trigger (reads and writes
/// suffer); tables dense in tombstones; tables that have expired; levels over their target, the fullest first; when idle, level 0 and
/// raw tables at the bottom. Within a level the table that overlaps the least of the next level for its size goes first, as in RocksDB;
/// it needs no position to be kept.
/// </remarks>
internal sealed class CompactionPlanner(CompactionOptions options)
{
    private const double UrgentScore = 2;

    /// <summary>
    /// What a calm database may rewrite of the level below for each byte of level 0: it bounds what calm ever costs.
    /// </summary>
    private const int CalmRewriteRatio = 4;

    /// <summary>The next job, or null when there is none to start now.</summary>
    public CompactionPick? Next(LevelMap map, CompactionContext context)
    {
        var assembly = new CompactionAssembly(map, options, context);
        LevelTargets targets = LevelTargets.Compute(map, options);
        double levelZeroScore = targets.LevelZeroScore(map.Tables(0).Length);
        CompactionPick? pick = CoveredTables.Find(map, assembly, context.OldestSnapshot);
        if (pick is not null) return pick;
        if (levelZeroScore >= UrgentScore) pick = PickLevelZero(map, assembly, targets, CompactionReason.LevelZero);
        pick ??= PickTombstones(map, assembly, targets, context);
        pick ??= PickExpired(map, assembly, targets, context);
        pick ??= PickBySize(map, assembly, targets);
        return pick is null && context.IsIdle ? PickCalm(map, assembly, targets) ?? PickRaw(map, assembly) : pick;
    }

    /// <summary>
    /// The next job of a requested compaction, which ends when all tables of the range are at the bottom and written as tables there
    /// should be. Tables whose entries are all newer than the request are left alone, so that writers cannot make it endless.
    /// </summary>
    /// <param name="map">The current map.</param>
    /// <param name="context">What else is known.</param>
    /// <param name="range">The keys to compact; null for all.</param>
    /// <param name="sequenceMax">The sequence of the request.</param>
    /// <param name="pick">The job; null when the rest waits for running jobs, or cannot move because tables are excluded.</param>
    /// <returns>False when nothing is left to do.</returns>
    public bool TryNextForRange(LevelMap map, CompactionContext context, KeyRange? range, ulong sequenceMax, out CompactionPick? pick)
    {
        var assembly = new CompactionAssembly(map, options, context);
        LevelTargets targets = LevelTargets.Compute(map, options);

        // First what takes no room: on a full disk the rest may need what it gives back.
        pick = CoveredTables.Find(map, assembly, context.OldestSnapshot);
        if (pick is not null) return true;
        bool hasWork = false;
        for (int level = 0; level < LevelMap.LevelCount; level++)
        {
            ReadOnlySpan<Table> tables = map.Tables(level);
            for (int i = tables.Length - 1; i >= 0; i--)
            {
                if (!IsWanted(level, tables[i], context, range, sequenceMax)) continue;
                hasWork = true;
                pick = level == LevelMap.BottomLevel
                    ? assembly.TryRewrite(CompactionReason.Requested, tables[i])
                    : assembly.TryPush(
                        CompactionReason.Requested, level, GatherBefore(map, assembly, level, i, range), OutputOf(level, targets));
                if (pick is not null) return true;
            }
        }

        pick = null;
        return hasWork;
    }

    private static int OutputOf(int level, LevelTargets targets) => level == 0 ? targets.BaseLevel : level + 1;

    private static CompactionPick? PickBySize(LevelMap map, CompactionAssembly assembly, LevelTargets targets)
    {
        var scores = new List<(double Score, int Level)>();
        for (int level = 0; level < LevelMap.BottomLevel; level++)
        {
            // What is on its way down already counts no more.
            long freeBytes = 0;
            int freeCount = 0;
            foreach (Table table in map.Tables(level))
            {
                if (assembly.IsBusy(table)) continue;
                freeBytes += table.Info.FileBytes;
                freeCount++;
            }

            double score = level == 0 ? targets.LevelZeroScore(freeCount) : targets.Score(level, freeBytes);
            if (score >= 1) scores.Add((score, level));
        }

        scores.Sort((a, b) => a.Score != b.Score ? b.Score.CompareTo(a.Score) : a.Level.CompareTo(b.Level));
        foreach ((_, int level) in scores)
        {
            CompactionPick? pick = level == 0
                ? PickLevelZero(map, assembly, targets, CompactionReason.LevelZero)
                : PickLeastOverlap(map, assembly, level);
            if (pick is not null) return pick;
        }

        return null;
    }

    // From the oldest table on. One whose connected tables cannot be taken now does not keep the others waiting.
    private static CompactionPick? PickLevelZero(LevelMap map, CompactionAssembly assembly, LevelTargets targets, CompactionReason reason)
    {
        var tried = new HashSet<Table>();
        ReadOnlySpan<Table> tables = map.Tables(0);
        for (int i = tables.Length - 1; i >= 0; i--)
        {
            if (assembly.IsBusy(tables[i]) || tried.Contains(tables[i])) continue;
            if (assembly.TryPush(reason, 0, [tables[i]], targets.BaseLevel) is { } pick) return pick;
            tried.UnionWith(assembly.FindConnected(tables[i]));
        }

        return null;
    }

    private static CompactionPick? PickLeastOverlap(LevelMap map, CompactionAssembly assembly, int level)
    {
        var candidates = new List<(double Cost, Table Table)>();
        foreach (Table table in map.Tables(level))
        {
            if (assembly.IsBusy(table)) continue;
            long overlapBytes = 0;
            foreach (Table below in map.Overlapping(level + 1, KeyRange.Of(table.Info))) overlapBytes += below.Info.FileBytes;
            candidates.Add(((double)overlapBytes / Math.Max(1, table.Info.FileBytes), table));
        }

        candidates.Sort((a, b) => a.Cost != b.Cost ? a.Cost.CompareTo(b.Cost) : a.Table.Info.Number.CompareTo(b.Table.Info.Number));
        foreach ((_, Table table) in candidates)
        {
            if (assembly.TryPush(CompactionReason.Size, level, [table], level + 1) is { } pick) return pick;
        }

        return null;
    }

    // Level 0 only when idle: under a load of deletes each flush is dense, and to push each one down alone would rewrite the base four
    // times as often. Range tombstones only when idle, and when no snapshot keeps what they hide. The bottom only when no snapshot keeps
    // the tombstones, or the rewrite would change nothing and be picked for ever.
    private CompactionPick? PickTombstones(LevelMap map, CompactionAssembly assembly, LevelTargets targets, CompactionContext context)
    {
        for (int level = context.IsIdle ? 0 : 1; level < LevelMap.LevelCount; level++)
        {
            foreach (Table table in map.Tables(level))
            {
                if (assembly.IsBusy(table)) continue;
                bool isFree = table.Info.LargestSequence <= context.OldestSnapshot;
                bool deletesRanges = context.IsIdle && isFree && table.Info.RangeTombstoneCount > 0;
                if (!deletesRanges && !CompactionAssembly.IsDense(table.Info, options)) continue;
                if (level == LevelMap.BottomLevel && !isFree) continue;
                CompactionPick? pick = level == LevelMap.BottomLevel
                    ? assembly.TryRewrite(CompactionReason.Tombstones, table)
                    : assembly.TryPush(CompactionReason.Tombstones, level, [table], OutputOf(level, targets));
                if (pick is not null) return pick;
            }
        }

        return null;
    }

    // A table that is gone as a whole costs an edit. One that is gone by half pays for its rewrite where nothing is merged with it, at the
    // bottom; above it the tables of the next level come along, so it waits for calm or for its turn by size.
    private static CompactionPick? PickExpired(
        LevelMap map, CompactionAssembly assembly, LevelTargets targets, CompactionContext context)
    {
        for (int level = LevelMap.BottomLevel; level >= 0; level--)
        {
            bool mayRewrite = level == LevelMap.BottomLevel || context.IsIdle;
            foreach (Table table in map.Tables(level))
            {
                if (assembly.IsBusy(table)) continue;
                bool isGone = level > 0 && CompactionAssembly.IsWhollyExpired(table.Info, context.ReclaimBound);
                if (isGone && assembly.TryDropExpired(level, table) is { } drop) return drop;
                if (!mayRewrite || !CompactionAssembly.IsMostlyExpired(table.Info, context.ReclaimBound)) continue;
                CompactionPick? pick = level == LevelMap.BottomLevel
                    ? assembly.TryRewrite(CompactionReason.Expired, table)
                    : assembly.TryPush(CompactionReason.Expired, level, [table], OutputOf(level, targets));
                if (pick is not null) return pick;
            }
        }

        return null;
    }

    // Each table of level 0 is one more that every get and every scan asks. A few small ones above a large level wait for more.
    private static CompactionPick? PickCalm(LevelMap map, CompactionAssembly assembly, LevelTargets targets)
    {
        CompactionPick? pick = PickLevelZero(map, assembly, targets, CompactionReason.Calm);
        if (pick is null) return null;
        long inputBytes = 0;
        foreach (Table table in pick.Inputs) inputBytes += table.Info.FileBytes;
        return pick.InputBytes - inputBytes <= CalmRewriteRatio * inputBytes ? pick : null;
    }

    private CompactionPick? PickRaw(LevelMap map, CompactionAssembly assembly)
    {
        foreach (Table table in map.Tables(LevelMap.BottomLevel))
        {
            if (!IsRaw(table)) continue;
            if (assembly.TryRewrite(CompactionReason.RewriteRaw, table) is { } pick) return pick;
        }

        return null;
    }

    private bool IsRaw(Table table) => options.CompressesBottom && !table.Info.IsCompressed;

    private bool IsWanted(int level, Table table, CompactionContext context, KeyRange? range, ulong sequenceMax)
    {
        TableInfo info = table.Info;
        if (info.SmallestSequence > sequenceMax || (range is { } keys && !keys.Overlaps(info))) return false;
        if (level < LevelMap.BottomLevel || IsRaw(table)) return true;
        if (info.Expiries.Count > 0 && info.Expiries.Smallest < context.ReclaimBound) return true;
        return info.TombstoneCount + info.RangeTombstoneCount > 0 && info.LargestSequence <= context.OldestSnapshot;
    }

    // The table and its neighbours before it, as long as they are in the range and the job stays within its size: together they
    // rewrite each table of the next level once.
    private List<Table> GatherBefore(LevelMap map, CompactionAssembly assembly, int level, int last, KeyRange? range)
    {
        ReadOnlySpan<Table> tables = map.Tables(level);
        var gathered = new List<Table> { tables[last] };
        long bytes = tables[last].Info.FileBytes;
        for (int i = last - 1; level > 0 && i >= 0 && bytes < options.RequestedBytesMax; i--)
        {
            if (assembly.IsBusy(tables[i]) || (range is { } keys && !keys.Overlaps(tables[i].Info))) break;
            bytes += tables[i].Info.FileBytes;
            gathered.Insert(0, tables[i]);
        }

        return gathered;
    }
}
