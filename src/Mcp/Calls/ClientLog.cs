using System.Text.Json;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

// Log messages to clients are deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp;

/// <summary>Log messages for the client of a call.</summary>
public static class ClientLog
{
    /// <summary>Sends a log message, where the client wants messages of this level.</summary>
    /// <remarks>
    /// A modern client says so with each request, and gets none where it does not. An older one says so for its session, and until then
    /// gets everything from <c>info</c> on. Unlike the SDK's logger this knows both, and the message is sent before it returns.
    /// </remarks>
    /// <param name="request">The call.</param>
    /// <param name="level">How grave it is.</param>
    /// <param name="logger">Which part says it.</param>
    /// <param name="text">The message.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>When it is sent, or not wanted.</returns>
    public static async ValueTask LogAsync(
        this RequestContext<CallToolRequestParams> request, LoggingLevel level, string logger, string text,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        LoggingLevel? least = Calls.ToolCall.IsModernRequest(request)
            ? request.JsonRpcRequest.Context?.LogLevel
            : request.Server.LoggingLevel ?? LoggingLevel.Info;
        if (least is null || level < least) return;
        LoggingMessageNotificationParams message = new() { Level = level, Logger = logger, Data = JsonSerializer.SerializeToElement(text) };
        await request.Server.SendNotificationAsync(
            NotificationMethods.LoggingMessageNotification, message, cancellationToken: cancellation);
    }
}
