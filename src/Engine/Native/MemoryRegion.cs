using Varve.Diagnostics;

namespace Varve.Native;

/// <summary>
/// A contiguous piece of address space from the <see cref="RegionPool"/>. Memory is taken when bytes are first touched; bytes that
/// were never touched by this renter hold anything (a region is recycled without being cleared).
/// </summary>
/// <remarks>The address stays readable for the life of the process, also after the region was returned.</remarks>
internal sealed unsafe class MemoryRegion
{
    private long _usedBytes;

    internal MemoryRegion(byte* address, long reservedBytes)
    {
        Address = address;
        ReservedBytes = reservedBytes;
    }

    /// <summary>Aligned to 2 MiB.</summary>
    public byte* Address { get; }

    /// <summary>Multiple of 2 MiB; at least what was asked for, possibly much more: address space costs nothing.</summary>
    public long ReservedBytes { get; }

    /// <summary>How far from its start the region was touched since its memory was last given back, as its renters said.</summary>
    public long UsedBytes => Volatile.Read(ref _usedBytes);

    /// <summary>True from the rent on until the memory is given back to the system.</summary>
    internal bool MayHoldMemory { get; set; }

    internal bool IsRented { get; set; }

    /// <summary>When the region was returned, as a timestamp of the pool's clock.</summary>
    internal long IdleSince { get; set; }

    /// <summary>The renter's word, at the latest before it returns the region, that its first bytes have been touched.</summary>
    public void ReportUsed(long bytes)
    {
        Invariant.Holds(bytes >= 0 && bytes <= ReservedBytes);
        if (bytes > _usedBytes) Volatile.Write(ref _usedBytes, bytes);
    }

    /// <summary>Gives the memory back to the system and keeps the address.</summary>
    internal void Discard()
    {
        if (!AddressSpace.TryDiscard(Address, ReservedBytes)) return;
        MayHoldMemory = false;
        Volatile.Write(ref _usedBytes, 0);
    }
}
