using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Polly;
using Polly.Retry;
using Varve.Mcp.Durable;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Tools;

/// <summary>Requests of clients as they go to a worker, and its answers.</summary>
internal static class WorkerRequests
{
    private const string MetaName = "_meta";
    private const string PlainKeyName = "idempotencyKey";
    private const string ProgressTokenName = "progressToken";
    private const string InputRequiredType = "input_required";
    private const int SentAgainMax = 2;

    private static readonly ResiliencePipeline<JsonNode?> s_again = new ResiliencePipelineBuilder<JsonNode?>()
        .AddRetry(new RetryStrategyOptions<JsonNode?>
        {
            ShouldHandle = new PredicateBuilder<JsonNode?>().Handle<WorkerLostException>(),
            MaxRetryAttempts = SentAgainMax,
            Delay = TimeSpan.Zero,
        })
        .Build();

    /// <summary>
    /// Sends a request that only asks for something, as its client has sent it; where a worker ends, to another one.
    /// </summary>
    public static async ValueTask<TResult> AskAsync<TParameters, TResult>(
        this IWorkerPool pool, RequestContext<TParameters> request, CancellationToken cancellation)
        where TResult : Result
    {
        JsonObject parameters = request.JsonRpcRequest.Params?.DeepClone() as JsonObject ?? [];
        parameters[MetaName] = MetaOf(request);
        var sent = new PoolRequest(request.JsonRpcRequest.Method, parameters);
        try
        {
            JsonNode? answer = await s_again.ExecuteAsync(
                static async (state, token) => await state.pool.SendAsync(state.sent, token), (pool, sent), cancellation);
            return QuestionOf(answer) is { } question ? throw new InputRequiredException(question) : Read<TResult>(answer);
        }
        catch (WorkerLostException lost)
        {
            throw Refusal(lost);
        }
    }

    /// <summary>Who serves is the gateway, and what a result is is said anew to each client.</summary>
    public static TResult Read<TResult>(JsonNode? answer)
        where TResult : Result
    {
        TResult result = answer.Deserialize<TResult>(McpJsonUtilities.DefaultOptions)
            ?? throw new JsonException("A worker answered a request with no result.");
        result.ResultType = null;
        if (result.Meta?.Remove(MetaKeys.ServerInfo) == true && result.Meta.Count == 0) result.Meta = null;
        return result;
    }

    /// <summary>What a worker wants to know before it answers; null where it has answered.</summary>
    public static InputRequiredResult? QuestionOf(JsonNode? answer)
    {
        bool isQuestion = answer is JsonObject result && result["resultType"] is JsonValue type
            && type.TryGetValue(out string? name) && name == InputRequiredType;
        return isQuestion ? answer.Deserialize<InputRequiredResult>(McpJsonUtilities.DefaultOptions) : null;
    }

    /// <summary>Nothing has happened, and nothing is kept of it: the caller may come again.</summary>
    public static McpProtocolException Refusal(WorkerLostException lost) =>
        new("No worker could answer: try again later.", lost, (McpErrorCode)ErrorCodes.Refused);

    /// <summary>The <c>_meta</c> of a request without what is between the client and this server.</summary>
    public static JsonObject MetaOf<TParameters>(RequestContext<TParameters> request)
    {
        JsonObject meta = request.JsonRpcRequest.Params?[MetaName]?.DeepClone() as JsonObject ?? [];
        string[] own = [.. meta.Select(member => member.Key).Where(name => name.StartsWith(WorkerMeta.Prefix, StringComparison.Ordinal))];
        foreach (string name in (string[])[.. own, PlainKeyName, ProgressTokenName, MetaKeys.ProtocolVersion, MetaKeys.LogLevel])
            meta.Remove(name);
        meta[MetaKeys.ClientCapabilities] = CapabilitiesOf(request);
        return meta;
    }

    private static JsonNode? CapabilitiesOf<TParameters>(RequestContext<TParameters> request)
    {
        // A call that is run again without its client waits for whoever comes with its key, and what that one can do is not known yet.
        bool isAlone = request.Server.SessionId is null && RecoveredCall.IsOne(request.JsonRpcRequest);
        if (isAlone) return new JsonObject { ["elicitation"] = new JsonObject(), ["sampling"] = new JsonObject() };
        ClientCapabilities client =
            request.JsonRpcRequest.Context?.ClientCapabilities ?? request.Server.ClientCapabilities ?? new ClientCapabilities();
        return JsonSerializer.SerializeToNode(client, McpJsonUtilities.DefaultOptions);
    }
}
