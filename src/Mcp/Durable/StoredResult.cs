using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Durable;

/// <summary>Results of calls as the journal keeps them: JSON, as the protocol writes it.</summary>
internal static class StoredResult
{
    /// <summary>In a result's <c>_meta</c>: true where the tool was not run for this answer.</summary>
    public const string ReplayedKey = "io.varve/replayed";

    public static byte[] Write(CallToolResult result) => JsonSerializer.SerializeToUtf8Bytes(result, McpJsonUtilities.DefaultOptions);

    /// <summary>What a call ended with, for whoever asks for it again; or, as no replay, for its own caller.</summary>
    public static CallToolResult Read(InvocationOutcome outcome, bool isReplay = true)
    {
        CallToolResult result =
            outcome.State == InvocationState.Completed ? Decode(outcome.Content) : Without(outcome.State);
        if (!isReplay) return result;
        result.Meta ??= new JsonObject();
        result.Meta[ReplayedKey] = true;
        return result;
    }

    /// <summary>What a call that has no outcome, and never will, is answered with.</summary>
    public static CallToolResult Without(InvocationState state) => state switch
    {
        InvocationState.Stopped => ErrorCodes.Result("stopped", "Stopped while under way; effect unknown."),
        InvocationState.Dead => ErrorCodes.Result(
            "dead", "Gave up: too many runs of the call were cut short, or its tool takes other arguments by now."),
        InvocationState.Aborted => ErrorCodes.Result("aborted", "The call was aborted by an operator."),
        _ => ErrorCodes.Result("cancelled", "The call was cancelled."),
    };

    private static CallToolResult Decode(ReadOnlyMemory<byte> content) =>
        JsonSerializer.Deserialize<CallToolResult>(content.Span, McpJsonUtilities.DefaultOptions)
        ?? throw new InvalidDataException("The journal holds a result that is null.");
}
