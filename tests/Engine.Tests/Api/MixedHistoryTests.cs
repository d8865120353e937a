namespace Varve.Tests.Api;

public sealed class MixedHistoryTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public void Whatever_makes_entries_come_and_go_together_every_read_shows_what_the_model_has(int options)
    {
        for (int seed = 1; seed <= 12; seed++)
        {
            using var history = new MixedHistory((1_000 * options) + seed, OptionSet.All[options]);
            history.Run(steps: 120);
        }
    }
}
