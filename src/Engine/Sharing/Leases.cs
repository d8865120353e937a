using System.Runtime.CompilerServices;

namespace Varve.Sharing;

/// <summary>
/// Which processes that use a store are alive. One that shares a store with others has a row for its incarnation, which whoever has the
/// database open removes when the process is gone. A process that is alone with its database has none.
/// </summary>
public static class Leases
{
    private const string Map = "$varve/sessions";
    private const byte Kind = (byte)'l';
    private const int IncarnationBytes = 16;

    /// <summary>Whether a process is alive, as far as its lease says.</summary>
    /// <param name="store">The store.</param>
    /// <param name="incarnation">The process.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public static async ValueTask<bool> IsHeldAsync(ISharedStore store, Guid incarnation, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(store);
        return await store.GetAsync(Map, KeyOf(incarnation), cancellation).ConfigureAwait(false) is not null;
    }

    /// <summary>The processes whose leases end, each as it does. Without an end.</summary>
    /// <param name="store">The store.</param>
    /// <param name="cancellation">Ends the enumeration with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="ChangeHistoryLostException">The reader was too slow: enumerate anew, and look at every lease once.</exception>
    public static async IAsyncEnumerable<Guid> FollowEndedAsync(
        ISharedStore store, [EnumeratorCancellation] CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(store);
        await foreach (ChangeBatch batch in store.ReadChangesAsync(Feed([Kind]), cancellation).ConfigureAwait(false))
        {
            foreach (Change change in batch.Changes)
            {
                bool isEnd = change.Kind == ChangeKind.Delete && change.Key.Length == 1 + IncarnationBytes;
                if (isEnd) yield return new Guid(change.Key.Span[1..], bigEndian: true);
            }
        }
    }

    /// <summary>The changes of one process's lease.</summary>
    internal static StoreFeed FeedOf(Guid incarnation) => Feed(KeyOf(incarnation));

    internal static byte[] KeyOf(Guid incarnation) => [Kind, .. incarnation.ToByteArray(bigEndian: true)];

    private static StoreFeed Feed(byte[] keyPrefix) => new() { Map = Map, KeyPrefix = keyPrefix, IncludeNotDurable = true };
}
