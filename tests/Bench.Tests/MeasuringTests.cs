using Varve.Workloads.Loads;
using Varve.Workloads.Measuring;

namespace Varve.Bench.Tests;

public sealed class MeasuringTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void A_percentile_is_at_most_four_percent_above_the_true_one(int seed)
    {
        var random = new Random(seed);
        var histogram = new LatencyHistogram();
        long[] durations = [.. Enumerable.Range(0, 20_000).Select(_ => (long)Math.Exp(random.NextDouble() * 30))];
        foreach (long duration in durations) histogram.Record(duration);
        Array.Sort(durations);
        foreach (double share in (double[])[0.01, 0.5, 0.9, 0.99, 0.999, 1])
        {
            long wanted = durations[(int)Math.Ceiling(share * durations.Length) - 1];
            long found = histogram.Percentile(share);
            Assert.True(found >= wanted && found <= wanted * 1.04 + 1, $"seed {seed}, {share:P1}: {found}, not {wanted}");
        }

        Assert.Equal(durations[^1], histogram.Percentile(1));
    }

    [Fact]
    public void Histograms_of_several_threads_are_those_of_one()
    {
        var one = new LatencyHistogram();
        var sum = new LatencyHistogram();
        for (int thread = 0; thread < 4; thread++)
        {
            var own = new LatencyHistogram();
            for (int i = 1; i < 1_000; i++)
            {
                own.Record(i * (thread + 1));
                one.Record(i * (thread + 1));
            }

            sum.Add(own);
        }

        Assert.Equal(one.Count, sum.Count);
        foreach (double share in (double[])[0.1, 0.5, 0.99, 1]) Assert.Equal(one.Percentile(share), sum.Percentile(share));
    }

    [Fact]
    public void Of_an_empty_histogram_every_percentile_is_nothing() => Assert.Equal(0, new LatencyHistogram().Percentile(0.5));

    [Fact]
    public void Popular_ranks_come_as_often_as_the_distribution_says()
    {
        const int Count = 1_000;
        const int Draws = 1_000_000;
        var zipfian = new Zipfian(Count, new RandomBits(7));
        int[] seen = new int[Count];
        for (int i = 0; i < Draws; i++) seen[zipfian.Next()]++;
        double zeta = Enumerable.Range(1, Count).Sum(rank => 1 / Math.Pow(rank, 0.99));
        foreach (int rank in (int[])[0, 1])
        {
            double expected = Draws / (zeta * Math.Pow(rank + 1, 0.99));
            Assert.InRange(seen[rank], expected * 0.97, expected * 1.03);
        }

        // The algorithm approximates the others; together they are right.
        double expectedOfHalf = Draws * Enumerable.Range(1, Count / 2).Sum(rank => 1 / Math.Pow(rank, 0.99)) / zeta;
        Assert.InRange(seen.Take(Count / 2).Sum(), expectedOfHalf * 0.97, expectedOfHalf * 1.03);
    }

    [Fact]
    public void Ranks_that_were_added_are_as_if_they_had_been_there()
    {
        var grown = new Zipfian(100, new RandomBits(3));
        grown.GrowTo(5_000);
        var whole = new Zipfian(5_000, new RandomBits(3));
        for (int i = 0; i < 10_000; i++) Assert.Equal(whole.Next(), grown.Next());
    }
}
