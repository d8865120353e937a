using Varve.Mcp.Calls;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Calls;

public sealed class CallTimeLimitTests
{
    private readonly ManualTime _time = new();

    [Fact]
    public void What_is_left_is_what_was_not_paused()
    {
        using CallTimeLimit limit = new(TimeSpan.FromSeconds(10), _time);
        Advance(4);
        using (limit.Pause())
        {
            Advance(60);
            using (limit.Pause()) Advance(60);
            Advance(60);
        }
        Advance(5.5);
        Assert.False(limit.Over.IsCancellationRequested);
        Advance(0.5);
        Assert.True(limit.Over.IsCancellationRequested);
    }

    [Fact]
    public void A_pause_ends_once()
    {
        using CallTimeLimit limit = new(TimeSpan.FromSeconds(10), _time);
        using IDisposable outer = limit.Pause();
        IDisposable inner = limit.Pause();
        inner.Dispose();
        inner.Dispose();
        Advance(60);
        Assert.False(limit.Over.IsCancellationRequested);
    }

    [Fact]
    public void Who_asks_when_the_request_is_over_does_no_harm()
    {
        CallTimeLimit limit = new(TimeSpan.FromSeconds(10), _time);
        IDisposable begun = limit.Pause();
        limit.Dispose();
        begun.Dispose();
        limit.Pause().Dispose();
        Advance(60);
        Assert.False(limit.Over.IsCancellationRequested);
    }

    private void Advance(double seconds) => _time.Advance(TimeSpan.FromSeconds(seconds));
}
