using System.Text.Json.Nodes;

namespace Varve.Mcp.Gateway.Front;

/// <summary>A call that runs in this gateway, by whatever way it came, as far as it is known.</summary>
internal sealed class RunningCall(string id, string tool, CallVia via, string caller, DateTimeOffset startedAt)
{
    public string Id => id;

    public string Tool => tool;

    public CallVia Via => via;

    /// <summary>Whose it is.</summary>
    public string Caller => caller;

    public DateTimeOffset StartedAt => startedAt;

    public double? Progress { get; set; }

    public double? Total { get; set; }

    public string? Message { get; set; }

    public int Chunks { get; set; }

    /// <summary>As JSON. What a tool says is for its caller alone.</summary>
    public JsonObject ToJson(string viewer) => new()
    {
        ["id"] = id,
        ["tool"] = tool,
        ["via"] = NameOf(via),
        ["started_at"] = startedAt,
        ["progress"] = Progress,
        ["total"] = Total,
        ["message"] = viewer == caller ? Message : null,
        ["chunks"] = Chunks,
    };

    private static string NameOf(CallVia via) => via switch
    {
        CallVia.Rest => "rest",
        CallVia.Sse => "sse",
        CallVia.WebSocket => "ws",
        _ => "mcp",
    };
}

/// <summary>What happened to a call.</summary>
/// <param name="Call">The call.</param>
/// <param name="What"><c>started</c>, <c>progress</c>, <c>chunk</c> or <c>ended</c>.</param>
/// <param name="Status">How it ended: <c>success</c>, <c>error</c> or a problem's code.</param>
/// <param name="Duration">How long it took, once it has ended.</param>
internal readonly record struct CallChange(RunningCall Call, string What, string? Status = null, TimeSpan? Duration = null)
{
    public JsonObject ToJson(string viewer)
    {
        JsonObject change = Call.ToJson(viewer);
        change.Remove("started_at");
        change["event"] = What;
        change["status"] = Status;
        change["ms"] = Duration?.TotalMilliseconds;
        return change;
    }
}
