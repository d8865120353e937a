namespace Varve.Log;

/// <summary>
/// Everything of the log that can be read, in order: the history, then the live segments where there is a writer. Safe for concurrent
/// use.
/// </summary>
internal sealed class LogSegments(LogHistory history, LogWriter? writer)
{
    /// <summary>What an earlier process has left in the window, where nobody has written it to its slot; null: nothing.</summary>
    public LogWindowContent? Window { get; set; }

    /// <summary>Who has everything up to it can read on without a gap.</summary>
    public ulong OldestStart => TryFindAfter(0, out ReadableSegment oldest) ? oldest.StartSequence : history.PrecedingSequence;

    /// <summary>Live first: a segment enters the history before it leaves the live ones.</summary>
    public bool TryFind(long number, out ReadableSegment found) =>
        (writer is not null && writer.TryFind(number, out found)) || history.TryFind(number, out found);

    /// <summary>The oldest segment with a number above one.</summary>
    public bool TryFindAfter(long number, out ReadableSegment found)
    {
        found = default;
        bool isLive = writer is not null && writer.TryFindAfter(number, out found);
        if (!history.TryFindAfter(number, out ReadableSegment retired)) return isLive;
        if (!isLive || retired.Number < found.Number) found = retired;
        return true;
    }

    /// <summary>The last segment that starts at or below a sequence, from which one can read on; false when there is none.</summary>
    public bool TryFindStart(ulong sequence, out ReadableSegment found)
    {
        found = default;
        bool isFound = false;
        long number = 0;
        while (TryFindAfter(number, out ReadableSegment next) && next.StartSequence <= sequence)
        {
            (found, number, isFound) = (next, next.Number, true);
        }

        return isFound;
    }

    /// <summary>A retired segment is damaged: it and what was before it are given up.</summary>
    public void DropThrough(long number) => history.DropThrough(number);
}
