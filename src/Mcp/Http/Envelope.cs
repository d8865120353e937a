using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Http;

/// <summary>Whether headers and body agree: what a proxy decides by the headers must be what the body does.</summary>
internal static class Envelope
{
    private const string Bad = "Bad Request: ";

    /// <summary>The header's revision is one that is served; a missing header means a revision from before it.</summary>
    public static bool HasKnownRevision(HttpRequest request, JsonRpcMessage? message, [NotNullWhen(false)] out JsonRpcError? refusal)
    {
        string revision = RevisionOf(request);
        refusal = null;
        if (revision.Length == 0 || ProtocolRevisions.IsKnown(revision)) return true;
        string[] supported = MetaOf(message)?[MetaKeys.ProtocolVersion] is null ? ProtocolRevisions.All : ProtocolRevisions.ModernOnly;
        JsonArray list = [.. supported.Select(one => JsonValue.Create(one))];
        refusal = ErrorCodes.Error(
            IdOf(message), (int)McpErrorCode.UnsupportedProtocolVersion, $"{Bad}the revision is not supported.",
            new JsonObject { ["supported"] = list, ["requested"] = revision });
        return false;
    }

    /// <summary>Everything that can be said about a message before a server sees it; what is right gives null.</summary>
    public static (int Status, JsonRpcError Refusal)? Check(HttpRequest request, JsonRpcMessage message, McpServerOptions server)
    {
        string revision = RevisionOf(request);
        if (message is not (JsonRpcRequest or JsonRpcNotification))
            return ProtocolRevisions.IsModern(revision) ? Refuse(message, McpErrorCode.InvalidRequest, "no request was sent.") : null;
        if (CheckRevision(revision, message) is { } wrongRevision) return wrongRevision;
        if (!ProtocolRevisions.IsModern(revision)) return null;
        string? mismatch = FindHeaderMismatch(request, message, server);
        if (mismatch is not null) return Refuse(message, McpErrorCode.HeaderMismatch, mismatch);
        if (message is not JsonRpcRequest call) return null;
        if (MetaOf(message)?[MetaKeys.ClientCapabilities] is not JsonObject)
            return Refuse(message, McpErrorCode.InvalidParams, $"_meta must have '{MetaKeys.ClientCapabilities}', an object.");
        return IsRemoved(call.Method)
            ? (StatusCodes.Status404NotFound,
                ErrorCodes.Error(call.Id, (int)McpErrorCode.MethodNotFound, $"'{call.Method}' is not part of revision {revision}."))
            : null;
    }

    public static string RevisionOf(HttpRequest request) => request.Headers[HeaderNames.ProtocolVersion].ToString();

    public static RequestId IdOf(JsonRpcMessage? message) => message is JsonRpcRequest request ? request.Id : default;

    private static (int, JsonRpcError)? CheckRevision(string header, JsonRpcMessage message)
    {
        if (message is JsonRpcRequest { Method: RequestMethods.Initialize } && header.Length > 0
            && TextOf(ParametersOf(message), "protocolVersion") is { } asked && asked != header)
            return Mismatch(message, header, asked);
        string? body = TextOf(MetaOf(message), MetaKeys.ProtocolVersion);
        if (!ProtocolRevisions.IsModern(header) && !ProtocolRevisions.IsModern(body)) return null;
        if (header.Length == 0) return Mismatch(message, "missing", body!);
        // A notification gets no answer that its sender could act on, and a cancellation must not be lost.
        if (body is null && message is JsonRpcNotification) return null;
        if (body is null) return Refuse(message, McpErrorCode.InvalidParams, $"_meta must have '{MetaKeys.ProtocolVersion}'.");
        return body == header ? null : Mismatch(message, header, body);
    }

    private static (int, JsonRpcError) Mismatch(JsonRpcMessage message, string header, string body) => Refuse(
        message, McpErrorCode.HeaderMismatch,
        $"{HeaderNames.ProtocolVersion} is '{LogText.Of(header)}', the body says '{LogText.Of(body)}'.");

    private static string? FindHeaderMismatch(HttpRequest request, JsonRpcMessage message, McpServerOptions server)
    {
        string method = message is JsonRpcRequest call ? call.Method : ((JsonRpcNotification)message).Method;
        string inHeader = request.Headers[HeaderNames.Method].ToString().Trim();
        if (inHeader.Length == 0) return $"the header {HeaderNames.Method} is missing.";
        if (inHeader != method) return $"{HeaderNames.Method} is '{LogText.Of(inHeader)}', the body's method '{LogText.Of(method)}'.";
        string? parameter = method switch
        {
            RequestMethods.ToolsCall or RequestMethods.PromptsGet => "name",
            RequestMethods.ResourcesRead => "uri",
            _ => null,
        };
        if (parameter is null) return null;
        if (!request.Headers.TryGetValue(HeaderNames.Name, out var header)) return $"the header {HeaderNames.Name} is missing.";
        JsonObject? parameters = ParametersOf(message);
        string? name = TextOf(parameters, parameter);
        if (!ParameterHeaders.TryDecode(header.ToString(), out string? decoded)) return $"{HeaderNames.Name} cannot be read.";
        if (decoded != name) return $"{HeaderNames.Name} is not the body's {parameter}.";
        return method == RequestMethods.ToolsCall && server.ToolCollection?.TryGetPrimitive(name!, out McpServerTool? tool) == true
            ? ParameterHeaders.FindMismatch(request.Headers, tool.ProtocolTool.InputSchema, parameters!["arguments"] as JsonObject)
            : null;
    }

    private static bool IsRemoved(string method) =>
        method is RequestMethods.Initialize or RequestMethods.Ping or "logging/setLevel"
            or RequestMethods.ResourcesSubscribe or RequestMethods.ResourcesUnsubscribe;

    private static (int, JsonRpcError) Refuse(JsonRpcMessage message, McpErrorCode code, string text) =>
        (StatusCodes.Status400BadRequest, ErrorCodes.Error(IdOf(message), (int)code, Bad + text));

    private static JsonObject? ParametersOf(JsonRpcMessage? message) => message switch
    {
        JsonRpcRequest request => request.Params as JsonObject,
        JsonRpcNotification notification => notification.Params as JsonObject,
        _ => null,
    };

    private static JsonObject? MetaOf(JsonRpcMessage? message) => ParametersOf(message)?["_meta"] as JsonObject;

    private static string? TextOf(JsonObject? owner, string name) =>
        owner?[name] is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
