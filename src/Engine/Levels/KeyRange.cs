using Varve.Tables;

namespace Varve.Levels;

/// <summary>A range of keys with both ends inside. The arrays are never changed.</summary>
internal readonly record struct KeyRange(byte[] Smallest, byte[] Largest)
{
    public static KeyRange Of(TableInfo table) => new(table.SmallestKey, table.LargestKey);

    public bool Overlaps(KeyRange other) =>
        Smallest.AsSpan().SequenceCompareTo(other.Largest) <= 0 && other.Smallest.AsSpan().SequenceCompareTo(Largest) <= 0;

    public bool Overlaps(TableInfo table) => Overlaps(Of(table));

    /// <summary>The smallest range that holds this one and the other.</summary>
    public KeyRange Union(KeyRange other) => new(
        Smallest.AsSpan().SequenceCompareTo(other.Smallest) <= 0 ? Smallest : other.Smallest,
        Largest.AsSpan().SequenceCompareTo(other.Largest) >= 0 ? Largest : other.Largest);
}
