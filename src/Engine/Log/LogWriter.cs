using System.Runtime.ExceptionServices;
using Varve.Diagnostics;
using Varve.Entries;

namespace Varve.Log;

/// <summary>
/// Appends records to the log: into a buffer (<see cref="Append"/>), where they survive the process if asked to (<see cref="Keep"/>),
/// from there to the slots (<see cref="Drain"/>), from there to the disk (<see cref="Sync"/>). Whatever survives a crash is a prefix of
/// what was appended.
/// </summary>
/// <remarks>
/// <para>
/// Threads: <see cref="Append"/>, <see cref="Keep"/>, <see cref="Drain"/>, <see cref="WriteMark"/>, <see cref="Sync"/> and
/// <see cref="Close"/> are called by one thread at a time, the leader of the commit group. <see cref="SyncDrained"/> may run beside the
/// next leader's appends, but not beside another sync. <see cref="RetireThrough"/> (one thread at a time), the spares and the properties
/// may be used beside all of them.
/// </para>
/// <para>
/// A failed write or sync seals the log: nothing is known any more of what is on disk, so every later call throws the same cause.
/// A slot that cannot be had, say on a full disk, does not: the record is refused before any of it was written, and may be tried again.
/// </para>
/// </remarks>
internal sealed partial class LogWriter : IDisposable
{
    /// <summary>
    /// The second segment is wanted once the first one is filled to a quarter: a small log does without. Later ones at once: a fast writer
    /// fills a segment while the next is made.
    /// </summary>
    private const int SpareWantedShare = 4;

    private readonly LogContext _context;
    private readonly LogEra _era;
    private readonly LogSlots _slots;
    private readonly Queue<LogSlot> _rented = new();
    private readonly LogBuffer _buffer;

    private readonly Lock _segmentsGate = new();
    private readonly List<LogSegment> _live = [];
    private readonly List<LogSegment> _syncing = [];
    private bool _isSyncing;

    private LogSegment _active;
    private long _drainedBytes = LogFormat.HeaderAreaBytes;
    private bool _hasAskedForSpare;
    private volatile bool _hasReserve;
    private ulong _lastMark;
    private ulong _appendedSequence;
    private ulong _keptSequence;
    private ulong _drainedSequence;
    private ulong _syncedSequence;
    private volatile ExceptionDispatchInfo? _sealCause;
    private volatile bool _isClosed;

