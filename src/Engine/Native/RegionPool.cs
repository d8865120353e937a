using System.Diagnostics;
using System.Runtime.InteropServices;
using Varve.Diagnostics;
using Varve.Runtime;

namespace Varve.Native;

/// <summary>
/// Process-wide pool of huge-page memory: what one memtable or cache gives back the next one takes, already touched. (On virtual
/// machines the first touch of memory costs ten times its later use.) Safe for concurrent use.
/// </summary>
/// <remarks>
/// Idle regions keep their memory while the pool has a user, until <see cref="Trim"/> finds them idle for long enough: who uses the pool
/// calls Trim now and then. Address space is never given back, only memory is, so a pointer kept
/// beyond its time reads anything but does not fault.
/// </remarks>
/// <param name="clock">Tells how long regions are idle.</param>
/// <param name="toucher">Touches memory ahead of its use; null: nobody does.</param>
internal sealed unsafe class RegionPool(TimeProvider clock, MemoryToucher? toucher)
{
    /// <summary>A region that holds memory serves requests of at least its size divided by this; one without serves any.</summary>
    private const int OversizeMax = 2;

    /// <summary>Beyond what processors address, and far below an overflow.</summary>
    private const long RegionBytesMax = 1L << 60;

    private const byte PoisonByte = 0xDD;

    private readonly Lock _idleGuard = new();
    private readonly List<MemoryRegion> _idle = [];
    private long _reservedBytes;
    private int _userCount;

    public RegionPool()
        : this(TimeProvider.System, toucher: null)
    {
    }

    public static RegionPool Shared { get; } = new(TimeProvider.System, new MemoryToucher(new SystemScheduler(TimeProvider.System)));

    /// <summary>Address space of all regions, rented and idle.</summary>
    public long ReservedBytes => Interlocked.Read(ref _reservedBytes);

    /// <summary>Bytes that idle regions hold, as far as their renters said.</summary>
    public long IdleUsedBytes
    {
        get
        {
            lock (_idleGuard)
            {
                long bytes = 0;
                foreach (MemoryRegion region in _idle) bytes += region.UsedBytes;
                return bytes;
            }
        }
    }

    /// <summary>Says that a database is open: idle regions are worth keeping.</summary>
    public void AddUser()
    {
        lock (_idleGuard) _userCount++;
    }

    /// <summary>
    /// Says that a database was closed. After the last one the memory of all idle regions is given back, and of others once they return.
    /// </summary>
    public void RemoveUser()
    {
        bool wasLast;
        lock (_idleGuard)
        {
            Invariant.Holds(_userCount > 0);
            wasLast = --_userCount == 0;
        }

        if (wasLast) Trim(TimeSpan.Zero);
    }

    /// <summary>A region of at least <paramref name="bytes"/> bytes, rounded up to 2 MiB.</summary>
    /// <exception cref="MemoryBudgetException">The system gives no more memory.</exception>
    public MemoryRegion Rent(long bytes)
    {
        Invariant.Holds(bytes > 0);
        if (bytes > RegionBytesMax) throw NativeBytes.Refusal(bytes);
        NativeBytes.Watch?.Taking(bytes);

        long rounded = (bytes + AddressSpace.HugePageBytes - 1) & ~(AddressSpace.HugePageBytes - 1);
        MemoryRegion region = TryTakeIdle(rounded) ?? Reserve(rounded);
        region.BeginRent();
        NativeBytes.Watch?.Taken((nint)region.Address);
        return region;
    }

    /// <summary>Gives a region back; nothing may read or write it any more.</summary>
    public void Return(MemoryRegion region)
    {
        NativeBytes.Watch?.Freed((nint)region.Address);
        Poison(region);
        lock (_idleGuard)
        {
            Invariant.Holds(region.IsRented);
            region.IsRented = false;
            if (_userCount > 0)
            {
                region.IdleSince = clock.GetTimestamp();
                _idle.Add(region);
                return;
            }
        }

        region.Discard();
        lock (_idleGuard) _idle.Add(region);
    }

    /// <summary>Gives the memory of regions back to the system that were idle for at least <paramref name="idleFor"/>.</summary>
    public void Trim(TimeSpan idleFor)
    {
        List<MemoryRegion> trimmed = [];
        lock (_idleGuard)
        {
            for (int i = _idle.Count - 1; i >= 0; i--)
            {
                MemoryRegion region = _idle[i];
                if (!region.MayHoldMemory || clock.GetElapsedTime(region.IdleSince) < idleFor) continue;
                _idle.RemoveAt(i);
                trimmed.Add(region);
            }
        }

        // Giving back takes milliseconds: outside the lock, and nobody can rent what is not in the list.
        foreach (MemoryRegion region in trimmed) region.Discard();
        lock (_idleGuard) _idle.AddRange(trimmed);
    }

    private MemoryRegion? TryTakeIdle(long bytes)
    {
        lock (_idleGuard)
        {
            int best = -1;
            for (int i = 0; i < _idle.Count; i++)
                if (Fits(_idle[i], bytes) && (best < 0 || IsBetter(_idle[i], _idle[best]))) best = i;

            if (best < 0) return null;
            MemoryRegion region = _idle[best];
            _idle.RemoveAt(best);
            return region;
        }
    }

    private static bool Fits(MemoryRegion region, long bytes) =>
        region.ReservedBytes >= bytes && (!region.MayHoldMemory || region.ReservedBytes / OversizeMax <= bytes);

    /// <summary>Memory that is there comes before address space, then the smaller region before the larger.</summary>
    private static bool IsBetter(MemoryRegion region, MemoryRegion other) =>
        region.MayHoldMemory == other.MayHoldMemory ? region.ReservedBytes < other.ReservedBytes : region.MayHoldMemory;

    private MemoryRegion Reserve(long bytes)
    {
        byte* address = AddressSpace.TryReserve(bytes);
        if (address == null) throw NativeBytes.Refusal(bytes);
        Interlocked.Add(ref _reservedBytes, bytes);
        return new MemoryRegion(address, bytes, toucher);
    }

    /// <summary>Makes what reads a returned region fail early in debug builds.</summary>
    [Conditional("DEBUG")]
    private static void Poison(MemoryRegion region) => NativeMemory.Fill(region.Address, (nuint)region.UsedBytes, PoisonByte);
}
