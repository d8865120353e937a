namespace Varve.Log;

/// <summary>A segment that recovery needs no more, kept for the change feed.</summary>
internal sealed class RetiredSegment
{
    public required long Number { get; init; }

    public required int Slot { get; init; }

    public required ulong Salt { get; init; }

    public required ulong FirstSequence { get; init; }

    /// <summary>See <see cref="ReadableSegment"/>.</summary>
    public required ulong StartSequence { get; init; }

    public required long ValidBytes { get; init; }

    /// <summary>What the slot takes on the disk.</summary>
    public required long FileBytes { get; init; }

    /// <summary>The slot is longer than what is kept of it.</summary>
    public bool NeedsCut { get; init; }

    /// <summary>The writer's open slot, until <see cref="LogHistory.DetachFiles"/>; null for a segment of an earlier open.</summary>
    public LogSlot? OpenSlot { get; set; }

    /// <summary>The system may have bytes of it that the device has not.</summary>
    public bool NeedsSync { get; set; }

    /// <summary>It, or one behind it, is damaged: nobody reads it any more, and its slot goes when its turn comes.</summary>
    public bool IsDropped { get; set; }
}
