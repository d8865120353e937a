using System.Buffers.Binary;
using Varve.Tables;

namespace Varve.Levels;

/// <summary>The tables of one level in their order, with what a search over them needs. Immutable.</summary>
/// <remarks>
/// The first eight bytes of the largest keys stand together in one array, so that a search reads table by table only where they tie.
/// </remarks>
internal sealed class LevelRun
{
    public static readonly LevelRun Empty = new([]);

    private readonly ulong[] _largestHeads;

    public LevelRun(Table[] tables)
    {
        Tables = tables;
        _largestHeads = new ulong[tables.Length];
        for (int i = 0; i < tables.Length; i++)
        {
            _largestHeads[i] = Head(tables[i].Info.LargestKey);
            FileBytes += tables[i].Info.FileBytes;
            RangeTombstoneCount += tables[i].Info.RangeTombstoneCount;
        }
    }

    /// <summary>Never changed.</summary>
    public Table[] Tables { get; }

    public long FileBytes { get; }

    public long RangeTombstoneCount { get; }

    /// <summary>The first table that does not end before the key, or the count. Sorted levels only.</summary>
    public int FirstAtOrBehind(ReadOnlySpan<byte> key)
    {
        ulong head = Head(key);
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

    // A shorter key is filled with zeroes: heads then never order two keys the other way round, they only tie.
    private static ulong Head(ReadOnlySpan<byte> key)
    {
        if (key.Length >= sizeof(ulong)) return BinaryPrimitives.ReadUInt64BigEndian(key);
        ulong head = 0;
        for (int i = 0; i < key.Length; i++) head |= (ulong)key[i] << (56 - 8 * i);
        return head;
    }
}
