using Varve.Diagnostics;
using Varve.Levels;
using Varve.Memory;

namespace Varve.Reading;

/// <summary>
/// The current view and the highest visible sequence. There are two orders, and each is right for one kind of read only.
/// A get at this moment loads the view first and the sequence second: compaction may have dropped, from any later view, what a
/// sequence loaded before it would need. A read at a registered moment (snapshot, cursor) has its sequence first and loads the view
/// second: nothing it needs is dropped, and a view loaded before could lack entries up to the sequence, half a batch of them.
/// </summary>
internal sealed class ReadViews
{
    private readonly Lock _changeGuard = new();

    /// <summary>Views that were replaced while somebody read them.</summary>
    private readonly List<ReadView> _replaced = [];

    /// <summary>How many they are, for whoever only asks whether there are any.</summary>
    private volatile int _replacedCount;
    private ReadView? _current;
    private ulong _visibleSequence;

    public ReadViews(MemTable active, MemTable[] frozen, LevelMap levels, ulong visibleSequence)
    {
        _current = new ReadView(active, frozen, levels);
        _visibleSequence = visibleSequence;
    }

    /// <summary>Reads see every entry up to it.</summary>
    public ulong VisibleSequence => Volatile.Read(ref _visibleSequence);

    /// <summary>The current view without a pin: only for the thread that changes it, or for figures.</summary>
    public ReadView Unpinned => Volatile.Read(ref _current) ?? throw new ObjectDisposedException(nameof(Database));

    /// <summary>Publish last: a reader that sees this sequence must also see the entries below it.</summary>
    public void Publish(ulong sequence) => Volatile.Write(ref _visibleSequence, sequence);

    /// <summary>Pins the current view; release it.</summary>
    /// <exception cref="ObjectDisposedException">The database was closed.</exception>
    public ReadView Pin()
    {
        while (true)
        {
            ReadView view = Unpinned;
            if (view.TryAddReference()) return view;
        }
    }

    /// <summary>Visits the current view, for a read that ends soon; leave it with the stripe.</summary>
    /// <exception cref="ObjectDisposedException">The database was closed.</exception>
    public ReadView Enter(out int stripe)
    {
        while (true)
        {
            ReadView view = Unpinned;
            if (view.TryEnter(out stripe)) return view;
        }
    }

    /// <summary>
    /// Visits a view for a read of several keys at this moment, without registering it: the view has all entries up to the sequence, and
    /// none that the sequence needs was dropped from it.
    /// </summary>
    public ReadView EnterMoment(out int stripe, out ulong sequence)
    {
        while (true)
        {
            ReadView view = Enter(out stripe);
            sequence = VisibleSequence;

            if (IsCurrent(view)) return view;
            view.Leave(stripe);
        }
    }

    /// <summary>
    /// True while nothing up to a sequence that was read since the view was pinned is elsewhere. Later half a batch may be in the successor
    /// of its memtable; or an ingest in tables that it lacks, and what was written behind the ingest in the memtable that it has.
    /// </summary>
    internal bool IsCurrent(ReadView view) => ReferenceEquals(Volatile.Read(ref _current), view);

    /// <summary>Freezes the active memtable and puts an empty one in its place. The views keep their own references.</summary>
    public void Rotate(MemTable active)
    {
        lock (_changeGuard)
        {
            ReadView before = Unpinned;
            Replace(before, new ReadView(active, [before.Active, .. before.Frozen], before.Levels));
        }
    }

    /// <summary>Shows new tables, and no longer the memtable that was written to them (null: none was).</summary>
    public void InstallLevels(LevelMap levels, MemTable? flushed)
    {
        lock (_changeGuard)
        {
            ReadView before = Unpinned;
            MemTable[] frozen = before.Frozen;
            if (flushed is not null)
            {
                // Flushes are installed strictly in order, so the one that leaves is the oldest.
                Invariant.Holds(frozen.Length > 0 && ReferenceEquals(frozen[^1], flushed));
                frozen = frozen[..^1];
            }

            Replace(before, new ReadView(before.Active, frozen, levels));
        }
    }

    /// <summary>Bytes of memtables that are in tables already and live on only because cursors that do not move still read them.</summary>
    public long GetOutlivedBytes()
    {
        if (_replacedCount == 0) return 0;
        lock (_changeGuard)
        {
            _replacedCount -= _replaced.RemoveAll(static view => view.IsGivenUp);
            ReadView current = Unpinned;
            var counted = new HashSet<MemTable>();
            long bytes = 0;
            foreach (ReadView view in _replaced)
            {
                foreach (MemTable table in (ReadOnlySpan<MemTable>)[view.Active, .. view.Frozen])
                {
                    bool isCurrent = ReferenceEquals(table, current.Active) || Array.IndexOf(current.Frozen, table) >= 0;
                    if (!isCurrent && counted.Add(table)) bytes += table.UsedBytes;
                }
            }

            return bytes;
        }
    }

    /// <summary>Gives up the current view: reads from now on throw <see cref="ObjectDisposedException"/>.</summary>
    public void Close()
    {
        lock (_changeGuard)
        {
            ReadView? before = _current;
            Volatile.Write(ref _current, null);
            before?.Close();
        }
    }

    private void Replace(ReadView before, ReadView after)
    {
        Volatile.Write(ref _current, after);
        before.Close();
        _replaced.RemoveAll(static view => view.IsGivenUp);
        if (!before.IsGivenUp) _replaced.Add(before);
        _replacedCount = _replaced.Count;
    }
}
