using Varve.Diagnostics;
using Varve.Entries;

namespace Varve.Compaction;

internal enum DropVerdict
{
    Keep,

    /// <summary>Nobody can see the entry, nor will anybody.</summary>
    Drop,

    /// <summary>A tombstone that hides nothing any more, unless a level deeper than the output may hold its key.</summary>
    DropUnlessDeeper,
}

/// <summary>
/// Which entries a flush or compaction leaves out. Fed with all versions of a key that it merges, in entry order. Pure.
/// </summary>
/// <remarks>
/// The snapshots cut the sequences into stripes: of a key's versions that the same snapshot is the first to see, only the newest
/// can be read. A tombstone that even the oldest snapshot sees hides nothing but older versions: those merged with it are dropped
/// here, so it may go too unless a deeper level has some. A range tombstone deletes what it covers within its own stripe.
/// An expired entry is a tombstone: whoever knows the time feeds it with the tombstone's kind and acts on the verdict in the same way.
/// </remarks>
internal struct DropRule
{
    private readonly ulong[] _snapshots;
    private int _stripe;
    private int _shadowedStripe;

    /// <param name="snapshots">
    /// Ascending, and at least one: the registered snapshots, then the sequence that was published when the job took the list. What is
    /// newer than that last one is not yet visible and is kept as it is.
    /// </param>
    public DropRule(ulong[] snapshots)
    {
        Invariant.Holds(snapshots.Length > 0);
        for (int i = 1; i < snapshots.Length; i++) Invariant.Holds(snapshots[i - 1] <= snapshots[i]);
        _snapshots = snapshots;
        _stripe = snapshots.Length;
        _shadowedStripe = -1;
    }

    /// <param name="isNewKey">The entry is the first one of its key.</param>
    /// <param name="trailer">Below the one before it, if that had the same key.</param>
    /// <param name="covering">Sequences of the merged range tombstones that span the key, descending.</param>
    public DropVerdict Judge(bool isNewKey, ulong trailer, ReadOnlySpan<ulong> covering = default)
    {
        if (isNewKey)
        {
            _stripe = _snapshots.Length;
            _shadowedStripe = -1;
        }

        // The oldest snapshot that sees the entry; sequences fall, so the search goes on where the last one ended.
        ulong sequence = Trailer.Sequence(trailer);
        while (_stripe > 0 && _snapshots[_stripe - 1] >= sequence) _stripe--;
        if (_stripe == _snapshots.Length) return DropVerdict.Keep;

        if (_stripe == _shadowedStripe || IsCovered(sequence, covering)) return DropVerdict.Drop;
        _shadowedStripe = _stripe;
        return _stripe == 0 && Trailer.IsTombstone(trailer) ? DropVerdict.DropUnlessDeeper : DropVerdict.Keep;
    }

    /// <summary>Whoever sees the entry sees a delete of its key that is newer.</summary>
    private readonly bool IsCovered(ulong sequence, ReadOnlySpan<ulong> covering)
    {
        foreach (ulong cover in covering)
        {
            if (cover <= sequence) return false;
            if (cover <= _snapshots[_stripe]) return true;
        }

        return false;
    }
}
