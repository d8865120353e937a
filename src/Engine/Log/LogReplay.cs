using System.Runtime.CompilerServices;
using Varve.Entries;

namespace Varve.Log;

/// <summary>Puts records together from frames that checked out, in order, and says what is wrong with a frame that cannot follow.</summary>
internal sealed class LogReplay
{
    private readonly ulong _flushedSequence;
    private readonly LogRecordSink _sink;

    /// <summary>Whether fragments may come of a record that began before the first segment read; all of it is flushed.</summary>
    private bool _skipsContinuation;
    private bool _isInRecord;
    private LogFrame _record;
    private byte[] _assembled = [];
    private int _assembledBytes;

    /// <param name="start">The header of the segment that is read first.</param>
    /// <param name="flushedSequence">Records up to it are not given to the sink.</param>
    /// <param name="sink">Takes the records.</param>
    public LogReplay(in LogSegmentHeader start, ulong flushedSequence, LogRecordSink sink)
    {
        _flushedSequence = flushedSequence;
        _sink = sink;
        _skipsContinuation = start.Predecessor != 0;
        LastSequence = start.FirstSequence - 1;
        LastWritten = start.StartSequence;
    }

    /// <summary>The last sequence of the last whole record, or below where the log was resumed behind it.</summary>
    public ulong LastSequence { get; private set; }

    /// <summary>The last sequence of the last whole record.</summary>
    public ulong LastWritten { get; private set; }

    /// <summary>The sequence of the next record to begin.</summary>
    public ulong NextFirstSequence => (_isInRecord ? LastOf(_record) : LastSequence) + 1;

    /// <summary>Whether fragments of a record were read, and not its last one.</summary>
    public bool IsInRecord => _isInRecord;

    /// <summary>Whole records seen, flushed ones included.</summary>
    public long RecordsSeen { get; private set; }

    public long RecordsDelivered { get; private set; }

    /// <summary>Between two records: nothing was written between the last one and this sequence.</summary>
    public void GoOnFrom(ulong firstSequence) => LastSequence = firstSequence - 1;

    /// <summary>Takes the next frame; answers what is wrong with it, or null.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public string? Accept(in LogFrame frame, ReadOnlySpan<byte> payload)
    {
        if (frame.DurableMark > LastSequence)
            return $"the log was synced up to sequence {frame.DurableMark}, but the records before this frame end at {LastSequence}";
        return frame.Type switch
        {
            LogFrameType.Mark => AcceptMark(frame),
            LogFrameType.Full or LogFrameType.First => AcceptBeginning(frame, payload),
            _ => AcceptContinuation(frame, payload),
        };
    }

    private string? AcceptMark(in LogFrame frame) =>
        _isInRecord || frame.FirstSequence != LastSequence + 1 || frame.SequenceCount != 0 || frame.PayloadBytes != 0
            ? $"a mark at sequence {frame.FirstSequence} does not belong behind sequence {LastSequence}"
            : null;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private string? AcceptBeginning(in LogFrame frame, ReadOnlySpan<byte> payload)
    {
        if (_isInRecord) return $"record {frame.FirstSequence} begins inside record {_record.FirstSequence}";
        if (frame.FirstSequence != LastSequence + 1) return $"sequence {frame.FirstSequence} follows {LastSequence}";
        if (frame.RecordOffset != 0) return $"record {frame.FirstSequence} begins at its byte {frame.RecordOffset}";
        if (frame.SequenceCount is 0 or > int.MaxValue || LastOf(frame) > Trailer.SequenceMax)
            return $"record {frame.FirstSequence} cannot have {frame.SequenceCount} sequences";

        _skipsContinuation = false;
        if (frame.Type == LogFrameType.Full)
        {
            Deliver(frame, payload);
            return null;
        }

        _isInRecord = true;
        _record = frame;
        _assembledBytes = 0;
        Assemble(payload);
        return null;
    }

    private string? AcceptContinuation(in LogFrame frame, ReadOnlySpan<byte> payload)
    {
        if (!_isInRecord)
        {
            return _skipsContinuation && LastOf(frame) == LastSequence
                ? null
                : $"a fragment of record {frame.FirstSequence} without the record's beginning";
        }

        bool follows = frame.FirstSequence == _record.FirstSequence
            && frame.SequenceCount == _record.SequenceCount
            && frame.RecordOffset == (uint)_assembledBytes
            && payload.Length <= Array.MaxLength - _assembledBytes;
        if (!follows)
            return $"a fragment of record {frame.FirstSequence} from byte {frame.RecordOffset} "
                + $"follows {_assembledBytes} bytes of record {_record.FirstSequence}";

        Assemble(payload);
        if (frame.Type == LogFrameType.Last)
        {
            _isInRecord = false;
            Deliver(_record, _assembled.AsSpan(0, _assembledBytes));
        }

        return null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Deliver(in LogFrame record, ReadOnlySpan<byte> payload)
    {
        LastSequence = LastWritten = LastOf(record);
        RecordsSeen++;
        if (LastSequence <= _flushedSequence) return;
        RecordsDelivered++;
        _sink(record.FirstSequence, (int)record.SequenceCount, payload);
    }

    /// <summary>Grows with what was read and checked, never with what a length claims.</summary>
    private void Assemble(ReadOnlySpan<byte> payload)
    {
        int needed = _assembledBytes + payload.Length;
        if (needed > _assembled.Length)
            Array.Resize(ref _assembled, (int)Math.Min(Math.Max(needed, 2L * _assembled.Length), Array.MaxLength));
        payload.CopyTo(_assembled.AsSpan(_assembledBytes));
        _assembledBytes = needed;
    }

    private static ulong LastOf(in LogFrame record) => record.FirstSequence + record.SequenceCount - 1;
}
