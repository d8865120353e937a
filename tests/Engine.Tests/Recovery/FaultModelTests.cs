using Varve.Native;

namespace Varve.Tests.Recovery;

/// <summary>The fault model of docs/simulation.md strikes, and a history that fails is made small.</summary>
public sealed class FaultModelTests : IDisposable
{
    private static readonly RegionPool Pool = new();

    public FaultModelTests() => Pool.AddUser();

    public void Dispose() => Pool.RemoveUser();

    [Fact]
    public void Histories_meet_failing_disks_and_damage_of_which_some_is_found_and_some_harmless()
    {
        var tally = new HistoryTally();
        for (int seed = 101; seed <= 120; seed++)
        {
            HistoryOptions options = HistoryOptions.Draw(seed);
            tally.Add(History.Run(options with { Generations = 2, Operations = Math.Min(options.Operations, 40) }, Pool).Tally);
        }

        Assert.True(tally.FaultyCalls > 20, tally.ToString());
        Assert.True(tally.DamagesFound > 5 && tally.DamagesFound < tally.Damages, tally.ToString());
    }

    [Fact]
    public void The_same_operations_end_the_same_under_other_options_and_orders()
    {
        for (int seed = 1; seed <= 3; seed++)
        {
            HistoryOptions options = HistoryOptions.Draw(seed);
            History.RunUnderSets(options with { Operations = Math.Min(options.Operations, 60) }, Pool, sets: 3);
        }
    }

    [Fact]
    public void A_history_that_fails_is_shrunk_to_one_that_still_does()
    {
        HistoryOptions drawn = HistoryOptions.Draw(2);
        HistoryResult Run(HistoryOptions options) => History.Run(options, Pool, files => new LyingFiles(files, LyingFiles.LogIsNotSynced));

        var shrinker = new HistoryShrinker(Run);
        HistoryOptions smallest = shrinker.Shrink(drawn);

        Assert.NotNull(shrinker.Violation);
        Assert.True(smallest.StepsMax < 60, $"{smallest.StepsMax} steps are left");
        Assert.False(smallest.Has(HistoryFeatures.Checkpoints));
        Assert.Throws<HistoryViolationException>(() => Run(smallest));
        if (smallest.StepsMax > 0) Run(smallest with { StepsMax = smallest.StepsMax - 1 });
        Assert.Contains($" --steps {smallest.StepsMax}", HistoryShrinker.Arguments(smallest, drawn), StringComparison.Ordinal);
    }

    [Fact]
    public void Shrinking_keeps_only_what_the_failure_needs()
    {
        HistoryOptions drawn = HistoryOptions.Draw(1) with { Writers = 3, Generations = 4, Operations = 100 };
        var shrinker = new HistoryShrinker(options => options.StepsMax >= 37 && options.Has(HistoryFeatures.Ingests)
            ? throw new HistoryViolationException("it needs an ingest in step 37")
            : new HistoryResult(0, 0, 0, 0, 0, 0, new HistoryTally()));

        HistoryOptions smallest = shrinker.Shrink(drawn);

        Assert.Equal((37, 1), (smallest.StepsMax, smallest.Writers));
        Assert.True(smallest.Has(HistoryFeatures.Ingests));
        Assert.False(smallest.Has(HistoryFeatures.Faults) || smallest.Has(HistoryFeatures.Feed) || smallest.Has(HistoryFeatures.Damage));
    }

    [Fact]
    public void A_history_that_fails_nowhere_stays_as_it_is()
    {
        HistoryOptions drawn = HistoryOptions.Draw(1);
        var shrinker = new HistoryShrinker(_ => new HistoryResult(0, 0, 0, 0, 0, 0, new HistoryTally()));
        Assert.Same(drawn, shrinker.Shrink(drawn));
        Assert.Null(shrinker.Violation);
        Assert.Equal("", HistoryShrinker.Arguments(drawn, drawn));
    }

    [Fact]
    public void Numbers_of_a_part_do_not_depend_on_the_parts_before()
    {
        var random = new HistoryRandom(5);
        random.Begin(9, 3);
        int[] first = [random.Next(1000), random.Next(5, 9), random.Next()];
        random.NextBytes(new byte[77]);
        random.Begin(9, 3);
        Assert.Equal(first, new[] { random.Next(1000), random.Next(5, 9), random.Next() });
        random.Begin(9, 4);
        Assert.NotEqual(first, new[] { random.Next(1000), random.Next(5, 9), random.Next() });
        int[] counts = new int[10];
        for (int i = 0; i < 10_000; i++) counts[random.Next(-5, 5) + 5]++;
        Assert.All(counts, count => Assert.InRange(count, 800, 1_200));
    }
}
