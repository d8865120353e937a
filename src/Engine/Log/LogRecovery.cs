using System.Runtime.CompilerServices;
using Varve.Files;

namespace Varve.Log;

/// <summary>
/// Reads the log of one era after the database was opened: every whole record above the flushed sequence, in order, up to the first
/// frame that does not check out. Tells a tail that was never synced from damage to what was (docs/formats/log.md, "Reading").
/// </summary>
internal sealed class LogRecovery
{
    /// <summary>
    /// How much of a slot is searched whose header is whole but another's: enough for one frame of any length behind a damaged one, little
    /// where the history of the change feed is long.
    /// </summary>
    private const long BeginningBytes = LogFormat.HeaderAreaBytes + 2 * LogFormat.FrameBytesMax;

    private readonly LogContext _context;
    private readonly LogEra _era;
    private readonly ulong _flushedSequence;
    private readonly LogEnd? _cleanEnd;
    private readonly LogRecordSink _sink;
    private readonly LogFrameReader _reader;
    private readonly LogKeeper? _keeper;
    private LogEnd? _end;
    private LogPlace? _readTo;
    private ulong _durableMark;

    private LogRecovery(
        LogContext context,
        LogEra era,
        ulong flushedSequence,
        LogEnd? cleanEnd,
        LogRecordSink sink,
        LogFrameReader reader,
        LogKeeper? keeper)
    {
        _context = context;
        _era = era;
        _flushedSequence = flushedSequence;
        _cleanEnd = cleanEnd;
        _sink = sink;
        _reader = reader;
        _keeper = keeper;
    }

    /// <summary>Reads the log; changes nothing, so it may be repeated, and works on read-only media where nothing is to be kept.</summary>
    /// <param name="context">Where the log lives.</param>
    /// <param name="era">The era that the manifest names.</param>
    /// <param name="flushedSequence">Everything up to it is in tables.</param>
    /// <param name="cleanEnd">Where the log was cleanly closed; null when it was not.</param>
    /// <param name="sink">Takes the records; what it was given before an exception does not count.</param>
    /// <param name="cancellation">Ends the reading between two reads of a file.</param>
    /// <param name="keeper">Given what is not known to be durable, as it is read; null: nobody is.</param>
    /// <exception cref="CorruptDataException">Damage, a loss or foreign bytes where synced data should be.</exception>
    /// <exception cref="StorageException">A file cannot be read; never taken for the log's end.</exception>
    public static LogRecoveryResult Run(
        LogContext context,
        LogEra era,
        ulong flushedSequence,
        LogEnd? cleanEnd,
        LogRecordSink sink,
        CancellationToken cancellation,
        LogKeeper? keeper = null)
    {
        using LogFrameReader reader = new(cancellation);
        return new LogRecovery(context, era, flushedSequence, cleanEnd, sink, reader, keeper).Run();
    }

    private LogRecoveryResult Run()
    {
        _reader.Window = ReadWindow();
        LogInventory inventory = LogInventory.Take(_context, _era, _reader);
        CheckWindow(inventory);
        if (inventory.Segments.Count == 0)
        {
            if (_cleanEnd is { } end)
                throw new CorruptDataException(
                    _context.Directory, 0, $"log segment {end.Segment} is missing, with which the database was closed");
            CheckOtherSlots(inventory, start: 0);
            return Result(inventory, lastSequence: 0, LogEndKind.Empty, records: 0);
        }

        int start = inventory.FindStart(_flushedSequence);
        inventory.CheckContiguous(start);
        LogReplay replay = new(inventory.Segments[start].Header, _flushedSequence, _sink);

        // A record that continues from the segment before is not known to be whole until its last fragment was read.
        LogSegmentHeader first = inventory.Segments[start].Header;
        _end = new LogEnd(first.Number, LogFormat.HeaderAreaBytes, first.Resumes ? first.ResumedAfter : first.PredecessorLastSequence);
        ReplaySegments(inventory.Segments, start, replay);
        if (_cleanEnd is null) CheckOtherSlots(inventory, start);

        LogEndKind kind = _cleanEnd is not null ? LogEndKind.Clean : replay.RecordsSeen > 0 ? LogEndKind.TornTail : LogEndKind.Empty;
        return Result(inventory, replay.LastSequence, kind, replay.RecordsDelivered) with
        {
            LastWritten = Math.Max(replay.LastWritten, _flushedSequence),
            Keepable = _end.Value.Segment == inventory.HighestNumber
                ? new KeptLog([.. inventory.Segments.Skip(start)], _end.Value, replay.LastSequence)
                : null,
        };
    }

