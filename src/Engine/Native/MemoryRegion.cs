namespace Varve.Native;

/// <summary>
/// A contiguous piece of address space from the <see cref="RegionPool"/>. Memory is taken when bytes are first touched; bytes that
/// were never touched by this renter hold anything (a region is recycled without being cleared).
/// </summary>
internal sealed unsafe class MemoryRegion
{
    internal MemoryRegion(byte* address, long reservedBytes)
    {
        Address = address;
        ReservedBytes = reservedBytes;
    }

    /// <summary>Aligned to 2 MiB.</summary>
    public byte* Address { get; }

    /// <summary>Multiple of 2 MiB.</summary>
    public long ReservedBytes { get; }
}
