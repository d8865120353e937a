using Varve.Files;

namespace Varve.Log;

/// <summary>A live segment as the writer sees it. The mutable members are guarded by the writer's segment lock.</summary>
internal sealed class LogSegment
{
    public required long Number { get; init; }

    public required ulong Salt { get; init; }

    /// <summary>The first sequence of the first record that begins in it.</summary>
    public required ulong FirstSequence { get; init; }

    /// <summary>See <see cref="ReadableSegment"/>; in the first segment of an era the history knows better.</summary>
    public required ulong StartSequence { get; init; }

    public required int SlotNumber { get; init; }

    public required string Path { get; init; }

    /// <summary>What the slot takes on the disk.</summary>
    public required long FileBytes { get; init; }

    /// <summary>Null in a segment of an earlier open, which is not written any more.</summary>
    public LogSlot? Slot { get; init; }

    /// <summary>The open slot of a segment that was written here.</summary>
    public IFile File => Slot!.File;

    /// <summary>Bytes handed to the system, header page included.</summary>
    public long DrainedBytes { get; set; } = LogFormat.HeaderAreaBytes;

    /// <summary>Written to since its last sync.</summary>
    public bool NeedsSync { get; set; }
}

/// <summary>A live segment for those who copy the log: its bytes up to <see cref="ValidBytes"/> do not change any more.</summary>
internal readonly record struct LogSegmentInfo(long Number, string Path, ulong FirstSequence, long ValidBytes);