    private LogRecoveryResult Result(LogInventory inventory, ulong lastSequence, LogEndKind kind, long records) =>
        new(Math.Max(lastSequence, _flushedSequence), kind, records, _reader.BytesRead, inventory.Segments.Count, inventory.HighestNumber,
            _end, _readTo, _durableMark, inventory.ClockMark, _reader.Window);

    /// <summary>What a process that was killed has left; the log of one that closed has all in its slots.</summary>
    private LogWindowContent? ReadWindow()
    {
        if (_cleanEnd is not null) return null;
        LogWindowContent? window = LogWindowContent.TryRead(_context.Files, _context.Directory, _context.DatabaseId);
        return window is not null && window.IsOf(_era) ? window : null;
    }

    /// <summary>
    /// A segment is in its slot before its frames are in the window. After a power cut the window may be an old one: of a segment that has
    /// been recycled.
    /// </summary>
    private void CheckWindow(LogInventory inventory)
    {
        if (_reader.Window is not { SlotPath: null } window || window.Segment <= inventory.HighestNumber) return;
        throw new CorruptDataException(
            Path.Combine(_context.Directory, FileNames.LogWindow),
            0,
            $"log segment {window.Segment} is missing, of which this file holds records");
    }

    private void ReplaySegments(IReadOnlyList<FoundSegment> segments, int start, LogReplay replay)
    {
        for (int i = start; i < segments.Count; i++)
        {
            FoundSegment segment = segments[i];
            FoundSegment? next = i + 1 < segments.Count ? segments[i + 1] : null;
            if (segment.Header.DurableMark > replay.LastSequence)
                throw Damaged(segment, LogSegmentHeader.DurableMarkOffset, replay, segment.Header.DurableMark);
            _durableMark = Math.Max(_durableMark, segment.Header.DurableMark);

            Keep(segments, i);
            long end = ReplaySegment(segment, next, replay);
            _reader.Keeper = null;
            if (next is null)
            {
                CheckCleanEnd(segment, end, replay.LastSequence);
            }
            else if (end == next.Header.PredecessorValidBytes)
            {
                GoOnIn(next, replay);
                continue;
            }
            else if (_cleanEnd is not null)
            {
                throw new CorruptDataException(segment.Path, end, "a log frame does not check out in a database that was closed cleanly");
            }

            if (_cleanEnd is null) CheckNothingSyncedBehind(segments, i, end, replay);
            return;
        }
    }

    /// <summary>
    /// Has what is read of the segment next made durable, unless a later header says that all of it was synced before the crash.
    /// </summary>
    private void Keep(IReadOnlyList<FoundSegment> segments, int index)
    {
        if (_keeper is null) return;
        if (index + 1 < segments.Count && segments[^1].Header.DurableMark >= segments[index + 1].Header.StartSequence) return;
        _keeper.Begin(segments[index].Path, segments[index].Header);
        _reader.Keeper = _keeper;
    }

    /// <summary>Reads frames up to the stated or the found end; answers where it is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private long ReplaySegment(FoundSegment segment, FoundSegment? next, LogReplay replay)
    {
        LogSegmentHeader header = segment.Header;
        long limit = next?.Header.PredecessorValidBytes ?? header.SegmentBytes;
        if (limit < LogFormat.HeaderAreaBytes || limit > header.SegmentBytes || limit % LogFormat.FrameAlignment != 0)
        {
            throw new CorruptDataException(
                next!.Path,
                LogSegmentHeader.PredecessorValidBytesOffset,
                $"log segment {header.Number} cannot end at {limit}, its slot has {header.SegmentBytes} bytes");
        }

        _reader.Open(_context.Files, segment.Path);
        _reader.Forget();
        long position = LogFormat.HeaderAreaBytes;
        _readTo = new LogPlace(header.Number, position);
        while (position < limit && _reader.TryRead(position, header.SegmentBytes, header.Salt, out LogFrame frame))
        {
            if (frame.TotalBytes > limit - position)
                throw new CorruptDataException(
                    segment.Path, position, $"a log frame crosses the segment's end at {limit} that its successor states");
            if (replay.Accept(frame, _reader.Payload) is { } problem)
                throw new CorruptDataException(segment.Path, position, problem);
            position += frame.TotalBytes;
            _readTo = new LogPlace(header.Number, position);
            _durableMark = Math.Max(_durableMark, frame.DurableMark);
            if (frame.Type is LogFrameType.Full or LogFrameType.Last) _end = new LogEnd(header.Number, position, replay.LastSequence);
        }

        return position;
    }

