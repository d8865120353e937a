using Varve.Native;
using Varve.Tables;
using Varve.Tests.House;

namespace Varve.Tests.Tables;

public sealed unsafe class BlockCacheTests : IDisposable
{
    private const long CapacityBytes = 4 << 20;
    private const int SmallBlockBytes = 4_000;

    private readonly BlockCache _cache = new(RegionPool.Shared, CapacityBytes);

    public void Dispose() => _cache.Dispose();

    [Fact]
    public void A_published_block_is_found_with_its_bytes()
    {
        var slots = new CacheSlots(10);
        Assert.False(_cache.TryPin(slots, 3, out FramePin missing));
        Assert.True(missing.IsNone);

        BlockCacheContent.Load(_cache, slots, 3, 777);

        Assert.True(_cache.TryPin(slots, 3, out FramePin pin));
        Assert.Equal(777, pin.Bytes);
        BlockCacheContent.AssertHolds(pin, slots, 3, "found");
        _cache.Unpin(pin);
        Assert.False(_cache.TryPin(slots, 4, out _));
        Assert.False(_cache.TryPin(new CacheSlots(10), 3, out _));
        Assert.Equal(0, _cache.CountPinned());
    }

    [Fact]
    public void An_abandoned_reservation_is_never_found_and_its_frame_is_used_again()
    {
        long emptyBytes = _cache.GetStatistics().BytesUsed;
        var slots = new CacheSlots(1);
        for (int i = 0; i < 5_000; i++)
        {
            FramePin pin = _cache.Reserve(SmallBlockBytes);
            Assert.False(pin.IsPrivate);
            Assert.False(_cache.TryPin(slots, 0, out _));
            _cache.Unpin(pin);
        }

        BlockCacheStatistics statistics = _cache.GetStatistics();
        Assert.Equal(0, statistics.Evictions);
        Assert.Equal(64 << 10, statistics.BytesUsed - emptyBytes);
    }

    [Fact]
    public void The_first_publisher_wins_and_the_loser_keeps_its_frame()
    {
        var slots = new CacheSlots(1);
        FramePin first = BlockCacheContent.Reserve(_cache, slots, 0, 100);
        FramePin second = BlockCacheContent.Reserve(_cache, slots, 0, 100);
        _cache.Publish(slots, 0, second, FramePriority.Normal);
        _cache.Publish(slots, 0, first, FramePriority.Normal);

        Assert.True(_cache.TryPin(slots, 0, out FramePin found));
        Assert.True(found.Data == second.Data);
        BlockCacheContent.AssertHolds(first, slots, 0, "the loser's frame");
        _cache.Unpin(first);
        _cache.Unpin(second);
        _cache.Unpin(found);
    }

    [Fact]
    public void Blocks_of_every_length_have_room_for_themselves_and_the_padding()
    {
        var pins = new List<FramePin>();
        foreach (int bytes in BlockCacheContent.LengthsAroundTheClasses)
        {
            FramePin pin = _cache.Reserve(bytes);
            Assert.Equal(bytes, pin.Bytes);
            Assert.Equal(bytes > BlockCache.BlockBytesMax, pin.IsPrivate);
            Assert.Equal(0, (long)pin.Data % 64);
            new Span<byte>(pin.Data, bytes + BlockCache.PaddingBytes).Fill((byte)pins.Count);
            pins.Add(pin);
        }

        for (int i = 0; i < pins.Count; i++)
        {
            var held = new Span<byte>(pins[i].Data, pins[i].Bytes + BlockCache.PaddingBytes);
            Assert.True(held.IndexOfAnyExcept((byte)i) < 0, $"a block of {pins[i].Bytes} bytes was overwritten");
        }

        foreach (FramePin pin in pins) _cache.Unpin(pin);
        Assert.Equal(0, _cache.GetStatistics().PrivateBytes);
    }

