using Varve.Sharing;

namespace Varve.Idempotency;

/// <summary>
/// One run of an invocation: its guards and maps, and the ways to end it. Got from <see cref="Journal.BeginAsync"/>,
/// <see cref="Journal.RecoverAsync"/> or <see cref="Journal.RunAgainAsync"/>, and ended by whoever got it; or got from
/// <see cref="Journal.AttachAsync"/>, and ended by the process that has begun it.
/// </summary>
/// <remarks>
/// Everything it writes has the condition that the invocation is still this run's. Safe for concurrent use: guards with different aliases
/// may run beside each other.
/// </remarks>
public sealed partial class InvocationContext
{
    private const int AliasCharsMax = 1_024;

    private readonly Journal _journal;
    private readonly RequestRow _request;
    private readonly Lock _stateGuard = new();
    private readonly InvocationSteps _steps;
    private readonly HashSet<string> _guardsOfRun = new(StringComparer.Ordinal);
    private readonly HashSet<WriteAlias> _writesOfRun = [];
    private readonly CancellationTokenSource _ending = new();
    private readonly TaskCompletionSource _ended;
    private long _stepBytes;
    private volatile bool _isShared;
    private bool _hasEnded;

    internal InvocationContext(Journal journal, Guid id, RequestRow request, PendingRow pending, InvocationSteps steps)
        : this(journal, id, request, pending, steps, new(TaskCreationOptions.RunContinuationsAsynchronously))
    {
    }

    /// <summary>The next run in the same process, with all that its invocation's steps have recorded.</summary>
    internal InvocationContext(InvocationContext before, PendingRow pending, InvocationSteps steps)
        : this(before._journal, before.Id, before._request, pending, steps, before._ended)
    {
    }

    private InvocationContext(
        Journal journal, Guid id, RequestRow request, PendingRow pending, InvocationSteps steps, TaskCompletionSource ended)
    {
        _journal = journal;
        Id = id;
        _request = request;
        Pending = pending;
        PendingValue = pending.Encode();
        _steps = steps;
        _stepBytes = steps.Bytes;
        _ended = ended;
    }

    /// <summary>The invocation's id, the same in all its runs.</summary>
    public Guid Id { get; }

    /// <summary>The operation's name.</summary>
    public string Name => _request.Name;

    /// <summary>The arguments; null where they were not to be kept.</summary>
    public ReadOnlyMemory<byte>? Arguments => _request.Arguments;

    /// <summary>Who asked.</summary>
    public string Principal => _request.Principal;

    /// <summary>The idempotency key; null where there is none.</summary>
    public string? Key => _request.Key;

    /// <summary>What the request said of where it came from; empty where that was nothing.</summary>
    public ReadOnlyMemory<byte> Origin => _request.Origin;

    /// <summary>What happens when the process ends meanwhile.</summary>
    public RecoveryMode Recovery => _request.Recovery;

    /// <summary>Which run this is, from 1.</summary>
    public int Attempt => Pending.Counts.Attempts;

    /// <summary>As <see cref="Invocation.Epoch"/>.</summary>
    public long Epoch => Pending.Counts.Epoch;

    /// <summary>How many runs because a process had ended, this one among them, since somebody last asked for it.</summary>
    public int Recoveries => Pending.Counts.Recoveries;

    /// <summary>
    /// Cancelled by <see cref="Cancel"/>, and when the invocation is aborted or found lost: then what the run still does cannot be kept.
    /// </summary>
    public CancellationToken Cancellation => _ending.Token;

    /// <summary>
    /// Ends when the run does, however; where it was run again by <see cref="Journal.RunAgainAsync"/>, when the last of these runs does.
    /// </summary>
    public Task Ended => _ended.Task;

    /// <summary>
    /// Whether another process has begun the run and will end it: then this one can write by its guards and maps, but not end it.
    /// </summary>
    public bool IsAttached { get; internal init; }

    /// <summary>Whether <see cref="MarkRetryable"/> was called.</summary>
    public bool IsRetryable { get; private set; }

    /// <summary>Whether what has been recorded for it is to be looked up where its size counts.</summary>
    internal bool IsShared => _isShared;

