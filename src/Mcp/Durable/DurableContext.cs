using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Calls;
using Varve.Mcp.Durable;

// Sampling is deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp;

/// <summary>
/// What a tool asks for to make its work survive: guards for its steps, maps that it writes once, an outcome that is kept. A parameter of
/// this type is filled in by the server and is not part of the tool's schema.
/// </summary>
/// <remarks>
/// Each call of a tool is an invocation of the journal with guards of its own; a call that comes again with the same idempotency key is the
/// same invocation. See docs/mcp.md and docs/journal.md. Safe for concurrent use: guards with different aliases may run beside each other.
/// </remarks>
public sealed class DurableContext
{
    private static readonly AsyncLocal<DurableContext?> s_current = new();

    private readonly ToolCall _call;
    private readonly ClientQuestions _questions;

    internal DurableContext(InvocationContext invocation, ToolCall call, RequestStates states)
    {
        Invocation = invocation;
        _call = call;
        _questions = new ClientQuestions(invocation, call, states);
    }

    /// <summary>The run of the invocation, with all that the journal offers.</summary>
    public InvocationContext Invocation { get; }

    /// <summary>The call's id, the same in all its runs.</summary>
    public Guid Id => Invocation.Id;

    /// <summary>Who calls: the API key's name, the signed-in user, or <c>local</c>.</summary>
    public string Principal => Invocation.Principal;

    /// <summary>Which run of the call this is, from 1.</summary>
    public int Attempt => Invocation.Attempt;

    internal static DurableContext? Current
    {
        get => s_current.Value;
        set => s_current.Value = value;
    }

    /// <summary>The time that the call may take stands still until this is disposed; null: it may take any.</summary>
    internal IDisposable? PauseTimeLimit() => _call.TimeLimit?.Pause();

    /// <inheritdoc cref="InvocationContext.Map"/>
    public InvocationMap Map(string name) => Invocation.Map(name);

    /// <inheritdoc cref="InvocationContext.AtLeastOnceAsync{T}(string, Func{StepBatch, Task{T}}, RetryPolicy?, CancellationToken)"/>
    public Task<T> AtLeastOnceAsync<T>(
        string alias, Func<StepBatch, Task<T>> step, RetryPolicy? policy = null, CancellationToken cancellation = default) =>
        Invocation.AtLeastOnceAsync(alias, step, policy, cancellation);

    /// <inheritdoc cref="InvocationContext.AtLeastOnceAsync{T}(string, Func{StepBatch, Task{T}}, RetryPolicy?, CancellationToken)"/>
    public Task<T> AtLeastOnceAsync<T>(
        string alias, Func<Task<T>> step, RetryPolicy? policy = null, CancellationToken cancellation = default) =>
        Invocation.AtLeastOnceAsync(alias, step, policy, cancellation);

    /// <summary>
    /// Runs a step that must not be run again once it may have taken effect, and keeps its result. As
    /// <see cref="InvocationContext"/>'s method of this name.
    /// </summary>
    /// <param name="alias">Names the step in the call; not empty, at most 1,024 characters.</param>
    /// <param name="step">What is done.</param>
    /// <param name="retryable">Exceptions that say that nothing has happened; null: none.</param>
    /// <param name="policy">Default: that of the journal.</param>
    /// <param name="cancellation">Ends waits between attempts.</param>
    /// <exception cref="AtMostOnceFailedBeforeCompletingException">The step was begun earlier and not completed.</exception>
    public Task<T> AtMostOnceAsync<T>(
        string alias, Func<StepBatch, Task<T>> step, IReadOnlyCollection<Type>? retryable = null, RetryPolicy? policy = null,
        CancellationToken cancellation = default) =>
        Invocation.AtMostOnceAsync(alias, step, retryable, policy, cancellation);

