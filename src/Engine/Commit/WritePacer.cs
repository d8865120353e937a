using Varve.Runtime;

namespace Varve.Commit;

/// <summary>
/// Slows writes smoothly, in proportion to the work they leave behind, so that they never stand still at a step. At pressure p
/// writers get (1 - p) / p of the rate at which upkeep works off bytes: unlimited at 0, equal at one half, a thousandth near 1; at 1
/// the next rotation waits for compaction (<see cref="IFlushRoom.WaitForRoom"/>).
/// </summary>
/// <remarks>One thread at a time delays: the leader of the commit queue. The pressure is set by the upkeep and read by anyone.</remarks>
internal sealed class WritePacer
{
    /// <summary>Bytes a second that upkeep is taken to manage before it has been measured.</summary>
    private const double FirstRateBytes = 100e6;

    /// <summary>No single write waits longer than this for the pace, whatever is owed: a gap of more is felt.</summary>
    private const double SleepMillisecondsMax = 20;

    /// <summary>What is owed beyond one wait is paid by the writes behind it, up to this much.</summary>
    private const double OwedMillisecondsMax = 1000;

    private readonly TimeProvider _clock;
    private readonly EngineSignal _never;
    private double _pressure;
    private double _rateBytes = FirstRateBytes;
    private double _owedMilliseconds;
    private long _lastDelayAt;
    private long _delayedTicks;

    public WritePacer(Scheduler scheduler)
    {
        _clock = scheduler.Clock;
        _never = scheduler.CreateSignal("pace");
        _lastDelayAt = _clock.GetTimestamp();
    }

    /// <summary>0 (upkeep is ahead) to 1 (writes wait for it).</summary>
    public double Pressure => Volatile.Read(ref _pressure);

    /// <summary>How long writes have been held back since the open, stalls not included.</summary>
    public TimeSpan DelayedTime => new(Volatile.Read(ref _delayedTicks));

    /// <summary>Sets how far upkeep is behind, and the bytes a second it works off (0: not known, the last figure stays).</summary>
    public void SetPressure(double pressure, double rateBytes)
    {
        Volatile.Write(ref _pressure, Math.Clamp(pressure, 0, 1));
        if (rateBytes > 0) Volatile.Write(ref _rateBytes, rateBytes);
    }

    /// <summary>Waits as long as writing so many bytes asks for at the pressure of this moment.</summary>
    public void Delay(long bytes)
    {
        double pressure = Pressure;
        if (pressure <= 0)
        {
            _owedMilliseconds = 0;
            return;
        }

        // Time that has passed since the last write, asleep or not, has been paid.
        long now = _clock.GetTimestamp();
        double passedMilliseconds = _clock.GetElapsedTime(_lastDelayAt, now).TotalMilliseconds;
        _lastDelayAt = now;
        double allowedRate = Math.Max(1.0 - pressure, 0.001) / pressure * Volatile.Read(ref _rateBytes);
        double owed = Math.Max(0, _owedMilliseconds - passedMilliseconds) + (bytes / allowedRate * 1000);
        _owedMilliseconds = Math.Min(owed, OwedMillisecondsMax);

        // Whole milliseconds, since a wait knows no shorter ones; the rest stays owed.
        double sleepMilliseconds = Math.Floor(Math.Min(_owedMilliseconds, SleepMillisecondsMax));
        if (sleepMilliseconds < 1) return;
        _never.Wait(TimeSpan.FromMilliseconds(sleepMilliseconds));
        Volatile.Write(ref _delayedTicks, _delayedTicks + _clock.GetElapsedTime(now).Ticks);
    }
}
