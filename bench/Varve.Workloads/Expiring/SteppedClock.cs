namespace Varve.Workloads.Expiring;

/// <summary>A clock that moves with the load: so much time passes with every entry that is written.</summary>
internal sealed class SteppedClock : TimeProvider
{
    private static readonly long Start = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).UtcTicks;

    private long _passed;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public TimeSpan Passed => TimeSpan.FromTicks(GetTimestamp());

    public override long GetTimestamp() => Volatile.Read(ref _passed);

    public override DateTimeOffset GetUtcNow() => new(Start + GetTimestamp(), TimeSpan.Zero);

    /// <summary>By one thread.</summary>
    public void Advance(TimeSpan duration) => Volatile.Write(ref _passed, _passed + duration.Ticks);
}
