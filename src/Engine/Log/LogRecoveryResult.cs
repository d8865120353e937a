namespace Varve.Log;

/// <summary>Takes one whole record, in order. The payload is valid during the call only.</summary>
internal delegate void LogRecordSink(ulong firstSequence, int sequenceCount, ReadOnlySpan<byte> payload);

internal enum LogEndKind
{
    /// <summary>The log ends where the clean close said.</summary>
    Clean,

    /// <summary>The log was not closed; it ends behind the last record that checks out.</summary>
    TornTail,

    /// <summary>The log was not closed and holds no record.</summary>
    Empty,
}

/// <summary>An offset in a segment.</summary>
internal readonly record struct LogPlace(long Segment, long Offset);

/// <param name="LastSequence">The last sequence that is known: of the log or, when that is higher, the flushed one.</param>
/// <param name="EndKind">How the log ends.</param>
/// <param name="RecordCount">Records given to the sink.</param>
/// <param name="BytesRead">Bytes read from slot files.</param>
/// <param name="SegmentsSeen">Segments of the era that were found, retired ones included.</param>
/// <param name="HighestSegment">
/// The highest number among them; the next era begins above it. One below the era's first when none was found.
/// </param>
/// <param name="End">
/// Behind the last record that was seen to end, or where reading began; its sequence is below <paramref name="LastSequence"/> where tables
/// hold records that the log has lost. Null when no segment was found.
/// </param>
/// <param name="ReadTo">
/// Behind the last frame that checks out, marks and pieces of records included. Null when no segment was found.
/// </param>
/// <param name="DurableMark">The highest sequence that headers and frames, as far as they were read, state as synced.</param>
/// <param name="ClockMark">The highest time that their headers tell, milliseconds since 1970 UTC; 0 when none does.</param>
/// <param name="Window">Frames that are not in their slot; null: there were none.</param>
internal sealed record LogRecoveryResult(
    ulong LastSequence,
    LogEndKind EndKind,
    long RecordCount,
    long BytesRead,
    int SegmentsSeen,
    long HighestSegment,
    LogEnd? End,
    LogPlace? ReadTo,
    ulong DurableMark,
    long ClockMark,
    LogWindowContent? Window)
{
    /// <summary>The last sequence that was given to a record, or the flushed one; an open may have gone on far above it.</summary>
    public ulong LastWritten { get; init; } = LastSequence;

    /// <summary>The log, if it ends in its newest segment: a writer can go on behind that. Null elsewhere.</summary>
    public KeptLog? Keepable { get; init; }
}
