using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Calls;
using Varve.Mcp.Messages;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

/// <summary>
/// Runs calls through the journal: all of tools that are not read-only, all with an idempotency key, all of sessions over HTTP. The request
/// is durable before the tool runs, the result before it is answered.
/// </summary>
internal sealed class JournaledCalls(
    Journal journal, StoreEventLog events, RequestStates states, IServiceScopeFactory scopes, FailureLog failures, TimeProvider time,
    IHostApplicationLifetime lifetime) : ICallRunner
{
    private const string ConflictReason = "idempotency_conflict";
    private const string StateReason = "invalid_request_state";
    private const string AnswerReason = "answer_conflict";

    // A caller's own key has no space.
    private const string DeduplicationPrefix = "same arguments ";

    public async ValueTask<CallToolResult> RunAsync(ToolCall call, ToolCall.Run run, CancellationToken cancellation)
    {
        ToolPolicy policy = ToolPolicy.Of(call.Tool);
        LiveStream? stream = events.FindLive(call.SessionId, call.Request.JsonRpcRequest.Id);
        if (RecoveredCall.RunOf(call.Request.JsonRpcRequest) is { } recovered)
        {
            if (stream is not null) await TakeBackQuestionsAsync(call, stream, recovered.Id, cancellation);
            return await RunFreshAsync(call, run, recovered, stream, cancellation);
        }
        if (RequestStates.IsOne(call.Request.Params.RequestState)) return await AnswerAsync(call, run, cancellation);
        bool isJournaled = call.IdempotencyKey is not null || !policy.IsReadOnly || call.SessionId is not null
            || CallItems.MustJournal(call);
        if (!isJournaled) return await run(cancellation);

        byte[] arguments = CanonicalJson.Write(call.Request.Params.Arguments);
        string? key = call.IdempotencyKey ?? await DeduplicationKeyAsync(call, policy, cancellation);
        BeginResult begun = await BeginAsync(call, policy, arguments, key, stream, cancellation);
        if ((begun.Context?.Id ?? begun.Outcome?.Id) is { } id) CallItems.TellBegun(call, id);
        return begun.Kind switch
        {
            BeginKind.Fresh when IsOfOtherTool(begun.Context!, policy) => await EndAsync(begun.Context!),
            BeginKind.Fresh => await RunFreshAsync(call, run, begun.Context!, stream, cancellation),
            BeginKind.Conflict => throw Conflict(),
            _ => StoredResult.Read(begun.Outcome!),
        };
    }

    private async ValueTask TakeBackQuestionsAsync(ToolCall call, LiveStream stream, Guid invocation, CancellationToken cancellation)
    {
        foreach (JsonRpcNotification taken in await events.TakeBackQuestionsAsync(stream.Session, stream.Name, invocation, cancellation))
            await call.Request.Server.SendMessageAsync(taken, cancellation);
    }

    private static McpProtocolException Conflict() =>
        Refusal(ConflictReason, "The idempotency key was used for another tool or other arguments.");

    private static McpProtocolException Refusal(string reason, string message) =>
        new(message, McpErrorCode.InvalidParams) { Data = { ["reason"] = reason } };

    /// <summary>A call that has ended with a question comes again, with the answer.</summary>
    private async ValueTask<CallToolResult> AnswerAsync(ToolCall call, ToolCall.Run run, CancellationToken cancellation)
    {
        RequestState? asked = await states.OpenAsync(call.Request.Params.RequestState!, call.Digest(), cancellation);
        Invocation? waiting = asked is null ? null : await journal.FindAsync(asked.Invocation, cancellation);
        if (waiting is null)
            throw Refusal(StateReason, "The request state is not one that was given for this call, or is too old.");
        if (call.IdempotencyKey is { } key && key != waiting.Key) throw Conflict();
        BeginResult entered = await journal.ReenterAsync(waiting.Id, call.Principal, cancellation)
            ?? throw Refusal(StateReason, "The call of this request state is not there any more.");
        CallItems.TellBegun(call, waiting.Id);
        IReadOnlyList<InvocationStep> steps = await journal.ListStepsAsync(waiting.Id, cancellation);
        InvocationStep? answered = steps.FirstOrDefault(
            step => step.Alias == asked!.Alias && step.Map is null && step.State == StepState.Stored);
        if (answered is not null && ClientQuestions.Contradicts(call, answered))
        {
            if (entered.Context is not null) await entered.Context.SuspendAsync();
            throw Refusal(AnswerReason, $"The question '{asked!.Alias}' was answered in another way.");
        }

        return entered.Context is { } again
            ? await RunFreshAsync(call with { Answers = asked }, run, again, stream: null, cancellation)
            : StoredResult.Read(entered.Outcome!);
    }

    /// <summary>
    /// The key of equal calls that begin within the tool's time; null where it has none. A key stands for one stretch of time: that of the
    /// stretch before is taken as long as its call began short enough ago.
    /// </summary>
    private async ValueTask<string?> DeduplicationKeyAsync(ToolCall call, ToolPolicy policy, CancellationToken cancellation)
    {
        if (policy.Deduplication == TimeSpan.Zero) return null;
        string stem = DeduplicationPrefix + Convert.ToHexStringLower(call.Digest());
        DateTimeOffset now = time.GetUtcNow();
        long stretch = now.Ticks / policy.Deduplication.Ticks;
        string before = $"{stem} {stretch - 1}";
        Invocation? found = await journal.FindAsync(call.Principal, before, cancellation);
        return found is not null && now - found.CreatedAt < policy.Deduplication ? before : $"{stem} {stretch}";
    }

    /// <summary>Whether a call that was cut short was one of a tool with other arguments.</summary>
    private static bool IsOfOtherTool(InvocationContext invocation, ToolPolicy policy) =>
        invocation.Recoveries > 0 && CallOrigin.Read(invocation.Origin).Schema is { Length: > 0 } schema && schema != policy.Schema;

    private async ValueTask<CallToolResult> EndAsync(InvocationContext invocation)
    {
        await journal.EndAsync(invocation.Id, InvocationState.Dead);
        return StoredResult.Without(InvocationState.Dead);
    }

    private async ValueTask<BeginResult> BeginAsync(
        ToolCall call, ToolPolicy policy, byte[] arguments, string? key, LiveStream? stream, CancellationToken cancellation)
    {
        // Who joins a call under way gets its answer also from a process that knows of the two by their rows alone, and is told its id.
        bool isLooked = key is not null && (stream is not null || CallItems.WantsBegun(call));
        Invocation? known = isLooked ? await journal.FindAsync(call.Principal, key!, cancellation) : null;
        if (known is { IsFinished: false, Arguments: { } asked } && known.Name == call.Request.Params.Name
            && asked.Span.SequenceEqual(arguments))
        {
            if (stream is not null) await events.LinkAsync(stream, known.Id);
            CallItems.TellBegun(call, known.Id);
        }
        var request = new InvocationRequest
        {
            Name = call.Request.Params.Name,
            Arguments = arguments,
            KeepsArguments = policy.KeepsArguments,
            Principal = call.Principal,
            Key = key,
            Recovery = policy.Recovery,
            Origin = CallOrigin.Write(call, policy, stream),
            Rows = stream is null ? null : id => [events.PutStream(stream, id)],
        };
        try
        {
            return await journal.BeginAsync(request, cancellation);
        }
        catch (JournalFullException full)
        {
            throw new McpProtocolException(full.Message, full, (McpErrorCode)ErrorCodes.Refused);
        }
    }

    private async ValueTask<CallToolResult> RunFreshAsync(
        ToolCall call, ToolCall.Run run, InvocationContext invocation, LiveStream? stream, CancellationToken cancellation)
    {
        try
        {
            if (invocation.Key is not null) return await RunKeyedAsync(call, run, invocation, stream, cancellation);
            return await RunToEndAsync(call, run, invocation, stream, cancellation);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // The next start answers: here the request ends with its connection, and with nothing that its client would take for an answer.
            await Task.Delay(Timeout.Infinite, cancellation);
            throw;
        }
    }

    private async ValueTask<CallToolResult> RunKeyedAsync(
        ToolCall call, ToolCall.Run run, InvocationContext invocation, LiveStream? stream, CancellationToken cancellation)
    {
        // It goes on when its caller is gone, who may ask again: so it cannot live on what the request has.
        Task<CallToolResult> ending = RunOnItsOwnAsync(call, run, invocation, stream);
        try
        {
            return await ending.WaitAsync(cancellation);
        }
        catch (OperationCanceledException) when (!ending.IsCompleted)
        {
            _ = ReportEndAsync(ending, invocation.Name);
            throw;
        }
    }

    /// <summary>Results are kept; what is none has nobody left to be told but the log.</summary>
    private async Task ReportEndAsync(Task<CallToolResult> ending, string tool)
    {
        await ((Task)ending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (ending.Exception?.InnerException is not { } failure || failure is InputRequiredException) return;
        if (failure is not McpProtocolException refused || !IsOfShutdown(refused)) failures.Report(failure, "tool", tool);
    }

    private async Task<CallToolResult> RunOnItsOwnAsync(
        ToolCall call, ToolCall.Run run, InvocationContext invocation, LiveStream? stream)
    {
        await using AsyncServiceScope scope = scopes.CreateAsyncScope();
        call.Request.Services = scope.ServiceProvider;
        return await RunToEndAsync(call, run, invocation, stream);
    }

    /// <summary>Runs a call as a run of an invocation, and keeps its outcome; where it has a stream, its last event with it.</summary>
    /// <remarks>A tool that runs elsewhere may be cut short there: then it is run again here, as a next start would.</remarks>
    internal async Task<CallToolResult> RunToEndAsync(
        ToolCall call, ToolCall.Run run, InvocationContext invocation, LiveStream? stream = null, CancellationToken gone = default)
    {
        try
        {
            while (true)
            {
                DurableContext.Current = new DurableContext(invocation, call, states);
                stream?.Run = invocation;
                using CancellationTokenRegistration leaving = gone.Register(invocation.Cancel);
                if (await RunToolAsync(run, invocation) is { } result)
                {
                    await KeepAsync(invocation, result, stream);
                    return result;
                }
                if (await RunAgainAsync(invocation, stream) is not { } next) return await FindEndAsync(invocation, isReplay: false);
                invocation = next;
            }
        }
        catch (InvocationLostException)
        {
            // Ended by somebody else, an operator for example: what it ended with is the answer.
            return await FindEndAsync(invocation, isReplay: true);
        }
        finally
        {
            // Where the journal could not write, the next start of the server ends the call.
            invocation.Detach();
            stream?.Run = null;
        }
    }

    private async ValueTask KeepAsync(InvocationContext invocation, CallToolResult result, LiveStream? stream)
    {
        byte[] json = StoredResult.Write(result);
        if (stream is null) await CompleteAsync([]);
        else await events.EndAsync(stream, json, CompleteAsync);

        ValueTask CompleteAsync(IReadOnlyList<StoreOperation> rows) => invocation.CompleteAsync(json, result.IsError == true, rows);
    }

    private async ValueTask<CallToolResult> FindEndAsync(InvocationContext invocation, bool isReplay)
    {
        InvocationOutcome? outcome = await journal.WaitAsync(invocation.Id);
        return outcome is null ? ErrorCodes.Result("cancelled", "The call was cancelled.") : StoredResult.Read(outcome, isReplay);
    }

    /// <summary>The next run; null where there is none, and the call has ended, with its stream's last event where it has one.</summary>
    private async ValueTask<InvocationContext?> RunAgainAsync(InvocationContext cutShort, LiveStream? stream)
    {
        if (stream is null) return await journal.RunAgainAsync(cutShort);
        InvocationContext? next = null;
        InvocationState end = cutShort.Recovery == RecoveryMode.Resume ? InvocationState.Dead : InvocationState.Stopped;
        await events.TryEndAsync(stream, StoredResult.Write(StoredResult.Without(end)), async rows =>
        {
            next = await journal.RunAgainAsync(cutShort, _ => rows);

            // Another end is somebody else's: the stream gets it as any other answer.
            return next is null && (await journal.FindAsync(cutShort.Id))?.State == end;
        });
        return next;
    }

    private bool IsOfShutdown(McpProtocolException refused) =>
        lifetime.ApplicationStopping.IsCancellationRequested && refused.ErrorCode == (McpErrorCode)ErrorCodes.Refused;

    /// <summary>
    /// The tool's result, which is final or marked as not; what is no result ends the run without one. Null: it was cut short elsewhere.
    /// </summary>
    private async Task<CallToolResult?> RunToolAsync(ToolCall.Run run, InvocationContext invocation)
    {
        try
        {
            return await run(invocation.Cancellation);
        }
        catch (RetryableException retryable)
        {
            invocation.MarkRetryable();
            return ErrorCodes.Result("retryable", retryable.Message);
        }
        catch (InputRequiredException)
        {
            await invocation.SuspendAsync();
            throw;
        }
        catch (CallInterruptedException interrupted)
        {
            if (!lifetime.ApplicationStopping.IsCancellationRequested) return null;

            // With this process: the next start sees to it, as to those that ran here.
            invocation.Detach();
            throw new OperationCanceledException(interrupted.Message, interrupted);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // Not by the caller: the next start goes on with it, or says that it was stopped.
            invocation.Detach();
            throw;
        }
        catch (McpProtocolException refused) when (IsOfShutdown(refused))
        {
            // It was begun, and whoever would have run it takes nothing more.
            invocation.Detach();
            throw;
        }
        catch (Exception failure) when (failure is McpProtocolException or OperationCanceledException)
        {
            await invocation.ReleaseAsync();
            throw;
        }
    }
}
