using System.Net.WebSockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Varve.Mcp.Gateway.Tests.Fakes;

/// <summary>A WebSocket as a client has it.</summary>
internal sealed class SocketClient : IAsyncDisposable
{
    private SocketClient(ClientWebSocket socket) => Socket = socket;

    public ClientWebSocket Socket { get; }

    public static async Task<SocketClient> ConnectAsync(
        GatewayHost host, string path, string? key = GatewayHost.Key, Action<ClientWebSocketOptions>? configure = null)
    {
        ClientWebSocket socket = new();
        socket.Options.CollectHttpResponseDetails = true;
        if (key is not null) socket.Options.SetRequestHeader("X-API-Key", key);
        configure?.Invoke(socket.Options);
        using CancellationTokenSource limit = new(GatewayHost.Patience);
        await socket.ConnectAsync(new Uri($"ws://{host.Url.Authority}{path}"), limit.Token);
        return new SocketClient(socket);
    }

    public Task SendAsync(string text) =>
        Socket.SendAsync(Encoding.UTF8.GetBytes(text), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);

    /// <summary>The next message; null where the server has closed.</summary>
    public async Task<JsonNode?> NextAsync()
    {
        using CancellationTokenSource limit = new(GatewayHost.Patience);
        using MemoryStream message = new();
        byte[] buffer = new byte[64 << 10];
        while (true)
        {
            WebSocketReceiveResult read = await Socket.ReceiveAsync(buffer, limit.Token);
            if (read.MessageType == WebSocketMessageType.Close) return null;
            message.Write(buffer, 0, read.Count);
            if (read.EndOfMessage) return JsonNode.Parse(message.ToArray());
        }
    }

    /// <summary>The next message of an event and an id.</summary>
    public async Task<JsonNode> FindAsync(string type, string? id = null)
    {
        while (await NextAsync() is { } message)
            if ((string?)message["event"] == type && (id is null || (string?)message["id"] == id)) return message;
        Assert.Fail($"The socket was closed before {type} {id}: {Socket.CloseStatus}.");
        return null!;
    }

    public ValueTask DisposeAsync()
    {
        Socket.Dispose();
        return default;
    }
}
