using Varve.Diagnostics;
using Varve.Tables;

namespace Varve.Levels;

/// <summary>
/// Which tables live on which level. Immutable; a change makes a new map. Level 0 holds tables that may overlap, newest first; each
/// deeper level is sorted by key and its tables share no key, so all versions of a key on one level stand in one table.
/// </summary>
/// <remarks>
/// A map holds a reference to each of its tables until its own count falls to zero; it starts with one reference, its maker's.
/// Safe for concurrent use.
/// </remarks>
internal sealed class LevelMap
{
    public const int LevelCount = 7;

    public const int BottomLevel = LevelCount - 1;

    private readonly LevelRun[] _runs;
    private int _references = 1;

    private LevelMap(LevelRun[] runs)
    {
        _runs = runs;
        foreach (LevelRun run in runs)
        {
            TableCount += run.Tables.Length;
            FileBytes += run.FileBytes;
            RangeTombstoneCount += run.RangeTombstoneCount;
            foreach (Table table in run.Tables) table.AddReference();
        }
    }

    public int TableCount { get; }

    public long FileBytes { get; }

    /// <summary>Range tombstones of all tables.</summary>
    public long RangeTombstoneCount { get; }

    public static LevelMap CreateEmpty()
    {
        var runs = new LevelRun[LevelCount];
        Array.Fill(runs, LevelRun.Empty);
        return new LevelMap(runs);
    }

    /// <summary>The tables of a level, in the level's order.</summary>
    public ReadOnlySpan<Table> Tables(int level) => _runs[level].Tables;

    /// <summary>The tables of a level below level 0, sorted by key; for a cursor that outlives the call.</summary>
    public LevelRun SortedRun(int level)
    {
        Invariant.Holds(level > 0);
        return _runs[level];
    }

    public bool HasRanges(int level) => _runs[level].RangeTombstoneCount > 0;

    public long LevelBytes(int level) => _runs[level].FileBytes;

    public void AddReference()
    {
        int count = Interlocked.Increment(ref _references);
        Invariant.Holds(count > 1);
    }

    /// <summary>False when the last reference is already gone: the caller takes the newer map instead.</summary>
    public bool TryAddReference()
    {
        int count = Volatile.Read(ref _references);
        while (count > 0)
        {
            int seen = Interlocked.CompareExchange(ref _references, count + 1, count);
            if (seen == count) return true;
            count = seen;
        }

        return false;
    }

    public void Release()
    {
        int left = Interlocked.Decrement(ref _references);
        Invariant.Holds(left >= 0);
        if (left > 0) return;
        foreach (LevelRun run in _runs)
        {
            foreach (Table table in run.Tables) table.Release();
        }
    }

    /// <summary>The first table of a sorted level whose range may hold the key, or -1.</summary>
    public int FindTable(int level, ReadOnlySpan<byte> key) => FindTable(level, key, IndexPartition.HeadOf(key));

    private int FindTable(int level, ReadOnlySpan<byte> key, ulong head)
    {
        LevelRun run = _runs[level];
        int index = run.FirstAtOrBehind(key, head);
        return index < run.Tables.Length && run.MayHold(index, key, head) ? index : -1;
    }

    /// <summary>
    /// The tables that may hold a key, one by one, from those that hold its newest versions to those that hold its oldest; null behind the
    /// last.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="head">Its <see cref="IndexPartition.HeadOf"/>.</param>
    /// <param name="newest">How many tables of level 0 were looked at; begins at 0.</param>
    /// <param name="level">The last level below level 0 that was looked at; begins at 0.</param>
    public Table? NextTable(ReadOnlySpan<byte> key, ulong head, ref int newest, ref int level)
    {
        LevelRun newestFirst = _runs[0];
        while (newest < newestFirst.Tables.Length)
        {
            int index = newest++;
            if (newestFirst.MayHold(index, key, head)) return newestFirst.Tables[index];
        }

        while (++level < LevelCount)
        {
            int index = FindTable(level, key, head);
            if (index >= 0) return _runs[level].Tables[index];
        }

        return null;
    }

    /// <summary>
    /// The first table of a sorted level that holds keys at or behind the key, or the level's count: where a seek begins.
    /// </summary>
    public int FirstAtOrBehind(int level, ReadOnlySpan<byte> key)
    {
        Invariant.Holds(level > 0);
        return _runs[level].FirstAtOrBehind(key, IndexPartition.HeadOf(key));
    }

    /// <summary>The last table of a sorted level that holds keys at or before the key, or -1: where a seek for previous begins.</summary>
    public int LastAtOrBefore(int level, ReadOnlySpan<byte> key)
    {
        int index = FirstAtOrBehind(level, key);
        ReadOnlySpan<Table> tables = _runs[level].Tables;
        return index < tables.Length && tables[index].Info.SmallestKey.AsSpan().SequenceCompareTo(key) <= 0 ? index : index - 1;
    }

