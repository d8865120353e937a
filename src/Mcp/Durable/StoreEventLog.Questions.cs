using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Durable;

// Questions of a run that was cut short: its client may still have them, and nobody waits for the answer any more.
internal sealed partial class StoreEventLog
{
    private const string TakenBack = "The server was started anew, and asks again where it has to.";

    /// <summary>
    /// What takes back the requests to the client that a call has in its stream: all but those whose answer was kept, and those that were
    /// taken back before.
    /// </summary>
    public async ValueTask<IReadOnlyList<JsonRpcNotification>> TakeBackQuestionsAsync(
        string session, string stream, Guid call, CancellationToken cancellation)
    {
        List<JsonRpcRequest> open = await ListQuestionsAsync(session, stream, cancellation);
        if (open.Count == 0) return [];
        IReadOnlyList<InvocationStep> steps = await journal.ListStepsAsync(call, cancellation);
        HashSet<string> answered = [.. steps.Where(step => step.State == StepState.Stored && step.Map is null).Select(step => step.Alias!)];
        return [.. open.Where(question => AliasOf(question) is not { } alias || !answered.Contains(alias)).Select(TakeBack)];
    }

    private async ValueTask<List<JsonRpcRequest>> ListQuestionsAsync(string session, string stream, CancellationToken cancellation)
    {
        List<JsonRpcRequest> open = [];
        for (uint after = 0, before = uint.MaxValue; after != before;)
        {
            before = after;
            foreach ((uint number, EventRow row) in await ReadPageAsync(session, stream, after, cancellation))
            {
                after = number;
                if (row.IsLast) open.Clear();
                else if (!row.Message.IsEmpty) Follow(open, JsonSerializer.Deserialize(row.Message.Span, JsonRpcReader.MessageType)!);
            }
        }
        return open;
    }

    private static void Follow(List<JsonRpcRequest> open, JsonRpcMessage message)
    {
        if (message is JsonRpcRequest question) open.Add(question);
        if (message is not JsonRpcNotification { Method: NotificationMethods.CancelledNotification } takenBack) return;
        RequestId? id = takenBack.Params.Deserialize<CancelledNotificationParams>(McpJsonUtilities.DefaultOptions)?.RequestId;
        open.RemoveAll(question => question.Id == id);
    }

    private static string? AliasOf(JsonRpcRequest question) =>
        (question.Params as JsonObject)?["_meta"]?[ClientQuestion.AliasKey] is JsonValue alias && alias.TryGetValue(out string? text)
            ? text
            : null;

    private static JsonRpcNotification TakeBack(JsonRpcRequest question) => new()
    {
        Method = NotificationMethods.CancelledNotification,
        Params = JsonSerializer.SerializeToNode(
            new CancelledNotificationParams { RequestId = question.Id, Reason = TakenBack }, McpJsonUtilities.DefaultOptions),
    };
}
