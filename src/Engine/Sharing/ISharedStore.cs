namespace Varve.Sharing;

/// <summary>
/// A store of sorted maps as a layer above the engine sees it, whether the database is open in this process or in another one: five
/// operations, and everything that crosses them is plain data.
/// </summary>
/// <remarks>
/// <see cref="EmbeddedStore"/> is the one of a database in this process. Errors are those of the database; one that is lost between two
/// processes is an <see cref="IOException"/>. Safe for concurrent use.
/// </remarks>
public interface ISharedStore
{
    /// <summary>A copy of a key's value; null when the key is absent.</summary>
    /// <param name="map">The map's name, 1 to 255 bytes of UTF-8. One that was never written to is empty.</param>
    /// <param name="key">0 to 16,384 bytes; not changed until the task ends.</param>
    /// <param name="cancellation">Ends the wait.</param>
    ValueTask<byte[]?> GetAsync(string map, ReadOnlyMemory<byte> key, CancellationToken cancellation = default);

    /// <summary>Entries between two bounds, ascending or descending, as many as limit and byte bound allow.</summary>
    /// <param name="range">Which ones.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The entries, all of one moment, and the key to go on from where there are more.</returns>
    ValueTask<StorePage> ReadRangeAsync(StoreRange range, CancellationToken cancellation = default);

    /// <summary>
    /// Commits a batch over any number of maps if all its conditions hold at its place in the one order of writes; else nothing of it
    /// happens, and the outcome names the condition.
    /// </summary>
    /// <param name="batch">Not changed until the task ends.</param>
    /// <param name="cancellation">Takes the write back as long as it has not begun; afterwards the task ends with its outcome.</param>
    ValueTask<StoreOutcome> WriteAsync(StoreBatch batch, CancellationToken cancellation = default);

    /// <summary>The committed batches behind a position, in the order of commits, and each new one as it comes.</summary>
    /// <param name="feed">Where to begin, and what to leave out.</param>
    /// <param name="cancellation">Ends the feed with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="ChangeHistoryLostException">While enumerating: what comes next is not kept any more.</exception>
    IAsyncEnumerable<ChangeBatch> ReadChangesAsync(StoreFeed feed, CancellationToken cancellation = default);

    /// <summary>The names of the maps that have been written to, in ordinal order, internal ones among them.</summary>
    /// <param name="cancellation">Ends the wait.</param>
    ValueTask<IReadOnlyList<string>> ListMapsAsync(CancellationToken cancellation = default);
}
