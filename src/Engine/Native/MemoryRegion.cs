using Varve.Diagnostics;

namespace Varve.Native;

/// <summary>
/// A contiguous piece of address space from the <see cref="RegionPool"/>. Memory is taken when bytes are first touched; bytes that
/// were never touched by this renter hold anything (a region is recycled without being cleared).
/// </summary>
/// <remarks>The address stays readable for the life of the process, also after the region was returned.</remarks>
internal sealed unsafe class MemoryRegion
{
    /// <summary>How far a renter comes before it first calls <see cref="Advance"/>: who needs little takes no more.</summary>
    public const long FirstMarkBytes = 256 << 10;

    private const long AheadBytesMax = 8 << 20;
    private const int PageBytes = 4 << 10;

    private readonly MemoryToucher? _toucher;
    private readonly Lock _touchGuard = new();
    private long _usedBytes;
    private long _wantedBytes;

    /// <param name="address">Aligned to 2 MiB.</param>
    /// <param name="reservedBytes">Multiple of 2 MiB.</param>
    /// <param name="toucher">Null where nobody touches memory ahead of its use.</param>
    internal MemoryRegion(byte* address, long reservedBytes, MemoryToucher? toucher)
    {
        Address = address;
        ReservedBytes = reservedBytes;
        _toucher = toucher;
    }

    /// <summary>Aligned to 2 MiB.</summary>
    public byte* Address { get; }

    /// <summary>Multiple of 2 MiB; at least what was asked for, possibly much more: address space costs nothing.</summary>
    public long ReservedBytes { get; }

    /// <summary>How far from its start the region was touched since its memory was last given back, as far as is known.</summary>
    public long UsedBytes => Volatile.Read(ref _usedBytes);

    /// <summary>True from the rent on until the memory is given back to the system.</summary>
    internal bool MayHoldMemory { get; set; }

    internal bool IsRented { get => Volatile.Read(ref field); set => Volatile.Write(ref field, value); }

    /// <summary>When the region was returned, as a timestamp of the pool's clock.</summary>
    internal long IdleSince { get; set; }

    /// <summary>The renter's word, at the latest before it returns the region, that its first bytes have been touched.</summary>
    public void ReportUsed(long bytes)
    {
        Invariant.Holds(bytes >= 0 && bytes <= ReservedBytes);
        long used = UsedBytes;
        while (bytes > used)
        {
            long found = Interlocked.CompareExchange(ref _usedBytes, bytes, used);
            if (found == used) return;
            used = found;
        }
    }

    /// <summary>
    /// Said by a renter that fills the region from its start, so that memory is touched before it comes there: as much again as it has
    /// used, at most 8 MiB.
    /// </summary>
    /// <param name="usedBytes">How far it has come.</param>
    /// <param name="limitBytes">How far it expects to come.</param>
    /// <returns>How far it is to come before it says so again.</returns>
    public long Advance(long usedBytes, long limitBytes)
    {
        if (_toucher is null || usedBytes >= limitBytes) return long.MaxValue;
        ReportUsed(usedBytes);
        long aheadBytes = Math.Min(usedBytes, AheadBytesMax);
        long wantedBytes = Math.Min(Math.Min(limitBytes, ReservedBytes), usedBytes + aheadBytes);
        if (wantedBytes > UsedBytes)
        {
            Volatile.Write(ref _wantedBytes, wantedBytes);
            _toucher.Want(this);
        }

        return usedBytes + (aheadBytes / 2);
    }

    /// <summary>A new renter wants nothing yet.</summary>
    internal void BeginRent()
    {
        Volatile.Write(ref _wantedBytes, 0);
        IsRented = true;
        MayHoldMemory = true;
    }

    /// <summary>Touches up to 2 MiB that are wanted; true when more are.</summary>
    internal bool TouchNext()
    {
        lock (_touchGuard)
        {
            long wantedBytes = Volatile.Read(ref _wantedBytes);
            long start = UsedBytes & -PageBytes;
            if (!IsRented || start >= wantedBytes) return false;
            long end = Math.Min(wantedBytes, start + AddressSpace.HugePageBytes);

            // SAFETY: the pages lie within the reservation. The renter may be writing there: or-ing 0 in one atomic step changes nothing.
            for (long at = start; at < end; at += PageBytes) Interlocked.Or(ref *(long*)(Address + at), 0);
            ReportUsed(end);
            return end < wantedBytes;
        }
    }

    /// <summary>Gives the memory back to the system and keeps the address.</summary>
    internal void Discard()
    {
        lock (_touchGuard)
        {
            if (!AddressSpace.TryDiscard(Address, ReservedBytes)) return;
            MayHoldMemory = false;
            Volatile.Write(ref _usedBytes, 0);
        }
    }
}
