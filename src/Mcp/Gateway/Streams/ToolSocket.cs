using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Varve.Mcp.Gateway.Access;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Metrics;
using Varve.Mcp.Gateway.Rest;

namespace Varve.Mcp.Gateway.Streams;

/// <summary>One client's calls of one tool, many at a time, over a WebSocket.</summary>
internal sealed class ToolSocket(
    SocketChannel channel, string tool, ClaimsPrincipal user, GatewayCalls calls, RateLimits limits, GatewayMetrics metrics)
{
    private const int CallsMax = 64;
    private const int IdBytes = 8;

    private readonly ConcurrentDictionary<string, GatewayCall> _running = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<Task, byte> _telling = new();

    /// <summary>Serves it until the client leaves.</summary>
    public async Task ServeAsync()
    {
        try
        {
            while (await channel.ReceiveAsync() is { } message) await TakeAsync(message);
        }
        finally
        {
            // With a key a call goes on in the journal; its request ends here like the others.
            foreach (GatewayCall call in _running.Values) call.Cancel();
            await Task.WhenAll(_telling.Keys);
        }
    }

    /// <summary>Lets the calls under way end, and closes the socket.</summary>
    public async Task DrainAsync()
    {
        await Task.WhenAll(_telling.Keys);
        channel.Close(WebSocketCloseStatus.EndpointUnavailable);
    }

    private ValueTask TakeAsync(byte[] message)
    {
        if (!limits.TryTake(user, out _))
        {
            metrics.CountRateLimited();
            return SendErrorAsync(CallEnvelope.ReadMessage(message).Id, new Problem(429, "rate_limited", RateLimits.Refusal));
        }
        (CallEnvelope? envelope, Problem? problem, string? id) = CallEnvelope.ReadMessage(message);
        if (envelope is null) return SendErrorAsync(id, problem!);
        if (envelope.IsCancel) return CancelAsync(id!);
        id ??= Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes));
        if (_running.ContainsKey(id)) return SendErrorAsync(id, Problem.BadField("id", "A request of this 'id' is under way."));
        if (_running.Count >= CallsMax)
            return SendErrorAsync(id, Problem.Overload($"At most {CallsMax} requests are under way on one socket."));
        return BeginAsync(id, envelope);
    }

    private async ValueTask BeginAsync(string id, CallEnvelope envelope)
    {
        await channel.SendAsync(new JsonObject { ["event"] = "started", ["id"] = id });
        GatewayCall call = calls.Start(ToolEndpoints.StartOf(envelope, tool, user, CallVia.WebSocket));
        _running[id] = call;
        Task telling = TellAsync(id, call);
        _telling[telling] = 0;
        _ = telling.ContinueWith(ended => _telling.TryRemove(ended, out _), TaskScheduler.Default);
    }

    private ValueTask CancelAsync(string id)
    {
        if (!_running.TryGetValue(id, out GatewayCall? call))
            return SendErrorAsync(id, Problem.NotFound("No request of this 'id' is under way."));
        call.Cancel();
        return default;
    }

    private async Task TellAsync(string id, GatewayCall call)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        await foreach (CallEvent one in call.Events.ReadAsync(0, CancellationToken.None))
        {
            // Once it is told of its end the client may use the id again.
            if (one.Type is "result" or "error") _running.TryRemove(id, out _);
            if (one.Type == "result") await channel.SendAsync(Format("complete", id, "\"result\":", one.Data, isMember: true));
            else if (one.Type != "done") await channel.SendAsync(Format(one.Type, id, "", one.Data, isMember: false));
        }
    }

    private ValueTask SendErrorAsync(string? id, Problem problem) =>
        channel.SendAsync(Format("error", id, "", ProblemJson.WriteEvent(problem), isMember: false));

    /// <summary>The event's own members, and the data as one more, or its members as further ones.</summary>
    private static byte[] Format(string type, string? id, string name, byte[] data, bool isMember)
    {
        string quotedId = id is null ? "null" : JsonSerializer.Serialize(id);
        byte[] head = Encoding.UTF8.GetBytes($"{{\"event\":\"{type}\",\"id\":{quotedId},{name}");
        return isMember ? [.. head, .. data, (byte)'}'] : [.. head, .. data.AsSpan(1)];
    }
}
