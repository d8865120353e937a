using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Calls;

namespace Varve.Mcp.Gateway.Front;

/// <summary>The calls that run in this gateway now, and what they tell.</summary>
internal sealed class ActiveCalls(TimeProvider time)
{
    private const int IdBytes = 12;

    private readonly ConcurrentDictionary<string, RunningCall> _calls = new();

    // By what their request came: notifications that belong to it go the same way.
    private readonly ConcurrentDictionary<ITransport, RunningCall> _byTransport = new();

    /// <summary>Raised on any thread; a listener returns at once.</summary>
    public event Action<CallChange>? Changed;

    /// <summary>Those there are, the oldest first.</summary>
    public IReadOnlyList<RunningCall> All => [.. _calls.Values.OrderBy(call => call.StartedAt)];

    public int Count => _calls.Count;

    public RunningCall Begin(ToolCall call)
    {
        JsonRpcMessageContext? context = call.Request.JsonRpcRequest.Context;
        GatewayCall? own = context?.Items?.TryGetValue(GatewayCalls.CallItem, out object? item) == true ? item as GatewayCall : null;
        RunningCall running = new(
            own?.Id ?? Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes)), call.Request.Params.Name,
            own?.Start.Via ?? CallVia.Mcp, call.Principal, time.GetUtcNow());
        _calls[running.Id] = running;
        if (context?.RelatedTransport is { } transport) _byTransport[transport] = running;
        Changed?.Invoke(new CallChange(running, "started"));
        return running;
    }

    public void End(RunningCall running, ToolCall call, string status, TimeSpan duration)
    {
        if (call.Request.JsonRpcRequest.Context?.RelatedTransport is { } transport) _byTransport.TryRemove(transport, out _);
        if (_calls.TryRemove(running.Id, out _)) Changed?.Invoke(new CallChange(running, "ended", status, duration));
    }

    /// <summary>A message goes out: it may tell of a call.</summary>
    public void Observe(JsonRpcMessage message)
    {
        if (message is not JsonRpcNotification { Params: JsonObject parameters } notification) return;
        if (message.Context?.RelatedTransport is not { } transport) return;
        if (!_byTransport.TryGetValue(transport, out RunningCall? running)) return;
        if (notification.Method == NotificationMethods.ProgressNotification)
        {
            running.Progress = NumberOf(parameters["progress"]);
            running.Total = NumberOf(parameters["total"]);
            running.Message = parameters["message"] is JsonValue text && text.TryGetValue(out string? said) ? said : null;
            Changed?.Invoke(new CallChange(running, "progress"));
        }
        else if (notification.Method == ChunkedTool.Notification)
        {
            running.Chunks++;
            Changed?.Invoke(new CallChange(running, "chunk"));
        }
    }

    private static double? NumberOf(JsonNode? node) => node?.GetValueKind() == JsonValueKind.Number
        ? double.Parse(node.ToJsonString(), CultureInfo.InvariantCulture)
        : null;
}
