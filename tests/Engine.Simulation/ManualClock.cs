namespace Varve.Simulation;

/// <summary>
/// A clock that stands still until it is told otherwise. Its two hands are those of a machine: time that only goes forward, and
/// the wall clock, which may also be set. Safe for concurrent use.
/// </summary>
internal sealed class ManualClock : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private long _timestamp;
    private long _wallOffset = Start.UtcTicks;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override long GetTimestamp() => Volatile.Read(ref _timestamp);

    public override DateTimeOffset GetUtcNow() => new(Volatile.Read(ref _wallOffset) + GetTimestamp(), TimeSpan.Zero);

    /// <summary>Lets time pass, on both hands.</summary>
    public void Advance(TimeSpan duration)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(duration, TimeSpan.Zero);
        Interlocked.Add(ref _timestamp, duration.Ticks);
    }

    /// <summary>Sets the wall clock, forward or back; no time passes.</summary>
    public void SetUtcNow(DateTimeOffset now) => Volatile.Write(ref _wallOffset, now.UtcTicks - GetTimestamp());

    /// <summary>Timers would run on threads that no scheduler knows.</summary>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        throw new NotSupportedException("The engine waits through its scheduler, never by a timer.");
}
