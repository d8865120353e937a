using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Messages;

/// <summary>Codes of JSON-RPC errors that the SDK does not name, and errors and results that more than one part answers with.</summary>
internal static class ErrorCodes
{
    /// <summary>Refused by this server: overload, and HTTP refusals without a code of their own.</summary>
    public const int Refused = -32000;

    /// <summary>What other servers answer for a session that is not there.</summary>
    public const int SessionNotFound = -32001;

    /// <summary>Under this key of a result's _meta stand code and details of its error, for programs.</summary>
    public const string ResultMetaKey = "io.varve/error";

    public static JsonRpcError Error(RequestId id, int code, string message, JsonNode? data = null) =>
        new() { Id = id, Error = new JsonRpcErrorDetail { Code = code, Message = message, Data = data } };

    /// <summary>Too much of something; over HTTP the status says so too where it still can.</summary>
    public static McpProtocolException Overload(string what) => new($"Too many {what}: try again later.", (McpErrorCode)Refused);

    /// <summary>A tool's result that says in words and, for programs, by a code what went wrong.</summary>
    public static CallToolResult Result(string code, string text, string? detailName = null, string? detail = null)
    {
        JsonObject error = new() { ["code"] = code };
        if (detailName is not null) error[detailName] = detail;
        return new CallToolResult
        {
            IsError = true,
            Content = [new TextContentBlock { Text = text }],
            Meta = new JsonObject { [ResultMetaKey] = error },
        };
    }
}
