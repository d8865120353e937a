using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Calls;
using Varve.Mcp.Sessions;

namespace Varve.Mcp.Messages;

/// <summary>What is done with every message that comes and goes, of whatever method.</summary>
internal sealed class MessageFilters(SessionRegistry sessions, IEventLog events, FailureLog failures)
{
    private readonly RequestMarks _marks = new();

    /// <summary>
    /// A session is in use while its requests run, also after their clients left. Errors say what they may, and the log has the rest.
    /// </summary>
    public async Task ReceiveAsync(MessageContext context, McpMessageHandler next, CancellationToken cancellation)
    {
        HttpSession? session = context.JsonRpcMessage is JsonRpcRequest ? sessions.TryEnterReady(context.Server.SessionId) : null;
        if (context.Server.SessionId is not null) context.JsonRpcMessage = _marks.Unmark(context.JsonRpcMessage);
        try
        {
            await next(context, cancellation);
        }
        catch (JsonException)
        {
            throw new McpProtocolException("The parameters of the request are not valid.", McpErrorCode.InvalidParams);
        }
        catch (McpProtocolException exception) when (IsUnknownResource(context.JsonRpcMessage, exception, out string? uri))
        {
            exception.Data["uri"] = uri;
            throw;
        }
        catch (Exception exception) when (exception is not (McpException or InputRequiredException or OperationCanceledException))
        {
            string? method = (context.JsonRpcMessage as JsonRpcRequest)?.Method;
            string reference = failures.Report(exception, "request", method);
            throw new McpProtocolException($"The request failed unexpectedly (reference {reference}).", McpErrorCode.InternalError);
        }
        finally
        {
            if (session is not null) sessions.Leave(session);
        }
    }

    /// <summary>
    /// A session's messages that answer no request are kept, and given to whichever stream the client opens; the SDK would drop them
    /// before the first.
    /// </summary>
    public async Task SendAsync(MessageContext context, McpMessageHandler next, CancellationToken cancellation)
    {
        if (context.Server.SessionId is not null) context.JsonRpcMessage = _marks.Mark(context.JsonRpcMessage);
        JsonRpcMessage message = context.JsonRpcMessage;
        bool isUnsolicited = message is (JsonRpcNotification or JsonRpcRequest) && message.Context?.RelatedTransport is null;
        if (isUnsolicited && context.Server.SessionId is { } session)
        {
            await events.AppendAsync(session, EventIds.UnsolicitedStream, message, cancellation);
            return;
        }
        await next(context, cancellation);
    }

    private static bool IsUnknownResource(JsonRpcMessage message, McpProtocolException exception, out string? uri)
    {
        JsonNode? asked = message is JsonRpcRequest { Method: RequestMethods.ResourcesRead, Params: JsonObject all } ? all["uri"] : null;
        uri = asked is JsonValue value && value.TryGetValue(out string? text) ? text : null;
        return uri is not null && exception.ErrorCode is (McpErrorCode.ResourceNotFound or McpErrorCode.InvalidParams);
    }
}
