using Varve.Entries;
using Varve.Files;

namespace Varve.Log;

/// <summary>A segment of the era as found on disk; its header's checksum, salt, database id and slot have been checked.</summary>
internal sealed record FoundSegment(string Path, LogSegmentHeader Header);

/// <summary>What the slot files in the directory hold, as far as their headers tell.</summary>
internal sealed class LogInventory
{
    private readonly LogContext _context;
    private readonly LogEra _era;
    private readonly List<FoundSegment> _segments = [];
    private readonly List<string> _unreadable = [];
    private readonly List<string> _ofOthers = [];

    private LogInventory(LogContext context, LogEra era)
    {
        _context = context;
        _era = era;
    }

    /// <summary>The era's segments by number, each number once.</summary>
    public IReadOnlyList<FoundSegment> Segments => _segments;

    /// <summary>The paths of slots without a readable header.</summary>
    public IReadOnlyList<string> Unreadable => _unreadable;

    /// <summary>The paths of slots whose headers are readable but none of the era's.</summary>
    public IReadOnlyList<string> OfOthers => _ofOthers;

    public int SlotCount => _segments.Count + _unreadable.Count + _ofOthers.Count;

    /// <summary>The highest time that the era's segments know of.</summary>
    public long ClockMark => _segments.Count > 0 ? _segments.Max(found => found.Header.ClockMark) : 0;

    public long HighestNumber => _segments.Count > 0 ? _segments[^1].Header.Number : _era.FirstSegment - 1;

    public static LogInventory Take(LogContext context, LogEra era, LogFrameReader reader)
    {
        LogInventory inventory = new(context, era);
        foreach (string name in context.Files.ListFiles(context.Directory))
        {
            if (!FileNames.TryParseLogSlot(name, out int slot) || name != FileNames.LogSlot(slot)) continue;
            string path = context.SlotPath(slot);
            reader.Open(context.Files, path);
            inventory.Enter(path, slot, reader);
        }

        inventory._segments.Sort((left, right) => left.Header.Number.CompareTo(right.Header.Number));
        inventory.CheckDistinct();
        return inventory;
    }

    /// <summary>
    /// The index of the segment where replay begins: the highest one that starts at or below the flushed sequence.
    /// </summary>
    public int FindStart(ulong flushedSequence)
    {
        int start = _segments.Count - 1;
        while (start > 0 && _segments[start].Header.StartSequence > flushedSequence) start--;

        // An era may begin above: a new one jumps ahead after a crash.
        FoundSegment found = _segments[start];
        if (found.Header.StartSequence > flushedSequence && found.Header.Number != _era.FirstSegment)
        {
            throw new CorruptDataException(
                found.Path,
                LogSegmentHeader.FirstSequenceOffset,
                $"log segment {found.Header.Number - 1} is missing: "
                    + $"this one begins at sequence {found.Header.FirstSequence}, but tables end at {flushedSequence}");
        }

        return start;
    }

    /// <summary>Throws when a segment between the start and the highest one is missing.</summary>
    public void CheckContiguous(int start)
    {
        for (int i = start; i < _segments.Count; i++)
        {
            LogSegmentHeader header = _segments[i].Header;
            long expected = i == start ? header.Number : _segments[i - 1].Header.Number + 1;
            long predecessor = header.Number == _era.FirstSegment ? 0 : header.Number - 1;
            if (header.Number == expected && header.Predecessor == predecessor) continue;
            throw new CorruptDataException(
                _segments[i].Path,
                LogSegmentHeader.PredecessorOffset,
                $"log segment {header.Number} follows segment {header.Predecessor}, but segment {expected} is missing");
        }
    }

    private void Enter(string path, int slot, LogFrameReader reader)
    {
        if (!reader.TryReadHeader(out LogSegmentHeader header))
        {
            _unreadable.Add(path);
            return;
        }

        bool isOurs = header.DatabaseId == _context.DatabaseId
            && header.Number >= _era.FirstSegment
            && header.Salt == LogFormat.SegmentSalt(_era, header.Number);
        if (!isOurs)
        {
            _ofOthers.Add(path);
            return;
        }

        if (header.Version != LogFormat.Version)
            throw new CorruptDataException(path, 0, $"log format version {header.Version}, expected {LogFormat.Version}");
        if (header.Slot != slot)
            throw new CorruptDataException(path, 0, $"the file holds log slot {header.Slot}, it was renamed or copied");
        if (header.SegmentBytes < 2 * LogFormat.SegmentGranularityBytes || header.SegmentBytes % LogFormat.SegmentGranularityBytes != 0)
            throw new CorruptDataException(path, 0, $"a log segment of {header.SegmentBytes} bytes cannot be");
        if (header.FirstSequence is 0 or > Trailer.SequenceMax + 1)
            throw new CorruptDataException(path, 0, $"a log segment cannot begin at sequence {header.FirstSequence}");
        _segments.Add(new FoundSegment(path, header));
    }

    private void CheckDistinct()
    {
        for (int i = 1; i < _segments.Count; i++)
        {
            if (_segments[i].Header.Number != _segments[i - 1].Header.Number) continue;
            throw new CorruptDataException(
                _segments[i].Path, 0, $"log segment {_segments[i].Header.Number} is also in '{_segments[i - 1].Path}'");
        }
    }
}
