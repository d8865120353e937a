using Varve.Compaction;

namespace Varve.Tests.Compaction;

public sealed class BackoffTests
{
    private static readonly int[] Milliseconds = [100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000];

    [Fact]
    public void Waits_double_from_a_tenth_of_a_second_to_ten_seconds_and_stay_there()
    {
        var backoff = new Backoff();
        foreach (int milliseconds in Milliseconds) Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), backoff.Next());
        for (int i = 0; i < 1_000; i++) Assert.Equal(TimeSpan.FromSeconds(10), backoff.Next());
    }

    [Fact]
    public void A_success_begins_anew()
    {
        var backoff = new Backoff();
        for (int round = 0; round < 3; round++)
        {
            foreach (int milliseconds in Milliseconds[..(3 + round)]) Assert.Equal(milliseconds, backoff.Next().TotalMilliseconds);
            backoff.Reset();
        }
    }
}