    /// <summary>
    /// Begins an era's first segment, or one behind a log that was kept, durably. The manifest must already record the era, and that
    /// everything below <paramref name="nextSequence"/> is in tables or in the kept log: other slots are recycled from here on, but for the
    /// history's.
    /// </summary>
    /// <param name="context">Where the log lives.</param>
    /// <param name="era">The era.</param>
    /// <param name="nextSequence">The first sequence of its first record.</param>
    /// <param name="history">What is kept for the change feed; null: nothing.</param>
    /// <param name="kept">What the era holds already; null: it begins.</param>
    public LogWriter(LogContext context, LogEra era, ulong nextSequence, LogHistory? history = null, KeptLog? kept = null)
    {
        Invariant.Holds(context.SegmentBytes % LogFormat.SegmentGranularityBytes == 0);
        Invariant.Holds(context.SegmentBytes >= 2 * LogFormat.SegmentGranularityBytes);
        Invariant.Holds(era.FirstSegment > LogSegmentHeader.SpareNumber);
        Invariant.Holds(nextSequence is > 0 and <= Trailer.SequenceMax);
        _context = context;
        _era = era;
        _appendedSequence = _drainedSequence = _syncedSequence = nextSequence - 1;
        History = history ?? new LogHistory(context, bytesMax: 0, nextSequence - 1);
        if (kept is not null) TakeKept(kept);
        _slots = new LogSlots(context, SlotsInUse(), Seal);
        _buffer = new LogBuffer(context);
        try
        {
            Rent(1);
            _active = BeginSegment(
                nextSequence, _live.LastOrDefault(), kept?.LastSequence ?? nextSequence - 1, kept?.End.LastSequence ?? 0);
            _buffer.Restart(_active, _drainedBytes);

            // A recycled slot's name may still be only in memory, if the process that made it was killed.
            context.Files.SyncDirectory(context.Directory);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The last sequence appended.</summary>
    public ulong AppendedSequence => Volatile.Read(ref _appendedSequence);

    /// <summary>True once a write or sync has failed: nothing more is taken.</summary>
    public bool IsSealed => _sealCause is not null;

    /// <summary>The last sequence that survives the process, because somebody asked for it.</summary>
    public ulong KeptSequence => Math.Max(Volatile.Read(ref _keptSequence), DrainedSequence);

    /// <summary>The last sequence whose record is as a whole in the segments' slots, for all to read.</summary>
    public ulong DrainedSequence => Volatile.Read(ref _drainedSequence);

    /// <summary>The last sequence that survives a power cut.</summary>
    public ulong SyncedSequence => Volatile.Read(ref _syncedSequence);

    private bool IsSpareWanted =>
        _active.Number > _era.FirstSegment || _drainedBytes > _context.SegmentBytes / SpareWantedShare;

    private long SegmentBytesLeft => _context.SegmentBytes - _drainedBytes - _buffer.Length;

    /// <summary>
    /// Appends one record, the next in order: it takes <paramref name="sequenceCount"/> sequences from <paramref
    /// name="firstSequence"/> on.
    /// </summary>
    /// <param name="firstSequence">The one behind the last.</param>
    /// <param name="sequenceCount">At least 1.</param>
    /// <param name="payload">The record, or its beginning.</param>
    /// <param name="rest">The rest of it, where that stands elsewhere in memory.</param>
    /// <exception cref="StorageException">The record is refused as a whole (no slot to be had), or the log is sealed.</exception>
    public void Append(ulong firstSequence, int sequenceCount, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> rest = default)
    {
        ThrowIfUnusable();
        Invariant.Holds(firstSequence == _appendedSequence + 1);
        Invariant.Holds(sequenceCount > 0);
        ulong lastSequence = _appendedSequence + (ulong)sequenceCount;
        Invariant.Holds(lastSequence <= Trailer.SequenceMax);

        int payloadBytes = checked(payload.Length + rest.Length);
        LogFrame frame = new(LogFrameType.Full, payloadBytes, firstSequence, (uint)sequenceCount, RecordOffset: 0, SyncedSequence);
        if (payloadBytes <= LogFormat.FramePayloadBytesMax && LogFormat.FrameBytes(payloadBytes) <= SegmentBytesLeft)
            WriteFrame(frame, payload, rest);
        else
            WriteFragments(frame, payload, rest, lastSequence);

        Volatile.Write(ref _appendedSequence, lastSequence);
    }

    /// <summary>Lets everything appended survive a crash of the process, be it in the window or in its slots.</summary>
    public void Keep()
    {
        ThrowIfUnusable();
        if (_buffer.TryKeep()) Volatile.Write(ref _keptSequence, _appendedSequence);
        else DrainBuffer();
    }

    /// <summary>Writes everything appended to the segments' slots.</summary>
    public void Drain()
    {
        ThrowIfUnusable();
        DrainBuffer();
    }

    /// <summary>Makes everything appended durable.</summary>
    public void Sync()
    {
        Drain();
        SyncDrained();
    }

    /// <summary>Makes everything durable that was drained when the call began; appends may go on meanwhile.</summary>
    public void SyncDrained()
    {
        ThrowIfUnusable();
        ulong target;
        lock (_segmentsGate)
        {
            Invariant.Holds(!_isSyncing);
            _isSyncing = true;
            target = _drainedSequence;
            foreach (LogSegment segment in _live)
            {
                if (!segment.NeedsSync) continue;
                segment.NeedsSync = false;
                _syncing.Add(segment);
            }
        }

        try
        {
            foreach (LogSegment segment in _syncing) segment.File.Sync();
        }
        catch (Exception cause)
        {
            Seal(cause);
            throw;
        }
        finally
        {
            lock (_segmentsGate)
            {
                _syncing.Clear();
                _isSyncing = false;
            }
        }

        Volatile.Write(ref _syncedSequence, target);
    }

    /// <summary>
    /// Writes, without a sync, how far the log is known to be synced, so that damage to the last synced records can be told from a torn
    /// tail. To be called when the log has been idle for a second; writes nothing new when the last frame says it already.
    /// </summary>
    public void WriteMark()
    {
        ThrowIfUnusable();
        DrainBuffer();
        ulong mark = SyncedSequence;
        if (mark == _lastMark) return;
        if (SegmentBytesLeft < LogFrame.HeaderBytes)
        {
            // The next segment's header says it.
            Rent(1);
            SwitchSegment(_appendedSequence + 1);
            return;
        }

        WriteFrame(new LogFrame(LogFrameType.Mark, 0, _appendedSequence + 1, 0, 0, mark), default, default);
        DrainBuffer();
    }

    /// <summary>Makes everything durable and ends the log; the manifest keeps the answer as the mark of a clean close.</summary>
    public LogEnd Close()
    {
        Sync();
        SyncHistory();
        _isClosed = true;
        return new LogEnd(_active.Number, _drainedBytes, _appendedSequence);
    }

    /// <summary>
    /// Closes the files. What was appended but not drained is lost, as in a crash; <see cref="Close"/> comes first in an orderly
    /// end.
    /// </summary>
    public void Dispose()
    {
        lock (_segmentsGate)
        {
            _isClosed = true;
            foreach (LogSegment segment in _live) segment.Slot?.File.Dispose();
            foreach (LogSlot slot in _rented) slot.File.Dispose();
            foreach (LogSlot slot in History.DetachFiles()) slot.File.Dispose();
        }

        _slots.Dispose();
        _buffer.Dispose();
    }

    private void WriteFragments(LogFrame record, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> rest, ulong lastSequence)
    {
        int payloadBytes = record.PayloadBytes;
        Rent(LogFormat.CountFurtherSegments(SegmentBytesLeft, payloadBytes, _context.SegmentBytes));
        int offset = 0;
        do
        {
            int piece = LogFormat.NextPieceBytes(SegmentBytesLeft, payloadBytes - offset);
            if (piece < 0)
            {
                SwitchSegment(firstSequence: offset == 0 ? record.FirstSequence : lastSequence + 1);
                piece = LogFormat.NextPieceBytes(SegmentBytesLeft, payloadBytes - offset);
            }

            bool isFirst = offset == 0;
            bool isLast = offset + piece == payloadBytes;
            LogFrameType type = (isFirst, isLast) switch
            {
                (true, true) => LogFrameType.Full,
                (true, false) => LogFrameType.First,
                (false, false) => LogFrameType.Middle,
                (false, true) => LogFrameType.Last,
            };
            int pieceInRest = Math.Max(0, offset + piece - payload.Length);
            WriteFrame(
                record with { Type = type, PayloadBytes = piece, RecordOffset = (uint)offset },
                payload.Slice(Math.Min(offset, payload.Length), piece - Math.Min(piece, pieceInRest)),
                rest.Slice(Math.Max(0, offset - payload.Length), Math.Min(piece, pieceInRest)));
            offset += piece;
        }
        while (offset < payloadBytes);

        Invariant.Holds(_rented.Count == 0);
    }

    private void WriteFrame(in LogFrame frame, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> payloadRest)
    {
        int frameBytes = frame.TotalBytes;
        if (!_buffer.HasRoomFor(frameBytes)) MakeRoom(frameBytes);
        long offset = _drainedBytes + _buffer.Length;
        frame.Write(_buffer.Take(frameBytes), payload, _active.Salt, offset, payloadRest);
        _lastMark = frame.DurableMark;
    }

    private void MakeRoom(int bytes)
    {
        DrainBuffer();
        Invariant.Holds(_buffer.HasRoomFor(bytes));
    }

    private void DrainBuffer()
    {
        if (_buffer.Length == 0) return;
        try
        {
            _active.File.Write(_buffer.Frames, _drainedBytes);
        }
        catch (Exception cause)
        {
            Seal(cause);
            throw;
        }

        _drainedBytes += _buffer.Length;
        if (!_hasAskedForSpare && IsSpareWanted) AskForSpare();
        _buffer.Restart(_active, _drainedBytes);
        lock (_segmentsGate)
        {
            // In this order for a sync beside us: what it takes as drained lies in segments it sees as to be synced.
            _active.DrainedBytes = _drainedBytes;
            _active.NeedsSync = true;
            Volatile.Write(ref _drainedSequence, _appendedSequence);
        }
    }

    private void SwitchSegment(ulong firstSequence)
    {
        DrainBuffer();
        try
        {
            _active = BeginSegment(firstSequence, _active, _appendedSequence, resumedAfter: 0);
        }
        catch (Exception cause)
        {
            Seal(cause);
            throw;
        }

        _drainedBytes = LogFormat.HeaderAreaBytes;
        _hasAskedForSpare = false;
        _buffer.Restart(_active, _drainedBytes);
    }

    private void AskForSpare()
    {
        _hasAskedForSpare = true;
        SpareWanted?.Invoke();
    }

    private void ThrowIfUnusable()
    {
        _sealCause?.Throw();
        ObjectDisposedException.ThrowIf(_isClosed, this);
    }

    private void Seal(Exception cause) => Interlocked.CompareExchange(ref _sealCause, ExceptionDispatchInfo.Capture(cause), null);
}
