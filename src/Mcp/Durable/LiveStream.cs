using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;

// Log messages to clients are deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp.Durable;

/// <summary>A stream that a request of this process writes to: where it stands. Its fields are under its gate.</summary>
/// <param name="session">The session's id.</param>
/// <param name="name">The stream's.</param>
/// <param name="requestId">The request's id as JSON.</param>
internal sealed class LiveStream(string session, string name, byte[] requestId)
{
    private double _told = double.NegativeInfinity;
    private int _logsToDrop;

    /// <summary>One writes at a time.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    public string Session => session;

    public string Name => name;

    public byte[] RequestId => requestId;

    /// <summary>The number of its last event.</summary>
    public uint Last { get; set; }

    public int Logs { get; private set; }

    public double Progress { get; private set; } = double.NegativeInfinity;

    /// <summary>Whether its request is answered.</summary>
    public bool IsEnded { get; set; }

    /// <summary>The run that answers the request: what it sends is kept as long as the invocation is its own. Null: none.</summary>
    public InvocationContext? Run { get; set; }

    /// <summary>Goes on where a run that was cut short has stopped: what it has told is not told again.</summary>
    public void Resume(in EventRow last)
    {
        (Logs, Progress) = (last.Logs, last.Progress);
        (_logsToDrop, _told) = (last.Logs, last.Progress);
    }

    /// <summary>
    /// Whether the client has been told: of progress that is not above the greatest, and of the n-th log message where it has n.
    /// </summary>
    public bool HasTold(JsonRpcMessage? message)
    {
        if (ProgressOf(message) is { } progress) return progress <= _told;
        if (!IsLog(message) || _logsToDrop == 0) return false;
        _logsToDrop--;
        return true;
    }

    /// <summary>The row of the next event.</summary>
    public EventRow Next(JsonRpcMessage? message, byte[] json, long milliseconds) => new(
        message is JsonRpcResponse or JsonRpcError, milliseconds, IsLog(message) ? Logs + 1 : Logs,
        Math.Max(Progress, ProgressOf(message) ?? double.NegativeInfinity), json);

    /// <summary>The event is kept.</summary>
    public void Take(uint number, in EventRow row)
    {
        (Last, Logs, Progress) = (number, row.Logs, row.Progress);
        IsEnded |= row.IsLast;
    }

    private static bool IsLog(JsonRpcMessage? message) =>
        message is JsonRpcNotification { Method: NotificationMethods.LoggingMessageNotification };

    private static double? ProgressOf(JsonRpcMessage? message) =>
        message is JsonRpcNotification { Method: NotificationMethods.ProgressNotification, Params: JsonObject parameters }
        && parameters["progress"] is JsonValue value && value.GetValueKind() == JsonValueKind.Number
            ? double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture)
            : null;
}
