using System.Collections.Concurrent;

namespace Varve.Idempotency;

// Operations: what a program runs by itself, without a layer that dispatches.
public sealed partial class Journal
{
    private readonly ConcurrentDictionary<string, IRecoverable> _operations = new(StringComparer.Ordinal);

    private interface IRecoverable
    {
        Task RunAsync(InvocationContext context);
    }

    /// <summary>Names something that a program does, so that it can be called with a key and is gone on with after a crash.</summary>
    /// <param name="name">Not empty; one of its own among the journal's operations. The same in every version of the program.</param>
    /// <param name="body">What it does.</param>
    /// <param name="recovery">What happens when the process ends meanwhile; default: it is run again.</param>
    /// <exception cref="ArgumentException">There is one of this name.</exception>
    public JournalOperation<TArguments, TResult> Define<TArguments, TResult>(
        string name, Func<InvocationContext, TArguments, Task<TResult>> body, RecoveryMode recovery = RecoveryMode.Resume)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(body);
        var operation = new JournalOperation<TArguments, TResult>(this, name, body, recovery);
        if (!_operations.TryAdd(name, new Recoverable<TArguments, TResult>(operation)))
            throw new ArgumentException($"There is an operation '{name}' already.", nameof(name));
        return operation;
    }

    /// <summary>
    /// Goes on with what a crash has left: runs the unfinished invocations of all operations that are defined, one after the other. For the
    /// start of a program that is alone with its store. What they end with is kept for whoever asks with their key.
    /// </summary>
    /// <param name="cancellation">Ends it between two invocations.</param>
    /// <returns>How many were run.</returns>
    public async Task<int> RunUnfinishedAsync(CancellationToken cancellation = default)
    {
        int run = 0;
        await foreach (Invocation left in ListUnfinishedAsync(cancellation).ConfigureAwait(false))
        {
            if (!_operations.TryGetValue(left.Name, out IRecoverable? operation)) continue;
            if (!await IsOrphanAsync(left, cancellation).ConfigureAwait(false)) continue;
            if (await RecoverAsync(left, rowsAtEnd: null, cancellation).ConfigureAwait(false) is not { } context) continue;
            await operation.RunAsync(context).ConfigureAwait(false);
            run++;
        }

        return run;
    }

    private sealed class Recoverable<TArguments, TResult>(JournalOperation<TArguments, TResult> operation) : IRecoverable
    {
        public async Task RunAsync(InvocationContext context)
        {
            // Whoever called it is gone: an exception has been recorded as its outcome.
            Task<TResult> run = operation.ResumeAsync(context);
            await ((Task)run).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}

/// <summary>Something that a program does under a name, with JSON for arguments and result. Made by <c>Journal.Define</c>.</summary>
/// <typeparam name="TArguments">What it is told.</typeparam>
/// <typeparam name="TResult">What it answers.</typeparam>
public sealed class JournalOperation<TArguments, TResult>
{
    private readonly Journal _journal;
    private readonly Func<InvocationContext, TArguments, Task<TResult>> _body;
    private readonly RecoveryMode _recovery;

    internal JournalOperation(
        Journal journal, string name, Func<InvocationContext, TArguments, Task<TResult>> body, RecoveryMode recovery)
    {
        _journal = journal;
        Name = name;
        _body = body;
        _recovery = recovery;
    }

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>
    /// Runs it; or, where a call with the same key has ended or is under way, gives that call's answer. An exception of the body is an
    /// answer, too, but for <see cref="RetryableException"/> and cancellation: behind these the next call with the key runs it again.
    /// </summary>
    /// <param name="arguments">What it is told.</param>
    /// <param name="key">The idempotency key; null: the call is one of its own.</param>
    /// <param name="principal">Who asks; keys of different principals have nothing to do with each other.</param>
    /// <param name="cancellation">Ends the wait for another call; cancels <see cref="InvocationContext.Cancellation"/> of a run.</param>
    /// <exception cref="IdempotencyConflictException">The key was used for another operation or other arguments.</exception>
    /// <exception cref="InvocationFailedException">The call with the same key has failed; this one has done nothing.</exception>
    /// <exception cref="JournalFullException">There is no room, and nothing finished that could go.</exception>
    public async Task<TResult> CallAsync(
        TArguments arguments, string? key = null, string principal = InvocationRequest.LocalPrincipal,
        CancellationToken cancellation = default)
    {
        var request = new InvocationRequest
        {
            Name = Name,
            Arguments = _journal.Codecs.Get<TArguments>().Write(arguments),
            Principal = principal,
            Key = key,
            Recovery = _recovery,
        };
        BeginResult begun = await _journal.BeginAsync(request, cancellation).ConfigureAwait(false);
        if (begun.Kind == BeginKind.Conflict) throw new IdempotencyConflictException(key!);
        if (begun.Outcome is { } outcome) return Read(outcome);
        InvocationContext context = begun.Context!;
        using CancellationTokenRegistration giveUp = cancellation.Register(context.Cancel);
        return await RunAsync(context, arguments).ConfigureAwait(false);
    }

    internal Task<TResult> ResumeAsync(InvocationContext context)
    {
        // Queued by an operator, or recovered: both are refused where the arguments were not kept.
        StepRow arguments = StepRow.Stored(0, _journal.Codecs.Get<TArguments>().Name, context.Arguments.GetValueOrDefault());
        return RunAsync(context, () => _journal.Codecs.Get<TArguments>().Read(Name, arguments));
    }

    private Task<TResult> RunAsync(InvocationContext context, TArguments arguments) => RunAsync(context, () => arguments);

    private async Task<TResult> RunAsync(InvocationContext context, Func<TArguments> getArguments)
    {
        StepCodec<TResult> codec = _journal.Codecs.Get<TResult>();
        try
        {
            byte[] outcome;
            TResult result;
            try
            {
                result = await _body(context, getArguments()).ConfigureAwait(false);
                outcome = StepRow.Stored(context.Attempt, codec.Name, codec.Write(result)).Encode();
            }
            catch (Exception thrown) when (thrown is not InvocationLostException)
            {
                await EndAsync(context, thrown).ConfigureAwait(false);
                throw;
            }

            await context.CompleteAsync(outcome).ConfigureAwait(false);
            return result;
        }
        finally
        {
            // Where the journal itself could not write, the next start recovers the invocation.
            context.Detach();
        }
    }

    private static async ValueTask EndAsync(InvocationContext context, Exception failure)
    {
        bool isCancelled = failure is OperationCanceledException && context.Cancellation.IsCancellationRequested;
        if (isCancelled || failure is RetryableException) await context.ReleaseAsync().ConfigureAwait(false);
        else await context.CompleteAsync(StepRow.Failed(context.Attempt, failure).Encode(), isError: true).ConfigureAwait(false);
    }

    private TResult Read(InvocationOutcome outcome)
    {
        if (outcome.State != InvocationState.Completed)
            throw new InvocationFailedException(outcome.Id, outcome.State, "", Describe(outcome.State));
        StepRow row = StepRow.Decode(outcome.Content.Span);
        if (outcome.IsError) throw new InvocationFailedException(outcome.Id, outcome.State, row.Type, row.Message);
        return _journal.Codecs.Get<TResult>().Read(Name, row);
    }

    private static string Describe(InvocationState state) => state switch
    {
        InvocationState.Stopped => "The process stopped while it was under way, and it is not run again; its effect is unknown.",
        InvocationState.Dead => "It was given up: too many of its runs were cut short.",
        InvocationState.Aborted => "It was aborted by an operator.",
        _ => "It was cancelled.",
    };
}
