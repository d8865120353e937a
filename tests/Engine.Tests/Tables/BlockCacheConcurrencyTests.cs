using Varve.Native;
using Varve.Tables;

namespace Varve.Tests.Tables;

public sealed class BlockCacheConcurrencyTests
{
    private const int ThreadCount = 4;

    [Theory]
    [InlineData(1, 256 << 10)]
    [InlineData(2, 512 << 10)]
    [InlineData(3, 1 << 20)]
    public void Threads_that_read_load_forget_and_resize_see_whole_blocks_only(int seed, int capacityBytes)
    {
        using var cache = new BlockCache(RegionPool.Shared, capacityBytes);
        long emptyBytes = cache.GetStatistics().BytesUsed;
        var tables = new CacheSlots[3];
        for (int i = 0; i < tables.Length; i++) tables[i] = new CacheSlots(40);

        RunThreads(thread =>
        {
            var random = new Random(seed * 100 + thread);
            var held = new List<(CacheSlots Slots, int Ordinal, FramePin Pin)>();
            for (int step = 0; step < 8_000; step++)
            {
                int table = random.Next(tables.Length);
                CacheSlots slots = Volatile.Read(ref tables[table]);
                int ordinal = random.Next(slots.Count);
                string context = $"seed {seed}, thread {thread}, step {step}";

                if (TryRead(cache, slots, ordinal, out FramePin pin)) held.Add((slots, ordinal, pin));
                while (held.Count > 2) Release(cache, held, random.Next(held.Count), context);

                if (thread == 0 && step % 500 == 0)
                {
                    cache.Forget(Interlocked.Exchange(ref tables[table], new CacheSlots(40)));
                }

                if (thread == 1 && step % 200 == 0 && cache.TryReserveResident(capacityBytes / 3)) cache.ReleaseResident(capacityBytes / 3);
                if (step % 64 == 0)
                {
                    long bytesUsed = cache.GetStatistics().BytesUsed;
                    Assert.True(bytesUsed <= capacityBytes, $"{context}: {bytesUsed} bytes used");
                }
            }

            while (held.Count > 0) Release(cache, held, 0, $"seed {seed}, thread {thread}, end");
        });

        BlockCacheStatistics statistics = cache.GetStatistics();
        Assert.Equal(0, cache.CountPinned());
        Assert.Equal(0, statistics.PrivateBytes);
        Assert.Equal(0, statistics.ResidentBytes);
        Assert.True(statistics.Evictions > 1_000, $"seed {seed}: only {statistics.Evictions} evictions");

        // No frame was lost: all slabs can be taken over and filled.
        List<FramePin> pins = BlockCacheContent.ReserveUntilRefused(cache, 4_000);
        BlockCacheStatistics full = cache.GetStatistics();
        long slabs = (full.BytesUsed - full.PrivateBytes - emptyBytes) / (64 << 10);
        Assert.Equal(slabs * 16, pins.Count(pin => !pin.IsPrivate));
        foreach (FramePin pin in pins) cache.Unpin(pin);
    }

    /// <summary>Hardly more frames than threads, twice as many blocks: a pin often meets its frame's eviction and next owner.</summary>
    [Fact]
    public void A_pin_through_a_stale_slot_never_shows_another_block()
    {
        using var cache = new BlockCache(RegionPool.Shared, 2 * ThreadCount * (64 << 10));
        var slots = new CacheSlots(3 * ThreadCount);
        int found = 0;
        RunThreads(thread =>
        {
            var random = new Random(thread);
            int foundHere = 0;
            for (int step = 0; step < 30_000; step++)
            {
                int ordinal = random.Next(slots.Count);
                if (cache.TryPin(slots, ordinal, out FramePin pin))
                {
                    foundHere++;
                }
                else
                {
                    pin = cache.Reserve(33_000);
                    pin.Span[..64].Fill((byte)(ordinal + 1));
                    cache.Publish(slots, ordinal, pin, FramePriority.Normal);
                }

                bool isWhole = pin.Span[..64].IndexOfAnyExcept((byte)(ordinal + 1)) < 0;
                cache.Unpin(pin);
                Assert.True(isWhole, $"thread and seed {thread}, step {step}: block {ordinal} holds other bytes");
            }

            Interlocked.Add(ref found, foundHere);
        });

        Assert.True(found > 1_000, $"only {found} hits");
        Assert.True(cache.GetStatistics().Evictions > 1_000);
    }

    [Fact]
    public void Threads_that_load_the_same_block_end_with_one()
    {
        using var cache = new BlockCache(RegionPool.Shared, 16 << 20);
        var slots = new CacheSlots(500);
        long emptyBytes = cache.GetStatistics().BytesUsed;
        RunThreads(thread =>
        {
            for (int ordinal = 0; ordinal < slots.Count; ordinal++)
            {
                if (TryRead(cache, slots, ordinal, out FramePin pin)) cache.Unpin(pin);
            }
        });

        Assert.Equal(slots.Count, BlockCacheContent.CountFound(cache, slots));

        // Frames of those who came second are free again: hardly more slabs are in use than the blocks need.
        int slabsNeeded = 0;
        for (int size = 0; size < 4; size++) slabsNeeded += (slots.Count / 4 + (16 >> size) - 1) / (16 >> size);
        Assert.InRange((cache.GetStatistics().BytesUsed - emptyBytes) / (64 << 10), 1, slabsNeeded + ThreadCount * 4);
    }

    private static int LengthOf(int ordinal) => (ordinal % 4) switch
    {
        0 => 3_000,
        1 => 7_000,
        2 => 16_000,
        _ => 30_000,
    };

    private static bool TryRead(BlockCache cache, CacheSlots slots, int ordinal, out FramePin pin)
    {
        if (cache.TryPin(slots, ordinal, out pin)) return true;
        try
        {
            pin = BlockCacheContent.Reserve(cache, slots, ordinal, LengthOf(ordinal));
        }
        catch (MemoryBudgetException)
        {
            return false;
        }

        cache.Publish(slots, ordinal, pin, FramePriority.Normal);
        return true;
    }

    private static void Release(BlockCache cache, List<(CacheSlots Slots, int Ordinal, FramePin Pin)> held, int index, string context)
    {
        (CacheSlots slots, int ordinal, FramePin pin) = held[index];
        held.RemoveAt(index);
        bool isWhole = pin.Bytes == LengthOf(ordinal) && BlockCacheContent.Holds(pin, slots, ordinal);
        cache.Unpin(pin);
        Assert.True(isWhole, $"{context}: block {ordinal} holds other bytes");
    }

    private static void RunThreads(Action<int> body)
    {
        Exception? failure = null;
        var threads = new Thread[ThreadCount];
        for (int i = 0; i < ThreadCount; i++)
        {
            int number = i;
            threads[i] = new Thread(() =>
            {
                try
                {
                    body(number);
                }
                catch (Exception exception)
                {
                    Interlocked.CompareExchange(ref failure, exception, null);
                }
            });
            threads[i].Start();
        }

        foreach (Thread thread in threads) thread.Join();
        Assert.True(failure is null, failure?.ToString());
    }
}
