using Varve.Sharing;

namespace Varve.Idempotency;

// Guards: steps that are not done again.
public sealed partial class InvocationContext
{
    /// <summary>
    /// Runs a step until it has succeeded once, and keeps its result: later runs of the invocation get it without running the step.
    /// Exceptions are tried again by the policy, but for cancellation, wrong arguments (<see cref="ArgumentException"/>),
    /// <see cref="NonRetryableException"/> and the journal's own; then the original exception is thrown.
    /// </summary>
    /// <param name="alias">Names the step in the invocation; not empty, at most 1,024 characters.</param>
    /// <param name="step">What is done. A crash may cut it short: it must not mind being run again.</param>
    /// <param name="policy">Default: <see cref="JournalOptions.RetryPolicy"/>.</param>
    /// <param name="cancellation">Ends waits between attempts, and cancels <see cref="StepBatch.Cancellation"/>.</param>
    /// <exception cref="AliasReusedException">This run has a guard of this alias already.</exception>
    /// <exception cref="NestedGuardException">The call is made inside another guard.</exception>
    /// <exception cref="StepTypeMismatchException">The stored result is of another type.</exception>
    /// <exception cref="RetriesExhaustedException">The attempts were used up before a restart.</exception>
    /// <exception cref="StepNotRepeatableException">Only with <see cref="JournalOptions.ValidatesSteps"/>.</exception>
    /// <exception cref="InvocationLostException">The run no longer owns its invocation.</exception>
    public Task<T> AtLeastOnceAsync<T>(
        string alias, Func<StepBatch, Task<T>> step, RetryPolicy? policy = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        return RunAtLeastOnceAsync(alias, step, _journal.Codecs.Get<T>(), policy, cancellation);
    }

    /// <inheritdoc cref="AtLeastOnceAsync{T}(string, Func{StepBatch, Task{T}}, RetryPolicy?, CancellationToken)"/>
    public Task<T> AtLeastOnceAsync<T>(
        string alias, Func<Task<T>> step, RetryPolicy? policy = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        return AtLeastOnceAsync(alias, _ => step(), policy, cancellation);
    }

    /// <inheritdoc cref="AtLeastOnceAsync{T}(string, Func{StepBatch, Task{T}}, RetryPolicy?, CancellationToken)"/>
    public Task AtLeastOnceAsync(
        string alias, Func<StepBatch, Task> step, RetryPolicy? policy = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        return RunAtLeastOnceAsync(alias, WithoutResult(step), StepCodecs.Nothing, policy, cancellation);
    }

    /// <inheritdoc cref="AtLeastOnceAsync{T}(string, Func{StepBatch, Task{T}}, RetryPolicy?, CancellationToken)"/>
    public Task AtLeastOnceAsync(string alias, Func<Task> step, RetryPolicy? policy = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        return AtLeastOnceAsync(alias, _ => step(), policy, cancellation);
    }

    /// <summary>
    /// Runs a step that must not be run again once it may have taken effect, and keeps its result. That an attempt begins is synced to the
    /// disk before it does. Only the listed exceptions lead to another attempt; after any other, after cancellation, and after a crash
    /// inside of the step, all later runs get <see cref="AtMostOnceFailedBeforeCompletingException"/>.
    /// </summary>
    /// <param name="alias">Names the step in the invocation; not empty, at most 1,024 characters.</param>
    /// <param name="step">What is done.</param>
    /// <param name="retryable">Exceptions that say that nothing has happened, with those derived from them; null: none.</param>
    /// <param name="policy">Default: <see cref="JournalOptions.RetryPolicy"/>.</param>
    /// <param name="cancellation">Ends waits between attempts, and cancels <see cref="StepBatch.Cancellation"/>.</param>
    /// <exception cref="AtMostOnceFailedBeforeCompletingException">The step was begun earlier and not completed.</exception>
    /// <exception cref="AliasReusedException">This run has a guard of this alias already.</exception>
    /// <exception cref="NestedGuardException">The call is made inside another guard.</exception>
    /// <exception cref="StepTypeMismatchException">The stored result is of another type.</exception>
    /// <exception cref="RetriesExhaustedException">The attempts were used up before a restart.</exception>
    /// <exception cref="InvocationLostException">The run no longer owns its invocation.</exception>
    public Task<T> AtMostOnceAsync<T>(
        string alias, Func<StepBatch, Task<T>> step, IReadOnlyCollection<Type>? retryable = null, RetryPolicy? policy = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        return RunAtMostOnceAsync(alias, step, _journal.Codecs.Get<T>(), retryable ?? [], policy, cancellation);
    }

    /// <inheritdoc
    /// cref="AtMostOnceAsync{T}(string, Func{StepBatch, Task{T}}, IReadOnlyCollection{Type}?, RetryPolicy?, CancellationToken)"/>
    public Task<T> AtMostOnceAsync<T>(
        string alias, Func<Task<T>> step, IReadOnlyCollection<Type>? retryable = null, RetryPolicy? policy = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        return AtMostOnceAsync(alias, _ => step(), retryable, policy, cancellation);
    }

