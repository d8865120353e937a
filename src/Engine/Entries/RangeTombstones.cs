using System.Runtime.InteropServices;
using Varve.Diagnostics;

namespace Varve.Entries;

/// <summary>
/// Range deletes as a list of fragments, sorted and disjoint, so that one binary search says what covers a key. Immutable.
/// </summary>
internal sealed class RangeTombstones
{
    public static readonly RangeTombstones Empty = new([]);

    private readonly RangeFragment[] _fragments;

    /// <param name="fragments">Sorted, disjoint; taken over.</param>
    internal RangeTombstones(RangeFragment[] fragments)
    {
        _fragments = fragments;
        SmallestSequence = ulong.MaxValue;
        foreach (RangeFragment fragment in fragments)
        {
            Count += fragment.Sequences.Length;
            Bytes += fragment.Start.Length + fragment.End.Length + (fragment.Sequences.Length * sizeof(ulong));
            LargestSequence = Math.Max(LargestSequence, fragment.Sequences[0]);
            SmallestSequence = Math.Min(SmallestSequence, fragment.Sequences[^1]);
        }
    }

    public ReadOnlySpan<RangeFragment> Fragments => _fragments;

    public bool IsEmpty => _fragments.Length == 0;

    /// <summary>Range tombstones in the list: each fragment counts once for each of its sequences.</summary>
    public int Count { get; }

    /// <summary>Bytes of keys and sequences.</summary>
    public long Bytes { get; }

    /// <summary>0 when the list is empty.</summary>
    public ulong LargestSequence { get; }

    /// <summary><see cref="ulong.MaxValue"/> when the list is empty.</summary>
    public ulong SmallestSequence { get; }

    /// <summary>The newest delete over the key that a reader at the sequence sees; 0 when there is none.</summary>
    public ulong NewestCovering(ReadOnlySpan<byte> key, ulong readSequence)
    {
        int index = FirstEndingBehind(key);
        return index < _fragments.Length && _fragments[index].Start.AsSpan().SequenceCompareTo(key) <= 0
            ? _fragments[index].NewestAt(readSequence)
            : 0;
    }

