using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Calls;

// Log messages to clients are deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp.Durable;

/// <summary>A stream that a request of this process writes to: where it stands. Its fields are under its gate.</summary>
/// <param name="session">The session's id.</param>
/// <param name="name">The stream's.</param>
/// <param name="request">The request's id; none where the stream answers no request.</param>
internal sealed class LiveStream(string session, string name, RequestId request)
{
    private EventRow _told = EventRow.Begun;
    private int _logsOfRun;

    /// <summary>One writes at a time.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    public string Session => session;

    public string Name => name;

    /// <summary>The key of its own row.</summary>
    public byte[] Key { get; } = EventKeys.Stream(session, name);

    /// <summary>The key of the event that comes next.</summary>
    public byte[] NextKey => EventKeys.Event(Key, Last + 1);

    public RequestId Request => request;

    /// <summary>The request's id as JSON.</summary>
    public byte[] RequestJson { get; } = JsonOf(request);

    /// <summary>The number of its last event.</summary>
    public uint Last { get; set; }

    /// <summary>What its client has been told, as its last event has it.</summary>
    public EventRow Told { get; private set; } = EventRow.Begun;

    /// <summary>Whether its request is answered.</summary>
    public bool IsEnded { get; set; }

    /// <summary>Bytes of its own row, as far as they have been counted.</summary>
    public int OwnBytes { get; set; }

    /// <summary>Bytes of its rows that do not count among its session's yet.</summary>
    public int NewBytes { get; private set; }

    /// <summary>The run that answers the request: what it sends is kept as long as the invocation is its own. Null: none.</summary>
    public InvocationContext? Run { get; set; }

    /// <summary>Goes on where a run that was cut short has stopped: what it has told is not told again.</summary>
    public void Resume(in EventRow last) => Told = _told = last with { Message = default };

    /// <summary>
    /// Whether the run before has told it: progress that is not above the greatest, the n-th log message where there were n, and items
    /// that were sent.
    /// </summary>
    public bool HasTold(JsonRpcMessage? message)
    {
        if (IsLog(message)) return ++_logsOfRun <= _told.Logs;
        return NumberOf(message, NotificationMethods.ProgressNotification, "progress") <= _told.Progress
            || NumberOf(message, ChunkedTool.Notification, "index") < _told.Chunks;
    }

    /// <summary>The row of the next event.</summary>
    public EventRow Next(JsonRpcMessage? message, byte[] json, long milliseconds) => new(
        message is JsonRpcResponse or JsonRpcError, milliseconds,
        Told.Logs + (IsLog(message) ? 1 : 0),
        Told.Chunks + (NumberOf(message, ChunkedTool.Notification, "index") is null ? 0 : 1),
        Math.Max(Told.Progress, NumberOf(message, NotificationMethods.ProgressNotification, "progress") ?? double.NegativeInfinity),
        json);

    /// <summary>The row of the answer.</summary>
    public EventRow End(byte[] json, long milliseconds) => Told with { IsLast = true, Milliseconds = milliseconds, Message = json };

    /// <summary>An event is kept, by so many bytes more of rows.</summary>
    public void Take(uint number, in EventRow row, int bytes)
    {
        NewBytes += bytes;
        (Last, Told) = (number, row with { Message = default });
        IsEnded |= row.IsLast;
    }

    /// <summary>Bytes that are to be counted now.</summary>
    public int TakeNewBytes()
    {
        int bytes = NewBytes;
        NewBytes = 0;
        return bytes;
    }

    private static byte[] JsonOf(RequestId id) => id.Id switch
    {
        null => [],
        long number => Encoding.ASCII.GetBytes(number.ToString(CultureInfo.InvariantCulture)),
        _ => JsonSerializer.SerializeToUtf8Bytes(id, McpJsonUtilities.DefaultOptions),
    };

    private static bool IsLog(JsonRpcMessage? message) =>
        message is JsonRpcNotification { Method: NotificationMethods.LoggingMessageNotification };

    private static double? NumberOf(JsonRpcMessage? message, string method, string name) =>
        message is JsonRpcNotification { Params: JsonObject parameters } notification && notification.Method == method
        && parameters[name] is JsonValue value && value.GetValueKind() == JsonValueKind.Number
            ? double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture)
            : null;
}