    /// <inheritdoc
    /// cref="AtMostOnceAsync{T}(string, Func{StepBatch, Task{T}}, IReadOnlyCollection{Type}?, RetryPolicy?, CancellationToken)"/>
    public Task AtMostOnceAsync(
        string alias, Func<StepBatch, Task> step, IReadOnlyCollection<Type>? retryable = null, RetryPolicy? policy = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        return RunAtMostOnceAsync(alias, WithoutResult(step), StepCodecs.Nothing, retryable ?? [], policy, cancellation);
    }

    /// <inheritdoc
    /// cref="AtMostOnceAsync{T}(string, Func{StepBatch, Task{T}}, IReadOnlyCollection{Type}?, RetryPolicy?, CancellationToken)"/>
    public Task AtMostOnceAsync(
        string alias, Func<Task> step, IReadOnlyCollection<Type>? retryable = null, RetryPolicy? policy = null,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        return AtMostOnceAsync(alias, _ => step(), retryable, policy, cancellation);
    }

    /// <summary>
    /// Asks again and again until there is a value, and keeps it. Waits 1 s behind the first answer, then twice as long each time, up to
    /// 30 s. An exception ends it, and is not kept.
    /// </summary>
    /// <param name="alias">Names the step in the invocation; not empty, at most 1,024 characters.</param>
    /// <param name="step">Answers with a value or <see cref="UntilResult{T}.NotYet"/>. Must not mind being run again.</param>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="AliasReusedException">This run has a guard of this alias already.</exception>
    /// <exception cref="NestedGuardException">The call is made inside another guard.</exception>
    /// <exception cref="StepTypeMismatchException">The stored result is of another type.</exception>
    /// <exception cref="InvocationLostException">The run no longer owns its invocation.</exception>
    public async Task<T> UntilAsync<T>(
        string alias, Func<StepBatch, Task<UntilResult<T>>> step, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        StepCodec<T> codec = _journal.Codecs.Get<T>();
        GuardOfRun guard = EnterGuard(alias);
        StepRow? known = guard.Known;
        if (known?.State == StepState.Stored) return codec.Read(alias, known);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, Cancellation);
        for (int attempt = 1; ; attempt++)
        {
            ending.Token.ThrowIfCancellationRequested();
            (UntilResult<T> answer, IReadOnlyList<StoreOperation> rows) =
                await AttemptAsync(guard, attempt, step, ending.Token).ConfigureAwait(false);
            if (answer.HasValue)
            {
                StepRow stored = StepRow.Stored(attempt, codec.Name, codec.Write(answer.Value));
                await WriteGuardAsync(alias, stored, rows).ConfigureAwait(false);
                return answer.Value;
            }

            await DelayAsync(RetryPolicy.Default.DelayAfter(attempt), ending.Token).ConfigureAwait(false);
        }
    }

    /// <inheritdoc cref="UntilAsync{T}(string, Func{StepBatch, Task{UntilResult{T}}}, CancellationToken)"/>
    public Task<T> UntilAsync<T>(string alias, Func<Task<UntilResult<T>>> step, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(step);
        return UntilAsync(alias, _ => step(), cancellation);
    }

    private static Func<StepBatch, Task<bool>> WithoutResult(Func<StepBatch, Task> step) => async batch =>
    {
        await step(batch).ConfigureAwait(false);
        return true;
    };

    private async Task<T> RunAtLeastOnceAsync<T>(
        string alias, Func<StepBatch, Task<T>> step, StepCodec<T> codec, RetryPolicy? policy, CancellationToken cancellation)
    {
        policy ??= _journal.Options.RetryPolicy;
        GuardOfRun guard = EnterGuard(alias);
        StepRow? known = guard.Known;
        if (known?.State == StepState.Stored) return codec.Read(alias, known);
        Tries tries = Tries.After(known, Pending.Counts.Round);
        if (known?.State == StepState.Retryable && tries.InRound >= policy.AttemptsMax) throw new RetriesExhaustedException(alias, known);
        bool validates = _journal.Options.ValidatesSteps;
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, Cancellation);
        while (true)
        {
            ending.Token.ThrowIfCancellationRequested();
            tries = tries.Next;
            bool hasSucceeded = false;
            T first = default!;
            T result = default!;
            IReadOnlyList<StoreOperation> rows = [];
            try
            {
                if (validates) (first, _) = await AttemptAsync(guard, tries.Attempt, step, ending.Token).ConfigureAwait(false);
                (result, rows) = await AttemptAsync(guard, tries.Attempt, step, ending.Token).ConfigureAwait(false);
                hasSucceeded = true;
            }
            catch (Exception failure) when (MayPass(failure, ending.Token))
            {
                await WriteGuardAsync(alias, StepRow.Retryable(tries, failure), []).ConfigureAwait(false);
                if (tries.InRound >= policy.AttemptsMax) throw;
            }

            if (hasSucceeded)
            {
                byte[] json = codec.Write(result);
                if (validates) StepCodec<T>.CheckEqual(alias, codec.Write(first), json);
                await WriteGuardAsync(alias, StepRow.Stored(tries.Attempt, codec.Name, json), rows).ConfigureAwait(false);
                return result;
            }

            await DelayAsync(Jitter(policy.DelayAfter(tries.InRound)), ending.Token).ConfigureAwait(false);
        }
    }

    private async Task<T> RunAtMostOnceAsync<T>(
        string alias, Func<StepBatch, Task<T>> step, StepCodec<T> codec, IReadOnlyCollection<Type> retryable, RetryPolicy? policy,
        CancellationToken cancellation)
    {
        policy ??= _journal.Options.RetryPolicy;
        GuardOfRun guard = EnterGuard(alias);
        StepRow? known = guard.Known;
        if (known?.State == StepState.Stored) return codec.Read(alias, known);
        if (known?.State is StepState.Started or StepState.Failed) throw new AtMostOnceFailedBeforeCompletingException(alias, known);
        Tries tries = Tries.After(known, Pending.Counts.Round);
        if (known is not null && tries.InRound >= policy.AttemptsMax) throw new RetriesExhaustedException(alias, known);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellation, Cancellation);
        while (true)
        {
            ending.Token.ThrowIfCancellationRequested();
            tries = tries.Next;
            await WriteGuardAsync(alias, StepRow.Started(tries), [], Durability.Synced).ConfigureAwait(false);
            StepRow? stored = null;
            T result = default!;
            IReadOnlyList<StoreOperation> rows = [];
            try
            {
                (result, rows) = await AttemptAsync(guard, tries.Attempt, step, ending.Token).ConfigureAwait(false);
                stored = StepRow.Stored(tries.Attempt, codec.Name, codec.Write(result));
            }
            catch (Exception failure)
            {
                bool mayPass = retryable.Any(type => type.IsInstanceOfType(failure)) && !IsCancellation(failure, ending.Token);
                StepRow ended = mayPass ? StepRow.Retryable(tries, failure) : StepRow.Failed(tries.Attempt, failure);
                await WriteGuardAsync(alias, ended, []).ConfigureAwait(false);
                if (!mayPass || tries.InRound >= policy.AttemptsMax) throw;
            }

            if (stored is not null)
            {
                await WriteGuardAsync(alias, stored, rows).ConfigureAwait(false);
                return result;
            }

            await DelayAsync(Jitter(policy.DelayAfter(tries.InRound)), ending.Token).ConfigureAwait(false);
        }
    }

    /// <summary>What an at-least-once guard tries again.</summary>
    private static bool MayPass(Exception failure, CancellationToken cancellation) =>
        failure is not (ArgumentException or NonRetryableException or JournalException) && !IsCancellation(failure, cancellation);

    /// <summary>A timeout inside of a step also throws this type: it is cancellation only where somebody has cancelled.</summary>
    private static bool IsCancellation(Exception failure, CancellationToken cancellation) =>
        failure is OperationCanceledException && cancellation.IsCancellationRequested;

    private GuardOfRun EnterGuard(string alias)
    {
        CheckAlias(alias);
        if (GuardScope.Of(this) is { } outer) throw new NestedGuardException(alias, outer.Alias);
        lock (_stateGuard)
        {
            if (!_guardsOfRun.Add(alias))
            {
                throw new AliasReusedException(
                    alias, $"The guard '{alias}' is called twice in one run. Give each guard an alias of its own.");
            }

            return new GuardOfRun(alias, _steps.Guards.GetValueOrDefault(alias));
        }
    }

    private async Task<(TResult Result, IReadOnlyList<StoreOperation> Rows)> AttemptAsync<TResult>(
        GuardOfRun guard, int attempt, Func<StepBatch, Task<TResult>> step, CancellationToken cancellation)
    {
        // The same code again may name the same writes.
        lock (_stateGuard)
        {
            _writesOfRun.ExceptWith(guard.Writes);
            guard.Writes.Clear();
        }

        var batch = new StepBatch(attempt, cancellation);
        var scope = new GuardScope(this, guard, attempt);
        scope.Enter();
        try
        {
            TResult result = await step(batch).ConfigureAwait(false);
            return (result, batch.Seal());
        }
        finally
        {
            scope.Leave();
            batch.Seal();
        }
    }

    private async ValueTask WriteGuardAsync(
        string alias, StepRow step, IReadOnlyList<StoreOperation> rows, Durability? durability = null)
    {
        byte[] key = JournalKeys.Guard(Id, alias);
        byte[] value = step.Encode();
        await WriteRowsAsync([.. rows, StoreOperation.Put(InternalMaps.Steps, key, value)], durability).ConfigureAwait(false);
        Interlocked.Add(ref _stepBytes, key.Length + value.Length);
    }

    private TimeSpan Jitter(TimeSpan delayMax) => delayMax * _journal.Options.Random.NextDouble();

    private Task DelayAsync(TimeSpan delay, CancellationToken cancellation) =>
        Task.Delay(delay, _journal.Options.TimeProvider, cancellation);
}
