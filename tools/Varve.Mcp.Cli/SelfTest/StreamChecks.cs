using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using static Varve.Mcp.Cli.SelfTest.CheckFailedException;

namespace Varve.Mcp.Cli.SelfTest;

/// <summary>Server-sent events and WebSockets.</summary>
internal sealed class StreamChecks(GatewayClient gateway)
{
    private const int MessageBytes = 1 << 20;
    private const string StreamPath = $"/tools/{GatewayClient.JourneysTool}/stream";
    private const string SocketPath = $"/ws/tools/{GatewayClient.JourneysTool}";

    public IEnumerable<(string Name, Func<CancellationToken, Task> Check)> All =>
    [
        ("sse: progress, chunks, result and done, in order", StreamsAsync),
        ("sse: Last-Event-ID gives the rest", ResumesAsync),
        ("websocket: started, progress, complete", TalksAsync),
        ("websocket: two calls on one socket", TalksTwiceAsync),
        ("websocket: what is wrong is an error, and the socket stays", SurvivesErrorAsync),
    ];

    private static HttpRequestMessage ListRequest() =>
        GatewayClient.Post(StreamPath, new JsonObject { ["arguments"] = new JsonObject { ["action"] = "list" } });

    private async Task StreamsAsync(CancellationToken cancellation)
    {
        string id = await CreateAsync(cancellation);
        using HttpRequestMessage request = ListRequest();
        List<StreamEvent> events = await gateway.StreamAsync(request, cancellation);
        await DeleteAsync(id, cancellation);
        string[] names = [.. events.Select(one => one.Name)];
        Require(names.Contains("progress"), "there is no progress");
        Require(names.Contains("chunk"), "there is no chunk");
        Require(names is [.., "result", "done"], $"it ended with {string.Join(", ", names.TakeLast(2))}");
        Require((string?)events[^2].Data["status"] == "success", "the result is no success");
        Require(events.All(one => one.Id.Length > 0), "an event has no id");
    }

    private async Task ResumesAsync(CancellationToken cancellation)
    {
        await gateway.NeedJourneysAsync(cancellation);
        using HttpRequestMessage request = ListRequest();
        List<StreamEvent> all = await gateway.StreamAsync(request, cancellation);
        using HttpRequestMessage again = new(HttpMethod.Get, StreamPath);
        again.Headers.Add("Last-Event-ID", all[0].Id);
        List<StreamEvent> rest = await gateway.StreamAsync(again, cancellation);
        Require(rest.Select(one => one.Id).SequenceEqual(all.Skip(1).Select(one => one.Id)), "the rest is not the rest");
    }

    private async Task TalksAsync(CancellationToken cancellation)
    {
        await gateway.NeedJourneysAsync(cancellation);
        using ClientWebSocket socket = await gateway.ConnectAsync(SocketPath, cancellation);
        await SendAsync(socket, "req-123", "list", cancellation);
        List<JsonNode> events = await ReadAsync(socket, 1, cancellation);
        string[] names = [.. events.Select(one => (string)one["event"]!)];
        Require(names is ["started", .., "complete"] && names.Contains("progress"), $"it said {string.Join(", ", names)}");
        Require(events.All(one => (string?)one["id"] == "req-123"), "an event has another id");
    }

    private async Task TalksTwiceAsync(CancellationToken cancellation)
    {
        await gateway.NeedJourneysAsync(cancellation);
        using ClientWebSocket socket = await gateway.ConnectAsync(SocketPath, cancellation);
        await SendAsync(socket, "a", "list", cancellation);
        await SendAsync(socket, "b", "list", cancellation);
        List<JsonNode> events = await ReadAsync(socket, 2, cancellation);
        string[] complete = [.. events.Where(one => (string?)one["event"] == "complete").Select(one => (string)one["id"]!).Order()];
        Require(complete is ["a", "b"], $"complete are {string.Join(", ", complete)}");
    }

    private async Task SurvivesErrorAsync(CancellationToken cancellation)
    {
        await gateway.NeedJourneysAsync(cancellation);
        using ClientWebSocket socket = await gateway.ConnectAsync(SocketPath, cancellation);
        await SendAsync(socket, "bad", "dance", cancellation);
        List<JsonNode> events = await ReadAsync(socket, 1, cancellation);
        Require((string?)events[^1]["event"] == "error", "a wrong argument is no error");
        await SendAsync(socket, "good", "list", cancellation);
        events = await ReadAsync(socket, 1, cancellation);
        Require((string?)events[^1]["event"] == "complete", "the next call did not complete");
    }

    private async Task<string> CreateAsync(CancellationToken cancellation)
    {
        JsonNode created = await gateway.JourneysAsync(new JsonObject { ["action"] = "create", ["name"] = "self-test" }, cancellation);
        return (string)created["data"]!["journey_id"]!;
    }

    private Task DeleteAsync(string id, CancellationToken cancellation) =>
        gateway.JourneysAsync(new JsonObject { ["action"] = "delete", ["journey_id"] = id }, cancellation);

    private static async Task SendAsync(ClientWebSocket socket, string id, string action, CancellationToken cancellation)
    {
        JsonObject message = new() { ["arguments"] = new JsonObject { ["action"] = action }, ["id"] = id };
        byte[] bytes = JsonSerializer.SerializeToUtf8Bytes(message);
        await socket.SendAsync(bytes, WebSocketMessageType.Text, endOfMessage: true, cancellation);
    }

    /// <summary>Reads until that many calls have ended.</summary>
    private static async Task<List<JsonNode>> ReadAsync(ClientWebSocket socket, int calls, CancellationToken cancellation)
    {
        List<JsonNode> events = [];
        byte[] buffer = new byte[MessageBytes];
        while (calls > 0)
        {
            int length = 0;
            ValueWebSocketReceiveResult received;
            do
            {
                received = await socket.ReceiveAsync(buffer.AsMemory(length), cancellation);
                Require(received.MessageType == WebSocketMessageType.Text, "the socket was closed");
                length += received.Count;
            }
            while (!received.EndOfMessage);
            JsonNode message = JsonNode.Parse(buffer.AsSpan(0, length))!;
            events.Add(message);
            if ((string?)message["event"] is "complete" or "error") calls--;
        }
        return events;
    }
}
