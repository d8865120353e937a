using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Calls;
using Varve.Mcp.Durable;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tools;

/// <summary>A tool of the workers, as the gateway's own: a call of it goes to one of them, and its answer to the caller.</summary>
internal sealed class PooledTool : McpServerTool
{
    private const string MetaName = "_meta";
    private const string ResponsesName = "inputResponses";
    private const string StateName = "requestState";

    private readonly IWorkerPool _pool;
    private readonly bool _sharesJournal;

    /// <param name="pool">The workers.</param>
    /// <param name="listed">The tool, as they list it.</param>
    /// <param name="sharesJournal">Whether they are the gateway's own: <see cref="WorkerCommand.SharesJournal"/>.</param>
    public PooledTool(IWorkerPool pool, Tool listed, bool sharesJournal)
    {
        (_pool, _sharesJournal) = (pool, sharesJournal);
        Listed = TextOf(listed);
        Metadata = [WorkerMeta.ReadTool(sharesJournal ? listed.Meta : null, listed.Annotations?.ReadOnlyHint == true)];
        ProtocolTool = WithoutOwnMeta(listed);
    }

    public override Tool ProtocolTool { get; }

    public override IReadOnlyList<object> Metadata { get; }

    /// <summary>What the workers said of it; another text is another tool.</summary>
    public string Listed { get; }

    public static string TextOf(Tool tool) => JsonSerializer.Serialize(tool, McpJsonUtilities.DefaultOptions);

    public override async ValueTask<CallToolResult> InvokeAsync(
        RequestContext<CallToolRequestParams> request, CancellationToken cancellationToken = default)
    {
        JsonObject parameters = ParametersOf(request);
        var forwarder = CallNotices.Of(request);
        while (true)
        {
            JsonNode? answer = await SendAsync(parameters, forwarder, cancellationToken);
            if (WorkerRequests.QuestionOf(answer) is not { } question) return Read(answer);
            if (ToolCall.IsModernRequest(request) || question.InputRequests is not { Count: > 0 } asked)
                throw new InputRequiredException(question);
            parameters = (JsonObject)parameters.DeepClone();
            parameters[ResponsesName] = await AskAsync(request.Server, asked, cancellationToken);
            parameters[StateName] = question.RequestState;
        }
    }

    /// <summary>The answers of a session's client: one after the other, as a tool that asks by itself would.</summary>
    private static async Task<JsonObject> AskAsync(
        McpServer server, IDictionary<string, InputRequest> questions, CancellationToken cancellation)
    {
        JsonObject answers = [];
        foreach ((string name, InputRequest question) in questions)
        {
            InputResponse answer = await SessionQuestions.AskAsync(server, name, question, cancellation);
            answers[name] = JsonSerializer.SerializeToNode(answer, McpJsonUtilities.DefaultOptions);
        }
        return answers;
    }

    private CallToolResult Read(JsonNode? answer)
    {
        CallToolResult result = WorkerRequests.Read<CallToolResult>(answer);
        if (_sharesJournal) WorkerMeta.TakeRetryable(result);
        return result;
    }

    /// <summary>The tool as clients see it.</summary>
    private static Tool WithoutOwnMeta(Tool listed)
    {
        Tool tool = JsonSerializer.Deserialize<Tool>(TextOf(listed), McpJsonUtilities.DefaultOptions)!;
        if (tool.Meta?.Remove(WorkerMeta.ToolKey) == true && tool.Meta.Count == 0) tool.Meta = null;
        return tool;
    }

    private async Task<JsonNode?> SendAsync(JsonObject parameters, CallNotices? notices, CancellationToken cancellation)
    {
        var request = new PoolRequest(RequestMethods.ToolsCall, parameters, notices is null ? null : notices.ForwardAsync);
        try
        {
            return await _pool.SendAsync(request, cancellation);
        }
        catch (WorkerLostException lost) when (lost.WasSent)
        {
            // Whether it is run again is the journal's to say; without one, that of whoever knows whether it only reads.
            throw new CallInterruptedException(lost.Message);
        }
        catch (WorkerLostException lost)
        {
            throw WorkerRequests.Refusal(lost);
        }
    }

    private JsonObject ParametersOf(RequestContext<CallToolRequestParams> request)
    {
        JsonNode? sent = request.JsonRpcRequest.Params;
        JsonObject meta = WorkerRequests.MetaOf(request);
        if (CallNotices.WantsChunks(request.Params)) meta[ChunkedTool.MetaKey] = true;
        if (_sharesJournal)
        {
            meta[WorkerMeta.PrincipalKey] = ToolCall.PrincipalOf(request.User);
            if (WorkerMeta.ShareRun() is { } run) meta[WorkerMeta.InvocationKey] = run;
        }
        JsonObject parameters = new()
        {
            ["name"] = ProtocolTool.Name,
            ["arguments"] = sent?["arguments"]?.DeepClone() ?? new JsonObject(),
            [MetaName] = meta,
        };
        foreach (string name in (string[])[ResponsesName, StateName])
            if (sent?[name] is { } value) parameters[name] = value.DeepClone();
        return parameters;
    }
}
