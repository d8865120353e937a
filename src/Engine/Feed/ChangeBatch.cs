namespace Varve;

/// <summary>
/// A committed batch, or a piece of one that is too large to be handed over at once. Its memory is its own and stays as it is.
/// </summary>
public sealed class ChangeBatch
{
    internal ChangeBatch(ulong firstSequence, ulong sequence, IReadOnlyList<Change> changes, bool isFirstPiece, bool isLastPiece)
    {
        FirstSequence = firstSequence;
        Sequence = sequence;
        Changes = changes;
        IsFirstPiece = isFirstPiece;
        IsLastPiece = isLastPiece;
    }

    /// <summary>The sequence of the batch's first operation; the same in all its pieces.</summary>
    public ulong FirstSequence { get; }

    /// <summary>
    /// The sequence of the batch's last operation, as the write returned it; the same in all its pieces. Behind the last piece it is
    /// the position from which a feed goes on.
    /// </summary>
    public ulong Sequence { get; }

    /// <summary>The operations in their order. May be empty in the last piece of several.</summary>
    public IReadOnlyList<Change> Changes { get; }

    /// <summary>True where the batch begins.</summary>
    public bool IsFirstPiece { get; }

    /// <summary>True where the batch is whole: only then has everything of it been seen.</summary>
    public bool IsLastPiece { get; }
}
