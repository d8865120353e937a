using System.Runtime.CompilerServices;

namespace Varve.Memory;

/// <summary>Upper bounds of the memory that inserts take, whatever their keys are. Pure arithmetic.</summary>
/// <remarks>
/// An insert takes a record and one of: a chain of small nodes as long as its key (and the node that ends it), a node of the next
/// kind, or a copy of a node and a small one above it. So one insert costs at most a chain, or a copy of the largest node and a
/// small node. That much is rare. A node grows by added children and is copied when its prefix is split, each time for one insert;
/// the split shortens the prefix, at most 16 times. Most dear is a node that grew to the largest kind by 47 inserts (two children
/// come with it) and is then split 16 times: (104 + 472 + 1,048 + 16 × 1,048) / 63 = 292 bytes an insert, and 48 for the node that
/// each insert may start. That bound needs the whole life of the table, the first one only what is to come; the lower one counts.
/// </remarks>
internal static unsafe class MemRoom
{
    private const int NodeBytesPerEntryMax = 340;

    private static readonly long SmallestNodeBytes = MemArena.RoundUp(RadixNode.SizeBytes(RadixNodeKind.Node4));
    private static readonly long LargestNodeBytes = MemArena.RoundUp(RadixNode.SizeBytes(RadixNodeKind.Node256));

    /// <summary>Bytes that a new table takes for the entries at most.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long BytesMax(long entryCount, long keyBytes, long valueBytes) =>
        RecordBytesMax(entryCount, keyBytes, valueBytes) + ChunkBytesMax(NodeBytesMax(entryCount, keyBytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long RecordBytesMax(long entryCount, long keyBytes, long valueBytes) =>
        (entryCount * (sizeof(MemRecord) + MemArena.AlignmentBytes - 1)) + keyBytes + valueBytes;

    /// <summary>Bytes of all nodes taken for the entries since the table was empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long NodeBytesMax(long entryCount, long keyBytes) => (entryCount * NodeBytesPerEntryMax) + ChainBytesMax(keyBytes);

    /// <summary>Bytes of the nodes taken for the entries in a table of any content.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long NodeBytesMaxFromNow(long entryCount, long keyBytes) =>
        (entryCount * (SmallestNodeBytes + LargestNodeBytes)) + ChainBytesMax(keyBytes);

    /// <summary>Bytes of the chunks that hold the nodes: the end of a chunk may be too short for the next node.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long ChunkBytesMax(long nodeBytes)
    {
        long filledBytesLeast = MemArena.NodeChunkBytes - LargestNodeBytes;
        return ((nodeBytes / filledBytesLeast) + 1) * MemArena.NodeChunkBytes;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long ChainBytesMax(long keyBytes) => keyBytes / RadixTree.ChainedBytesPerNode * SmallestNodeBytes;
}
