namespace Varve.Sharing;

/// <summary>What of the change feed is to be read. Plain data.</summary>
public sealed class StoreFeed
{
    /// <summary>
    /// The position: the <see cref="ChangeBatch.Sequence"/> seen last, or 0 for everything that was ever written. Null: from now on; then
    /// the first batch comes at once and is empty, and every write that reads do not show when it has come will follow.
    /// </summary>
    public ulong? After { get; init; }

    /// <summary>The only map whose changes are shown; null: all.</summary>
    public string? Map { get; init; }

    /// <summary>
    /// With <see cref="Map"/>: what keys that are put or deleted begin with; default: all. Does not leave out range deletes.
    /// </summary>
    public ReadOnlyMemory<byte> KeyPrefix { get; init; }

    /// <summary>Whether batches are shown before they survive a power cut, as <see cref="ChangeFeedOptions.IncludeNotDurable"/>.</summary>
    public bool IncludeNotDurable { get; init; }

    /// <summary>What of a batch is shown; null: nothing.</summary>
    internal ChangeBatch? Show(ChangeBatch batch)
    {
        Change[] shown = [.. batch.Changes.Where(change => Shows(change))];

        // The last of several pieces says that the batch is whole, with or without changes.
        if (shown.Length == 0 && (batch.IsFirstPiece || !batch.IsLastPiece)) return null;
        return shown.Length == batch.Changes.Count
            ? batch
            : new ChangeBatch(batch.FirstSequence, batch.Sequence, shown, batch.IsFirstPiece, batch.IsLastPiece);
    }

    private bool Shows(in Change change)
    {
        if (Map is null) return true;
        if (change.MapName != Map) return false;
        return change.Kind is not (ChangeKind.Put or ChangeKind.Delete) || change.Key.Span.StartsWith(KeyPrefix.Span);
    }
}