    /// <summary>The first fragment that holds the key or lies behind it; the count of fragments when none does.</summary>
    public int FirstEndingBehind(ReadOnlySpan<byte> key)
    {
        int low = 0;
        int high = _fragments.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            if (_fragments[middle].End.AsSpan().SequenceCompareTo(key) <= 0) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>The part from <paramref name="lower"/> (inclusive) to <paramref name="upper"/> (exclusive); null: no bound.</summary>
    public RangeTombstones Clip(byte[]? lower, byte[]? upper)
    {
        var kept = new List<RangeFragment>();
        for (int i = lower is null ? 0 : FirstEndingBehind(lower); i < _fragments.Length; i++)
        {
            RangeFragment fragment = _fragments[i];
            if (upper is not null && fragment.Start.AsSpan().SequenceCompareTo(upper) >= 0) break;
            if (lower is not null && fragment.Start.AsSpan().SequenceCompareTo(lower) < 0) fragment = fragment with { Start = lower };
            if (upper is not null && fragment.End.AsSpan().SequenceCompareTo(upper) > 0) fragment = fragment with { End = upper };
            kept.Add(fragment);
        }

        return kept.Count == 0 ? Empty : new RangeTombstones([.. kept]);
    }

    /// <summary>All tombstones of the list, one for each sequence of each fragment.</summary>
    public void CopyTo(List<RangeTombstone> destination)
    {
        foreach (RangeFragment fragment in _fragments)
        {
            foreach (ulong sequence in fragment.Sequences) destination.Add(new RangeTombstone(fragment.Start, fragment.End, sequence));
        }
    }

    /// <summary>Cuts any tombstones into fragments.</summary>
    /// <param name="tombstones">In any order; they may overlap, and the same one may come in pieces.</param>
    /// <param name="readable">
    /// Sequences that somebody may read at, ascending. Of the deletes over a key that the same one of them is the first to see, only the
    /// newest counts, and only that is kept; what is newer than all of them is kept. Empty: everything is kept.
    /// </param>
    public static RangeTombstones Build(List<RangeTombstone> tombstones, ReadOnlySpan<ulong> readable)
    {
        if (tombstones.Count == 0) return Empty;
        RangeTombstone[] byStart = [.. tombstones];
        RangeTombstone[] byEnd = [.. tombstones];
        Array.Sort(byStart, static (a, b) => a.Start.AsSpan().SequenceCompareTo(b.Start));
        Array.Sort(byEnd, static (a, b) => a.End.AsSpan().SequenceCompareTo(b.End));

        // A sweep over all borders. The same sequence may be there more than once, in pieces: it is counted.
        var active = new SortedDictionary<ulong, int>(Descending.Instance);
        var fragments = new List<RangeFragment>();
        var sequences = new List<ulong>();
        int ends = 0;
        int starts = 0;
        byte[] border = byStart[0].Start;
        while (ends < byEnd.Length)
        {
            while (ends < byEnd.Length && byEnd[ends].End.AsSpan().SequenceEqual(border))
            {
                ulong gone = byEnd[ends++].Sequence;
                if (--active[gone] == 0) active.Remove(gone);
            }

            while (starts < byStart.Length && byStart[starts].Start.AsSpan().SequenceEqual(border))
            {
                Invariant.Holds(border.AsSpan().SequenceCompareTo(byStart[starts].End) < 0);
                ulong come = byStart[starts++].Sequence;
                active[come] = active.GetValueOrDefault(come) + 1;
            }

            if (ends == byEnd.Length) break;
            byte[] next = byEnd[ends].End;
            if (starts < byStart.Length && byStart[starts].Start.AsSpan().SequenceCompareTo(next) < 0) next = byStart[starts].Start;
            if (active.Count > 0) Append(fragments, border, next, Thin(active, readable, sequences));
            border = next;
        }

        return new RangeTombstones([.. fragments]);
    }

    /// <summary>This list and more tombstones.</summary>
    public RangeTombstones With(List<RangeTombstone> added)
    {
        var all = new List<RangeTombstone>(Count + added.Count);
        CopyTo(all);
        all.AddRange(added);
        return Build(all, default);
    }

    /// <summary>This list and one more tombstone that is newer than those it touches: only they are made anew.</summary>
    public RangeTombstones With(in RangeTombstone newest)
    {
        int next = FirstEndingBehind(newest.Start);
        var all = new List<RangeFragment>(_fragments.Length + 3);
        all.AddRange(_fragments.AsSpan(0, next));
        byte[] border = newest.Start;
        for (; next < _fragments.Length && _fragments[next].Start.AsSpan().SequenceCompareTo(newest.End) < 0; next++)
        {
            RangeFragment touched = _fragments[next];
            Invariant.Holds(touched.Sequences[0] < newest.Sequence);
            int order = touched.Start.AsSpan().SequenceCompareTo(border);
            if (order < 0) all.Add(touched with { End = border });
            else if (order > 0) all.Add(new RangeFragment(border, touched.Start, [newest.Sequence]));
            bool goesOn = touched.End.AsSpan().SequenceCompareTo(newest.End) > 0;
            byte[] start = order < 0 ? border : touched.Start;
            border = goesOn ? newest.End : touched.End;
            all.Add(new RangeFragment(start, border, [newest.Sequence, .. touched.Sequences]));
            if (goesOn) all.Add(touched with { Start = border });
        }

        if (border.AsSpan().SequenceCompareTo(newest.End) < 0) all.Add(new RangeFragment(border, newest.End, [newest.Sequence]));
        all.AddRange(_fragments.AsSpan(next));
        return new RangeTombstones([.. all]);
    }

    private static List<ulong> Thin(SortedDictionary<ulong, int> active, ReadOnlySpan<ulong> readable, List<ulong> sequences)
    {
        sequences.Clear();
        int stripe = readable.Length;
        foreach (ulong sequence in active.Keys)
        {
            int before = stripe;
            while (stripe > 0 && readable[stripe - 1] >= sequence) stripe--;
            if (stripe == before && stripe < readable.Length) continue;
            sequences.Add(sequence);

            // Everybody sees it, and so nobody the rest.
            if (stripe == 0 && readable.Length > 0) break;
        }

        return sequences;
    }

    private static void Append(List<RangeFragment> fragments, byte[] start, byte[] end, List<ulong> sequences)
    {
        if (fragments.Count > 0)
        {
            RangeFragment last = fragments[^1];
            if (last.End.AsSpan().SequenceEqual(start) && last.Sequences.AsSpan().SequenceEqual(CollectionsMarshal.AsSpan(sequences)))
            {
                fragments[^1] = last with { End = end };
                return;
            }
        }

        fragments.Add(new RangeFragment(start, end, [.. sequences]));
    }

    private sealed class Descending : IComparer<ulong>
    {
        public static readonly Descending Instance = new();

        public int Compare(ulong x, ulong y) => y.CompareTo(x);
    }
}
