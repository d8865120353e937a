using Varve.Diagnostics;
using Varve.Levels;
using Varve.Memory;

namespace Varve.Reading;

/// <summary>
/// All a read looks at: the memtable that is written to, those that wait for their flush, and the tables. Immutable, so one load
/// of the current view gives a consistent whole. A pin (counted reference) keeps memory and files behind it alive.
/// </summary>
internal sealed class ReadView
{
    private readonly bool _hasRangesBelow;
    private int _references = 1;

    /// <summary>Takes its own reference on everything it shows.</summary>
    public ReadView(MemTable active, MemTable[] frozen, LevelMap levels)
    {
        Active = active;
        Frozen = frozen;
        Levels = levels;
        active.AddReference();
        _hasRangesBelow = levels.RangeTombstoneCount > 0;
        foreach (MemTable table in frozen)
        {
            table.AddReference();
            _hasRangesBelow |= table.HasRanges;
        }

        levels.AddReference();
    }

    public MemTable Active { get; }

    /// <summary>Memtables that wait for their flush, newest first.</summary>
    public MemTable[] Frozen { get; }

    public LevelMap Levels { get; }

    /// <summary>
    /// False when nothing it shows has range deletes that a sequence taken before this question sees: reads then need not ask for any.
    /// </summary>
    public bool MayHaveRanges => _hasRangesBelow || Active.HasRanges;

    /// <summary>True once nobody reads it and it is no longer the current one.</summary>
    public bool IsGivenUp => Volatile.Read(ref _references) == 0;

    /// <summary>False when the view was given up between the load of the reference to it and this call: load it again.</summary>
    public bool TryAddReference()
    {
        int seen = Volatile.Read(ref _references);
        while (seen > 0)
        {
            int before = Interlocked.CompareExchange(ref _references, seen + 1, seen);
            if (before == seen) return true;
            seen = before;
        }

        return false;
    }

    /// <summary>
    /// True when a later view no longer shows the memtable this one writes to: what only this view keeps is worth giving up.
    /// </summary>
    public bool IsOutlivedBy(ReadView later) =>
        !ReferenceEquals(later.Active, Active) && Array.IndexOf(later.Frozen, Active) < 0;

    public void Release()
    {
        int left = Interlocked.Decrement(ref _references);
        Invariant.Holds(left >= 0);
        if (left > 0) return;
        Active.Release();
        foreach (MemTable table in Frozen) table.Release();
        Levels.Release();
    }
}
