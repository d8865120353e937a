namespace Varve.Log;

/// <summary>
/// The log that an open has found, whose bytes up to the end it has made durable: the writer goes on behind it in the same era.
/// </summary>
/// <param name="Segments">Those that hold what is in no table, in order; at least one.</param>
/// <param name="End">Where the last of them ends, and the sequence of the last record.</param>
/// <param name="LastSequence">The same, or above it where the log was resumed since.</param>
internal sealed record KeptLog(IReadOnlyList<FoundSegment> Segments, LogEnd End, ulong LastSequence)
{
    /// <summary>Where the segment with this index ends, as its successor states it.</summary>
    public long ValidBytesOf(int index) =>
        index + 1 < Segments.Count ? Segments[index + 1].Header.PredecessorValidBytes : End.ValidBytes;
}