    /// <summary>
    /// Runs a step that must not be run again once it may have taken effect, and keeps its result. As
    /// <see cref="InvocationContext"/>'s method of this name.
    /// </summary>
    /// <param name="alias">Names the step in the call; not empty, at most 1,024 characters.</param>
    /// <param name="step">What is done.</param>
    /// <param name="retryable">Exceptions that say that nothing has happened; null: none.</param>
    /// <param name="policy">Default: that of the journal.</param>
    /// <param name="cancellation">Ends waits between attempts.</param>
    /// <exception cref="AtMostOnceFailedBeforeCompletingException">The step was begun earlier and not completed.</exception>
    public Task<T> AtMostOnceAsync<T>(
        string alias, Func<Task<T>> step, IReadOnlyCollection<Type>? retryable = null, RetryPolicy? policy = null,
        CancellationToken cancellation = default) =>
        Invocation.AtMostOnceAsync(alias, step, retryable, policy, cancellation);

    /// <inheritdoc cref="InvocationContext.UntilAsync{T}(string, Func{Task{UntilResult{T}}}, CancellationToken)"/>
    public Task<T> UntilAsync<T>(string alias, Func<Task<UntilResult<T>>> step, CancellationToken cancellation = default) =>
        Invocation.UntilAsync(alias, step, cancellation);

    /// <summary>
    /// Says that the result to come is not final: a call that comes again with the same idempotency key runs the tool again, with what its
    /// guards have done.
    /// </summary>
    public void Retryable() => Invocation.MarkRetryable();

    /// <summary>
    /// Tells the caller how far the call is, if it wants to know. It is sent before this returns; a caller that is gone is no error.
    /// </summary>
    /// <param name="progress">How far; to grow with each report.</param>
    /// <param name="total">What it comes to in the end; null: not known.</param>
    /// <param name="message">For people.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public async Task ReportProgressAsync(
        float progress, float? total = null, string? message = null, CancellationToken cancellation = default)
    {
        if (_call.Request.Params.ProgressToken is not { } token) return;
        var value = new ProgressNotificationValue { Progress = progress, Total = total, Message = message };
        try
        {
            await _call.Request.Server.NotifyProgressAsync(token, value, cancellationToken: cancellation).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is IOException or InvalidOperationException or ObjectDisposedException)
        {
            // The call outlives its caller.
        }
    }

    /// <summary>
    /// Asks the client's language model, once: the answer is kept before this returns, and later runs of the call get it.
    /// </summary>
    /// <remarks>As <see cref="ElicitAsync"/>.</remarks>
    /// <param name="alias">Names the question in the call; not empty, at most 1,024 characters.</param>
    /// <param name="question">The question.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">The client cannot be asked: a session that has not said so.</exception>
    /// <exception cref="MissingRequiredClientCapabilityException">The client cannot be asked: a request that has not said so.</exception>
    public Task<CreateMessageResult> SampleAsync(
        string alias, CreateMessageRequestParams question, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(question);
        return _questions.AskAsync(alias, ClientQuestion.Sampling(alias, question), cancellation);
    }

    /// <summary>Asks the client's user, once: the answer is kept before this returns, and later runs of the call get it.</summary>
    /// <remarks>
    /// In revisions before 2026-07-28 the run waits here; when its process is killed meanwhile, the next one takes the question back and
    /// asks anew. Since that revision the request ends with the question, by an exception that the tool must let pass, and the client's
    /// next request, with the answer, runs the tool again from the top: so what has an effect before a question belongs into a guard.
    /// </remarks>
    /// <param name="alias">Names the question in the call; not empty, at most 1,024 characters.</param>
    /// <param name="question">The question.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">The client cannot be asked: a session that has not said so.</exception>
    /// <exception cref="MissingRequiredClientCapabilityException">The client cannot be asked: a request that has not said so.</exception>
    public Task<ElicitResult> ElicitAsync(string alias, ElicitRequestParams question, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(question);
        return _questions.AskAsync(alias, ClientQuestion.Elicitation(alias, question), cancellation);
    }
}
