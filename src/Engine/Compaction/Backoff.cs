namespace Varve.Compaction;

/// <summary>How long to wait before a failed job is tried again: 100 ms, doubled each time, 10 s at most.</summary>
internal struct Backoff
{
    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private TimeSpan _last;

    public TimeSpan Next()
    {
        _last = _last == TimeSpan.Zero ? First : TimeSpan.FromTicks(Math.Min(_last.Ticks * 2, Longest.Ticks));
        return _last;
    }

    public void Reset() => _last = TimeSpan.Zero;
}
