using System.Runtime.InteropServices;

namespace Varve.Native;

/// <summary>Process-wide pool of huge-page memory: what one memtable or cache gives back the next one takes, already touched.</summary>
internal sealed unsafe class RegionPool
{
    private const long RegionAlignment = 2L << 20;

    private readonly Lock _freeGuard = new();
    private readonly List<MemoryRegion> _free = [];

    public static RegionPool Shared { get; } = new();

    /// <summary>A region of at least <paramref name="bytes"/> bytes, rounded up to 2 MiB.</summary>
    /// <exception cref="MemoryBudgetException">The system gives no more memory.</exception>
    public MemoryRegion Rent(long bytes)
    {
        long rounded = (bytes + RegionAlignment - 1) / RegionAlignment * RegionAlignment;
        lock (_freeGuard)
        {
            int index = _free.FindIndex(region => region.ReservedBytes == rounded);
            if (index >= 0)
            {
                MemoryRegion recycled = _free[index];
                _free.RemoveAt(index);
                return recycled;
            }
        }

        return new MemoryRegion((byte*)NativeMemory.AlignedAlloc((nuint)rounded, (nuint)RegionAlignment), rounded);
    }

    /// <summary>Gives a region back; nothing may read or write it any more.</summary>
    public void Return(MemoryRegion region)
    {
        lock (_freeGuard) _free.Add(region);
    }
}