    /// <summary>The log goes on in the next segment, which may be an empty one: then its end is there.</summary>
    private void GoOnIn(FoundSegment next, LogReplay replay)
    {
        LogSegmentHeader header = next.Header;
        if (header.PredecessorLastSequence != replay.LastSequence)
        {
            throw new CorruptDataException(
                next.Path,
                LogSegmentHeader.PredecessorLastSequenceOffset,
                $"log segment {header.Predecessor} ends at sequence {replay.LastSequence}, expected {header.PredecessorLastSequence}");
        }

        if (header.Resumes && header.FirstSequence > replay.NextFirstSequence && !replay.IsInRecord)
        {
            replay.GoOnFrom(header.FirstSequence);
        }
        else if (header.FirstSequence != replay.NextFirstSequence)
        {
            throw new CorruptDataException(
                next.Path,
                LogSegmentHeader.FirstSequenceOffset,
                $"log segment {header.Number} begins at sequence {header.FirstSequence}, expected {replay.NextFirstSequence}");
        }

        if (!replay.IsInRecord) _end = new LogEnd(header.Number, LogFormat.HeaderAreaBytes, replay.LastWritten);
    }

    private void CheckCleanEnd(FoundSegment last, long end, ulong lastSequence)
    {
        if (_cleanEnd is not { } expected) return;
        LogEnd actual = new(last.Header.Number, end, lastSequence);
        if (actual == expected) return;
        if (expected.Segment > actual.Segment)
            throw new CorruptDataException(
                last.Path, end, $"log segment {expected.Segment} is missing behind it, with which the database was closed");
        throw new CorruptDataException(
            last.Path,
            end,
            $"the log ends in segment {actual.Segment} at {actual.ValidBytes} with sequence {actual.LastSequence}, "
            + $"but was closed in segment {expected.Segment} at {expected.ValidBytes} with sequence {expected.LastSequence}");
    }

    /// <summary>
    /// Looks for a witness behind the log's end: bytes that were written when more than we could read was known to be synced.
    /// Without one this is the tail that a crash may tear, lose or write out of order.
    /// </summary>
    private void CheckNothingSyncedBehind(IReadOnlyList<FoundSegment> segments, int index, long end, LogReplay replay)
    {
        FoundSegment broken = segments[index];
        for (int i = index; i < segments.Count; i++)
        {
            LogSegmentHeader header = segments[i].Header;
            if (header.DurableMark > replay.LastSequence) throw Damaged(broken, end, replay, header.DurableMark);

            long offset = i == index ? end : LogFormat.HeaderAreaBytes;
            if (i != index) _reader.Open(_context.Files, segments[i].Path);
            while (_reader.TryFind(ref offset, header.SegmentBytes, [header.Salt], out LogFrame frame))
            {
                if (frame.DurableMark > replay.LastSequence) throw Damaged(broken, end, replay, frame.DurableMark);
                offset += frame.TotalBytes;
            }
        }
    }

    private static CorruptDataException Damaged(FoundSegment segment, long offset, LogReplay replay, ulong durableMark) =>
        new(segment.Path, offset, $"the log can be read up to sequence {replay.LastSequence}, but had been synced up to {durableMark}");

    /// <summary>
    /// A header is synced before any frame is written, so a slot with frames of a segment to come has lost its header. What stands there
    /// may also be whole: that of another segment, of another era or another database, which a write or a restored page put in its place.
    /// </summary>
    private void CheckOtherSlots(LogInventory inventory, int start)
    {
        ulong[] salts = new ulong[inventory.SlotCount];
        for (int i = 0; i < salts.Length; i++) salts[i] = LogFormat.SegmentSalt(_era, inventory.HighestNumber + 1 + i);
        foreach (string path in inventory.Unreadable) CheckSlot(path, long.MaxValue, salts);
        foreach (string path in inventory.OfOthers) CheckSlot(path, BeginningBytes, salts);
        for (int i = 0; i < start; i++) CheckSlot(inventory.Segments[i].Path, BeginningBytes, salts);
    }

    private void CheckSlot(string path, long bytesMax, ReadOnlySpan<ulong> salts)
    {
        _reader.Open(_context.Files, path);
        long offset = LogFormat.HeaderAreaBytes;
        if (_reader.TryFind(ref offset, bytesMax, salts, out LogFrame frame))
            throw new CorruptDataException(
                path, 0, $"the log segment's header is damaged or another's; record {frame.FirstSequence} stands behind it");
    }
}