    [Theory]
    [InlineData(1, 16)]
    [InlineData(4_032, 16)]
    [InlineData(4_033, 15)]
    [InlineData(4_928, 13)]
    [InlineData(4_929, 12)]
    [InlineData(8_128, 8)]
    [InlineData(8_129, 7)]
    [InlineData(16_320, 4)]
    [InlineData(16_321, 3)]
    [InlineData(21_761, 2)]
    [InlineData(32_704, 2)]
    [InlineData(32_705, 1)]
    [InlineData(65_472, 1)]
    public void A_slab_holds_as_many_blocks_as_their_class_allows(int bytes, int blocksPerSlab)
    {
        const int Slabs = 4;
        long emptyBytes = _cache.GetStatistics().BytesUsed;
        var slots = new CacheSlots((Slabs * blocksPerSlab) + 1);
        for (int i = 0; i < Slabs * blocksPerSlab; i++) BlockCacheContent.Load(_cache, slots, i, bytes);
        Assert.Equal(Slabs, (_cache.GetStatistics().BytesUsed - emptyBytes) / (64 << 10));
        BlockCacheContent.Load(_cache, slots, Slabs * blocksPerSlab, bytes);
        Assert.Equal(Slabs + 1, (_cache.GetStatistics().BytesUsed - emptyBytes) / (64 << 10));
    }

    [Fact]
    public void A_number_from_when_the_slab_was_cut_otherwise_does_not_lead_to_the_block()
    {
        const int ClassShift = 4;
        var slots = new CacheSlots(2);
        BlockCacheContent.Load(_cache, slots, 0, 9_000);
        BlockCacheContent.Load(_cache, slots, 1, 9_000);
        int number = slots.FrameNumbers[1];
        Assert.Equal(7, BlockCacheSlabs.ClassOf(number));

        // The second frame of a slab of eight has the same metadata as the second of a slab of seven, and stands elsewhere.
        slots.FrameNumbers[1] = number + (1 << ClassShift);
        Assert.Equal(8, BlockCacheSlabs.ClassOf(slots.FrameNumbers[1]));
        Assert.False(_cache.TryPin(slots, 1, out _));
        Assert.Equal(0, _cache.CountPinned());
        slots.FrameNumbers[1] = number;
        Assert.True(BlockCacheContent.Touch(_cache, slots, 1));
    }

    [Fact]
    public void Nearly_all_of_the_capacity_holds_blocks_and_never_more()
    {
        var slots = new CacheSlots(2_000);
        for (int i = 0; i < slots.Count; i++)
        {
            BlockCacheContent.Load(_cache, slots, i, SmallBlockBytes);
            Assert.InRange(_cache.GetStatistics().BytesUsed, 0, CapacityBytes);
        }

        int found = BlockCacheContent.CountFound(_cache, slots);
        Assert.InRange(found * 4_096L, CapacityBytes * 9 / 10, CapacityBytes);
        Assert.Equal(slots.Count - found, _cache.GetStatistics().Evictions);
    }

    [Fact]
    public void Pinned_blocks_are_neither_evicted_nor_overwritten()
    {
        var slots = new CacheSlots(10_000);
        var pins = new List<(int Ordinal, FramePin Pin)>();
        for (int i = 0; i < slots.Count; i++)
        {
            int bytes = i % 7 == 0 ? 30_000 : SmallBlockBytes;
            FramePin pin = BlockCacheContent.Reserve(_cache, slots, i, bytes);
            _cache.Publish(slots, i, pin, FramePriority.Normal);
            if (i % 100 == 0 && i < 5_000) pins.Add((i, pin));
            else _cache.Unpin(pin);
        }

        Assert.True(_cache.GetStatistics().Evictions > 5_000);
        foreach ((int ordinal, FramePin pin) in pins)
        {
            BlockCacheContent.AssertHolds(pin, slots, ordinal, "pinned");
            Assert.True(_cache.TryPin(slots, ordinal, out FramePin again));
            Assert.True(again.Data == pin.Data);
            _cache.Unpin(again);
            _cache.Unpin(pin);
        }
    }

