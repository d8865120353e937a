using Varve.Tables;

namespace Varve.Levels;

/// <summary>
/// A range of keys with both ends inside, unless <paramref name="IsLargestExclusive"/> says that the largest is not. The arrays are never
/// changed.
/// </summary>
internal readonly record struct KeyRange(byte[] Smallest, byte[] Largest, bool IsLargestExclusive = false)
{
    public static KeyRange Of(TableInfo table) => new(table.SmallestKey, table.LargestKey, table.IsLargestExclusive);

    public bool Overlaps(KeyRange other) => !EndsBefore(other.Smallest) && !other.EndsBefore(Smallest);

    public bool Overlaps(TableInfo table) => Overlaps(Of(table));

    /// <summary>The smallest range that holds this one and the other.</summary>
    public KeyRange Union(KeyRange other)
    {
        byte[] smallest = Smallest.AsSpan().SequenceCompareTo(other.Smallest) <= 0 ? Smallest : other.Smallest;
        int order = Largest.AsSpan().SequenceCompareTo(other.Largest);
        bool isExclusive = order switch
        {
            0 => IsLargestExclusive && other.IsLargestExclusive,
            > 0 => IsLargestExclusive,
            _ => other.IsLargestExclusive,
        };
        return new KeyRange(smallest, order >= 0 ? Largest : other.Largest, isExclusive);
    }

    private bool EndsBefore(byte[] key)
    {
        int order = Largest.AsSpan().SequenceCompareTo(key);
        return order < 0 || (order == 0 && IsLargestExclusive);
    }
}
