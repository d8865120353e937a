using System.Collections.Concurrent;
using Varve.Sharing;

namespace Varve.Idempotency;

/// <summary>
/// Keeps what was asked for, what has been done of it, and what came out, in a store: so that a request that comes twice has one effect and
/// one answer, and what a crash has cut short goes on where it was. See docs/journal.md.
/// </summary>
/// <remarks>
/// Several journals, in one process or in several, may work on one store. Holds nothing that must be closed. Safe for concurrent use.
/// </remarks>
public sealed partial class Journal
{
    /// <summary>The most that the journal itself writes in a batch that begins or ends a run.</summary>
    private const int OperationsOfBatch = 4;

    private readonly ConcurrentDictionary<Guid, InvocationContext> _running = new();
    private readonly UuidV7Generator _ids;

    /// <summary>A journal in a store.</summary>
    /// <param name="store">Where it is kept; stays the caller's.</param>
    /// <param name="options">Default: the defaults of <see cref="JournalOptions"/>.</param>
    /// <exception cref="ArgumentException">An option is outside its range.</exception>
    public Journal(ISharedStore store, JournalOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        Options = options?.Clone() ?? new JournalOptions();
        Options.Validate();
        Store = store;
        Codecs = new StepCodecs(JournalOptions.Complete(Options.Json));
        _ids = new UuidV7Generator(Options.TimeProvider);
    }

    /// <summary>Where it is kept.</summary>
    public ISharedStore Store { get; }

    /// <summary>The name of this process among all that ever use the store, as invocations that it runs have it for their owner.</summary>
    public Guid Incarnation => Options.Incarnation;

    /// <summary>When requests and outcomes are acknowledged.</summary>
    public Durability Durability => Options.Durability;

    internal JournalOptions Options { get; }

    internal StepCodecs Codecs { get; }

    private long NowMilliseconds => Math.Max(0, Options.TimeProvider.GetUtcNow().ToUnixTimeMilliseconds());

    /// <summary>
    /// Records a request durably, and says what is to be done: run it now; or nothing, because one with the same key has ended, or was
    /// under way and has ended meanwhile (then the call has waited for it); or nothing, because the key stands for something else.
    /// </summary>
    /// <param name="request">The request.</param>
    /// <param name="cancellation">Ends the wait for an invocation under way, not the invocation.</param>
    /// <returns>
    /// For a fresh one the run, which the caller ends by <see cref="InvocationContext.CompleteAsync"/>,
    /// <see cref="InvocationContext.ReleaseAsync"/>, <see cref="InvocationContext.SuspendAsync"/> or
    /// <see cref="InvocationContext.Detach"/>.
    /// </returns>
    /// <exception cref="ArgumentException">The request is malformed.</exception>
    /// <exception cref="JournalFullException">There is no room, and nothing finished that could go.</exception>
    public async ValueTask<BeginResult> BeginAsync(InvocationRequest request, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        request.Validate();
        var row = new RequestRow
        {
            Recovery = request.Recovery,
            CreatedMilliseconds = NowMilliseconds,
            Name = request.Name,
            Principal = request.Principal,
            Key = request.Key,
            Origin = request.Origin.ToArray(),
            Arguments = request.KeepsArguments ? request.Arguments.ToArray() : default(ReadOnlyMemory<byte>?),
        };
        bool hasJoined = false;
        while (true)
        {
            KeyRow? known = null;
            if (row.Key is not null) known = await FindKeyAsync(row, cancellation).ConfigureAwait(false);
            if (known is null)
            {
                await MakeRoomAsync(cancellation).ConfigureAwait(false);
                InvocationContext? started = await TryStartAsync(row, request, cancellation).ConfigureAwait(false);
                if (started is not null) return BeginResult.Fresh(started);
                continue;
            }

            (BeginResult? result, bool hasWaited) =
                await TryResolveAsync(row, request, known, hasJoined, cancellation).ConfigureAwait(false);
            if (result is not null) return result;
            hasJoined |= hasWaited;
        }
    }

    internal void Forget(InvocationContext context) => _running.TryRemove(new KeyValuePair<Guid, InvocationContext>(context.Id, context));

    /// <summary>Writes for a run; false when the invocation is no longer its own.</summary>
    internal async ValueTask<bool> TryWriteAsync(
        InvocationContext context, IReadOnlyList<StoreOperation> rows, Durability? durability = null)
    {
        StoreCondition condition = StoreCondition.Value(InternalMaps.Invocations, JournalKeys.Pending(context.Id), context.PendingValue);
        return await TryWriteAsync([condition], rows, durability).ConfigureAwait(false);
    }