    [Fact]
    public void What_is_read_often_stays_while_a_scan_passes()
    {
        var hot = new CacheSlots(200);
        var scanned = new CacheSlots(20_000);
        for (int i = 0; i < hot.Count; i++) BlockCacheContent.Load(_cache, hot, i, SmallBlockBytes);

        int misses = 0;
        for (int i = 0; i < scanned.Count; i++)
        {
            BlockCacheContent.Load(_cache, scanned, i, SmallBlockBytes);
            if (!BlockCacheContent.Touch(_cache, hot, i * 7 % hot.Count))
            {
                misses++;
                BlockCacheContent.Load(_cache, hot, i * 7 % hot.Count, SmallBlockBytes);
            }
        }

        Assert.InRange(misses, 0, scanned.Count / 100);
    }

    [Fact]
    public void Among_blocks_in_use_those_read_least_go_first()
    {
        var slots = new CacheSlots(1_500);
        int count = 0;
        while (_cache.GetStatistics().Evictions == 0) BlockCacheContent.Load(_cache, slots, count++, SmallBlockBytes);
        var readOnce = new List<int>();
        var readTwice = new List<int>();
        for (int i = 0; i < count; i++)
        {
            if (!BlockCacheContent.Touch(_cache, slots, i)) continue;
            (i % 2 == 0 ? readOnce : readTwice).Add(i);
            if (i % 2 == 1) BlockCacheContent.Touch(_cache, slots, i);
        }

        // Those that the first eviction made free, and some more.
        for (int i = 0; i < 30; i++) BlockCacheContent.Load(_cache, slots, count + i, SmallBlockBytes);

        Assert.All(readTwice, ordinal => Assert.True(BlockCacheContent.Touch(_cache, slots, ordinal), $"block {ordinal} is gone"));
        Assert.Contains(readOnce, ordinal => !BlockCacheContent.Touch(_cache, slots, ordinal));
    }

    [Fact]
    public void Index_partitions_outlast_data_blocks_that_came_with_them()
    {
        var index = new CacheSlots(100);
        var data = new CacheSlots(100);
        var later = new CacheSlots(1_500);
        for (int i = 0; i < index.Count; i++)
        {
            BlockCacheContent.Load(_cache, index, i, SmallBlockBytes, FramePriority.High);
            BlockCacheContent.Load(_cache, data, i, SmallBlockBytes);
        }

        for (int i = 0; i < later.Count; i++) BlockCacheContent.Load(_cache, later, i, SmallBlockBytes);

        Assert.Equal(index.Count, BlockCacheContent.CountFound(_cache, index));
        Assert.Equal(0, BlockCacheContent.CountFound(_cache, data));
    }

    [Fact]
    public void Memory_moves_between_size_classes_as_the_blocks_need_it()
    {
        const int LargeBlockBytes = 65_000;
        for (int round = 0; round < 3; round++)
        {
            var small = new CacheSlots(3_000);
            for (int i = 0; i < small.Count; i++) BlockCacheContent.Load(_cache, small, i, SmallBlockBytes);
            Assert.InRange(BlockCacheContent.CountFound(_cache, small) * 4_096L, CapacityBytes * 9 / 10, CapacityBytes);

            var large = new CacheSlots(300);
            for (int i = 0; i < large.Count; i++) BlockCacheContent.Load(_cache, large, i, LargeBlockBytes);
            Assert.InRange(BlockCacheContent.CountFound(_cache, large) * 65_536L, CapacityBytes * 9 / 10, CapacityBytes);
            Assert.InRange(_cache.GetStatistics().BytesUsed, 0, CapacityBytes);
        }
    }

