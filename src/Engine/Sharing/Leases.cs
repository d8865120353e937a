using System.Runtime.CompilerServices;

namespace Varve.Sharing;

/// <summary>
/// Which processes use a shared store right now. Each has a row of its own, named by its incarnation, which is there exactly as long as
/// its connection to the owner of the database (or its ownership): docs/sharing.md.
/// </summary>
/// <remarks>
/// Only a store that was opened for sharing has leases; in any other none is held and none ends. So a process asks for its own first to
/// know whether those of others mean anything.
/// </remarks>
public static class Leases
{
    /// <summary>Whether a process uses the store.</summary>
    /// <param name="store">The store.</param>
    /// <param name="incarnation">The process's name for this one of its lives.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public static async ValueTask<bool> IsHeldAsync(ISharedStore store, Guid incarnation, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        byte[]? row = await store.GetAsync(SharedMaps.Sessions, LeaseRow.KeyOf(incarnation), cancellation).ConfigureAwait(false);
        return row is not null;
    }

    /// <summary>Each lease that ends from now on, in the order in which they end. Comes to no end by itself.</summary>
    /// <param name="store">The store.</param>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>.</param>
    /// <remarks>"Now" is some time after the first one is asked for; the other overload tells when.</remarks>
    public static IAsyncEnumerable<Guid> FollowEndedAsync(ISharedStore store, CancellationToken cancellation = default) =>
        FollowEndedAsync(store, static () => { }, cancellation);

    /// <summary>Each lease that ends from now on, and when "now" is: for those that must miss none.</summary>
    /// <param name="store">The store.</param>
    /// <param name="following">
    /// Called when from then on no end is missed: what was held then and ends is told. Called again when the database kept too little of
    /// its history, so that some may have been missed: look at all of them then. Must not block.
    /// </param>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>.</param>
    public static IAsyncEnumerable<Guid> FollowEndedAsync(ISharedStore store, Action following, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(following);
        return FollowAsync(store, following, cancellation);
    }

    /// <summary>Returns when a process does not use the store (any more); at once where it does not use it now.</summary>
    /// <param name="store">The store.</param>
    /// <param name="incarnation">The process's name for this one of its lives.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public static async Task WaitForEndAsync(ISharedStore store, Guid incarnation, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(store);
        byte[] key = LeaseRow.KeyOf(incarnation);
        while (true)
        {
            var feed = new StoreFeed { Map = SharedMaps.Sessions, KeyPrefix = key, IncludeNotDurable = true };
            try
            {
                // The first batch is empty and says that from now on nothing is missed: so the row is looked at once before any wait.
                await foreach (ChangeBatch _ in store.ReadChangesAsync(feed, cancellation).ConfigureAwait(false))
                {
                    if (!await IsHeldAsync(store, incarnation, cancellation).ConfigureAwait(false)) return;
                }
            }
            catch (ChangeHistoryLostException)
            {
                // Another feed begins with a look at the row.
            }
        }
    }

    private static async IAsyncEnumerable<Guid> FollowAsync(
        ISharedStore store, Action following, [EnumeratorCancellation] CancellationToken cancellation)
    {
        while (true)
        {
            var feed = new StoreFeed { Map = SharedMaps.Sessions, KeyPrefix = LeaseRow.All, IncludeNotDurable = true };
            await using IAsyncEnumerator<ChangeBatch> batches = store.ReadChangesAsync(feed, cancellation).GetAsyncEnumerator(cancellation);
            bool isFollowing = false;
            while (await TryMoveAsync(batches).ConfigureAwait(false))
            {
                if (!isFollowing)
                {
                    isFollowing = true;
                    following();
                }

                foreach (Change change in batches.Current.Changes)
                {
                    bool isEnd = change.Kind == ChangeKind.Delete;
                    if (isEnd && LeaseRow.TryReadKey(change.Key.Span, out Guid incarnation)) yield return incarnation;
                }
            }
        }
    }

    /// <summary>False when the history was lost.</summary>
    private static async ValueTask<bool> TryMoveAsync(IAsyncEnumerator<ChangeBatch> batches)
    {
        try
        {
            return await batches.MoveNextAsync().ConfigureAwait(false);
        }
        catch (ChangeHistoryLostException)
        {
            return false;
        }
    }
}
