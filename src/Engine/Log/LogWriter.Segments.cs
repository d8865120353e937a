using Varve.Files;
using Varve.Native;

namespace Varve.Log;

// The segments: how they begin, are retired, kept as history and recycled, and how others see them.
internal sealed partial class LogWriter
{
    /// <summary>What is kept for the change feed.</summary>
    public LogHistory History { get; }

    /// <summary>Wakes those who follow the log.</summary>
    public LogProgress Progress { get; } = new();

    /// <summary>Bytes of live segments that the system has: what a recovery would read.</summary>
    public long LiveBytes
    {
        get
        {
            lock (_segmentsGate)
            {
                long bytes = 0;
                foreach (LogSegment segment in _live) bytes += segment.DrainedBytes;
                return bytes;
            }
        }
    }

    /// <summary>The number of the oldest live segment.</summary>
    public long OldestSegment
    {
        get
        {
            lock (_segmentsGate) return _live[0].Number;
        }
    }

    /// <summary>The live segments in order, with what the system has of them.</summary>
    public IReadOnlyList<LogSegmentInfo> GetLiveSegments()
    {
        lock (_segmentsGate)
        {
            LogSegmentInfo[] segments = new LogSegmentInfo[_live.Count];
            for (int i = 0; i < segments.Length; i++)
            {
                LogSegment segment = _live[i];
                segments[i] = new LogSegmentInfo(segment.Number, segment.Path, segment.FirstSequence, segment.DrainedBytes);
            }

            return segments;
        }
    }

    /// <summary>A live segment by its number.</summary>
    public bool TryFind(long number, out ReadableSegment found) => TryFind(number, isExact: true, out found);

    /// <summary>The oldest live segment with a number above one.</summary>
    public bool TryFindAfter(long number, out ReadableSegment found) => TryFind(number, isExact: false, out found);

    /// <summary>
    /// Retires the segments that hold no record above <paramref name="flushedSequence"/>, which the manifest durably records: they become
    /// history, and what the history does not keep is recycled. A few free slots stay as spares, the others are deleted. A sealed log
    /// keeps its segments for the next open.
    /// </summary>
    public void RetireThrough(ulong flushedSequence)
    {
        bool isSyncing;
        lock (_segmentsGate)
        {
            if (_isClosed || _sealCause is not null) return;
            while (_live.Count > 1 && _live[1].StartSequence <= flushedSequence)
            {
                // In this order for a reader beside us: it finds the segment here or there.
                History.Add(Retire(_live[0]));
                _live.RemoveAt(0);
            }

            isSyncing = _isSyncing;
        }

        while (History.TryTakeSurplus(out RetiredSegment? surplus)) Recycle(surplus);

        // A sync under way may hold the file of a segment that was just retired; the next retirement closes or deletes it.
        if (isSyncing) return;
        foreach (LogSlot slot in History.DetachFiles()) slot.File.Dispose();
        _slots.DeleteSurplus();
    }

    /// <summary>Told, by whoever appends, that <see cref="EnsureSpare"/> is wanted; does not wait for it.</summary>
    public Action? SpareWanted { get; set; }

    /// <summary>
    /// Makes a spare slot unless there is one, and takes the reserve; background work, so that a commit need not make it.
    /// </summary>
    public void EnsureSpare()
    {
        if (!_hasReserve) _hasReserve = DiskReserve.TryTake(_context.Files, _context.Directory, _context.ReserveBytes);
        _slots.EnsureSpare();
    }

    /// <summary>Gives the reserve back to a full disk; it is taken again with the next spare.</summary>
    public void GiveReserveBack()
    {
        if (_hasReserve) DiskReserve.TryGiveBack(_context.Files, _context.Directory);
        _hasReserve = false;
    }

    /// <summary>Gives the room of the history and of the spares back to a full disk.</summary>
    public void DeleteSpares()
    {
        while (History.TryTakeOldest(out RetiredSegment? oldest)) Recycle(oldest);
        lock (_segmentsGate)
        {
            if (_isSyncing) return;
        }

        _slots.DeleteSpares();
    }

    /// <summary>Takes slots for the next segments: on a full disk from the history before the record is refused.</summary>
    private void Rent(int count)
    {
        while (true)
        {
            try
            {
                _slots.Rent(count, _rented);
                return;
            }
            catch (StorageException refusal) when (ErrorNumbers.IsNoSpace(refusal) && History.TryTakeOldest(out RetiredSegment? oldest))
            {
                Recycle(oldest);
            }
        }
    }

