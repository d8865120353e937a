namespace Varve.Simulation;

/// <summary>The events of one generation: on a disk that nobody has hurt there is no damage, nothing stops, and the end is told.</summary>
internal sealed class HistoryEvents
{
    private readonly Lock _guard = new();
    private readonly List<DatabaseEvent> _taken = [];

    public void Take(DatabaseEvent happened)
    {
        lock (_guard) _taken.Add(happened);
    }

    /// <summary>While the database is open: nothing bad has been told so far.</summary>
    public void CheckCalm()
    {
        lock (_guard)
        {
            foreach (DatabaseEvent happened in _taken)
            {
                if (happened is DamageFoundEvent or WritingStoppedEvent or FlushFailedEvent or CompactionFailedEvent)
                    throw new HistoryViolationException($"on a sound disk: {happened}");
            }
        }
    }

    /// <summary>After a clean close: every event has been handled, the opening first, the close last, each stall ended.</summary>
    public void CheckClosed()
    {
        CheckCalm();
        lock (_guard)
        {
            bool isWhole = _taken is [DatabaseOpenedEvent, .., DatabaseClosedEvent { Failure: null }];
            bool stallsEnd = _taken.OfType<StallBeganEvent>().Count() == _taken.OfType<StallEndedEvent>().Count();
            if (!isWhole || !stallsEnd)
                throw new HistoryViolationException($"the events of a whole life are: {string.Join(" ", _taken)}");
        }
    }
}
