using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Calls;

namespace Varve.Mcp.Gateway.Front;

/// <summary>
/// One call that came in over HTTP or a WebSocket. To the MCP server it is the transport that the request came by, so that everything that
/// belongs to the request comes here.
/// </summary>
internal sealed class GatewayCall : ITransport
{
    /// <summary>Bytes of progress and chunks that are kept for readers that come later, or read slowly.</summary>
    private const int EventBytesMax = 1 << 20;

    private readonly Channel<JsonRpcMessage> _nothing = Channel.CreateBounded<JsonRpcMessage>(1);
    private readonly TaskCompletionSource<CallAnswer> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<string?> _invocation = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Action<GatewayCall> _cancel;
    private int _chunks;

    public GatewayCall(string id, CallStart start, Action<GatewayCall> cancel)
    {
        (Id, Start, _cancel) = (id, start, cancel);
        Events = new CallEvents(start.Via is CallVia.Sse or CallVia.WebSocket ? EventBytesMax : 0);
    }

    public string Id { get; }

    public CallStart Start { get; }

    /// <summary>Progress and chunks; at last <c>result</c> or <c>error</c>, and <c>done</c>.</summary>
    public CallEvents Events { get; }

    /// <summary>What it ends with; never fails.</summary>
    public Task<CallAnswer> Completion => _answer.Task;

    /// <summary>The journal's id of it, as soon as there is one; null where it ended without.</summary>
    public Task<string?> Invocation => _invocation.Task;

    string? ITransport.SessionId => null;

    ChannelReader<JsonRpcMessage> ITransport.MessageReader => _nothing.Reader;

    /// <summary>Nobody wants its result any more. With a key it goes on in the journal.</summary>
    public void Cancel()
    {
        if (End(CallAnswer.Of(Problem.Cancelled))) _cancel(this);
    }

    public void SetInvocation(string id) => _invocation.TrySetResult(id);

    /// <summary>Ends it; false where it has ended.</summary>
    public bool End(CallAnswer answer)
    {
        if (!_answer.TrySetResult(answer)) return false;
        _invocation.TrySetResult(null);
        if (Start.Via is CallVia.Sse or CallVia.WebSocket) Events.End(LastEvents(answer));
        return true;
    }

    public Task SendMessageAsync(JsonRpcMessage message, CancellationToken cancellationToken = default)
    {
        if (message is JsonRpcResponse or JsonRpcError) End(CallAnswer.Of(message));
        else if (message is JsonRpcNotification { Params: JsonObject parameters } notification) Tell(notification.Method, parameters);
        return Task.CompletedTask;
    }

    public ValueTask DisposeAsync() => default;

    private void Tell(string method, JsonObject parameters)
    {
        if (method == NotificationMethods.ProgressNotification) Append("progress", parameters, "progress", "total", "message");
        if (method != ChunkedTool.Notification) return;
        Interlocked.Increment(ref _chunks);
        Append("chunk", parameters, "index", "data");
    }

    private void Append(string type, JsonObject parameters, params ReadOnlySpan<string> members)
    {
        JsonObject data = [];
        foreach (string member in members)
            if (parameters.TryGetPropertyValue(member, out JsonNode? value)) data[member] = value?.DeepClone();
        if (data.Count > 0) Events.Append(type, Write(data));
    }

    /// <summary>A tool that sent no chunks gets some: the items of its list.</summary>
    private IEnumerable<(string Type, byte[] Data)> LastEvents(CallAnswer answer)
    {
        if (answer.Items is { } items && Volatile.Read(ref _chunks) == 0)
            for (int index = 0; index < items.Count; index++)
                yield return ("chunk", Write(new JsonObject { ["index"] = index, ["data"] = items[index]?.DeepClone() }));
        yield return answer.Problem is { } problem ? ("error", ProblemJson.WriteEvent(problem)) : ("result", Write(answer.Body!));
        yield return ("done", Write(new JsonObject { ["status"] = answer.Problem is null ? "complete" : "error" }));
    }

    private static byte[] Write(JsonObject data) => JsonSerializer.SerializeToUtf8Bytes(data);
}
