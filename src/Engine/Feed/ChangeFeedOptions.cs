namespace Varve;

/// <summary>How a change feed is read. Every default is meant to be kept.</summary>
public sealed class ChangeFeedOptions
{
    /// <summary>Least <see cref="PieceBytes"/>: 4 KiB.</summary>
    public const int PieceBytesMin = 4 << 10;

    /// <summary>Greatest <see cref="PieceBytes"/>: 64 MiB.</summary>
    public const int PieceBytesMax = 64 << 20;

    /// <summary>
    /// Whether batches are shown before they survive a power cut. Default false. When true, a power cut may take a batch that was shown.
    /// One written with <see cref="Durability.None"/> is shown when the log's buffer goes to the system, within a second or so.
    /// </summary>
    public bool IncludeNotDurable { get; set; }

    /// <summary>
    /// Whether the feed ends when everything has been shown that was there when it began. Default false: it waits for more. A database that
    /// was opened for reading has nothing more to wait for, and its feeds always end.
    /// </summary>
    public bool StopsAtEnd { get; set; }

    /// <summary>
    /// Bytes of keys and values after which a batch goes on in another piece, 4 KiB to 64 MiB; default 1 MiB. A single larger value comes
    /// in one piece.
    /// </summary>
    public int PieceBytes { get; set; } = 1 << 20;

    internal ChangeFeedOptions Clone() => (ChangeFeedOptions)MemberwiseClone();

    internal void Validate()
    {
        if (PieceBytes is >= PieceBytesMin and <= PieceBytesMax) return;
        throw new ArgumentOutOfRangeException(
            nameof(PieceBytes), PieceBytes, $"A piece may have {PieceBytesMin:N0} to {PieceBytesMax:N0} bytes.");
    }
}
