using Varve.Levels;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>
/// Completes a start (some tables of one level) to a compaction that may run beside those already running, or finds that it may not.
/// Lives for one question to the planner.
/// </summary>
/// <remarks>
/// Jobs run side by side when they share no input, and do not write to one level within the other's range. The inputs of a running job
/// stay in the map until its outputs replace them, so whoever would bring newer data past them overlaps one of them and has to take it
/// along. Its outputs may also stand between its inputs, where a table that was ingested one level higher may want to go meanwhile.
/// </remarks>
internal sealed class CompactionAssembly
{
    private readonly LevelMap _map;
    private readonly CompactionOptions _options;
    private readonly HashSet<long> _busy;
    private readonly IReadOnlyList<CompactionPick> _running;
    private readonly IReadOnlyList<LeveledTable> _arriving;
    private readonly ulong _reclaimBound;

    public CompactionAssembly(LevelMap map, CompactionOptions options, CompactionContext context)
    {
        _map = map;
        _options = options;
        _arriving = context.Arriving;
        _running = context.Running;
        _busy = [.. context.Excluded];
        _reclaimBound = context.ReclaimBound;
        foreach (CompactionPick job in context.Running)
        {
            foreach (Table table in job.Inputs) _busy.Add(table.Info.Number);
            foreach (Table table in job.Overlapped) _busy.Add(table.Info.Number);
        }
    }

    public bool IsBusy(Table table) => _busy.Contains(table.Info.Number);

    /// <summary>
    /// Compacts tables into a deeper level. From level 0 all tables come along that overlap the start, directly or through others, so
    /// that no older version of a key stays above a newer one.
    /// </summary>
    public CompactionPick? TryPush(CompactionReason reason, int inputLevel, List<Table> start, int outputLevel)
    {
        List<Table> inputs = inputLevel == 0 ? FindConnected(start[0]) : start;
        KeyRange range = UnionOf(inputs);
        Table[] overlapped = _map.Overlapping(outputLevel, range).ToArray();
        if (inputs.Exists(IsBusy) || Array.Exists(overlapped, IsBusy)) return null;

        bool isAlone = inputs.Count == 1 && overlapped.Length == 0;
        KeyRange inputRange = range;
        foreach (Table table in overlapped) range = range.Union(KeyRange.Of(table.Info));

        foreach (LeveledTable arriving in _arriving)
        {
            if (arriving.Level == outputLevel && range.Overlaps(arriving.Info)) return null;
        }

        foreach (CompactionPick job in _running)
        {
            if (job.OutputLevel == outputLevel && job.Range.Overlaps(range)) return null;
        }

        IReadOnlyList<Table> grandparents = outputLevel < LevelMap.BottomLevel ? _map.Overlapping(outputLevel + 1, range).ToArray() : [];
        return new CompactionPick
        {
            Reason = reason,
            InputLevel = inputLevel,
            Inputs = inputs,
            OutputLevel = outputLevel,
            Overlapped = overlapped,
            Grandparents = grandparents,
            IsTrivialMove = isAlone && MayMove(inputs[0].Info, inputRange, outputLevel, grandparents),
            Range = range,
            InputBytes = BytesOf(inputs) + BytesOf(overlapped),
        };
    }

    /// <summary>Rewrites a table of the bottom level where it is.</summary>
    public CompactionPick? TryRewrite(CompactionReason reason, Table table)
    {
        if (IsBusy(table)) return null;
        return new CompactionPick
        {
            Reason = reason,
            InputLevel = LevelMap.BottomLevel,
            Inputs = [table],
            OutputLevel = LevelMap.BottomLevel,
            Overlapped = [],
            Grandparents = [],
            IsTrivialMove = false,
            Range = KeyRange.Of(table.Info),
            InputBytes = table.Info.FileBytes,
        };
    }

    /// <summary>Takes tables of one level away that range deletes above hide as a whole.</summary>
    public CompactionPick? TryDrop(int level, List<Table> tables)
    {
        if (tables.Count == 0 || tables.Exists(IsBusy)) return null;
        return MakeDrop(CompactionReason.Covered, level, tables);
    }

    /// <summary>
    /// Takes out a table of a sorted level whose entries have all expired, or are tombstones: no reader sees them, and no deeper level
    /// has older versions that could come back.
    /// </summary>
    public CompactionPick? TryDropExpired(int level, Table table)
    {
        if (IsBusy(table) || _map.OverlapsDeeper(level, KeyRange.Of(table.Info))) return null;
        return MakeDrop(CompactionReason.Expired, level, [table]);
    }

    private static CompactionPick MakeDrop(CompactionReason reason, int level, List<Table> tables) =>
        new()
        {
            Reason = reason,
            InputLevel = level,
            Inputs = tables,
            OutputLevel = level,
            Overlapped = [],
            Grandparents = [],
            IsTrivialMove = false,
            IsDrop = true,
            Range = UnionOf(tables),
            InputBytes = BytesOf(tables),
        };

    /// <summary>All tables of level 0 that the table overlaps, and those they overlap; in the level's order.</summary>
    public List<Table> FindConnected(Table start)
    {
        var connected = new HashSet<Table> { start };
        KeyRange range = KeyRange.Of(start.Info);
        for (bool grows = true; grows;)
        {
            grows = false;
            foreach (Table table in _map.Tables(0))
            {
                if (!range.Overlaps(table.Info) || !connected.Add(table)) continue;
                range = range.Union(KeyRange.Of(table.Info));
                grows = true;
            }
        }

        var ordered = new List<Table>(connected.Count);
        foreach (Table table in _map.Tables(0))
        {
            if (connected.Contains(table)) ordered.Add(table);
        }

        return ordered;
    }

    // A move costs nothing now; it must not make the next compaction dear, nor carry along tombstones that a rewrite would drop.
    private bool MayMove(TableInfo table, KeyRange range, int outputLevel, IReadOnlyList<Table> grandparents) =>
        BytesOf(grandparents) <= _options.GrandparentBytesMax
        && ((!IsDense(table, _options) && table.RangeTombstoneCount == 0 && !IsMostlyExpired(table, _reclaimBound))
            || _map.OverlapsDeeper(outputLevel, range));

    /// <summary>More than half of the table is tombstones, and they are enough to be worth a compaction.</summary>
    public static bool IsDense(TableInfo table, CompactionOptions options) =>
        table.TombstoneCount >= options.TombstoneCountMin && table.TombstoneCount > table.EntryCount / 2;

    /// <summary>More than half of the table's entries may be reclaimed.</summary>
    public static bool IsMostlyExpired(TableInfo table, ulong reclaimBound) =>
        table.Expiries.OfHalf != 0 && table.Expiries.OfHalf < reclaimBound;

    /// <summary>All of the table's entries may be reclaimed or are tombstones.</summary>
    public static bool IsWhollyExpired(TableInfo table, ulong reclaimBound) =>
        table.Expiries.Count > 0 && table.Expiries.Largest < reclaimBound
        && table.Expiries.Count + table.TombstoneCount == table.EntryCount;

    private static KeyRange UnionOf(List<Table> tables)
    {
        KeyRange range = KeyRange.Of(tables[0].Info);
        foreach (Table table in tables) range = range.Union(KeyRange.Of(table.Info));
        return range;
    }

    private static long BytesOf(IReadOnlyList<Table> tables)
    {
        long bytes = 0;
        foreach (Table table in tables) bytes += table.Info.FileBytes;
        return bytes;
    }
}
