using Varve.Native;

namespace Varve.Tests.Native;

public sealed class MemoryPlanTests
{
    private const long MiB = 1L << 20;

    [Fact]
    public void A_budget_is_split_by_fixed_fractions()
    {
        var plan = new MemoryPlan(600_000_000);
        Assert.Equal(80_000_000, plan.MemtableBytes);
        Assert.Equal(270_000_000, plan.CacheBytes);
        Assert.Equal(60_000_000, plan.CompactionBytes);
        Assert.Equal(30_000_000, plan.CursorBytes);
        Assert.Equal(64 * MiB, plan.ValueBytesMax);
        Assert.Equal(150_000_000, plan.BatchBytesMax);
    }

    [Fact]
    public void The_parts_never_exceed_the_budget_and_each_has_its_share()
    {
        var random = new Random(1);
        for (int bits = 23; bits < 62; bits++)
        {
            long budget = (1L << bits) + random.NextInt64(1L << bits);
            var plan = new MemoryPlan(budget);
            long memtables = plan.MemtableBytes * MemoryPlan.MemtableCountMax;
            Assert.Equal(budget, memtables + plan.CacheBytes + plan.CompactionBytes + plan.CursorBytes);
            Assert.InRange(plan.CacheBytes, budget * 0.45, budget);
            Assert.InRange(plan.MemtableBytes, MiB, 256 * MiB);
            Assert.InRange(plan.ValueBytesMax, MiB, Math.Min(64 * MiB, budget / 8));
            Assert.True(plan.ValueBytesMax <= plan.MemtableBytes, $"a value of {plan.ValueBytesMax} in a memtable of {plan.MemtableBytes}");
        }
    }

    [Fact]
    public void What_large_memtables_do_not_take_goes_to_the_cache()
    {
        var plan = new MemoryPlan(10_000 * MiB);
        Assert.Equal(256 * MiB, plan.MemtableBytes);
        Assert.Equal(10_000 * MiB - 3 * 256 * MiB - 1_500 * MiB, plan.CacheBytes, tolerance: 100);
    }

    [Fact]
    public void A_budget_below_the_least_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new MemoryPlan(8 * MiB - 1));
        Assert.Equal(MiB, new MemoryPlan(8 * MiB).ValueBytesMax);
    }

    [Theory]
    [InlineData(0, 8)]
    [InlineData(100, 25)]
    [InlineData(1_000, 250)]
    [InlineData(64_000, 512)]
    public void The_default_is_a_quarter_of_what_is_available_within_bounds(long availableMiB, long expectedMiB) =>
        Assert.InRange(MemoryPlan.DefaultBudgetBytes(availableMiB * MiB), expectedMiB * MiB - 100, expectedMiB * MiB);
}
