using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Calls;

/// <summary>Where a caller may put its key, and what a key is: 1 to 128 printable ASCII characters.</summary>
internal static class IdempotencyKeys
{
    public const string MetaKey = "io.varve/idempotencyKey";
    public const string HeaderName = "Idempotency-Key";

    private const string PlainName = "idempotencyKey";
    private const int LengthMax = 128;

    /// <summary>The request's key, or null.</summary>
    /// <exception cref="McpProtocolException">It is no key, or two places name different ones.</exception>
    public static string? Read(JsonRpcRequest request)
    {
        string? key = null;
        if (request.Params is JsonObject parameters)
        {
            JsonObject? meta = parameters["_meta"] as JsonObject;
            Take(meta?[MetaKey], ref key);
            Take(meta?[PlainName], ref key);
            Take(parameters[PlainName], ref key);
        }
        if (request.Context?.Items?.TryGetValue(HeaderName, out object? header) == true && header is string text) Take(text, ref key);
        return key;
    }

    private static void Take(JsonNode? node, ref string? key)
    {
        if (node is null) return;
        if (node is not JsonValue value || !value.TryGetValue(out string? text)) throw Refusal("An idempotency key is a string.");
        Take(text, ref key);
    }

    private static void Take(string text, ref string? key)
    {
        if (text.Length is 0 or > LengthMax || text.AsSpan().ContainsAnyExceptInRange('!', '~'))
            throw Refusal($"An idempotency key is 1 to {LengthMax} printable ASCII characters without spaces.");
        if (key is not null && key != text) throw Refusal("The request names two different idempotency keys.");
        key = text;
    }

    private static McpProtocolException Refusal(string text) => new(text, McpErrorCode.InvalidParams);
}
