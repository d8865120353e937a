using System.Diagnostics.CodeAnalysis;
using Varve.Diagnostics;
using Varve.Files;

namespace Varve.Log;

/// <summary>
/// The retired segments of this era and of earlier ones that are kept for the change feed: the newest, without a gap, up to a number
/// of bytes. Safe for concurrent use; all I/O happens outside the lock.
/// </summary>
internal sealed class LogHistory
{
    private readonly LogContext _context;
    private readonly long _bytesMax;
    private readonly Lock _gate = new();

    /// <summary>By number, oldest first.</summary>
    private readonly List<RetiredSegment> _segments = [];
    private long _bytes;

    /// <param name="context">Where the slots are.</param>
    /// <param name="bytesMax">Bytes of slots kept; 0 keeps nothing.</param>
    /// <param name="precedingSequence">The highest sequence written before the current era.</param>
    public LogHistory(LogContext context, long bytesMax, ulong precedingSequence)
    {
        _context = context;
        _bytesMax = bytesMax;
        PrecedingSequence = precedingSequence;
    }

    /// <summary>The highest sequence written before the current era: where the era's first segment starts.</summary>
    public ulong PrecedingSequence { get; }

    /// <summary>Bytes that the kept slots take on the disk.</summary>
    public long Bytes
    {
        get
        {
            lock (_gate) return _bytes;
        }
    }

    /// <summary>Takes what the slots in the directory still hold of the listed eras.</summary>
    /// <param name="context">Where the slots are.</param>
    /// <param name="bytesMax">Bytes of slots kept.</param>
    /// <param name="past">The eras, and the sequence that the newest must end with for its segments to be of use.</param>
    public static LogHistory Load(LogContext context, long bytesMax, LogPast past)
    {
        var history = new LogHistory(context, bytesMax, past.PrecedingSequence);
        if (bytesMax > 0 && past.PastEras.Count > 0) history.Take(past, LogHistorySlots.Find(context, past.PastEras));
        return history;
    }

    /// <summary>Those of the eras that have a segment here, the newest of them.</summary>
    public IReadOnlyList<LogPastEra> SelectKept(IReadOnlyList<LogPastEra> eras)
    {
        var kept = new List<LogPastEra>();
        lock (_gate)
        {
            if (_segments.Count == 0) return kept;
            foreach (LogPastEra era in eras)
            {
                if (era.End.Segment >= _segments[0].Number) kept.Add(era);
            }
        }

        return kept;
    }

    /// <summary>The slots that are not to be recycled.</summary>
    public HashSet<int> GetSlots()
    {
        var slots = new HashSet<int>();
        lock (_gate)
        {
            foreach (RetiredSegment segment in _segments) slots.Add(segment.Slot);
        }

        return slots;
    }

    /// <summary>Takes the segment that follows the newest one here.</summary>
    public void Add(RetiredSegment segment)
    {
        lock (_gate)
        {
            Invariant.Holds(_segments.Count == 0 || _segments[^1].Number < segment.Number);
            _segments.Add(segment);
            _bytes += segment.FileBytes;
        }
    }

    /// <summary>Gives the oldest segment up when there is more than is to be kept; its slot is the caller's.</summary>
    public bool TryTakeSurplus([NotNullWhen(true)] out RetiredSegment? segment) => TryTakeOldest(_bytesMax, out segment);

    /// <summary>Gives the oldest segment up; its slot is the caller's.</summary>
    public bool TryTakeOldest([NotNullWhen(true)] out RetiredSegment? segment) => TryTakeOldest(-1, out segment);

    /// <summary>
    /// The files of segments that are still open from writing; the caller closes them. To be called when no sync is under way that
    /// may use them.
    /// </summary>
    public List<LogSlot> DetachFiles()
    {
        var files = new List<LogSlot>();
        lock (_gate)
        {
            foreach (RetiredSegment segment in _segments)
            {
                if (segment.OpenSlot is { } slot) files.Add(slot);
                segment.OpenSlot = null;
            }
        }

        return files;
    }