    internal PendingRow Pending { get; }

    /// <summary>The row that must be there, byte for byte, for this run to write.</summary>
    internal byte[] PendingValue { get; }

    internal RequestRow Request => _request;

    /// <summary>About what the rows of the steps take.</summary>
    internal long StepBytes => Interlocked.Read(ref _stepBytes);

    /// <summary>A map of the store, for this invocation.</summary>
    /// <param name="name">1 to 255 bytes of UTF-8, not that of an internal map.</param>
    /// <exception cref="ArgumentException">The name is empty or reserved.</exception>
    public InvocationMap Map(string name) => new(this, _journal.Store, name);

    /// <summary>
    /// Says that the outcome to come is not final: with a key, <see cref="CompleteAsync"/> leaves the invocation open, so that the next
    /// call with the key runs again. Without a key it changes nothing.
    /// </summary>
    public void MarkRetryable() => IsRetryable = true;

    /// <summary>
    /// Says that the run's work is another process's, which takes part by <see cref="Journal.AttachAsync"/>: what that records counts as
    /// the run's.
    /// </summary>
    public void Share() => _isShared = true;

    /// <summary>Whether an earlier run has kept the result of a guard, which that guard will give back.</summary>
    /// <param name="alias">The guard's alias.</param>
    public bool HasResult(string alias)
    {
        CheckAlias(alias);
        lock (_stateGuard) return _steps.Guards.GetValueOrDefault(alias)?.State == StepState.Stored;
    }

    /// <summary>Ends the invocation with its outcome, durably.</summary>
    /// <param name="content">What a call with the same key will get.</param>
    /// <param name="isError">Whether it is an error.</param>
    /// <param name="rows">Rows of the caller's that are committed in the same batch; null: none.</param>
    /// <exception cref="InvocationLostException">The run no longer owns its invocation: nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The run is another process's to end: <see cref="IsAttached"/>.</exception>
    public async ValueTask CompleteAsync(
        ReadOnlyMemory<byte> content, bool isError = false, IReadOnlyList<StoreOperation>? rows = null)
    {
        ThrowIfAttached();
        if (IsRetryable && Key is not null)
        {
            await ReleaseAsync(rows).ConfigureAwait(false);
            return;
        }

        if (!await _journal.TryEndAsync(this, InvocationState.Completed, isError, content, rows).ConfigureAwait(false)) ThrowLost();
        End(isLost: false);
    }

    /// <summary>
    /// Ends the run without a final outcome (overload, cancellation): with a key the invocation is left open, what its guards did is
    /// kept, and the next call with the key runs again; without one it is cancelled.
    /// </summary>
    /// <param name="rows">Rows of the caller's that are committed in the same batch; null: none.</param>
    /// <exception cref="InvocationLostException">The run no longer owns its invocation: nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The run is another process's to end: <see cref="IsAttached"/>.</exception>
    public async ValueTask ReleaseAsync(IReadOnlyList<StoreOperation>? rows = null)
    {
        ThrowIfAttached();
        bool hasEnded = Key is null
            ? await _journal.TryEndAsync(this, InvocationState.Cancelled, isError: true, default, rows).ConfigureAwait(false)
            : await _journal.TryRestAsync(this, InvocationState.Open, rows).ConfigureAwait(false);
        if (!hasEnded) ThrowLost();
        End(isLost: false);
    }

    /// <summary>
    /// Ends the run to wait for an answer from outside: <see cref="Journal.ReenterAsync"/>, or a call with the key, runs it again.
    /// </summary>
    /// <param name="rows">Rows of the caller's that are committed in the same batch; null: none.</param>
    /// <exception cref="InvocationLostException">The run no longer owns its invocation: nothing was written.</exception>
    /// <exception cref="InvalidOperationException">The run is another process's to end: <see cref="IsAttached"/>.</exception>
    public async ValueTask SuspendAsync(IReadOnlyList<StoreOperation>? rows = null)
    {
        ThrowIfAttached();
        if (!await _journal.TryRestAsync(this, InvocationState.Waiting, rows).ConfigureAwait(false)) ThrowLost();
        End(isLost: false);
    }

