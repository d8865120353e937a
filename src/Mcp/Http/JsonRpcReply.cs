using System.Text.Json;
using Microsoft.AspNetCore.Http;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Http;

/// <summary>Answers that no server of the SDK gives: an HTTP status and, as JSON-RPC, why.</summary>
internal static class JsonRpcReply
{
    public static Task WriteAsync(HttpContext context, int status, int code, string message, RequestId id = default) =>
        WriteAsync(context, status, ErrorCodes.Error(id, code, message));

    public static Task WriteAsync(HttpContext context, int status, JsonRpcError error)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(error, JsonRpcReader.MessageType);
        return context.Response.Body.WriteAsync(body, context.RequestAborted).AsTask();
    }
}
