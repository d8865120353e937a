using Varve.Native;

namespace Varve.Commit;

/// <summary>
/// The memory of one large batch. It goes back to the system at once: batches of that size are rare, and the budget does not count them.
/// </summary>
internal sealed unsafe class BatchRegion
{
    private readonly RegionPool _pool;
    private MemoryRegion? _region;

    public BatchRegion(RegionPool pool, long bytes)
    {
        _pool = pool;
        _region = pool.Rent(bytes);
        Address = _region.Address;
    }

    /// <summary>For batches that nobody has disposed.</summary>
    ~BatchRegion() => Return();

    public byte* Address { get; }

    public void Return()
    {
        GC.SuppressFinalize(this);
        if (Interlocked.Exchange(ref _region, null) is not { } region) return;
        region.Discard();
        _pool.Return(region);
    }
}
