using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Calls;

namespace Varve.Mcp.Durable;

/// <summary>The questions of one run of a call to its client: each is asked once, and its answer kept.</summary>
internal sealed class ClientQuestions(InvocationContext invocation, ToolCall call, RequestStates states)
{
    /// <exception cref="InputRequiredException">The request ends with the question: the answer comes with another one.</exception>
    public async Task<T> AskAsync<T>(string alias, ClientQuestion<T> question, CancellationToken cancellation)
        where T : class
    {
        T? given = null;
        if (call.IsModern && !invocation.HasResult(alias))
            given = ReadAnswer(alias, question.Answer) ?? throw await EndWithAsync(alias, question, cancellation).ConfigureAwait(false);
        return await invocation.AtLeastOnceAsync(
            alias,
            async step => given ?? await AskSessionAsync(question, step.Cancellation, cancellation).ConfigureAwait(false),
            RetryPolicy.Once,
            cancellation).ConfigureAwait(false);
    }

    /// <param name="question">The question.</param>
    /// <param name="ending">Ends the wait.</param>
    /// <param name="ofTool">What of that is the tool's own wish.</param>
    private async ValueTask<T> AskSessionAsync<T>(ClientQuestion<T> question, CancellationToken ending, CancellationToken ofTool)
        where T : class
    {
        using IDisposable? pause = call.TimeLimit?.Pause();
        try
        {
            return await question.AskAsync(call.Request.Server, ending).ConfigureAwait(false);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException && !ofTool.IsCancellationRequested)
        {
            // The session has ended, or its server stops. That is no answer, and none to be kept: the run ends here, and a later one asks.
            invocation.Cancel();
            throw new OperationCanceledException(gone.Message, gone, invocation.Cancellation);
        }
    }

    /// <summary>The answer that came with this request; null where it has none to this question.</summary>
    private T? ReadAnswer<T>(string alias, JsonTypeInfo<T> type)
        where T : class
    {
        if (call.Answers?.Alias != alias || AnswerTo(call, alias) is not { } answer) return null;
        try
        {
            return answer.Deserialize(type);
        }
        catch (JsonException)
        {
            throw new McpProtocolException($"The answer to '{alias}' cannot be read.", McpErrorCode.InvalidParams);
        }
    }

    private async ValueTask<Exception> EndWithAsync<T>(string alias, ClientQuestion<T> question, CancellationToken cancellation)
        where T : class
    {
        // Without its client a call waits for whoever comes with its key, and what that one can do is not known yet.
        bool hasClient = RecoveredCall.RunOf(call.Request.JsonRpcRequest) is null;
        ClientCapabilities? client = call.Request.JsonRpcRequest.Context?.ClientCapabilities;
        if (hasClient && (client is null || !question.CanAnswer(client)))
            return new MissingRequiredClientCapabilityException(question.Needed, "The client cannot answer a question that the tool asks.");
        var state = new RequestState(invocation.Id, alias);
        string sealedState = await states.SealAsync(state, call.Digest(), cancellation).ConfigureAwait(false);
        return new InputRequiredException(new Dictionary<string, InputRequest> { [alias] = question.Request }, sealedState);
    }

    /// <summary>What a request answers to a question; null where it does not, or not by an object: then it is asked again.</summary>
    public static InputResponse? AnswerTo(ToolCall call, string alias) =>
        call.Request.Params.InputResponses?.TryGetValue(alias, out InputResponse? answer) == true
        && answer.RawValue.ValueKind == JsonValueKind.Object
            ? answer
            : null;

    /// <summary>Whether a request answers a question in another way than it has been answered.</summary>
    public static bool Contradicts(ToolCall call, InvocationStep answered)
    {
        if (AnswerTo(call, answered.Alias!) is not { } answer) return false;
        return ClientQuestion.Differs(answered, answer);
    }
}
