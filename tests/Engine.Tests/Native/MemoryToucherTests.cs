using Varve.Native;

namespace Varve.Tests.Native;

public sealed unsafe class MemoryToucherTests
{
    private const long MiB = 1L << 20;

    [Fact]
    public void As_much_again_as_is_used_is_touched_up_to_8_MiB_and_to_the_limit_and_nothing_is_changed() => Run((scheduler, pool) =>
    {
        MemoryRegion region = pool.Rent(64 * MiB);
        new Span<byte>(region.Address, (int)MiB).Fill(7);
        Assert.Equal(MiB + (MiB / 2), region.Advance(MiB, 40 * MiB));
        WaitFor(scheduler, () => region.UsedBytes == 2 * MiB);

        Assert.Equal(16 * MiB, region.Advance(12 * MiB, 40 * MiB));
        WaitFor(scheduler, () => region.UsedBytes == 20 * MiB);

        region.Advance(39 * MiB, 40 * MiB);
        WaitFor(scheduler, () => region.UsedBytes == 40 * MiB);
        Assert.Equal(long.MaxValue, region.Advance(40 * MiB, 40 * MiB));
        Assert.True(new ReadOnlySpan<byte>(region.Address, (int)MiB).IndexOfAnyExcept((byte)7) < 0);
        Assert.Equal(40 * MiB, region.UsedBytes);
    });

    [Fact]
    public void Several_regions_are_touched_side_by_side() => Run((scheduler, pool) =>
    {
        MemoryRegion[] regions = [pool.Rent(32 * MiB), pool.Rent(32 * MiB), pool.Rent(32 * MiB)];
        foreach (MemoryRegion region in regions) region.Advance(8 * MiB, 32 * MiB);
        WaitFor(scheduler, () => regions.All(region => region.UsedBytes == 16 * MiB));
    });

    [Fact]
    public void A_region_that_was_returned_takes_no_memory_any_more() => Run((scheduler, pool) =>
    {
        MemoryRegion region = pool.Rent(32 * MiB);
        region.Advance(8 * MiB, 32 * MiB);
        pool.Return(region);
        pool.Trim(TimeSpan.Zero);
        Assert.Equal(0, region.UsedBytes);
        Assert.False(region.TouchNext());

        // The next renter begins anew.
        Assert.Same(region, pool.Rent(32 * MiB));
        Assert.False(region.TouchNext());
        Assert.Equal(0, region.UsedBytes);
    });

    [Fact]
    public void Without_a_toucher_nobody_is_asked()
    {
        MemoryRegion region = new RegionPool().Rent(32 * MiB);
        Assert.Equal(long.MaxValue, region.Advance(8 * MiB, 32 * MiB));
    }

    private static void Run(Action<DeterministicScheduler, RegionPool> test)
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            var scheduler = new DeterministicScheduler(seed);
            scheduler.Run(() =>
            {
                var pool = new RegionPool(scheduler.Clock, new MemoryToucher(scheduler));
                pool.AddUser();
                test(scheduler, pool);

                // The thread ends by itself.
                scheduler.Clock.Advance(TimeSpan.FromMinutes(1));
                scheduler.CreateSignal("end").Wait(TimeSpan.FromMinutes(1));
            });
        }
    }

    private static void WaitFor(DeterministicScheduler scheduler, Func<bool> condition)
    {
        for (int turns = 0; !condition(); turns++)
        {
            Assert.True(turns < 10_000, "the memory is never touched");
            scheduler.SpinOnce();
        }
    }
}
