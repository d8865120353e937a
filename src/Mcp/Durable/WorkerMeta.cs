using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;

namespace Varve.Mcp.Durable;

/// <summary>What a gateway and workers of its own tell each other under <c>_meta</c>. Of clients nothing of it is believed.</summary>
internal static class WorkerMeta
{
    /// <summary>What the names of all members begin with that are this library's.</summary>
    public const string Prefix = "io.varve/";

    /// <summary>In a call: the run that the worker does the work of, <c>{"id", "epoch"}</c>.</summary>
    public const string InvocationKey = Prefix + "invocation";

    /// <summary>In a call: who calls.</summary>
    public const string PrincipalKey = Prefix + "principal";

    /// <summary>In a result: true where it is not final.</summary>
    public const string RetryableKey = Prefix + "retryable";

    /// <summary>In a listed tool: how the journal treats its calls.</summary>
    public const string ToolKey = Prefix + "tool";

    private const string IdName = "id";
    private const string EpochName = "epoch";
    private const string RecoveryName = "recovery";
    private const string ArgumentsName = "journalArguments";
    private const string DeduplicationName = "deduplicateSeconds";
    private const string ResumeName = "resume";
    private const string FailName = "fail";

    /// <summary>The run of the call under way, for a worker that takes part in it; null where it is not journaled.</summary>
    public static JsonObject? ShareRun()
    {
        if (DurableContext.Current is not { } context) return null;
        context.Invocation.Share();
        return new JsonObject { [IdName] = context.Id.ToString(), [EpochName] = context.Invocation.Epoch };
    }

    /// <summary>Says of a result that it is not final.</summary>
    public static void MarkRetryable(CallToolResult result)
    {
        result.Meta ??= [];
        result.Meta[RetryableKey] = true;
    }

    /// <summary>Where a worker says of a result that it is not final, the run under way does.</summary>
    public static void TakeRetryable(CallToolResult result)
    {
        if (result.Meta?.Remove(RetryableKey) != true) return;
        if (result.Meta.Count == 0) result.Meta = null;
        DurableContext.Current?.Retryable();
    }

    /// <summary>The invocation and the epoch that a call names; null where it names none.</summary>
    public static (Guid Id, long Epoch)? ReadRun(JsonObject? meta) =>
        meta?[InvocationKey] is JsonObject run
        && run[IdName] is JsonValue id && id.TryGetValue(out string? text) && Guid.TryParse(text, out Guid guid)
        && run[EpochName] is JsonValue number && number.TryGetValue(out long epoch)
            ? (guid, epoch)
            : null;

    /// <summary>A tool's policy, for whoever journals its calls.</summary>
    public static JsonObject DescribeTool(McpServerTool tool)
    {
        ToolPolicy policy = ToolPolicy.Of(tool);
        return new JsonObject
        {
            [RecoveryName] = policy.Recovery == RecoveryMode.Resume ? ResumeName : FailName,
            [ArgumentsName] = policy.KeepsArguments,
            [DeduplicationName] = (int)policy.Deduplication.TotalSeconds,
        };
    }

    /// <summary>
    /// The policy that a worker has told of a tool; where it is not one of the gateway's own, only what reads is run again.
    /// </summary>
    public static DurableToolAttribute ReadTool(JsonObject? meta, bool isReadOnly)
    {
        if (meta?[ToolKey] is not JsonObject said)
            return new DurableToolAttribute { Recovery = isReadOnly ? RecoveryMode.Resume : RecoveryMode.Fail };
        bool resumes = said[RecoveryName] is JsonValue recovery && recovery.TryGetValue(out string? name) && name == ResumeName;
        bool isWithout = said[ArgumentsName] is JsonValue keeps && keeps.TryGetValue(out bool isKept) && !isKept;
        return new DurableToolAttribute
        {
            Recovery = resumes ? RecoveryMode.Resume : RecoveryMode.Fail,
            JournalArguments = !isWithout,
            DeduplicateSeconds = said[DeduplicationName] is JsonValue time && time.TryGetValue(out int seconds) ? Math.Max(0, seconds) : 0,
        };
    }
}
