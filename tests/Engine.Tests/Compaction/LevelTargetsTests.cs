using Varve.Compaction;
using Varve.Levels;

namespace Varve.Tests.Compaction;

public class LevelTargetsTests
{
    // The smallest target is twice the memtable: 128.
    private static readonly CompactionOptions Options = new() { MemtableBytes = 64 };

    [Theory]
    [InlineData(6, "6:0", "empty")]
    [InlineData(6, "6:1279", "6:1279")]
    [InlineData(5, "5:128 6:1280", "6:1280")]
    [InlineData(4, "4:128 5:1280 6:12800", "6:12800")]
    [InlineData(3, "3:128 4:1280 5:12800 6:128000", "4:7 6:128000")]
    [InlineData(5, "5:128 6:300", "5:1 6:300")]
    [InlineData(5, "5:128 6:900", "5:900 6:100")]
    [InlineData(2, "2:128 3:128 4:128 5:128 6:9", "2:1 6:9")]
    public void Each_level_should_have_a_tenth_of_the_one_below_it_down_to_the_smallest_that_pays(
        int baseLevel, string targets, string levels)
    {
        LevelTargets computed = LevelTargets.Compute(Bytes(levels), Options);
        Assert.Equal(baseLevel, computed.BaseLevel);
        var shown = new List<string>();
        for (int level = baseLevel; level < LevelMap.LevelCount; level++) shown.Add($"{level}:{computed.TargetBytes(level)}");
        Assert.Equal(targets, string.Join(' ', shown));
        for (int level = 0; level < baseLevel; level++) Assert.Equal(0, computed.TargetBytes(level));
    }

    [Fact]
    public void The_score_is_one_at_the_target_and_the_bottom_has_none()
    {
        LevelTargets targets = LevelTargets.Compute(Bytes("6:12800"), Options);
        Assert.Equal(1, targets.Score(5, 1_280));
        Assert.Equal(0.5, targets.Score(4, 64));
        Assert.Equal(0, targets.Score(6, 1_000_000));
        Assert.Equal(0, targets.Score(3, 1_000_000));
        Assert.Equal(1, targets.LevelZeroScore(4));
    }

    [Fact]
    public void There_is_no_debt_while_all_levels_are_within_their_targets()
    {
        Assert.Equal(0, Debt("0:256 5:128 6:1280", 4));
        Assert.Equal(0, Debt("6:100000", 0));
    }

    [Fact]
    public void A_level_over_its_target_owes_what_is_over_it_and_its_share_of_the_next() =>
        Assert.Equal(100 + 100 * 2_280 / 328, Debt("5:328 6:2280", 0));

    [Fact]
    public void What_falls_into_a_level_counts_there_too()
    {
        // 64 over at level 4, merged with 3/2 of as much; then 64 over at level 5 merged with its share of level 6.
        Assert.Equal((long)(64 + 64 * 1_280.0 / 192 + 64 + 64 * 12_800.0 / 1_344), Debt("4:192 5:1280 6:12800", 0));
    }

    [Fact]
    public void Debt_grows_with_level_0_without_a_large_step()
    {
        long previous = 0;
        for (int count = 4; count < 40; count++)
        {
            long debt = Debt($"0:{count * 64} 6:1000", count);
            Assert.True(debt >= previous && debt - previous <= 64 * 2 + 1_000 / 4, $"{count} tables: {debt} after {previous}");
            Assert.True(count == 4 ? debt == 0 : debt > previous, $"{count} tables: {debt}");
            previous = debt;
        }
    }

    private static long Debt(string levels, int levelZeroCount) =>
        LevelTargets.Compute(Bytes(levels), Options).EstimateDebtBytes(levelZeroCount);

    private static long[] Bytes(string levels)
    {
        long[] bytes = new long[LevelMap.LevelCount];
        if (levels == "empty") return bytes;
        foreach (string level in levels.Split(' '))
        {
            string[] parts = level.Split(':');
            int number = int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture);
            bytes[number] = long.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture);
        }

        return bytes;
    }
}
