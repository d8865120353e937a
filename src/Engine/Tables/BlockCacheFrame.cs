using System.Runtime.InteropServices;

namespace Varve.Tables;

/// <summary>
/// What the cache knows of one frame: 16 for each slab, of which those of the frames that it is cut into are in use. Kept apart from the
/// frames' bytes, so that a sweep reads few lines.
/// </summary>
/// <remarks>
/// Any thread may add and drop pins at any time, even through a stale slot. Everything else is written under the cache's lock, the owner
/// last: whoever has pinned the frame and then sees its own slots and ordinal here has the block.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
internal struct BlockCacheFrame
{
    /// <summary>What <see cref="Pins"/> is while nobody may pin: the frame is free, being evicted, or not one of its slab.</summary>
    public const int Closed = -1;

    /// <summary>The highest <see cref="Heat"/>: turns of the clock that a block read often survives unread.</summary>
    public const byte HeatMax = 3;

    /// <summary>Pins held, or <see cref="Closed"/>.</summary>
    public int Pins;

    /// <summary><see cref="CacheSlots.Id"/> of the table whose block it is; 0 when nobody may find it.</summary>
    public int OwnerId;

    public int Ordinal;

    /// <summary>The block's length; at most 64 KiB less the padding.</summary>
    public ushort Bytes;

    /// <summary>The clock counter: raised by a hit, lowered by a passing sweep, evictable at 0. Races make it slightly wrong.</summary>
    public byte Heat;

    /// <summary>Of the slab: how many frames it is cut into. A number with another class is stale.</summary>
    public byte Class;
}