    /// <summary>
    /// The tables of a sorted level that overlap the range from smallest to largest, both inside unless it says otherwise.
    /// </summary>
    public ReadOnlySpan<Table> Overlapping(
        int level, ReadOnlySpan<byte> smallest, ReadOnlySpan<byte> largest, bool isLargestExclusive = false)
    {
        int first = FirstAtOrBehind(level, smallest);
        int last = LastAtOrBefore(level, largest);
        if (isLargestExclusive && last >= 0 && !_runs[level].Tables[last].Info.BeginsBefore(largest)) last--;
        return first <= last ? _runs[level].Tables.AsSpan(first, last - first + 1) : default;
    }

    public ReadOnlySpan<Table> Overlapping(int level, KeyRange range) =>
        Overlapping(level, range.Smallest, range.Largest, range.IsLargestExclusive);

    /// <summary>
    /// True when a table on a level deeper than the given one may hold the key, so that a tombstone still hides something.
    /// </summary>
    public bool MayHoldDeeper(int level, ReadOnlySpan<byte> key)
    {
        for (int deeper = level + 1; deeper < LevelCount; deeper++)
        {
            if (FindTable(deeper, key) >= 0) return true;
        }

        return false;
    }

    /// <summary>True when some level deeper than the given one has a table that overlaps the range.</summary>
    public bool OverlapsDeeper(int level, KeyRange range)
    {
        for (int deeper = level + 1; deeper < LevelCount; deeper++)
        {
            if (!Overlapping(deeper, range).IsEmpty) return true;
        }

        return false;
    }

    /// <summary>
    /// The map after the edit. A table that only moved stays the same object, others come from <paramref name="makeTable"/>.
    /// </summary>
    public LevelMap Apply(LevelEdit edit, Func<TableInfo, Table> makeTable)
    {
        var changed = new List<Table>?[LevelCount];
        var removed = new Dictionary<long, Table>();
        foreach (LeveledNumber gone in edit.Removed)
        {
            List<Table> tables = changed[gone.Level] ??= [.. _runs[gone.Level].Tables];
            int index = tables.FindIndex(table => table.Info.Number == gone.Number);
            Invariant.Holds(index >= 0);
            removed.Add(gone.Number, tables[index]);
            tables.RemoveAt(index);
        }

        foreach (LeveledTable added in edit.Added)
        {
            List<Table> tables = changed[added.Level] ??= [.. _runs[added.Level].Tables];
            tables.Add(removed.TryGetValue(added.Info.Number, out Table? moved) ? moved : makeTable(added.Info));
        }

        var runs = new LevelRun[LevelCount];
        for (int level = 0; level < LevelCount; level++)
            runs[level] = changed[level] is { } tables ? MakeRun(level, tables) : _runs[level];
        CheckNumbers(runs, edit);
        return new LevelMap(runs);
    }

    /// <summary>
    /// Marks the tables that the edit takes out of this map for good. For whoever installs the next map, once the edit is durable:
    /// their files go with the last reference.
    /// </summary>
    public void MarkObsolete(LevelEdit edit)
    {
        var kept = new HashSet<long>();
        foreach (LeveledTable added in edit.Added) kept.Add(added.Info.Number);
        foreach (LeveledNumber gone in edit.Removed)
        {
            if (kept.Contains(gone.Number)) continue;
            Table? table = Array.Find(_runs[gone.Level].Tables, candidate => candidate.Info.Number == gone.Number);
            Invariant.Holds(table is not null);
            table.MarkObsolete();
        }
    }

    private static LevelRun MakeRun(int level, List<Table> tables)
    {
        if (tables.Count == 0) return LevelRun.Empty;
        var byNumber = new Dictionary<long, Table>(tables.Count);
        var infos = new List<TableInfo>(tables.Count);
        foreach (Table table in tables)
        {
            bool isNew = byNumber.TryAdd(table.Info.Number, table);
            Invariant.Holds(isNew);
            infos.Add(table.Info);
        }

        string? clash = LevelOrder.SortAndFindClash(level, infos);
        Invariant.Holds(clash is null, clash);
        return new LevelRun([.. infos.ConvertAll(info => byNumber[info.Number])]);
    }

    private static void CheckNumbers(LevelRun[] runs, LevelEdit edit)
    {
        var added = new HashSet<long>();
        foreach (LeveledTable table in edit.Added) Invariant.Holds(added.Add(table.Info.Number));
        int found = 0;
        foreach (LevelRun run in runs)
        {
            foreach (Table table in run.Tables)
            {
                if (added.Contains(table.Info.Number)) found++;
            }
        }

        Invariant.Holds(found == added.Count);
    }
}