    /// <summary>Finishes a run's invocation.</summary>
    internal async ValueTask<bool> TryEndAsync(
        InvocationContext context, InvocationState end, bool isError, ReadOnlyMemory<byte> outcome, IReadOnlyList<StoreOperation>? rows)
    {
        var state = new StoredState(context.Pending, null, context.PendingValue);
        long stepBytes = await StepBytesOfAsync(context).ConfigureAwait(false);
        return await TryEndAsync(context.Id, context.Request, state, end, isError, outcome, stepBytes, rows).ConfigureAwait(false);
    }

    /// <summary>Leaves a run's invocation unfinished, with nobody to run it.</summary>
    internal async ValueTask<bool> TryRestAsync(InvocationContext context, InvocationState rest, IReadOnlyList<StoreOperation>? rows)
    {
        var row = new PendingRow
        {
            State = rest,
            Counts = context.Pending.Counts,
            Owner = Guid.Empty,
            SinceMilliseconds = NowMilliseconds,
        };
        byte[] value = row.Encode();
        long bytes = value.Length + context.Request.SizeBytes + await StepBytesOfAsync(context).ConfigureAwait(false);
        ExpiryRow expiry = ExpiryOf(context.Id, new StoredState(row, null, value), context.Key is not null, bytes);
        bool isWritten = await TryWriteAsync(
            context,
            [
                .. rows ?? [],
                StoreOperation.Put(InternalMaps.Invocations, JournalKeys.Pending(context.Id), value),
                StoreOperation.Put(InternalMaps.Expiry, expiry.EncodeKey(), expiry.EncodeValue()),
            ]).ConfigureAwait(false);
        if (isWritten) CountRest(expiry.Bytes);
        return isWritten;
    }

    /// <summary>From a state that is not finished to one that is; false when it is no longer in that state.</summary>
    private async ValueTask<bool> TryEndAsync(
        Guid id, RequestRow request, StoredState state, InvocationState end, bool isError, ReadOnlyMemory<byte> outcome, long stepBytes,
        IReadOnlyList<StoreOperation>? rows)
    {
        var row = new FinishedRow
        {
            State = end,
            IsError = isError,
            FinishedMilliseconds = NowMilliseconds,
            Counts = state.Counts,
            Outcome = outcome,
        };
        byte[] value = row.Encode();
        long bytes = value.Length + request.SizeBytes + stepBytes;
        bool hasKey = request.Key is not null;
        ExpiryRow expiry = ExpiryOf(id, new StoredState(null, row, value), hasKey, bytes);
        byte[] pending = JournalKeys.Pending(id);
        List<StoreOperation> operations = OperationsFrom(rows);
        operations.Add(StoreOperation.Delete(InternalMaps.Invocations, pending));
        operations.Add(StoreOperation.Put(InternalMaps.Invocations, JournalKeys.Finished(id), value));
        operations.Add(StoreOperation.Put(InternalMaps.Expiry, expiry.EncodeKey(), expiry.EncodeValue()));
        long bytesBefore = 0;
        if (state.IsAtRest)
        {
            byte[] before = ExpiryOf(id, state, hasKey, bytes: 0).EncodeKey();
            bytesBefore = await ReadRestBytesAsync(before, CancellationToken.None).ConfigureAwait(false);
            operations.Add(StoreOperation.Delete(InternalMaps.Expiry, before));
        }

        StoreCondition condition = StoreCondition.Value(InternalMaps.Invocations, pending, state.Value);
        bool isWritten = await TryWriteAsync([condition], operations).ConfigureAwait(false);
        if (isWritten) CountRest(bytes - bytesBefore);
        return isWritten;
    }

