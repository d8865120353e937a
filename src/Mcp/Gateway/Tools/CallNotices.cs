using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Calls;

namespace Varve.Mcp.Gateway.Tools;

/// <summary>
/// What a worker tells of a call while it runs, on its way to the caller: under the caller's token, in order, and once, also where the call
/// is run again.
/// </summary>
internal sealed class CallNotices
{
    private const string TokenName = "progressToken";

    private static readonly ConditionalWeakTable<JsonRpcRequest, CallNotices> s_ofRequests = new();

    private readonly McpServer _server;
    private readonly JsonNode _token;
    private double _progress = double.NegativeInfinity;
    private int _chunks;

    private CallNotices(McpServer server, ProgressToken token) =>
        (_server, _token) = (server, token.Token is long number ? number : token.ToString()!);

    /// <summary>Of a request, the same in all runs of its call; null where the caller wants to hear of nothing.</summary>
    public static CallNotices? Of(RequestContext<CallToolRequestParams> request) => request.Params.ProgressToken is { } token
        ? s_ofRequests.GetValue(request.JsonRpcRequest, _ => new CallNotices(request.Server, token))
        : null;

    public static bool WantsChunks(CallToolRequestParams parameters) =>
        parameters.ProgressToken is not null && parameters.Meta?[ChunkedTool.MetaKey] is JsonValue value
        && value.TryGetValue(out bool isWanted) && isWanted;

    public async ValueTask ForwardAsync(JsonRpcNotification notice)
    {
        if (notice.Params is not JsonObject sent || IsKnown(notice.Method, sent)) return;
        JsonObject parameters = (JsonObject)sent.DeepClone();
        parameters[TokenName] = _token.DeepClone();
        try
        {
            await _server.SendMessageAsync(new JsonRpcNotification { Method = notice.Method, Params = parameters });
        }
        catch (Exception gone) when (gone is not OutOfMemoryException)
        {
            // The call outlives its caller, and a run that is no longer its invocation's learns that by its end.
        }
    }

    /// <summary>Whether an earlier run has told it.</summary>
    private bool IsKnown(string method, JsonObject parameters)
    {
        if (method == NotificationMethods.ProgressNotification)
        {
            if (NumberOf(parameters["progress"]) is not { } progress || progress <= _progress) return true;
            _progress = progress;
            return false;
        }
        if (method != ChunkedTool.Notification || NumberOf(parameters["index"]) is not { } index || index < _chunks) return true;
        _chunks = (int)index + 1;
        return false;
    }

    private static double? NumberOf(JsonNode? node) =>
        node is JsonValue value && value.GetValueKind() == System.Text.Json.JsonValueKind.Number
            ? double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture)
            : null;
}
