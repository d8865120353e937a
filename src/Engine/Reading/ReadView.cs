using Varve.Diagnostics;
using Varve.Levels;
using Varve.Memory;

namespace Varve.Reading;

/// <summary>
/// All a read looks at: the memtable that is written to, those that wait for their flush, and the tables. Immutable, so one load
/// of the current view gives a consistent whole. A pin (counted reference) keeps memory and files behind it alive.
/// </summary>
/// <remarks>
/// Gets come and go so often that counting them in one place costs more than they do as soon as there are two threads. So a get is a
/// visit, counted in the stripe of its thread, on cache lines of its own. The current view counts as one reference; when it is replaced,
/// stripe after stripe is closed, the visits in it become references, and who leaves a closed stripe gives a reference back.
/// </remarks>
internal sealed class ReadView
{
    private const int Stripes = 16;

    /// <summary>Two cache lines: processors fetch them in pairs.</summary>
    private const int WordsPerStripe = 16;

    /// <summary>Added to a stripe that is closed: the sum stays below zero whatever comes and goes.</summary>
    private const long Closed = long.MinValue / 2;

    /// <summary>More than there are visits: no reference given back while stripes are closed is the last one.</summary>
    private const long Closing = long.MaxValue / 2;

    private readonly bool _hasRangesBelow;
    private readonly long[] _visits = new long[(Stripes + 1) * WordsPerStripe];
    private long _references = 1;

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
        long seen = Volatile.Read(ref _references);
        while (seen > 0)
        {
            long before = Interlocked.CompareExchange(ref _references, seen + 1, seen);
            if (before == seen) return true;
            seen = before;
        }

        return false;
    }

    /// <summary>
    /// Begins a visit; false when the view was replaced between the load of the reference to it and this call: load it again.
    /// </summary>
    /// <param name="stripe">Where it is counted, for <see cref="Leave"/>.</param>
    public bool TryEnter(out int stripe)
    {
        // The first words lie beside the array's head, which every visit reads.
        stripe = ((Environment.CurrentManagedThreadId & (Stripes - 1)) + 1) * WordsPerStripe;
        if (Interlocked.Increment(ref _visits[stripe]) > 0) return true;
        Interlocked.Decrement(ref _visits[stripe]);
        return false;
    }

    /// <summary>Ends a visit.</summary>
    public void Leave(int stripe)
    {
        long left = Interlocked.Decrement(ref _visits[stripe]);
        if (left >= 0) return;
        Invariant.Holds(left < Closed / 2);
        Release();
    }

    /// <summary>
    /// The view is not the current one any more: nobody enters from now on, and what it shows goes with who is still inside.
    /// </summary>
    public void Close()
    {
        Interlocked.Add(ref _references, Closing);
        for (int stripe = WordsPerStripe; stripe < _visits.Length; stripe += WordsPerStripe)
        {
            long inside = Interlocked.Add(ref _visits[stripe], Closed) - Closed;
            Interlocked.Add(ref _references, inside);
        }

        Release(Closing + 1);
    }

    /// <summary>
    /// True when a later view no longer shows the memtable this one writes to: what only this view keeps is worth giving up.
    /// </summary>
    public bool IsOutlivedBy(ReadView later) =>
        !ReferenceEquals(later.Active, Active) && Array.IndexOf(later.Frozen, Active) < 0;

    public void Release() => Release(1);

    private void Release(long references)
    {
        long left = Interlocked.Add(ref _references, -references);
        Invariant.Holds(left >= 0);
        if (left > 0) return;
        Active.Release();
        foreach (MemTable table in Frozen) table.Release();
        Levels.Release();
    }
}
