using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;

namespace Varve.Mcp.Gateway.Front;

/// <summary>The gateway's end: from when it is told to stop there are no new calls, and those under way have some time.</summary>
internal sealed class Drain : IDisposable
{
    private readonly CancellationTokenSource _ended = new();
    private readonly CancellationTokenRegistration _stopping;
    private ITimer? _timer;

    public Drain(IHostApplicationLifetime lifetime, IOptions<GatewayOptions> options, TimeProvider time)
    {
        Stopping = lifetime.ApplicationStopping;
        _stopping = Stopping.Register(() => _timer = time.CreateTimer(
            _ => _ended.Cancel(), null, options.Value.DrainTimeout, Timeout.InfiniteTimeSpan));
    }

    /// <summary>The gateway was told to stop.</summary>
    public CancellationToken Stopping { get; }

    /// <summary>The time of calls under way is over.</summary>
    public CancellationToken Ended => _ended.Token;

    public bool IsDraining => Stopping.IsCancellationRequested;

    public void Dispose()
    {
        _stopping.Dispose();
        _timer?.Dispose();
        _ended.Dispose();
    }
}
