using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Calls;

namespace Varve.Mcp.Durable;

/// <summary>Where a call came from, as its request keeps it in the journal, so that it can be run again without its client.</summary>
/// <param name="Session">The session's id, where it has a stream that can be resumed; else null.</param>
/// <param name="Request">The request's id, where there is a session.</param>
/// <param name="Meta">The request's <c>_meta</c>; null where there was none, or the call is not run again.</param>
/// <param name="Schema">A digest of what the tool took.</param>
/// <param name="Stream">The name of the session's stream that its answer belongs to.</param>
internal sealed record CallOrigin(string? Session, RequestId Request, JsonObject? Meta, string Schema, string Stream)
{
    private const string SessionName = "session";
    private const string RequestName = "request";
    private const string StreamName = "stream";
    private const string MetaName = "_meta";
    private const string SchemaName = "schema";

    // A member that is there twice would be told when it is looked for, by an exception that no reader of JSON expects.
    private static readonly JsonDocumentOptions Rules = new() { AllowDuplicateProperties = false };

    public static byte[] Write(ToolCall call, ToolPolicy policy, LiveStream? stream)
    {
        bool mayRunAgain = policy.Recovery == RecoveryMode.Resume;
        if (stream is null && !mayRunAgain) return policy.Origin;
        JsonObject? meta = mayRunAgain ? call.Request.JsonRpcRequest.Params?[MetaName] as JsonObject : null;
        return IdleBuffer.WriteJson((policy.Schema, stream, meta), static (json, origin) =>
        {
            json.WriteStartObject();
            json.WriteString(SchemaName, origin.Schema);
            if (origin.stream is { } stream)
            {
                json.WriteString(SessionName, stream.Session);
                json.WritePropertyName(RequestName);
                json.WriteRawValue(stream.RequestJson);
                json.WriteString(StreamName, stream.Name);
            }
            if (origin.meta is { } meta)
            {
                json.WritePropertyName(MetaName);
                meta.WriteTo(json);
            }
            json.WriteEndObject();
        });
    }

    /// <summary>Of a call of which nothing but its tool is kept.</summary>
    public static byte[] Write(string schema) =>
        JsonSerializer.SerializeToUtf8Bytes(new JsonObject { [SchemaName] = schema }, McpJsonUtilities.DefaultOptions);

    /// <summary>Of a call that did not come from a client, nothing is known.</summary>
    /// <exception cref="JsonException">It is no JSON, or the id in it is none.</exception>
    /// <exception cref="InvalidOperationException">A member has another type.</exception>
    public static CallOrigin Read(ReadOnlyMemory<byte> json)
    {
        JsonObject? origin = json.IsEmpty ? null : JsonNode.Parse(json.Span, documentOptions: Rules) as JsonObject;
        string? session = (string?)origin?[SessionName];
        return new CallOrigin(
            session,
            session is null ? default : origin![RequestName].Deserialize<RequestId>(McpJsonUtilities.DefaultOptions),
            origin?[MetaName]?.DeepClone() as JsonObject,
            (string?)origin?[SchemaName] ?? "",
            (string?)origin?[StreamName] ?? "");
    }
}
