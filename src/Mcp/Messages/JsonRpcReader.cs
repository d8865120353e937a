using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Messages;

/// <summary>Bytes to one JSON-RPC message, by stricter rules than JSON's: no batch, no member twice, at most 32 levels.</summary>
internal static class JsonRpcReader
{
    public static JsonTypeInfo<JsonRpcMessage> MessageType { get; } =
        (JsonTypeInfo<JsonRpcMessage>)McpJsonUtilities.DefaultOptions.GetTypeInfo(typeof(JsonRpcMessage));

    public static byte[] Write(JsonRpcMessage message) => JsonSerializer.SerializeToUtf8Bytes(message, MessageType);

    /// <summary>Reads a message, or says why it is refused, with the request's id where that can be read.</summary>
    public static bool TryRead(
        ReadOnlyMemory<byte> json, [NotNullWhen(true)] out JsonRpcMessage? message, [NotNullWhen(false)] out JsonRpcError? refusal)
    {
        (message, McpErrorCode code, string problem) = Read(json);
        refusal = null;
        if (message is not null) return true;
        refusal = ErrorCodes.Error(RecoverId(json.Span), (int)code, problem);
        return false;
    }

    private static (JsonRpcMessage? Message, McpErrorCode Code, string Problem) Read(ReadOnlyMemory<byte> json)
    {
        string notJson = $"This is not JSON in UTF-8, nests deeper than {StrictJson.DepthMax} levels, or has a member twice.";
        try
        {
            if (!StrictJson.IsText(json.Span)) return (null, McpErrorCode.ParseError, notJson);
            using JsonDocument document = JsonDocument.Parse(json, StrictJson.Rules);
            string? problem = FindProblem(document.RootElement);
            return problem is null
                ? (JsonSerializer.Deserialize(json.Span, MessageType), default, "")
                : (null, McpErrorCode.InvalidRequest, problem);
        }
        catch (JsonException)
        {
            return (null, McpErrorCode.ParseError, notJson);
        }
    }

    private static string? FindProblem(JsonElement message)
    {
        if (message.ValueKind == JsonValueKind.Array) return "Batches are not supported: send one message at a time.";
        if (message.ValueKind != JsonValueKind.Object) return "A message is an object.";
        bool isVersion2 = message.TryGetProperty("jsonrpc"u8, out JsonElement version)
            && version.ValueKind == JsonValueKind.String && version.ValueEquals("2.0"u8);
        if (!isVersion2) return "'jsonrpc' must be \"2.0\".";
        bool hasId = message.TryGetProperty("id"u8, out JsonElement id);
        if (hasId && !IsId(id)) return "'id' must be a string or an integer.";
        if (message.TryGetProperty("method"u8, out JsonElement method))
        {
            if (method.ValueKind != JsonValueKind.String) return "'method' must be a string.";
            bool hasParameters = message.TryGetProperty("params"u8, out JsonElement parameters);
            bool mayBe = !hasParameters || parameters.ValueKind is JsonValueKind.Object or JsonValueKind.Null;
            return mayBe ? null : "'params' must be an object.";
        }
        if (!hasId) return "A message has a 'method' or an 'id'.";
        if (!message.TryGetProperty("error"u8, out JsonElement error))
            return message.TryGetProperty("result"u8, out _) ? null : "A response has a 'result' or an 'error'.";
        bool isError = error.ValueKind == JsonValueKind.Object
            && error.TryGetProperty("code"u8, out JsonElement code) && code.ValueKind == JsonValueKind.Number && code.TryGetInt32(out _)
            && error.TryGetProperty("message"u8, out JsonElement text) && text.ValueKind == JsonValueKind.String;
        return isError ? null : "'error' must have a 'code' and a 'message'.";
    }

    private static bool IsId(JsonElement id) =>
        id.ValueKind == JsonValueKind.String || (id.ValueKind == JsonValueKind.Number && id.TryGetInt64(out _));

    /// <summary>The id of a refused request, so that its sender does not wait for ever; nothing where there is none to be read.</summary>
    private static RequestId RecoverId(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = 1_000 });
        try
        {
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) return default;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                bool isId = reader.ValueTextEquals("id"u8);
                if (!reader.Read()) return default;
                if (isId && reader.TokenType == JsonTokenType.String) return new RequestId(reader.GetString()!);
                if (isId && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long number)) return new RequestId(number);
                if (isId) return default;
                reader.Skip();
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // Broken before its id, or an id that is no text: answered without one.
        }
        return default;
    }
}
