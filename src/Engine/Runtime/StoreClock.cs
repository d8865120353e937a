namespace Varve.Runtime;

/// <summary>
/// The store's time for entries that expire, in milliseconds since 1970 UTC. It follows the wall clock but never goes back, also not
/// over a close and an open: the mark is kept in the manifest and the log. Safe for concurrent use.
/// </summary>
/// <remarks>
/// What has expired may come back after a mistake of the wall clock is put right, until it is reclaimed; so reclaiming has a time of
/// its own, which no clock that is set can push ahead: see <see cref="ReadReclaimTime"/>.
/// </remarks>
internal sealed class StoreClock
{
    /// <summary>
    /// An entry is reclaimed only so long after its expiry, and a wall clock that an open has met is trusted only after so long.
    /// </summary>
    public const long GraceMilliseconds = 60 * 60 * 1000;

    private readonly TimeProvider _clock;
    private readonly long _openedAt;
    private readonly long _wallAtOpen;
    private readonly long _trustedAtOpen;
    private long _mark;
    private volatile bool _isNeeded;

    /// <param name="clock">Where wall clock and monotonic time come from.</param>
    /// <param name="mark">The highest time that is known to have been given out in earlier opens; 0 when there was none.</param>
    public StoreClock(TimeProvider clock, long mark)
    {
        _clock = clock;
        _openedAt = clock.GetTimestamp();
        _wallAtOpen = WallNow;
        _trustedAtOpen = mark == 0 ? _wallAtOpen : Math.Min(mark, _wallAtOpen);
        _mark = Math.Max(mark, _wallAtOpen);
    }

    /// <summary>The highest time given out so far: to be made durable with whatever is written next.</summary>
    public long Mark => Volatile.Read(ref _mark);

    public TimeProvider TimeProvider => _clock;

    /// <summary>True once an entry that expires has been written in this open.</summary>
    public bool IsNeeded => _isNeeded;

    private long WallNow => Math.Max(0, _clock.GetUtcNow().ToUnixTimeMilliseconds());

    /// <summary>An entry that expires is about to be written.</summary>
    public void Need() => _isNeeded = true;

    /// <summary>The time of this moment; stands still while the wall clock is behind what it was before.</summary>
    public long ReadTime()
    {
        long now = WallNow;
        long mark = Volatile.Read(ref _mark);
        while (now > mark)
        {
            long before = Interlocked.CompareExchange(ref _mark, now, mark);
            if (before == mark) return now;
            mark = before;
        }

        return mark;
    }

    /// <summary>
    /// The time before which expiries have come for certain. While the store is open it advances as monotonic time does, from the mark
    /// that the store was left with; the wall clock that the open met counts once the store has been open for the grace. Never ahead of
    /// the wall clock, nor of the mark.
    /// </summary>
    public long ReadReclaimTime()
    {
        long elapsed = (long)_clock.GetElapsedTime(_openedAt).TotalMilliseconds;
        long start = elapsed < GraceMilliseconds ? _trustedAtOpen : _wallAtOpen;
        return Math.Min(start + elapsed, Math.Min(ReadTime(), WallNow));
    }
}
