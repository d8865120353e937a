using System.Runtime.CompilerServices;
using Varve.Sharing;

namespace Varve.Idempotency;

// Invocations that nobody runs: after a crash, after a wait, by an operator's wish.
public sealed partial class Journal
{
    private const int EntriesOfPage = 1_000;

    /// <summary>
    /// The invocations that are not finished and that this journal does not run itself: at a start those that a crash has left, and those
    /// that are queued, waiting or open.
    /// </summary>
    /// <remarks>
    /// Others that use the store at the same time have theirs under way, too: <see cref="Invocation.Owner"/> tells whose one is.
    /// </remarks>
    /// <param name="cancellation">Ends the enumeration.</param>
    public async IAsyncEnumerable<Invocation> ListUnfinishedAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        IAsyncEnumerable<PageEntry> pending = ReadPrefixAsync(InternalMaps.Invocations, JournalKeys.AllPending, cancellation);
        await foreach (PageEntry entry in pending.ConfigureAwait(false))
        {
            Guid id = JournalKeys.ReadId(entry.Key.Span);
            if (_running.ContainsKey(id)) continue;
            if (await FindAsync(id, cancellation).ConfigureAwait(false) is { IsFinished: false } found) yield return found;
        }
    }

    /// <summary>
    /// What a dispatcher is to take: invocations that are queued, and those that were under way in a process that is gone
    /// (<see cref="IsOrphanAsync(Invocation, CancellationToken)"/>). It asks at its start, and again every now and then: that reads no more
    /// than the rows of what is not finished.
    /// </summary>
    /// <param name="cancellation">Ends the enumeration.</param>
    public async IAsyncEnumerable<Invocation> ListOrphansAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        IAsyncEnumerable<PageEntry> pending = ReadPrefixAsync(InternalMaps.Invocations, JournalKeys.AllPending, cancellation);
        await foreach (PageEntry entry in pending.ConfigureAwait(false))
        {
            PendingRow row = PendingRow.Decode(entry.Value.Span);
            if (row.IsIdle || row.Owner == Incarnation) continue;
            Invocation? found = await FindAsync(JournalKeys.ReadId(entry.Key.Span), cancellation).ConfigureAwait(false);
            if (found is { IsFinished: false } && await IsOrphanAsync(found, cancellation).ConfigureAwait(false)) yield return found;
        }
    }

    /// <summary>
    /// Takes over an invocation that was under way in a process that is gone, or is queued. Only for whoever dispatches, and only where its
    /// owner is known to be gone.
    /// </summary>
    /// <param name="unfinished">As it was listed.</param>
    /// <param name="rowsAtEnd">Rows of the caller's for the batch that ends it, where it is ended; null: none.</param>
    /// <param name="cancellation">Ends the call before anything is written.</param>
    /// <returns>
    /// The run, counted durably, that the caller is to make. Null: there is nothing to run. It waits or is open; somebody else has taken
    /// it; or it has been ended here, as <see cref="InvocationState.Stopped"/> because it is not to be run again, or as
    /// <see cref="InvocationState.Dead"/> after <see cref="JournalOptions.RecoveriesMax"/> recoveries.
    /// </returns>
    public async ValueTask<InvocationContext?> RecoverAsync(
        Invocation unfinished, Func<InvocationState, IReadOnlyList<StoreOperation>>? rowsAtEnd = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(unfinished);
        cancellation.ThrowIfCancellationRequested();
        RunCounts counts = unfinished.Stored.Counts;
        if (unfinished.State == InvocationState.Queued)
            return await TryRunAsync(unfinished.Id, unfinished.Stored, counts.Again, rows: null, cancellation).ConfigureAwait(false);
        if (unfinished.State != InvocationState.Running || _running.ContainsKey(unfinished.Id)) return null;
        return await TakeOverAsync(unfinished, rows: null, rowsAtEnd, cancellation).ConfigureAwait(false);
    }

    /// <summary>
    /// Whether an invocation is queued, or was under way in a process that is gone: another one than this, without a lease
    /// (<see cref="Leases"/>). Processes that share a store hold one each; so what a process that is alone finds at its start is nobody's.
    /// </summary>
    /// <param name="unfinished">As it was listed.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public ValueTask<bool> IsOrphanAsync(Invocation unfinished, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(unfinished);
        return unfinished.State == InvocationState.Queued ? new(true) : IsOrphanAsync(unfinished.Stored, cancellation);
    }

    /// <summary>
    /// Goes on with an invocation for the principal that has asked for it, as a call with its key would: one that waits or is open is to be
    /// run again; one that is under way is waited for, until it has ended or waits.
    /// </summary>
    /// <param name="id">The invocation.</param>
    /// <param name="principal">As in its request.</param>
    /// <param name="cancellation">Ends the wait, and the call before anything is written.</param>
    /// <returns>The run that the caller is to make, or the outcome; null when there is no such invocation of this principal.</returns>
    public async ValueTask<BeginResult?> ReenterAsync(Guid id, string principal, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(principal);
        bool hasJoined = false;
        while (await FindAsync(id, cancellation).ConfigureAwait(false) is { } found)
        {
            if (found.Principal != principal || IsExpired(found.Stored, found.Key is not null)) return null;
            if (found.Outcome is { } outcome) return BeginResult.Of(outcome, hasJoined);
            if (found.Stored.IsAtRest)
            {
                InvocationContext? run =
                    await TryRunAsync(id, found.Stored, found.Stored.Counts.Again, rows: null, cancellation).ConfigureAwait(false);
                if (run is not null) return BeginResult.Fresh(run);
                continue;
            }

            if (await IsOrphanAsync(found.Stored, cancellation).ConfigureAwait(false))
            {
                InvocationContext? taken = await TakeOverAsync(found, rows: null, rowsAtEnd: null, cancellation).ConfigureAwait(false);
                if (taken is not null) return BeginResult.Fresh(taken);
                continue;
            }

            await WaitForChangeOrOrphanAsync(id, found.Stored, cancellation).ConfigureAwait(false);
            hasJoined = true;
        }

        return null;
    }

    /// <summary>An invocation; null when there is none of this id (any more).</summary>
    /// <param name="id">The invocation.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async ValueTask<Invocation?> FindAsync(Guid id, CancellationToken cancellation = default)
    {
        if (await LoadRequestAsync(id, cancellation).ConfigureAwait(false) is not { } request) return null;
        StoredState? state = await LoadStateAsync(id, cancellation).ConfigureAwait(false);
        return state is null ? null : new Invocation(id, request, state);
    }

    /// <summary>The invocation that a key stands for; null when there is none (any more).</summary>
    /// <param name="principal">Whose key it is.</param>
    /// <param name="key">The idempotency key.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async ValueTask<Invocation?> FindAsync(string principal, string key, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(principal);
        ArgumentNullException.ThrowIfNull(key);
        byte[]? known = await Store.GetAsync(InternalMaps.Invocations, JournalKeys.Keyed(principal, key), cancellation)
            .ConfigureAwait(false);
        return known is null ? null : await FindAsync(KeyRow.Decode(known).Id, cancellation).ConfigureAwait(false);
    }

    /// <summary>All invocations, the newest first. One that is made or removed meanwhile may be shown or not.</summary>
    /// <param name="cancellation">Ends the enumeration.</param>
    public async IAsyncEnumerable<Invocation> ListAsync([EnumeratorCancellation] CancellationToken cancellation = default)
    {
        IAsyncEnumerable<PageEntry> requests =
            ReadPrefixAsync(InternalMaps.Invocations, JournalKeys.Requests, cancellation, Direction.Descending);
        await foreach (PageEntry entry in requests.ConfigureAwait(false))
        {
            Guid id = JournalKeys.ReadId(entry.Key.Span);
            if (await LoadStateAsync(id, cancellation).ConfigureAwait(false) is { } state)
                yield return new Invocation(id, RequestRow.Decode(entry.Value.Span), state);
        }
    }

    /// <summary>What the guards and map writes of an invocation have recorded.</summary>
    /// <param name="id">The invocation.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async ValueTask<IReadOnlyList<InvocationStep>> ListStepsAsync(Guid id, CancellationToken cancellation = default)
    {
        List<InvocationStep> steps = [];
        await foreach (PageEntry entry in ReadPrefixAsync(InternalMaps.Steps, JournalKeys.Steps(id), cancellation).ConfigureAwait(false))
        {
            (string? guard, WriteAlias write) = JournalKeys.ReadStep(entry.Key.Span);
            StepRow row = StepRow.Decode(entry.Value.Span);
            string text = row.State == StepState.Stored ? System.Text.Encoding.UTF8.GetString(row.Json.Span) : row.Message;
            string? map = guard is null ? write.Map : null;
            steps.Add(new InvocationStep(guard ?? write.Alias, map, row.State, row.Tries.Attempt, row.Type, text));
        }

        return steps;
    }

    /// <summary>
    /// Aborts an invocation that is not finished. A run of it in this process is cancelled; one elsewhere fails at its next write.
    /// </summary>
    /// <param name="id">The invocation.</param>
    /// <param name="rows">Rows of the caller's that are committed in the same batch; null: none.</param>
    /// <param name="cancellation">Ends the call before anything is written.</param>
    /// <returns>False when there is no such invocation, or it is finished.</returns>
    public ValueTask<bool> AbortAsync(
        Guid id, IReadOnlyList<StoreOperation>? rows = null, CancellationToken cancellation = default) =>
        EndAsync(id, InvocationState.Aborted, rows, cancellation);

    /// <summary>
    /// Ends an invocation that is not finished, whoever runs it, without an outcome. Otherwise as <see cref="AbortAsync"/>.
    /// </summary>
    /// <param name="id">The invocation.</param>
    /// <param name="state">
    /// <see cref="InvocationState.Aborted"/>, <see cref="InvocationState.Cancelled"/>, <see cref="InvocationState.Stopped"/>, or
    /// <see cref="InvocationState.Dead"/> where it can no longer be run.
    /// </param>
    /// <param name="rows">Rows of the caller's that are committed in the same batch; null: none.</param>
    /// <param name="cancellation">Ends the call before anything is written.</param>
    /// <exception cref="ArgumentOutOfRangeException">The state is none of these.</exception>
    public async ValueTask<bool> EndAsync(
        Guid id, InvocationState state, IReadOnlyList<StoreOperation>? rows = null, CancellationToken cancellation = default)
    {
        if (state is < InvocationState.Stopped or > InvocationState.Cancelled)
            throw new ArgumentOutOfRangeException(nameof(state), state, "An invocation is ended as stopped, dead, aborted or cancelled.");
        while (await FindAsync(id, cancellation).ConfigureAwait(false) is { IsFinished: false } found)
        {
            if (!await TryEndAsync(found, state, rows, cancellation).ConfigureAwait(false)) continue;
            if (_running.TryGetValue(id, out InvocationContext? run)) run.Lose();
            return true;
        }

        return false;
    }

    /// <summary>
    /// Queues an invocation anew that ended without an outcome, or is waiting or open: it is run again with what its guards did, and may be
    /// recovered as often as a new one.
    /// </summary>
    /// <param name="id">The invocation.</param>
    /// <param name="cancellation">Ends the call before anything is written.</param>
    /// <returns>False when there is no such invocation, it is under way, or it has an outcome.</returns>
    /// <exception cref="InvalidOperationException">Its arguments were not kept.</exception>
    public async ValueTask<bool> RetryAsync(Guid id, CancellationToken cancellation = default)
    {
        Invocation? found = await FindAsync(id, cancellation).ConfigureAwait(false);
        bool mayRun = found is not null && found.Stored.IsAtRest && found.State != InvocationState.Completed;
        if (!mayRun) return false;
        CheckArguments(found!);
        byte[] expiry = ExpiryOf(id, found!.Stored, found.Key is not null, bytes: 0).EncodeKey();
        long restBytes = await ReadRestBytesAsync(expiry, cancellation).ConfigureAwait(false);
        byte[] stateKey = found.IsFinished ? JournalKeys.Finished(id) : JournalKeys.Pending(id);
        bool isWritten = await TryWriteAsync(
            [StoreCondition.Value(InternalMaps.Invocations, stateKey, found.Stored.Value)],
            [
                StoreOperation.Delete(InternalMaps.Invocations, stateKey),
                StoreOperation.Delete(InternalMaps.Expiry, expiry),
                StoreOperation.Put(InternalMaps.Invocations, JournalKeys.Pending(id), QueuedAs(found.Stored.Counts).Encode()),
            ]).ConfigureAwait(false);
        if (isWritten) CountRest(-restBytes);
        return isWritten;
    }

    /// <summary>Queues a new invocation with the request of another one, without its key and what its guards did.</summary>
    /// <param name="id">The other one.</param>
    /// <param name="cancellation">Ends the call before anything is written.</param>
    /// <returns>The new one's id; null when there is no such invocation.</returns>
    /// <exception cref="InvalidOperationException">Its arguments were not kept.</exception>
    /// <exception cref="JournalFullException">There is no room, and nothing finished that could go.</exception>
    public async ValueTask<Guid?> ReplayAsync(Guid id, CancellationToken cancellation = default)
    {
        if (await FindAsync(id, cancellation).ConfigureAwait(false) is not { } found) return null;
        CheckArguments(found);
        await MakeRoomAsync(cancellation).ConfigureAwait(false);
        Guid replay = _ids.Next();
        RequestRow request = found.Request with { Key = null, ReplayOf = id, CreatedMilliseconds = NowMilliseconds };
        await TryWriteAsync([], RowsOf(replay, request, QueuedAs(default))).ConfigureAwait(false);
        CountInvocation();
        return replay;
    }

    private async ValueTask<bool> IsOrphanAsync(StoredState state, CancellationToken cancellation) =>
        state.Pending is { State: InvocationState.Running } pending && pending.Owner != Incarnation
        && !await Leases.IsHeldAsync(Store, pending.Owner, cancellation).ConfigureAwait(false);

    /// <summary>From a run that was cut short to the next one; null when there is to be none, and the invocation has ended.</summary>
    private async ValueTask<InvocationContext?> TakeOverAsync(
        Invocation orphan, Func<Guid, IReadOnlyList<StoreOperation>>? rows,
        Func<InvocationState, IReadOnlyList<StoreOperation>>? rowsAtEnd, CancellationToken cancellation)
    {
        RunCounts counts = orphan.Stored.Counts;
        InvocationState? end = EndInsteadOfRun(orphan.Recovery, counts);
        if (end is null) return await TryRunAsync(orphan.Id, orphan.Stored, counts.Recovered, rows, cancellation).ConfigureAwait(false);
        await TryEndAsync(orphan, end.Value, rowsAtEnd?.Invoke(end.Value), cancellation).ConfigureAwait(false);
        return null;
    }

    /// <summary>What becomes of an invocation whose run was cut short; null: it is run again.</summary>
    private InvocationState? EndInsteadOfRun(RecoveryMode recovery, in RunCounts counts) =>
        recovery == RecoveryMode.Fail ? InvocationState.Stopped
        : counts.Recoveries >= Options.RecoveriesMax ? InvocationState.Dead
        : null;

    private static void CheckArguments(Invocation invocation)
    {
        if (invocation.Arguments is not null) return;
        throw new InvalidOperationException($"The arguments of the invocation {invocation.Id} were not kept: it cannot be run again.");
    }

    private PendingRow QueuedAs(RunCounts counts) => new()
    {
        State = InvocationState.Queued,
        Counts = counts,
        Owner = Guid.Empty,
        SinceMilliseconds = NowMilliseconds,
    };

    private async ValueTask<bool> TryEndAsync(
        Invocation found, InvocationState end, IReadOnlyList<StoreOperation>? rows, CancellationToken cancellation)
    {
        InvocationSteps steps = await LoadStepsAsync(found.Id, cancellation).ConfigureAwait(false);
        return await TryEndAsync(found.Id, found.Request, found.Stored, end, isError: true, default, steps.Bytes, rows)
            .ConfigureAwait(false);
    }

    private async IAsyncEnumerable<PageEntry> ReadPrefixAsync(
        string map, byte[] prefix, [EnumeratorCancellation] CancellationToken cancellation, Direction direction = Direction.Ascending)
    {
        bool isAscending = direction == Direction.Ascending;
        byte[] end = JournalKeys.EndOf(prefix);
        byte[]? start = isAscending ? prefix : end;
        while (start is not null)
        {
            var range = new StoreRange
            {
                Map = map,
                Start = start,
                End = isAscending ? end : prefix,
                Direction = direction,
                Limit = EntriesOfPage,
            };
            StorePage page = await Store.ReadRangeAsync(range, cancellation).ConfigureAwait(false);
            foreach (PageEntry entry in page.Entries) yield return entry;
            start = page.NextKey;
        }
    }
}
