namespace Varve.Mcp.Calls;

/// <summary>How long a call may take. The time in which its client is asked something does not count.</summary>
internal sealed class CallTimeLimit : IDisposable
{
    private readonly TimeProvider _time;
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ending;
    private TimeSpan _left;
    private long _runningSince;
    private int _pauses;
    private bool _isDisposed;

    public CallTimeLimit(TimeSpan limit, TimeProvider time)
    {
        (_time, _left, _runningSince) = (time, limit, time.GetTimestamp());
        _ending = new CancellationTokenSource(limit, time);
        Over = _ending.Token;
    }

    /// <summary>Cancelled when the time is over.</summary>
    public CancellationToken Over { get; }

    /// <summary>Stands still until all that was got here is disposed.</summary>
    public IDisposable Pause()
    {
        lock (_gate)
        {
            if (_pauses++ == 0)
            {
                _left -= _time.GetElapsedTime(_runningSince);
                SetLocked(Timeout.InfiniteTimeSpan);
            }
        }
        return new Paused(this);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _ending.Dispose();
        }
    }

    private void Resume()
    {
        lock (_gate)
        {
            if (--_pauses > 0) return;
            _runningSince = _time.GetTimestamp();
            SetLocked(_left > TimeSpan.Zero ? _left : TimeSpan.Zero);
        }
    }

    /// <summary>A call with a key may go on, and ask, when the request that had the limit is over.</summary>
    private void SetLocked(TimeSpan left)
    {
        if (!_isDisposed) _ending.CancelAfter(left);
    }

    private sealed class Paused(CallTimeLimit limit) : IDisposable
    {
        private bool _isOver;

        public void Dispose()
        {
            if (!Interlocked.Exchange(ref _isOver, true)) limit.Resume();
        }
    }
}
