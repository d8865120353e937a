using System.Runtime.CompilerServices;

namespace Varve.Sharing;

// The five operations. A call whose connection ends under way is made again at the next owner.
public sealed partial class SharedStore
{
    /// <inheritdoc/>
    public ValueTask<byte[]?> GetAsync(string map, ReadOnlyMemory<byte> key, CancellationToken cancellation = default) =>
        Volatile.Read(ref _current) is OwnerLink owner
            ? owner.GetAsync(map, key, cancellation)
            : ReadAsync((map, key), static (link, asked, end) => link.GetAsync(asked.map, asked.key, end), cancellation);

    /// <inheritdoc/>
    public ValueTask<StorePage> ReadRangeAsync(StoreRange range, CancellationToken cancellation = default) =>
        Volatile.Read(ref _current) is OwnerLink owner
            ? owner.ReadRangeAsync(range, cancellation)
            : ReadAsync(range, static (link, asked, end) => link.ReadRangeAsync(asked, end), cancellation);

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ListMapsAsync(CancellationToken cancellation = default) =>
        ReadAsync(0, static (link, _, end) => link.ListMapsAsync(end), cancellation);

    /// <inheritdoc/>
    /// <exception cref="CommitOutcomeUnknownException">
    /// The batch was sent to an owner of whom nothing was heard any more, nor of another one in time: it may have been committed or not.
    /// </exception>
    public ValueTask<StoreOutcome> WriteAsync(StoreBatch batch, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return Volatile.Read(ref _current) is OwnerLink owner
            ? owner.Store.Embedded.WriteAsync(batch, cancellation)
            : SendAsync(batch, cancellation);
    }

    /// <inheritdoc/>
    /// <remarks>Goes on at the next owner behind what was given last: nothing is left out, and nothing comes twice.</remarks>
    public async IAsyncEnumerable<ChangeBatch> ReadChangesAsync(
        StoreFeed feed, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(feed);
        var position = new FeedPosition(feed);
        while (true)
        {
            IStoreLink link = await WaitForLinkAsync(cancellation).ConfigureAwait(false);
            IAsyncEnumerator<FeedItem> items =
                link.ReadChangesAsync(position.Begin(), cancellation).GetAsyncEnumerator(cancellation);
            await using (items.ConfigureAwait(false))
            {
                while (await TryMoveAsync(items, link).ConfigureAwait(false) is { } hasNext)
                {
                    if (!hasNext) yield break;
                    if (position.Advance(items.Current) is { } batch) yield return batch;
                }
            }
        }
    }

    private async ValueTask<StoreOutcome> SendAsync(StoreBatch batch, CancellationToken cancellation)
    {
        var sent = new SentFlag();
        Guid id = Guid.Empty;
        while (true)
        {
            // Once it may have happened, it is not taken back: only an owner can say whether it has.
            bool isAgain = sent.IsSet;
            CancellationToken end = isAgain ? CancellationToken.None : cancellation;
            IStoreLink link;
            try
            {
                link = await GetLinkAsync(end).ConfigureAwait(false);
            }
            catch (Exception failure) when (isAgain)
            {
                throw Unknown(failure);
            }

            if (id == Guid.Empty && batch.Operations.Count > 0 && link is PeerLink) id = _ids.Next();
            try
            {
                return await link.WriteAsync(batch, new BatchAttempt(id, isAgain && id != Guid.Empty), sent, end).ConfigureAwait(false);
            }
            catch (ConnectionLostException)
            {
                Drop(link);
            }
            catch (StoreOwnerException failure) when (sent.IsSet)
            {
                throw Unknown(failure);
            }
        }
    }

    private static CommitOutcomeUnknownException Unknown(Exception cause) => new(
        "The batch was sent to the owner of the database, and nothing was heard of it: it may have been committed or not. "
        + cause.Message, cause);

    /// <summary>Null: the connection has ended.</summary>
    private async ValueTask<bool?> TryMoveAsync(IAsyncEnumerator<FeedItem> items, IStoreLink link)
    {
        try
        {
            return await items.MoveNextAsync().ConfigureAwait(false);
        }
        catch (ConnectionLostException)
        {
            Drop(link);
            return null;
        }
    }

    private async ValueTask<T> ReadAsync<TAsked, T>(
        TAsked asked, Func<IStoreLink, TAsked, CancellationToken, ValueTask<T>> read, CancellationToken cancellation)
    {
        while (true)
        {
            IStoreLink link = await GetLinkAsync(cancellation).ConfigureAwait(false);
            try
            {
                return await read(link, asked, cancellation).ConfigureAwait(false);
            }
            catch (ConnectionLostException)
            {
                Drop(link);
            }
        }
    }

    /// <summary>For feeds, which wait for changes as long as there are none, and so for an owner as long as there is none.</summary>
    private async ValueTask<IStoreLink> WaitForLinkAsync(CancellationToken cancellation) =>
        await CurrentLink().WaitAsync(cancellation).ConfigureAwait(false);
}