    /// <summary>
    /// Makes durable what was retired without a sync, and all from a segment on where an era did not end in order. Nobody recycles
    /// meanwhile.
    /// </summary>
    public void Sync(long from = long.MaxValue)
    {
        RetiredSegment[] segments;
        lock (_gate) segments = [.. _segments];
        foreach (RetiredSegment segment in segments)
        {
            if (!segment.NeedsSync && segment.Number < from) continue;
            using IFile file = _context.Files.Open(_context.SlotPath(segment.Slot), FileOpening.ReadWrite);
            file.Sync();
            segment.NeedsSync = false;
        }
    }

    /// <summary>Cuts what slots hold behind the end of an era that was just ended: an era may be much shorter than a slot.</summary>
    public void CutSlots()
    {
        RetiredSegment[] segments;
        lock (_gate) segments = [.. _segments];
        foreach (RetiredSegment segment in segments)
        {
            if (!segment.NeedsCut) continue;
            try
            {
                using IFile file = _context.Files.Open(_context.SlotPath(segment.Slot), FileOpening.ReadWrite);
                file.SetLength(segment.FileBytes);
            }
            catch (StorageException)
            {
                // Housekeeping: it costs disk space, not correctness.
            }
        }
    }

    /// <summary>Gives up what a damaged segment makes useless: it and all before it.</summary>
    public void DropThrough(long number)
    {
        lock (_gate)
        {
            foreach (RetiredSegment segment in _segments)
            {
                if (segment.Number <= number) segment.IsDropped = true;
            }
        }
    }

    public bool TryFind(long number, out ReadableSegment found)
    {
        lock (_gate)
        {
            foreach (RetiredSegment segment in _segments)
            {
                if (segment.Number != number || segment.IsDropped) continue;
                found = Describe(segment);
                return true;
            }
        }

        found = default;
        return false;
    }

    /// <summary>The oldest segment with a number above one.</summary>
    public bool TryFindAfter(long number, out ReadableSegment found)
    {
        lock (_gate)
        {
            foreach (RetiredSegment segment in _segments)
            {
                if (segment.Number <= number || segment.IsDropped) continue;
                found = Describe(segment);
                return true;
            }
        }

        found = default;
        return false;
    }

    private bool TryTakeOldest(long bytesKept, [NotNullWhen(true)] out RetiredSegment? segment)
    {
        segment = null;
        lock (_gate)
        {
            if (_segments.Count == 0 || _bytes <= bytesKept) return false;
            segment = _segments[0];
            _segments.RemoveAt(0);
            _bytes -= segment.FileBytes;
            return true;
        }
    }

    /// <summary>From the newest backward, as long as nothing is missing and there is room.</summary>
    private void Take(LogPast past, Dictionary<long, FoundSlot> slots)
    {
        ulong expected = past.PrecedingSequence;
        for (int i = past.PastEras.Count - 1; i >= 0; i--)
        {
            LogPastEra era = past.PastEras[i];
            if (past.PastEras.Count - i > LogPast.PastErasMax || era.End.LastSequence != expected || !TryTake(era, slots)) break;
            expected = era.PrecedingSequence;
        }

        _segments.Reverse();
    }

    private bool TryTake(LogPastEra era, Dictionary<long, FoundSlot> slots)
    {
        long validBytes = era.End.ValidBytes;
        for (long number = era.End.Segment; number >= era.Era.FirstSegment; number--)
        {
            if (!slots.TryGetValue(number, out FoundSlot slot) || !slot.CanEndAt(validBytes)) return false;
            bool isLast = number == era.End.Segment;
            long fileBytes = isLast ? LogFormat.RoundUpToGranularity(validBytes) : slot.FileBytes;
            if (_bytes + fileBytes > _bytesMax) return false;
            _bytes += fileBytes;
            _segments.Add(new RetiredSegment
            {
                Number = number,
                Slot = slot.Number,
                Salt = slot.Header.Salt,
                FirstSequence = slot.Header.FirstSequence,
                StartSequence = number == era.Era.FirstSegment ? era.PrecedingSequence : slot.Header.StartSequence,
                ValidBytes = validBytes,
                FileBytes = fileBytes,
                NeedsCut = slot.FileBytes > fileBytes,
            });
            validBytes = slot.Header.PredecessorValidBytes;
        }

        return true;
    }

    private ReadableSegment Describe(RetiredSegment segment) => new(
        segment.Number,
        _context.SlotPath(segment.Slot),
        segment.Salt,
        segment.FirstSequence,
        segment.StartSequence,
        segment.ValidBytes,
        IsRetired: true);
}
