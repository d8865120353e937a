using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>Lines for a worker.</summary>
internal static class RequestWriter
{
    public const string ClientName = "varve-gateway";
    public static readonly string ClientVersion = typeof(RequestWriter).Assembly.GetName().Version?.ToString(3) ?? "0";

    private const string Meta = "_meta";
    private const string ProgressToken = "progressToken";

    /// <summary>Writes a request straight from its parameters, which stay as they are: they may be sent again, to another worker.</summary>
    /// <param name="id">Its id, which is its progress token too.</param>
    /// <param name="method">The method.</param>
    /// <param name="parameters">Its parameters.</param>
    /// <param name="isModern">Whether the worker wants to be told with each request what is spoken.</param>
    /// <param name="wantsProgress">Whether a progress token is sent.</param>
    public static ReadOnlyMemory<byte> Request(long id, string method, JsonObject? parameters, bool isModern, bool wantsProgress)
    {
        ArrayBufferWriter<byte> line = new(512);
        using (Utf8JsonWriter writer = new(line))
        {
            writer.WriteStartObject();
            writer.WriteString("jsonrpc"u8, "2.0"u8);
            writer.WriteNumber("id"u8, id);
            writer.WriteString("method"u8, method);
            writer.WriteStartObject("params"u8);
            foreach ((string name, JsonNode? value) in parameters ?? [])
                if (name != Meta) Write(writer, name, value);
            JsonObject? meta = parameters?[Meta] as JsonObject;
            if (isModern || wantsProgress || meta is not null) WriteMeta(writer, id, meta, isModern, wantsProgress);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        line.Write("\n"u8);
        return line.WrittenMemory;
    }

    public static ReadOnlyMemory<byte> Message(JsonRpcMessage message)
    {
        ArrayBufferWriter<byte> line = new(256);
        using (Utf8JsonWriter writer = new(line)) JsonSerializer.Serialize(writer, message, JsonRpcReader.MessageType);
        line.Write("\n"u8);
        return line.WrittenMemory;
    }

    private static void WriteMeta(Utf8JsonWriter writer, long id, JsonObject? given, bool isModern, bool wantsProgress)
    {
        writer.WriteStartObject(Meta);
        foreach ((string name, JsonNode? value) in given ?? [])
        {
            // What is spoken with a worker, and how its progress is named, is between it and the pool.
            bool isOwn = name is ProgressToken or MetaKeys.ProtocolVersion or MetaKeys.ClientInfo;
            // What the client can do is the caller's to say; for a worker of the old era it was said at the start.
            if (!isOwn && (isModern || name != MetaKeys.ClientCapabilities)) Write(writer, name, value);
        }
        if (wantsProgress) writer.WriteNumber(ProgressToken, id);
        if (isModern)
        {
            writer.WriteString(MetaKeys.ProtocolVersion, ProtocolRevisions.Modern);
            writer.WriteStartObject(MetaKeys.ClientInfo);
            writer.WriteString("name"u8, ClientName);
            writer.WriteString("version"u8, ClientVersion);
            writer.WriteEndObject();
            if (given?.ContainsKey(MetaKeys.ClientCapabilities) != true)
            {
                writer.WriteStartObject(MetaKeys.ClientCapabilities);
                writer.WriteEndObject();
            }
        }
        writer.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter writer, string name, JsonNode? value)
    {
        writer.WritePropertyName(name);
        if (value is null) writer.WriteNullValue();
        else value.WriteTo(writer);
    }
}
