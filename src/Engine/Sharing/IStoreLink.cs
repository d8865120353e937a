namespace Varve.Sharing;

/// <summary>The way to the database that a shared store uses now: its own database, or a connection to the owner.</summary>
internal interface IStoreLink : IAsyncDisposable
{
    /// <summary>Ends when this is not the way any more.</summary>
    Task Ended { get; }

    /// <summary>The process that has the database open.</summary>
    int OwnerProcessId { get; }

    ValueTask<byte[]?> GetAsync(string map, ReadOnlyMemory<byte> key, CancellationToken cancellation);

    ValueTask<StorePage> ReadRangeAsync(StoreRange range, CancellationToken cancellation);

    /// <summary>Writes a batch with the id of its attempt; sets <paramref name="sent"/> once it may happen.</summary>
    ValueTask<StoreOutcome> WriteAsync(StoreBatch batch, BatchAttempt attempt, SentFlag sent, CancellationToken cancellation);

    IAsyncEnumerable<FeedItem> ReadChangesAsync(StoreFeed feed, CancellationToken cancellation);

    ValueTask<IReadOnlyList<string>> ListMapsAsync(CancellationToken cancellation);
}

/// <summary>A batch of a feed; or, where it was asked to leave out the last ones, only a position to go on from.</summary>
internal readonly record struct FeedItem(ChangeBatch? Batch, ulong Position);

/// <summary>Whether a batch has left this process.</summary>
internal sealed class SentFlag
{
    public bool IsSet { get; set; }
}
