using Varve.Entries;
using Varve.Tables;

namespace Varve.Levels;

/// <summary>The tables of one level in their order, with what a search over them needs. Immutable.</summary>
/// <remarks>
/// The first eight bytes of the smallest and of the largest keys stand together, so that a search reads of the tables themselves only where
/// those tie. A shorter key is filled with zeroes: heads then never order two keys the other way round, they only tie.
/// </remarks>
internal sealed class LevelRun
{
    public static readonly LevelRun Empty = new([]);

    private readonly ulong[] _smallestHeads;
    private readonly ulong[] _largestHeads;

    public LevelRun(Table[] tables)
    {
        Tables = tables;
        _smallestHeads = new ulong[tables.Length];
        _largestHeads = new ulong[tables.Length];
        for (int i = 0; i < tables.Length; i++)
        {
            _smallestHeads[i] = IndexPartition.HeadOf(tables[i].Info.SmallestKey);
            _largestHeads[i] = IndexPartition.HeadOf(tables[i].Info.LargestKey);
            FileBytes += tables[i].Info.FileBytes;
            RangeTombstoneCount += tables[i].Info.RangeTombstoneCount;
        }
    }

    /// <summary>Never changed.</summary>
    public Table[] Tables { get; }

    public long FileBytes { get; }

    public long RangeTombstoneCount { get; }

    /// <summary>The key lies within the bounds of one of the tables.</summary>
    /// <param name="index">Which.</param>
    /// <param name="key">The key.</param>
    /// <param name="head">Its <see cref="IndexPartition.HeadOf"/>.</param>
    public bool MayHold(int index, ReadOnlySpan<byte> key, ulong head)
    {
        ulong smallest = _smallestHeads[index];
        ulong largest = _largestHeads[index];
        if (smallest < head && head < largest) return true;
        return smallest <= head && head <= largest && Tables[index].Info.MayHold(key);
    }

    /// <summary>The first table whose largest entry is not before (key, trailer), or the count. Sorted levels only.</summary>
    public int FirstEndingAtOrBehind(ReadOnlySpan<byte> key, ulong trailer)
    {
        ulong head = IndexPartition.HeadOf(key);
        int low = 0;
        int high = _largestHeads.Length;
        while (low < high)
        {
            int middle = (int)((uint)(low + high) >> 1);
            ulong middleHead = _largestHeads[middle];
            bool isBefore = middleHead != head ? middleHead < head : EndsBefore(Tables[middle].Info, key, trailer);
            if (isBefore) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>The table's smallest entry is behind (key, trailer).</summary>
    public bool BeginsBehind(int index, ReadOnlySpan<byte> key, ulong trailer)
    {
        ulong head = IndexPartition.HeadOf(key);
        ulong smallest = _smallestHeads[index];
        if (smallest != head) return smallest > head;
        TableInfo info = Tables[index].Info;
        return EntryOrder.Compare(info.SmallestKey, info.SmallestTrailer, key, trailer) > 0;
    }

    private static bool EndsBefore(TableInfo info, ReadOnlySpan<byte> key, ulong trailer) =>
        EntryOrder.Compare(info.LargestKey, info.LargestTrailer, key, trailer) < 0;

    /// <summary>The first table that does not end before the key, or the count. Sorted levels only.</summary>
    public int FirstAtOrBehind(ReadOnlySpan<byte> key, ulong head)
    {
        int low = 0;
        int high = _largestHeads.Length;
        while (low < high)
        {
            int middle = (int)((uint)(low + high) >> 1);
            ulong middleHead = _largestHeads[middle];
            bool isBefore = middleHead != head
                ? middleHead < head
                : Tables[middle].Info.EndsBefore(key);
            if (isBefore)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }
}
