using Varve.Diagnostics;
using Varve.Runtime;

namespace Varve.Reading;

/// <summary>
/// The sequences that somebody still reads at. Taking one happens under the lock under which compaction reads the list, so that no
/// version a snapshot needs is dropped between the two.
/// </summary>
internal sealed class SnapshotList(ReadViews views, StoreClock clock)
{
    private readonly Lock _listGuard = new();

    // In the order in which they were taken, linked through themselves: each cursor takes one.
    private Registration? _oldest;
    private Registration? _youngest;
    private int _count;

    /// <summary>Snapshots that are open.</summary>
    public int Count
    {
        get
        {
            lock (_listGuard) return _count;
        }
    }

    /// <summary>How long the oldest open snapshot has been held; zero when none is.</summary>
    public TimeSpan OldestAge
    {
        get
        {
            lock (_listGuard) return _oldest is { } oldest ? clock.TimeProvider.GetElapsedTime(oldest.TakenAt) : TimeSpan.Zero;
        }
    }

    /// <summary>Registers the visible sequence and the time of this moment.</summary>
    public Registration Take()
    {
        lock (_listGuard)
        {
            var registration = new Registration(views.VisibleSequence, clock.ReadTime(), clock.TimeProvider.GetTimestamp());
            registration.Older = _youngest;
            if (_youngest is null) _oldest = registration;
            else _youngest.Younger = registration;
            _youngest = registration;
            _count++;
            return registration;
        }
    }

    /// <summary>One more use of a registration; each is returned for itself. False when the last use has been returned.</summary>
    public bool TryShare(Registration registration)
    {
        lock (_listGuard)
        {
            if (registration.Uses == 0) return false;
            registration.Uses++;
            return true;
        }
    }

    public void Return(Registration registration)
    {
        lock (_listGuard)
        {
            Invariant.Holds(registration.Uses > 0);
            if (--registration.Uses == 0) RemoveLocked(registration);
        }
    }

    /// <summary>
    /// The registered sequences, ascending, without repetition, then the visible one: below it nothing else can be read at.
    /// </summary>
    public ulong[] GetReadableSequences()
    {
        lock (_listGuard)
        {
            var sequences = new List<ulong>(_count + 1);
            for (Registration? registration = _oldest; registration is not null; registration = registration.Younger)
            {
                // Taken in the order of the list, and the visible sequence never falls.
                if (sequences.Count == 0 || sequences[^1] != registration.Sequence) sequences.Add(registration.Sequence);
            }

            ulong visible = views.VisibleSequence;
            if (sequences.Count == 0 || sequences[^1] != visible) sequences.Add(visible);
            return [.. sequences];
        }
    }

    /// <summary>
    /// An entry whose expiry lies before it is gone for every reader that is and that may come, and for longer than the grace: it may be
    /// taken for a tombstone. Milliseconds since 1970 UTC.
    /// </summary>
    public ulong GetReclaimBound()
    {
        lock (_listGuard)
        {
            // Taken in the order of the list, and time never goes back.
            long oldest = _oldest is { } first ? first.Milliseconds : long.MaxValue;
            return (ulong)Math.Max(0, Math.Min(oldest, clock.ReadReclaimTime()) - StoreClock.GraceMilliseconds);
        }
    }

    private void RemoveLocked(Registration registration)
    {
        if (registration.Older is null) _oldest = registration.Younger;
        else registration.Older.Younger = registration.Younger;
        if (registration.Younger is null) _youngest = registration.Older;
        else registration.Younger.Older = registration.Older;
        registration.Older = null;
        registration.Younger = null;
        _count--;
    }

    internal sealed class Registration(ulong sequence, long milliseconds, long takenAt)
    {
        public ulong Sequence { get; } = sequence;

        /// <summary>The time that decides what has expired.</summary>
        public long Milliseconds { get; } = milliseconds;

        public ReadMoment Moment => new(Sequence, Milliseconds);

        public long TakenAt { get; } = takenAt;

        internal Registration? Older { get; set; }

        internal Registration? Younger { get; set; }

        internal int Uses { get; set; } = 1;
    }
}
