namespace Varve.Tests.Litmus;

/// <summary>
/// A short round of the litmus tests of the concurrent parts (docs/testing.md): each on the engine's own part, and on copies with one step
/// left out or in the wrong place, which it must catch.
/// </summary>
public sealed class LitmusTests
{
    private const int SoundSeeds = 15;
    private const int BrokenSeedsMax = 300;

    private static readonly TimeSpan SoundTime = TimeSpan.FromMilliseconds(400);

    /// <summary>A copy is mostly caught in the first rounds; a busy machine gets its time.</summary>
    private static readonly TimeSpan BrokenTimeMax = TimeSpan.FromSeconds(30);

    public static TheoryData<string> Sound => [.. LitmusList.Sound.Keys];

    public static TheoryData<string> Broken => [.. LitmusList.Broken.Keys];

    [Theory]
    [MemberData(nameof(Sound))]
    public void The_protocol_holds_on_real_threads(string name) =>
        Assert.True(LitmusRunner.RunFor(LitmusList.Sound[name], SoundTime) > 0, name);

    [Theory]
    [MemberData(nameof(Sound))]
    public void The_protocol_holds_in_orders_drawn_from_seeds(string name) =>
        Assert.True(LitmusRunner.RunSeeds(LitmusList.Sound[name], firstSeed: 1, SoundSeeds) > 0, name);

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_broken_copy_is_caught_on_real_threads(string name) =>
        AssertCaught(() => LitmusRunner.RunFor(LitmusList.Broken[name], BrokenTimeMax));

    [Theory]
    [MemberData(nameof(Broken))]
    public void A_broken_copy_is_caught_in_orders_drawn_from_seeds(string name) =>
        AssertCaught(() => LitmusRunner.RunSeeds(LitmusList.Broken[name], firstSeed: 1, BrokenSeedsMax));

    /// <summary>By what the litmus looks for, not by an error of the copy.</summary>
    private static void AssertCaught(Func<object> run)
    {
        HistoryViolationException caught = Assert.Throws<HistoryViolationException>(run);
        Assert.IsType<HistoryViolationException>(caught.InnerException);
    }
}