    /// <summary>What a key that is known says of a request; null when that has changed meanwhile and is to be looked at again.</summary>
    private async ValueTask<(BeginResult? Result, bool HasWaited)> TryResolveAsync(
        RequestRow row, InvocationRequest request, KeyRow known, bool hasJoined, CancellationToken cancellation)
    {
        if (await LoadStateAsync(known.Id, cancellation).ConfigureAwait(false) is not { } state)
        {
            await ForgetKeyAsync(row, known, cancellation).ConfigureAwait(false);
            return (null, false);
        }

        if (IsExpired(state, hasKey: true))
        {
            await RemoveExpiredAsync(known.Id, state, cancellation).ConfigureAwait(false);
            return (null, false);
        }

        if (!known.Fingerprint.AsSpan().SequenceEqual(FingerprintOf(request))) return (BeginResult.Conflict, false);
        if (state.Finished is { } finished) return (BeginResult.Of(new InvocationOutcome(known.Id, finished), hasJoined), false);
        if (state.IsAtRest)
        {
            InvocationContext? taken =
                await TryRunAsync(known.Id, state, state.Counts.Again, request.Rows, cancellation).ConfigureAwait(false);
            return (taken is null ? null : BeginResult.Fresh(taken), false);
        }

        if (await IsOrphanAsync(state, cancellation).ConfigureAwait(false))
        {
            var orphan = new Invocation(known.Id, await LoadRequestAsync(known.Id, cancellation).ConfigureAwait(false) ?? row, state);
            InvocationContext? taken = await TakeOverAsync(orphan, request.Rows, rowsAtEnd: null, cancellation).ConfigureAwait(false);
            return (taken is null ? null : BeginResult.Fresh(taken), false);
        }

        await WaitForChangeOrOrphanAsync(known.Id, state, cancellation).ConfigureAwait(false);
        return (null, true);
    }

    /// <summary>The first run of a new invocation; null when its key was taken meanwhile.</summary>
    private async ValueTask<InvocationContext?> TryStartAsync(
        RequestRow row, InvocationRequest request, CancellationToken cancellation)
    {
        Guid id = _ids.Next();
        PendingRow pending = RunningAs(new RunCounts(Epoch: 1, Attempts: 1, Recoveries: 0, Round: 1));
        List<StoreOperation> operations = OperationsFrom(request.Rows?.Invoke(id));
        operations.AddRange(RowsOf(id, row, pending));
        StoreCondition[] conditions = [];
        if (row.Key is not null)
        {
            byte[] key = JournalKeys.Keyed(row.Principal, row.Key);
            var keyed = new KeyRow(id, FingerprintOf(request));
            operations.Add(StoreOperation.Put(InternalMaps.Invocations, key, keyed.Encode()));
            conditions = [StoreCondition.Absent(InternalMaps.Invocations, key)];
        }

        cancellation.ThrowIfCancellationRequested();
        if (!await TryWriteAsync(conditions, operations).ConfigureAwait(false)) return null;
        CountInvocation();
        return Run(new InvocationContext(this, id, row, pending, new InvocationSteps()));
    }

    /// <summary>Another run of an invocation that nobody runs; null when it is no longer in that state.</summary>
    private async ValueTask<InvocationContext?> TryRunAsync(
        Guid id, StoredState state, RunCounts counts, Func<Guid, IReadOnlyList<StoreOperation>>? rows, CancellationToken cancellation)
    {
        // First what the run needs: once it is this process's, only this process goes on with it.
        if (await LoadRequestAsync(id, cancellation).ConfigureAwait(false) is not { } request) return null;
        InvocationSteps steps = await LoadStepsAsync(id, cancellation).ConfigureAwait(false);
        PendingRow pending = RunningAs(counts);
        byte[] key = JournalKeys.Pending(id);
        List<StoreOperation> operations = OperationsFrom(rows?.Invoke(id));
        operations.Add(StoreOperation.Put(InternalMaps.Invocations, key, pending.Encode()));
        long restBytes = 0;
        if (state.IsAtRest)
        {
            byte[] expiry = ExpiryOf(id, state, request.Key is not null, bytes: 0).EncodeKey();
            restBytes = await ReadRestBytesAsync(expiry, cancellation).ConfigureAwait(false);
            operations.Add(StoreOperation.Delete(InternalMaps.Expiry, expiry));
        }

        StoreCondition condition = StoreCondition.Value(InternalMaps.Invocations, key, state.Value);
        if (!await TryWriteAsync([condition], operations).ConfigureAwait(false)) return null;
        CountRest(-restBytes);
        return Run(new InvocationContext(this, id, request, pending, steps));
    }

    private static byte[] FingerprintOf(InvocationRequest request) => KeyRow.FingerprintOf(request.Name, request.Arguments.Span);

    private InvocationContext Run(InvocationContext context)
    {
        _running[context.Id] = context;
        return context;
    }

    private PendingRow RunningAs(RunCounts counts) => new()
    {
        State = InvocationState.Running,
        Counts = counts,
        Owner = Incarnation,
        SinceMilliseconds = NowMilliseconds,
    };

    /// <summary>A batch's operations, of which these are the first, with room for the few that the journal adds.</summary>
    private static List<StoreOperation> OperationsFrom(IReadOnlyList<StoreOperation>? rows)
    {
        var operations = new List<StoreOperation>((rows?.Count ?? 0) + OperationsOfBatch);
        operations.AddRange(rows ?? []);
        return operations;
    }

