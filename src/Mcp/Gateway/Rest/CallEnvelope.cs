using System.Text.Json.Nodes;
using Varve.Mcp.Calls;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Rest;

/// <summary>
/// What is sent to call a tool: <c>{"arguments": {…}}</c>, and members beside it that say how. Nothing else may be in it.
/// </summary>
internal sealed record CallEnvelope(JsonObject Arguments)
{
    private const string ArgumentsName = "arguments";
    private const string KeyName = "idempotencyKey";
    private const string ResponsesName = "inputResponses";
    private const string StateName = "requestState";
    private const string IdName = "id";
    private const string CancelName = "cancel";
    private const int IdLengthMax = 128;

    private static readonly string[] BodyMembers = [ArgumentsName, KeyName, ResponsesName, StateName];
    private static readonly string[] SocketMembers = [.. BodyMembers, IdName, CancelName];

    public string? IdempotencyKey { get; init; }

    public JsonObject? InputResponses { get; init; }

    public string? RequestState { get; init; }

    /// <summary>On a WebSocket: the request's id.</summary>
    public string? Id { get; init; }

    /// <summary>On a WebSocket: the request of this id is to end.</summary>
    public bool IsCancel { get; init; }

    /// <summary>Reads a body.</summary>
    public static (CallEnvelope? Envelope, Problem? Problem) ReadBody(ReadOnlySpan<byte> json) => Read(json, BodyMembers);

    /// <summary>Reads a message of a WebSocket; of one that is refused the id too, where it has one.</summary>
    public static (CallEnvelope? Envelope, Problem? Problem, string? Id) ReadMessage(ReadOnlySpan<byte> json)
    {
        (CallEnvelope? envelope, Problem? problem) = Read(json, SocketMembers);
        if (envelope is not null) return (envelope, null, envelope.Id);
        StrictJson.TryReadObject(json, out JsonObject? body, out _, out _);
        bool hasId = body?[IdName] is JsonValue value && value.TryGetValue(out string? id) && id.Length <= IdLengthMax;
        return (null, problem, hasId ? (string?)body![IdName] : null);
    }

    /// <summary>The key, which a header may name too.</summary>
    public (CallEnvelope? Envelope, Problem? Problem) WithKey(string? header)
    {
        if (string.IsNullOrEmpty(header)) return (this, null);
        return IdempotencyKey is { } key && key != header
            ? (null, Problem.BadField(KeyName, $"'{KeyName}' and the header {IdempotencyKeys.HeaderName} differ."))
            : (this with { IdempotencyKey = header }, null);
    }

    private static (CallEnvelope?, Problem?) Read(ReadOnlySpan<byte> json, string[] members)
    {
        if (!StrictJson.TryReadObject(json, out JsonObject? body, out string? member, out string? problem))
            return (null, Problem.BadField(member, $"The message cannot be read. {problem}"));
        foreach (KeyValuePair<string, JsonNode?> one in body)
        {
            if (Array.IndexOf(members, one.Key) < 0)
                return Refuse(LogText.Of(one.Key), $"is not known here; there are: {string.Join(", ", members)}");
        }
        if (!TryTake(body, ArgumentsName, out JsonObject? arguments)) return Refuse(ArgumentsName, "must be an object");
        if (!TryTake(body, ResponsesName, out JsonObject? responses)) return Refuse(ResponsesName, "must be an object");
        if (!TryTake(body, KeyName, out string? key)) return Refuse(KeyName, "must be a string");
        if (!TryTake(body, StateName, out string? state)) return Refuse(StateName, "must be a string");
        if (!TryTake(body, IdName, out string? id) || id is { Length: 0 or > IdLengthMax })
            return Refuse(IdName, $"must be a string of 1 to {IdLengthMax} characters");
        if (!TryTake(body, CancelName, out bool cancel)) return Refuse(CancelName, "must be true or false");
        if (cancel && id is null) return Refuse(IdName, "must say which request is to end");
        return (new CallEnvelope(arguments ?? [])
        {
            IdempotencyKey = key,
            InputResponses = responses,
            RequestState = state,
            Id = id,
            IsCancel = cancel,
        }, null);
    }

    /// <summary>Takes a member of one kind; absent is right too, null is not.</summary>
    private static bool TryTake<T>(JsonObject body, string name, out T? value)
    {
        value = default;
        if (!body.TryGetPropertyValue(name, out JsonNode? node)) return true;
        if (node is T itself) value = itself;
        else if (node is not JsonValue plain || !plain.TryGetValue(out value)) return false;
        return true;
    }

    private static (CallEnvelope?, Problem?) Refuse(string field, string rule) => (null, Problem.BadField(field, $"'{field}' {rule}."));
}
