using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Messages;

/// <summary>
/// Marks the ids of requests to the clients of sessions as those of this process. The SDK counts them from 1 in each, and a session goes on
/// in the next: an answer that comes late would be taken for that to another question.
/// </summary>
internal sealed class RequestMarks
{
    private const string IdName = "requestId";

    private readonly string _mark = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(4)) + "-";

    /// <summary>A message as it goes out: requests, and what takes them back. The message itself is the SDK's, and stays.</summary>
    public JsonRpcMessage Mark(JsonRpcMessage message)
    {
        if (message is JsonRpcRequest { Id.Id: long number } request)
            return new JsonRpcRequest { Id = Mark(number), Method = request.Method, Params = request.Params, Context = request.Context };
        bool takesBack = message is JsonRpcNotification { Method: NotificationMethods.CancelledNotification };
        if (!takesBack || message is not JsonRpcNotification { Params: JsonObject parameters } notification) return message;
        if (parameters[IdName] is not JsonValue id || id.GetValueKind() != JsonValueKind.Number) return message;
        JsonObject marked = (JsonObject)parameters.DeepClone();
        marked[IdName] = _mark + id.ToJsonString();
        return new JsonRpcNotification { Method = notification.Method, Params = marked, Context = notification.Context };
    }

    /// <summary>A message as it comes in: an answer to a request of this process gets the id that the SDK knows.</summary>
    public JsonRpcMessage Unmark(JsonRpcMessage message) => message switch
    {
        JsonRpcResponse answer when TryUnmark(answer.Id, out RequestId id) =>
            new JsonRpcResponse { Id = id, Result = answer.Result, Context = answer.Context },
        JsonRpcError error when TryUnmark(error.Id, out RequestId id) =>
            new JsonRpcError { Id = id, Error = error.Error, Context = error.Context },
        _ => message,
    };

    private RequestId Mark(long number) => new(string.Create(CultureInfo.InvariantCulture, $"{_mark}{number}"));

    private bool TryUnmark(RequestId marked, out RequestId id)
    {
        id = default;
        if (marked.Id is not string text || !text.StartsWith(_mark, StringComparison.Ordinal)) return false;
        if (!long.TryParse(text.AsSpan(_mark.Length), NumberStyles.None, CultureInfo.InvariantCulture, out long number)) return false;
        id = new RequestId(number);
        return true;
    }
}
