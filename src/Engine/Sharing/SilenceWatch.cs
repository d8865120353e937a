namespace Varve.Sharing;

/// <summary>
/// While calls wait for the owner: asks one that is silent for a sign of life, and gives up when none comes. Works only while calls wait.
/// </summary>
internal sealed class SilenceWatch : IAsyncDisposable
{
    /// <summary>Looks at silence are so many a timeout.</summary>
    private const int LooksPerTimeout = 4;

    private readonly TimeSpan _timeout;
    private readonly Func<bool> _isAwaited;
    private readonly Action _ping;
    private readonly Action _giveUp;
    private readonly Timer _look;
    private int _isLooking;
    private long _lastHeard;

    /// <param name="timeout">How long an owner may be silent.</param>
    /// <param name="isAwaited">Whether calls wait.</param>
    /// <param name="ping">Asks for a sign of life.</param>
    /// <param name="giveUp">Ends the calls that wait.</param>
    public SilenceWatch(TimeSpan timeout, Func<bool> isAwaited, Action ping, Action giveUp)
    {
        (_timeout, _isAwaited, _ping, _giveUp) = (timeout, isAwaited, ping, giveUp);
        _look = new Timer(static state => ((SilenceWatch)state!).Look(), this, Timeout.Infinite, Timeout.Infinite);
    }

    /// <summary>The owner has sent something.</summary>
    public void Hear() => Interlocked.Exchange(ref _lastHeard, Environment.TickCount64);

    /// <summary>A call waits from now on.</summary>
    public void Await()
    {
        if (Interlocked.Exchange(ref _isLooking, 1) != 0) return;
        Hear();
        LookLater();
    }

    public ValueTask DisposeAsync() => _look.DisposeAsync();

    private void Look()
    {
        if (!_isAwaited())
        {
            Interlocked.Exchange(ref _isLooking, 0);
            if (_isAwaited() && Interlocked.Exchange(ref _isLooking, 1) == 0) LookLater();
            return;
        }

        double silence = Environment.TickCount64 - Interlocked.Read(ref _lastHeard);
        if (silence >= _timeout.TotalMilliseconds) _giveUp();
        else if (silence >= _timeout.TotalMilliseconds / LooksPerTimeout) _ping();
        LookLater();
    }

    private void LookLater()
    {
        try
        {
            _look.Change(_timeout / LooksPerTimeout, Timeout.InfiniteTimeSpan);
        }
        catch (ObjectDisposedException)
        {
            // The connection has ended meanwhile, and with it all calls.
        }
    }
}
