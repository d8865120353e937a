using Varve.Entries;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>Keys from a start, inclusive, to an end, exclusive; null: no bound. The arrays are never changed.</summary>
internal readonly record struct KeySlice(byte[]? Start, byte[]? End)
{
    /// <summary>All keys.</summary>
    public static KeySlice All => default;

    /// <summary>True when the key is at or behind the end.</summary>
    public bool EndsAtOrBefore(ReadOnlySpan<byte> key) => End is not null && key.SequenceCompareTo(End) >= 0;

    /// <summary>True when a table may hold keys of the slice.</summary>
    public bool Overlaps(TableInfo table) => (Start is null || !table.EndsBefore(Start)) && !EndsAtOrBefore(table.SmallestKey);

    /// <summary>What lies in the slice of range tombstones.</summary>
    public List<RangeTombstone> Clip(List<RangeTombstone> tombstones)
    {
        if (tombstones.Count == 0 || this == All) return tombstones;
        var clipped = new List<RangeTombstone>(tombstones.Count);
        foreach (RangeTombstone tombstone in tombstones)
        {
            byte[] start = Start is not null && tombstone.Start.AsSpan().SequenceCompareTo(Start) < 0 ? Start : tombstone.Start;
            byte[] end = EndsAtOrBefore(tombstone.End) ? End! : tombstone.End;
            if (start.AsSpan().SequenceCompareTo(end) < 0) clipped.Add(new RangeTombstone(start, end, tombstone.Sequence));
        }

        return clipped;
    }
}