    private static StoreOperation[] RowsOf(Guid id, RequestRow request, PendingRow pending) =>
    [
        StoreOperation.Put(InternalMaps.Invocations, JournalKeys.Request(id), request.Encode()),
        StoreOperation.Put(InternalMaps.Invocations, JournalKeys.Pending(id), pending.Encode()),
    ];

    private async ValueTask<KeyRow?> FindKeyAsync(RequestRow request, CancellationToken cancellation)
    {
        byte[] key = JournalKeys.Keyed(request.Principal, request.Key!);
        byte[]? value = await Store.GetAsync(InternalMaps.Invocations, key, cancellation).ConfigureAwait(false);
        return value is null ? null : KeyRow.Decode(value);
    }

    /// <summary>Frees a key whose invocation is gone, as nobody but a hand at the rows themselves leaves it.</summary>
    private async ValueTask ForgetKeyAsync(RequestRow request, KeyRow known, CancellationToken cancellation)
    {
        byte[] key = JournalKeys.Keyed(request.Principal, request.Key!);
        cancellation.ThrowIfCancellationRequested();
        await TryWriteAsync(
            [
                StoreCondition.Value(InternalMaps.Invocations, key, known.Encode()),
                StoreCondition.Absent(InternalMaps.Invocations, JournalKeys.Pending(known.Id)),
                StoreCondition.Absent(InternalMaps.Invocations, JournalKeys.Finished(known.Id)),
            ],
            [StoreOperation.Delete(InternalMaps.Invocations, key)]).ConfigureAwait(false);
    }

    /// <summary>Removes an invocation with a key that no sweep has come to yet.</summary>
    private async ValueTask RemoveExpiredAsync(Guid id, StoredState state, CancellationToken cancellation)
    {
        byte[] key = state.Pending is null ? JournalKeys.Finished(id) : JournalKeys.Pending(id);
        StoreCondition condition = StoreCondition.Value(InternalMaps.Invocations, key, state.Value);
        ExpiryRow row = ExpiryOf(id, state, hasKey: true, bytes: 0);
        long bytes = await ReadRestBytesAsync(row.EncodeKey(), cancellation).ConfigureAwait(false);
        await RemoveAsync(row with { Bytes = bytes }, condition, cancellation).ConfigureAwait(false);
    }

    /// <summary>Null when there is no such invocation.</summary>
    private async ValueTask<StoredState?> LoadStateAsync(Guid id, CancellationToken cancellation)
    {
        byte[]? pending = await Store.GetAsync(InternalMaps.Invocations, JournalKeys.Pending(id), cancellation).ConfigureAwait(false);
        if (pending is not null) return new StoredState(PendingRow.Decode(pending), null, pending);
        byte[]? finished = await Store.GetAsync(InternalMaps.Invocations, JournalKeys.Finished(id), cancellation).ConfigureAwait(false);
        if (finished is not null) return new StoredState(null, FinishedRow.Decode(finished), finished);

        // Between the two looks an operator may have queued it again.
        pending = await Store.GetAsync(InternalMaps.Invocations, JournalKeys.Pending(id), cancellation).ConfigureAwait(false);
        return pending is null ? null : new StoredState(PendingRow.Decode(pending), null, pending);
    }

    private async ValueTask<RequestRow?> LoadRequestAsync(Guid id, CancellationToken cancellation)
    {
        byte[]? value = await Store.GetAsync(InternalMaps.Invocations, JournalKeys.Request(id), cancellation).ConfigureAwait(false);
        return value is null ? null : RequestRow.Decode(value);
    }

    private async ValueTask<InvocationSteps> LoadStepsAsync(Guid id, CancellationToken cancellation)
    {
        var steps = new InvocationSteps();
        await foreach (PageEntry entry in ReadPrefixAsync(InternalMaps.Steps, JournalKeys.Steps(id), cancellation).ConfigureAwait(false))
            steps.Add(entry);
        return steps;
    }

    /// <summary>Once begun a write is not taken back: whether it happened would be unknown.</summary>
    private async ValueTask<bool> TryWriteAsync(
        IReadOnlyList<StoreCondition> conditions, IReadOnlyList<StoreOperation> operations, Durability? durability = null)
    {
        var batch = new StoreBatch { Conditions = conditions, Operations = operations, Durability = durability ?? Options.Durability };
        return (await Store.WriteAsync(batch, CancellationToken.None).ConfigureAwait(false)).IsCommitted;
    }
}
