using System.Runtime.CompilerServices;
using Varve.Diagnostics;
using Varve.Native;

namespace Varve.Memory;

/// <summary>
/// The memory of one memtable: a region filled from the bottom up and given back as a whole. Records stand one behind the other;
/// nodes come from chunks of their own, so that a descent touches few cache lines and pages that hold no nodes.
/// </summary>
/// <remarks>
/// What is kept in it is named by a 32-bit reference: 0 is none, the top bit tells a record from a node, the other 31 bits are the
/// offset in units of 8 bytes. One thread takes memory; any thread follows references.
/// </remarks>
internal sealed unsafe class MemArena
{
    public const uint RecordFlag = 1u << 31;

    public const int AlignmentBytes = 8;

    /// <summary>How far references reach: 16 GiB.</summary>
    public const long ReservedBytesMax = (long)RecordFlag * AlignmentBytes;

    public const int NodeChunkBytes = 64 << 10;

    /// <summary>Kept free at the bottom, so that no reference is 0; the root's slot stands there.</summary>
    private const int HeaderBytes = 64;

    private readonly RegionPool _pool;
    private readonly byte* _base;
    private readonly long _reservedBytes;
    private readonly long _expectedBytes;
    private MemoryRegion? _region;
    private long _position = HeaderBytes;
    private long _nodePosition;
    private long _nodeEnd;

    /// <summary>At this position memory further on is asked for.</summary>
    private long _mark = MemoryRegion.FirstMarkBytes;

    /// <param name="pool">Where the memory comes from.</param>
    /// <param name="reservedBytes">What may be taken at most.</param>
    /// <param name="expectedBytes">What will usually be taken: so much may be touched ahead of its use.</param>
    public MemArena(RegionPool pool, long reservedBytes, long expectedBytes)
    {
        Invariant.Holds(reservedBytes is > HeaderBytes and <= ReservedBytesMax);
        _pool = pool;
        _region = pool.Rent(reservedBytes);
        _base = _region.Address;
        _reservedBytes = reservedBytes;
        _expectedBytes = expectedBytes;
        new Span<byte>(_base, HeaderBytes).Clear();
    }

    /// <summary>The slot that holds the reference of the tree's root.</summary>
    public uint* RootSlot => (uint*)_base;

    /// <summary>Bytes of records and nodes.</summary>
    public long UsedBytes => _position - (_nodeEnd - _nodePosition);

    /// <summary>Bytes above all records and chunks: what is left to take.</summary>
    public long FreeBytes => _reservedBytes - _position;

    /// <summary>Bytes of all nodes ever taken, replaced ones included.</summary>
    public long NodeBytes { get; private set; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsRecord(uint reference) => (int)reference < 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static long RoundUp(long bytes) => (bytes + AlignmentBytes - 1) & -AlignmentBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public MemRecord* Record(uint reference) => (MemRecord*)(_base + ((ulong)(reference & ~RecordFlag) * AlignmentBytes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public RadixNode* Node(uint reference) => (RadixNode*)(_base + ((ulong)reference * AlignmentBytes));

    /// <summary>Room for a record; its bytes hold anything.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint TakeRecord(long bytes) => RecordFlag | (uint)(Take(RoundUp(bytes)) / AlignmentBytes);

    /// <summary>Room for a node; its bytes are zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public uint TakeNode(int bytes)
    {
        int rounded = (int)RoundUp(bytes);
        if (rounded > _nodeEnd - _nodePosition)
        {
            _nodePosition = Take(NodeChunkBytes);
            _nodeEnd = _nodePosition + NodeChunkBytes;
        }

        long offset = _nodePosition;
        _nodePosition += rounded;
        NodeBytes += rounded;
        // SAFETY: offset + rounded <= _nodeEnd, and Take has checked the chunk against the reservation.
        Unsafe.InitBlock(_base + offset, 0, (uint)rounded);
        return (uint)(offset / AlignmentBytes);
    }

    /// <summary>Gives the region back to the pool; nothing may follow a reference any more.</summary>
    public void Return()
    {
        Invariant.Holds(_region is not null);
        _region.ReportUsed(_position);
        _pool.Return(_region);
        _region = null;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private long Take(long bytes)
    {
        Invariant.Holds(bytes <= _reservedBytes - _position);
        long offset = _position;
        _position += bytes;
        if (_position > _mark) _mark = _region!.Advance(_position, _expectedBytes);
        return offset;
    }
}