    /// <summary>
    /// Asks the run to end: cancels <see cref="Cancellation"/>, and with it the guards' waits. Whoever runs it still ends it.
    /// </summary>
    public void Cancel() => _ending.Cancel();

    /// <summary>
    /// Ends the run without a word, as the end of the process would: the next start recovers the invocation. For a process that shuts down.
    /// </summary>
    public void Detach() => End(isLost: true);

    /// <summary>Writes rows of the caller's, if the invocation is still this run's.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="durability">When to return; default: the journal's level.</param>
    /// <exception cref="InvocationLostException">The run no longer owns its invocation: nothing was written.</exception>
    public async ValueTask WriteRowsAsync(IReadOnlyList<StoreOperation> rows, Durability? durability = null)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (_hasEnded || !await _journal.TryWriteAsync(this, rows, durability).ConfigureAwait(false)) ThrowLost();
    }

    internal static void CheckAlias(string alias)
    {
        ArgumentException.ThrowIfNullOrEmpty(alias);
        if (alias.Length <= AliasCharsMax) return;
        throw new ArgumentException($"An alias has {AliasCharsMax:N0} characters at most.", nameof(alias));
    }

    internal void ThrowIfAttached()
    {
        if (IsAttached) throw new InvalidOperationException($"The run of the invocation {Id} is another process's to end.");
    }

    /// <summary>Somebody else has ended the invocation, or may have.</summary>
    internal void Lose() => End(isLost: true);

    /// <summary>There is a later run in this process, or is about to be: the invocation goes on, and whoever waits for its end.</summary>
    internal void Supersede() => End(isLost: true, isLast: false);

    /// <summary>There is no later run after all.</summary>
    internal void EndSuperseded() => _ended.TrySetResult();

    /// <summary>One write of a map, which happens once in all runs.</summary>
    internal async ValueTask WriteMapAsync(string map, string? alias, IEnumerable<StoreOperation> operations)
    {
        GuardScope? scope = GuardScope.Of(this);
        WriteAlias write = alias is null
            ? WriteAlias.Unnamed(map, scope?.Alias ?? "", scope?.Attempt ?? 0)
            : WriteAlias.Named(map, alias);
        byte[] key = JournalKeys.Write(Id, write);
        byte[] value = StepRow.Written.Encode();
        List<StoreOperation> batch = [.. operations, StoreOperation.Put(InternalMaps.Steps, key, value)];
        lock (_stateGuard)
        {
            if (!_writesOfRun.Add(write)) ThrowReused(write);
            scope?.Writes.Add(write);
            if (_steps.Writes.Contains(write)) return;
        }

        bool isWritten = false;
        try
        {
            await WriteRowsAsync(batch).ConfigureAwait(false);
            isWritten = true;
        }
        finally
        {
            lock (_stateGuard)
            {
                if (isWritten) _steps.Writes.Add(write);
                else _writesOfRun.Remove(write);
            }
        }

        Interlocked.Add(ref _stepBytes, key.Length + value.Length);
    }

    private static void ThrowReused(in WriteAlias write)
    {
        if (write.Alias is { } alias)
            throw new AliasReusedException(alias, $"The alias '{alias}' is used for two writes of the map '{write.Map}' in one run.");
        string place = write.Guard.Length > 0 ? $"in one attempt of the guard '{write.Guard}'" : "in one run";
        throw new AliasReusedException(
            write.Map, $"The map '{write.Map}' is written twice {place}. Name the writes: map.Idempotently(\"…\").");
    }

    private void ThrowLost()
    {
        End(isLost: true);
        throw new InvocationLostException(Id);
    }

    private void End(bool isLost, bool isLast = true)
    {
        lock (_stateGuard)
        {
            if (_hasEnded) return;
            _hasEnded = true;
        }

        _journal.Forget(this);
        if (isLast) _ended.TrySetResult();

        // What is cancelled with it is the run's own code, on a thread of its own: not that of whoever has ended the run.
        if (isLost) _ = _ending.CancelAsync();
    }
}
