namespace Varve.Tests.Idempotency;

/// <summary>
/// A clock on which nobody waits: whoever asks for a timer is shown its time at once. Or, held, one that stands still until it is told
/// otherwise.
/// </summary>
internal sealed class JournalClock : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<DueTimer> _timers = [];
    private readonly List<TimeSpan> _waits = [];
    private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private TaskCompletionSource _waited = new();

    /// <summary>Timers come due by <see cref="Advance"/> alone.</summary>
    public bool IsHeld { get; set; }

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <summary>What was waited for, in order.</summary>
    public TimeSpan[] Waits
    {
        get
        {
            lock (_gate) return [.. _waits];
        }
    }

    public override long GetTimestamp() => GetUtcNow().UtcTicks;

    public override DateTimeOffset GetUtcNow()
    {
        lock (_gate) return _now;
    }

    public void Advance(TimeSpan time)
    {
        List<DueTimer> due;
        lock (_gate)
        {
            _now += time;
            due = [.. _timers.Where(timer => timer.Due <= _now)];
            _timers.RemoveAll(due.Contains);
        }

        foreach (DueTimer timer in due) timer.Fire();
    }

    /// <summary>Ends when somebody waits on the held clock.</summary>
    public Task WaitForTimerAsync()
    {
        lock (_gate) return _timers.Count > 0 ? Task.CompletedTask : _waited.Task;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        TaskCompletionSource waited;
        DueTimer timer;
        lock (_gate)
        {
            _waits.Add(dueTime);
            if (!IsHeld) _now += dueTime;
            timer = new DueTimer(this, _now + (IsHeld ? dueTime : TimeSpan.Zero), () => callback(state));
            if (IsHeld) _timers.Add(timer);
            waited = _waited;
            _waited = new TaskCompletionSource();
        }

        // Never before the caller has its timer.
        if (!IsHeld) ThreadPool.QueueUserWorkItem(_ => timer.Fire());
        waited.TrySetResult();
        return timer;
    }

    private sealed class DueTimer(JournalClock clock, DateTimeOffset due, Action fire) : ITimer
    {
        public DateTimeOffset Due => due;

        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period) => false;

        public void Dispose()
        {
            lock (clock._gate) clock._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
