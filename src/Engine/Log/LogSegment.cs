namespace Varve.Log;

/// <summary>A live segment as the writer sees it. The mutable members are guarded by the writer's segment lock.</summary>
internal sealed class LogSegment(long number, ulong salt, ulong firstSequence, LogSlot slot)
{
    public long Number { get; } = number;

    public ulong Salt { get; } = salt;

    /// <summary>The first sequence of the first record that begins in it.</summary>
    public ulong FirstSequence { get; } = firstSequence;

    public LogSlot Slot { get; } = slot;

    /// <summary>Bytes handed to the system, header page included.</summary>
    public long DrainedBytes { get; set; } = LogFormat.HeaderAreaBytes;

    /// <summary>Written to since its last sync.</summary>
    public bool NeedsSync { get; set; }
}

/// <summary>A live segment for those who copy the log: its bytes up to <see cref="ValidBytes"/> do not change any more.</summary>
internal readonly record struct LogSegmentInfo(long Number, string Path, ulong FirstSequence, long ValidBytes);