    private void Recycle(RetiredSegment segment)
    {
        if (segment.OpenSlot is { } slot) _slots.Return(slot);
        else _slots.ReturnClosed(segment.Slot);
    }

    private RetiredSegment Retire(LogSegment segment) => new()
    {
        Number = segment.Number,
        Slot = segment.SlotNumber,
        Salt = segment.Salt,
        FirstSequence = segment.FirstSequence,
        StartSequence = StartOf(segment),
        ValidBytes = segment.DrainedBytes,
        FileBytes = segment.FileBytes,
        OpenSlot = segment.Slot,
        NeedsSync = segment.NeedsSync || _isSyncing,
    };

    private ulong StartOf(LogSegment segment) =>
        segment.Number == _era.FirstSegment ? History.PrecedingSequence : segment.StartSequence;

    private bool TryFind(long number, bool isExact, out ReadableSegment found)
    {
        lock (_segmentsGate)
        {
            foreach (LogSegment segment in _live)
            {
                if (isExact ? segment.Number != number : segment.Number <= number) continue;
                found = new ReadableSegment(
                    segment.Number,
                    segment.Path,
                    segment.Salt,
                    segment.FirstSequence,
                    StartOf(segment),
                    segment.DrainedBytes,
                    IsRetired: false);
                return true;
            }
        }

        found = default;
        return false;
    }

    /// <summary>A clean close leaves nothing of the history to luck.</summary>
    private void SyncHistory()
    {
        try
        {
            History.Sync();
        }
        catch (Exception cause)
        {
            Seal(cause);
            throw;
        }
    }

    /// <summary>Their bytes are on the device, and nothing more is written to them.</summary>
    private void TakeKept(KeptLog kept)
    {
        for (int i = 0; i < kept.Segments.Count; i++)
        {
            (string path, LogSegmentHeader header) = kept.Segments[i];
            _live.Add(new LogSegment
            {
                Number = header.Number,
                Salt = header.Salt,
                FirstSequence = header.FirstSequence,
                StartSequence = header.StartSequence,
                SlotNumber = (int)header.Slot,
                Path = path,
                FileBytes = header.SegmentBytes,
                DrainedBytes = kept.ValidBytesOf(i),
            });
        }
    }

    private HashSet<int> SlotsInUse()
    {
        HashSet<int> slots = History.GetSlots();
        foreach (LogSegment segment in _live) slots.Add(segment.SlotNumber);
        return slots;
    }

    /// <summary>
    /// Writes the header and syncs it before any frame can enter: recovery relies on it when it takes a missing segment for a loss.
    /// The sync is cheap, the file has no other unwritten page.
    /// </summary>
    private LogSegment BeginSegment(ulong firstSequence, LogSegment? predecessor, ulong predecessorLastSequence, ulong resumedAfter)
    {
        LogSlot slot = _rented.Peek();
        long number = predecessor?.Number + 1 ?? _era.FirstSegment;
        Span<byte> header = stackalloc byte[LogFormat.HeaderAreaBytes];
        header.Clear();
        LogSegmentHeader content = new()
        {
            Version = LogFormat.Version,
            Slot = (uint)slot.Number,
            DatabaseId = _context.DatabaseId,
            Number = number,
            Salt = LogFormat.SegmentSalt(_era, number),
            SegmentBytes = _context.SegmentBytes,
            Predecessor = predecessor?.Number ?? 0,
            PredecessorValidBytes = predecessor?.DrainedBytes ?? 0,
            PredecessorLastSequence = predecessorLastSequence,
            FirstSequence = firstSequence,
            DurableMark = SyncedSequence,
            ClockMark = _context.Clock?.Mark ?? 0,
            ResumedAfter = resumedAfter,
        };
        content.Write(header);
        slot.File.Write(header, 0);
        slot.File.Sync();
        _lastMark = SyncedSequence;
        LogSegment segment = new()
        {
            Number = number,
            Salt = content.Salt,
            FirstSequence = firstSequence,
            StartSequence = content.StartSequence,
            SlotNumber = slot.Number,
            Path = slot.File.Path,
            FileBytes = _context.SegmentBytes,
            Slot = slot,
        };
        lock (_segmentsGate) _live.Add(segment);
        _rented.Dequeue();
        return segment;
    }
}
