using Varve.Sharing;

namespace Varve.Idempotency;

// How a request waits for a run of another one, here or in another process.
public sealed partial class Journal
{
    /// <summary>Waits until an invocation has ended.</summary>
    /// <param name="id">The invocation.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>Its outcome; null when there is no such invocation (any more).</returns>
    public async ValueTask<InvocationOutcome?> WaitAsync(Guid id, CancellationToken cancellation = default)
    {
        while (await LoadStateAsync(id, cancellation).ConfigureAwait(false) is { } state)
        {
            if (state.Finished is { } finished) return new InvocationOutcome(id, finished);
            await WaitForChangeAsync(id, state, cancellation).ConfigureAwait(false);
        }

        return null;
    }

    /// <summary>Returns when the invocation is no longer in the state.</summary>
    private async ValueTask WaitForChangeAsync(Guid id, StoredState state, CancellationToken cancellation)
    {
        bool isRunHere = state.Pending!.Owner == Incarnation;
        if (isRunHere && _running.TryGetValue(id, out InvocationContext? run) && run.PendingValue.AsSpan().SequenceEqual(state.Value))
        {
            await run.Ended.WaitAsync(cancellation).ConfigureAwait(false);
            return;
        }

        byte[] key = JournalKeys.Pending(id);
        var feed = new StoreFeed { Map = InternalMaps.Invocations, KeyPrefix = key, IncludeNotDurable = true };
        try
        {
            // The first batch is empty and says that from now on nothing is missed: so the row is looked at once before any wait.
            await foreach (ChangeBatch _ in Store.ReadChangesAsync(feed, cancellation).ConfigureAwait(false))
            {
                byte[]? now = await Store.GetAsync(InternalMaps.Invocations, key, cancellation).ConfigureAwait(false);
                if (now is null || !now.AsSpan().SequenceEqual(state.Value)) return;
            }
        }
        catch (ChangeHistoryLostException)
        {
            // The caller looks again, and begins another feed from there.
        }
    }

    /// <summary>Returns when the invocation is no longer in the state, or the process that runs it is gone.</summary>
    private async ValueTask WaitForChangeOrOrphanAsync(Guid id, StoredState state, CancellationToken cancellation)
    {
        if (state.Pending is not { State: InvocationState.Running } pending || pending.Owner == Incarnation)
        {
            await WaitForChangeAsync(id, state, cancellation).ConfigureAwait(false);
            return;
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task changed = WaitForChangeAsync(id, state, ending.Token).AsTask();
        Task orphaned = Leases.WaitForEndAsync(Store, pending.Owner, ending.Token);
        Task first = await Task.WhenAny(changed, orphaned).ConfigureAwait(false);
        await ending.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(changed, orphaned).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first.ConfigureAwait(false);
    }
}
