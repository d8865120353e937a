using Varve.Native;
using Varve.Tables;

namespace Varve.Tests.Tables;

public sealed unsafe class BlockCacheBudgetTests : IDisposable
{
    private const long CapacityBytes = 4 << 20;
    private const int SmallBlockBytes = 4_000;

    private readonly BlockCache _cache = new(RegionPool.Shared, CapacityBytes);

    public void Dispose() => _cache.Dispose();

    [Fact]
    public void Blocks_too_long_for_a_frame_live_as_long_as_their_pin()
    {
        var slots = new CacheSlots(1);
        FramePin pin = BlockCacheContent.Reserve(_cache, slots, 0, BlockCache.BlockBytesMax + 1);
        _cache.Publish(slots, 0, pin, FramePriority.Normal);

        Assert.False(_cache.TryPin(slots, 0, out _));
        BlockCacheContent.AssertHolds(pin, slots, 0, "private");
        Assert.Equal(BlockCache.BlockBytesMax + 1 + BlockCache.PaddingBytes, _cache.GetStatistics().PrivateBytes);
        _cache.Unpin(pin);
        Assert.Equal(0, _cache.GetStatistics().PrivateBytes);
    }

    [Fact]
    public void Private_blocks_take_a_quarter_of_the_capacity_at_the_frames_expense()
    {
        var slots = new CacheSlots(2_000);
        for (int i = 0; i < slots.Count; i++) BlockCacheContent.Load(_cache, slots, i, SmallBlockBytes);

        List<FramePin> pins = BlockCacheContent.ReserveUntilRefused(_cache, 100_000);

        Assert.Equal(CapacityBytes / 4 / 100_064, pins.Count);
        foreach (FramePin pin in pins) _cache.Unpin(pin);
        for (int i = 0; i < slots.Count; i++) BlockCacheContent.Load(_cache, slots, i, SmallBlockBytes);
        Assert.InRange(BlockCacheContent.CountFound(_cache, slots) * 4_096L, CapacityBytes * 9 / 10, CapacityBytes);
    }

    [Fact]
    public void When_all_frames_are_pinned_reads_go_on_in_the_reserve_and_then_fail_with_a_typed_error()
    {
        List<FramePin> pins = BlockCacheContent.ReserveUntilRefused(_cache, SmallBlockBytes);

        Assert.InRange(pins.Count(pin => pin.IsPrivate), CapacityBytes / 16 / 4_096, CapacityBytes / 8 / 4_096);
        Assert.InRange(pins.Count * 4_096L, CapacityBytes * 19 / 20, CapacityBytes);

        _cache.Unpin(pins[0]);
        FramePin next = _cache.Reserve(SmallBlockBytes);
        Assert.False(next.IsPrivate);
        _cache.Unpin(next);
        foreach (FramePin pin in pins.Skip(1)) _cache.Unpin(pin);
        Assert.Equal(0, _cache.GetStatistics().PrivateBytes);
    }

    [Fact]
    public void Resident_partitions_take_half_of_the_capacity_at_the_frames_expense()
    {
        var slots = new CacheSlots(1_000);
        for (int i = 0; i < slots.Count; i++) BlockCacheContent.Load(_cache, slots, i, SmallBlockBytes);

        Assert.True(_cache.TryReserveResident(CapacityBytes / 4));
        Assert.True(_cache.TryReserveResident(CapacityBytes / 4));
        Assert.False(_cache.TryReserveResident(1));
        Assert.False(_cache.TryReserveResident(long.MaxValue));
        Assert.InRange(_cache.GetStatistics().BytesUsed, CapacityBytes * 9 / 10, CapacityBytes);
        for (int i = 0; i < slots.Count; i++) BlockCacheContent.Load(_cache, slots, i, SmallBlockBytes);
        Assert.InRange(_cache.GetStatistics().BytesUsed, CapacityBytes * 9 / 10, CapacityBytes);

        _cache.ReleaseResident(CapacityBytes / 2);
        for (int i = 0; i < slots.Count; i++) BlockCacheContent.Load(_cache, slots, i, SmallBlockBytes);
        Assert.InRange(BlockCacheContent.CountFound(_cache, slots) * 4_096L, CapacityBytes * 9 / 10, CapacityBytes);
    }

    [Fact]
    public void Resident_partitions_are_refused_while_pins_keep_the_frames()
    {
        var pins = new List<FramePin>();
        for (int i = 0; i < 800; i++) pins.Add(_cache.Reserve(SmallBlockBytes));

        Assert.False(_cache.TryReserveResident(CapacityBytes / 2));
        Assert.Equal(0, _cache.GetStatistics().ResidentBytes);
        foreach (FramePin pin in pins) _cache.Unpin(pin);
        Assert.True(_cache.TryReserveResident(CapacityBytes / 2));
    }

    [Fact]
    public void The_region_goes_back_to_the_pool_unless_a_pin_is_left()
    {
        const long CapacityBytes = 37 << 20;
        var pool = new RegionPool();
        pool.AddUser();
        var tidy = new BlockCache(pool, CapacityBytes);
        FramePin pin = tidy.Reserve(100);
        byte* address = pin.Data;
        tidy.Unpin(pin);
        tidy.Dispose();
        tidy.Dispose();

        var untidy = new BlockCache(pool, CapacityBytes);
        FramePin left = untidy.Reserve(100);
        Assert.True(left.Data == address);
        untidy.Dispose();

        using var next = new BlockCache(pool, CapacityBytes);
        FramePin other = next.Reserve(100);
        Assert.True(other.Data != address);
        next.Unpin(other);
        untidy.Unpin(left);
    }

    [Theory]
    [InlineData(0)]
    [InlineData((256 << 10) - 1)]
    public void A_capacity_too_small_to_work_is_refused(long capacityBytes) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new BlockCache(RegionPool.Shared, capacityBytes));

    [Fact]
    public void The_smallest_capacity_works()
    {
        using var cache = new BlockCache(RegionPool.Shared, BlockCache.CapacityBytesMin);
        var slots = new CacheSlots(100);
        for (int i = 0; i < slots.Count; i++)
        {
            BlockCacheContent.Load(cache, slots, i, i % 2 == 0 ? SmallBlockBytes : 60_000);
            Assert.InRange(cache.GetStatistics().BytesUsed, 0, BlockCache.CapacityBytesMin);
        }

        Assert.True(BlockCacheContent.Touch(cache, slots, slots.Count - 1));
    }
}
