using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;

// Sampling is deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp.Durable;

/// <summary>A question to a client, in both ways in which it can be put.</summary>
/// <param name="Request">To be sent with the end of a request.</param>
/// <param name="Answer">How its answer is read.</param>
/// <param name="AskAsync">Asks in a session.</param>
/// <param name="Needed">What the client must be able to do.</param>
/// <param name="CanAnswer">Whether a client can.</param>
internal sealed record ClientQuestion<T>(
    InputRequest Request, JsonTypeInfo<T> Answer, Func<McpServer, CancellationToken, ValueTask<T>> AskAsync, ClientCapabilities Needed,
    Func<ClientCapabilities, bool> CanAnswer)
    where T : class;

internal static class ClientQuestion
{
    /// <summary>In the <c>_meta</c> of a request to a session's client: which question of the call it is.</summary>
    public const string AliasKey = "io.varve/alias";

    public static ClientQuestion<ElicitResult> Elicitation(string alias, ElicitRequestParams question) => new(
        InputRequest.ForElicitation(question),
        InputResponse.ElicitResultJsonTypeInfo,
        (server, cancellation) => server.ElicitAsync(WithAlias(question, alias), cancellation),
        new ClientCapabilities { Elicitation = new() },
        client => client.Elicitation is not null);

    public static ClientQuestion<CreateMessageResult> Sampling(string alias, CreateMessageRequestParams question) => new(
        InputRequest.ForSampling(question),
        InputResponse.CreateMessageResultJsonTypeInfo,
        (server, cancellation) => server.SampleAsync(WithAlias(question, alias), cancellation),
        new ClientCapabilities { Sampling = new() },
        client => client.Sampling is not null);

    /// <summary>Whether an answer is another one than the one that was kept.</summary>
    public static bool Differs(InvocationStep kept, InputResponse answer) =>
        kept.Type == typeof(CreateMessageResult).FullName
            ? Differs(kept.Text, answer, InputResponse.CreateMessageResultJsonTypeInfo)
            : Differs(kept.Text, answer, InputResponse.ElicitResultJsonTypeInfo);

    /// <summary>A copy: the tool's own object may serve for several questions.</summary>
    private static T WithAlias<T>(T question, string alias)
        where T : RequestParams
    {
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(question, McpJsonUtilities.DefaultOptions);
        T named = JsonSerializer.Deserialize<T>(json, McpJsonUtilities.DefaultOptions)!;
        named.Meta ??= [];
        named.Meta[AliasKey] = alias;
        return named;
    }

    private static bool Differs<T>(string kept, InputResponse answer, JsonTypeInfo<T> type)
    {
        try
        {
            JsonElement before = JsonSerializer.SerializeToElement(JsonSerializer.Deserialize(kept, type)!, type);
            JsonElement now = JsonSerializer.SerializeToElement(answer.Deserialize(type)!, type);
            return !JsonElement.DeepEquals(before, now);
        }
        catch (JsonException)
        {
            return true;
        }
    }
}
