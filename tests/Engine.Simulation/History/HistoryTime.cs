using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>
/// The store's time during one open, held against the clocks it may know: it never goes back, is never behind the wall clock, and never
/// ahead of all that wall clocks have shown. The time for reclaiming is no further than a clock that nobody can set allows.
/// </summary>
internal sealed class HistoryTime
{
    /// <summary>What may pass between the making of the store's clock and of this object.</summary>
    private const long SlackMilliseconds = 1_000;

    private readonly StoreClock _store;
    private readonly HistoryModel _model;
    private readonly ManualClock _machine;
    private readonly long _madeAt;
    private readonly long _wallAtStart;
    private readonly long _trustedAtStart;
    private long _wallMax;
    private long _last;

    /// <param name="store">Of a database that was just opened.</param>
    /// <param name="model">Knows the wall clocks from before.</param>
    /// <param name="wallMax">The most that the clocks of earlier opens have shown; 0: not known, or there was none.</param>
    /// <param name="isNew">Perhaps no open has left a time.</param>
    public HistoryTime(StoreClock store, HistoryModel model, long wallMax, bool isNew)
    {
        _store = store;
        _model = model;
        _machine = (ManualClock)store.TimeProvider;
        _madeAt = _machine.GetTimestamp();
        _wallMax = wallMax;
        _wallAtStart = Wall;
        _trustedAtStart = isNew || wallMax == 0 ? _wallAtStart : Math.Min(wallMax, _wallAtStart);
        Read();
    }

    private long Wall => _machine.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The time of this moment.</summary>
    public long Read()
    {
        long wall = Wall;
        _wallMax = Math.Max(_wallMax, wall);
        long now = _store.ReadTime();
        if (now < _last) throw new HistoryViolationException($"time went back from {_last} to {now}");
        if (now < wall) throw new HistoryViolationException($"time is {now}, the wall clock shows {wall}");
        if (now > Math.Max(_wallMax, _model.WallMax)) throw new HistoryViolationException($"time is {now}, which no clock has shown");
        _last = now;
        CheckReclaimTime(now, wall);
        return now;
    }

    /// <summary>The open goes on from where the store's time was left.</summary>
    public void CheckFloor(long floor)
    {
        if (Read() < floor) throw new HistoryViolationException($"time goes on from {_last}, it had been {floor}");
    }

    private void CheckReclaimTime(long now, long wall)
    {
        long reclaims = _store.ReadReclaimTime();
        long elapsed = (long)_machine.GetElapsedTime(_madeAt).TotalMilliseconds + SlackMilliseconds;
        long start = elapsed < StoreClock.GraceMilliseconds ? _trustedAtStart : _wallAtStart;
        if (reclaims > Math.Min(now, wall) || reclaims > start + elapsed)
            throw new HistoryViolationException($"entries are reclaimed as of {reclaims}, {elapsed} ms after {start}; it is {now}");
    }
}