    [Fact]
    public void A_slab_with_one_pinned_frame_is_not_taken_over_and_keeps_its_blocks()
    {
        // Every slab gets one pinned frame: the last of sixteen, so that a take-over has closed fifteen before it meets the pin.
        var slots = new CacheSlots(56 * 16);
        var pins = new List<FramePin>();
        for (int i = 0; i < slots.Count; i++)
        {
            FramePin pin = BlockCacheContent.Reserve(_cache, slots, i, SmallBlockBytes);
            _cache.Publish(slots, i, pin, FramePriority.Normal);
            if (i % 16 == 15) pins.Add(pin);
            else _cache.Unpin(pin);
        }

        // Three slabs remain for frames of another class; the next one finds every other slab pinned.
        var large = new CacheSlots(20);
        for (int i = 0; i < large.Count; i++) BlockCacheContent.Load(_cache, large, i, 65_000);

        Assert.Equal(slots.Count, BlockCacheContent.CountFound(_cache, slots));
        foreach (FramePin pin in pins) _cache.Unpin(pin);
    }

    [Fact]
    public void The_frames_of_a_forgotten_table_are_free_at_once()
    {
        var gone = new CacheSlots(700);
        var kept = new CacheSlots(200);
        for (int i = 0; i < gone.Count; i++) BlockCacheContent.Load(_cache, gone, i, SmallBlockBytes);
        for (int i = 0; i < kept.Count; i++) BlockCacheContent.Load(_cache, kept, i, SmallBlockBytes);
        Assert.True(_cache.TryPin(gone, 5, out FramePin pinned));

        _cache.Forget(gone);

        Assert.Equal(0, BlockCacheContent.CountFound(_cache, gone));
        var next = new CacheSlots(650);
        for (int i = 0; i < next.Count; i++) BlockCacheContent.Load(_cache, next, i, SmallBlockBytes);
        Assert.Equal(0, _cache.GetStatistics().Evictions);
        Assert.Equal(kept.Count, BlockCacheContent.CountFound(_cache, kept));
        Assert.Equal(next.Count, BlockCacheContent.CountFound(_cache, next));
        BlockCacheContent.AssertHolds(pinned, gone, 5, "pinned when its table was forgotten");
        _cache.Unpin(pinned);
    }

    [Fact]
    public void Nothing_is_published_for_a_forgotten_table()
    {
        var slots = new CacheSlots(1);
        FramePin pin = BlockCacheContent.Reserve(_cache, slots, 0, 100);
        _cache.Forget(slots);
        _cache.Publish(slots, 0, pin, FramePriority.Normal);

        Assert.False(_cache.TryPin(slots, 0, out _));
        BlockCacheContent.AssertHolds(pin, slots, 0, "read late");
        _cache.Unpin(pin);
    }

    [Fact]
    public void Hits_misses_and_evictions_are_counted()
    {
        var slots = new CacheSlots(1_500);
        for (int i = 0; i < slots.Count; i++) BlockCacheContent.Load(_cache, slots, i, SmallBlockBytes);
        BlockCacheStatistics before = _cache.GetStatistics();
        int found = BlockCacheContent.CountFound(_cache, slots);
        BlockCacheStatistics after = _cache.GetStatistics();

        Assert.Equal(found, after.Hits - before.Hits);
        Assert.Equal(slots.Count - found, after.Misses - before.Misses);
        Assert.Equal(slots.Count - found, after.Evictions);
    }

    [Fact]
    public void Hits_misses_and_evictions_allocate_nothing()
    {
        var slots = new CacheSlots(2_000);
        Assert.Equal(0, Allocated.By(() =>
        {
            for (int i = 0; i < slots.Count; i++)
            {
                if (_cache.TryPin(slots, i, out FramePin pin) || _cache.TryPin(slots, i / 2, out pin))
                {
                    _cache.Unpin(pin);
                    continue;
                }

                pin = _cache.Reserve(i % 3 == 0 ? 9_000 : SmallBlockBytes);
                _cache.Publish(slots, i, pin, FramePriority.Normal);
                _cache.Unpin(pin);
            }
        }));
    }
}
