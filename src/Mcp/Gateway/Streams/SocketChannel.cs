using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;

namespace Varve.Mcp.Gateway.Streams;

/// <summary>
/// A WebSocket with bounds: messages of clients have a length, those for them wait in a short queue, and a client that takes none for some
/// time is cut off.
/// </summary>
internal sealed class SocketChannel : IAsyncDisposable
{
    /// <summary>Messages that wait to be sent. Who has one more waits.</summary>
    private const int QueueLength = 64;

    private const int ReadBytes = 16 << 10;

    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);

    private readonly WebSocket _socket;
    private readonly Action _abort;
    private readonly int _messageBytesMax;
    private readonly TimeSpan _sendTimeout;
    private readonly Channel<byte[]> _queue = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(QueueLength) { SingleReader = true });
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _sending;
    private WebSocketCloseStatus _closing = WebSocketCloseStatus.NormalClosure;

    /// <param name="socket">The socket.</param>
    /// <param name="abort">Ends the connection: a write that waits for the client does not end by the socket's end.</param>
    /// <param name="messageBytesMax">Bytes of a client's message.</param>
    /// <param name="sendTimeout">How long the client may take for a message.</param>
    public SocketChannel(WebSocket socket, Action abort, int messageBytesMax, TimeSpan sendTimeout)
    {
        (_socket, _abort, _messageBytesMax, _sendTimeout) = (socket, abort, messageBytesMax, sendTimeout);
        _sending = SendAllAsync();
    }

    /// <summary>Ends when nothing can be sent any more.</summary>
    public CancellationToken Ended => _ended.Token;

    /// <summary>Queues a message, and waits where the queue is full; nothing where the socket is closed.</summary>
    public async ValueTask SendAsync(byte[] message)
    {
        try
        {
            await _queue.Writer.WriteAsync(message, _ended.Token);
        }
        catch (Exception gone) when (gone is ChannelClosedException or OperationCanceledException)
        {
            // Whoever reads here learns it first.
        }
    }

    public ValueTask SendAsync(JsonObject message) => SendAsync(JsonSerializer.SerializeToUtf8Bytes(message));

    /// <summary>Queues a message without waiting; a client that is too far behind for it is cut off.</summary>
    public void SendOrEnd(JsonObject message)
    {
        if (!_queue.Writer.TryWrite(JsonSerializer.SerializeToUtf8Bytes(message))) End();
    }

    /// <summary>The next message; null when there are no more.</summary>
    public async ValueTask<byte[]?> ReceiveAsync()
    {
        using MemoryStream message = new();
        byte[] buffer = new byte[ReadBytes];
        try
        {
            while (true)
            {
                ValueWebSocketReceiveResult read = await _socket.ReceiveAsync(buffer.AsMemory(), _ended.Token);
                if (read.MessageType == WebSocketMessageType.Close) return null;
                if (read.MessageType != WebSocketMessageType.Text) return Refuse(WebSocketCloseStatus.InvalidMessageType);
                if (message.Length + read.Count > _messageBytesMax) return Refuse(WebSocketCloseStatus.MessageTooBig);
                message.Write(buffer, 0, read.Count);
                if (read.EndOfMessage) return message.ToArray();
            }
        }
        catch (Exception gone) when (gone is WebSocketException or OperationCanceledException or IOException)
        {
            return null;
        }
    }

    /// <summary>No more messages: what waits is sent, then the socket is closed.</summary>
    public void Close(WebSocketCloseStatus status)
    {
        _closing = status;
        _queue.Writer.TryComplete();
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        // What ends it stays usable: whoever tells it of something may come a moment late.
        await _sending;
    }

    private byte[]? Refuse(WebSocketCloseStatus status)
    {
        Close(status);
        return null;
    }

    private async Task SendAllAsync()
    {
        try
        {
            await foreach (byte[] message in _queue.Reader.ReadAllAsync(_ended.Token))
            {
                using CancellationTokenSource limit = new(_sendTimeout);
                using CancellationTokenRegistration stalled = limit.Token.Register(End);
                await _socket.SendAsync(message.AsMemory(), WebSocketMessageType.Text, endOfMessage: true, _ended.Token);
            }
            using CancellationTokenSource closing = new(CloseTimeout);
            if (_socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
                await _socket.CloseOutputAsync(_closing, null, closing.Token);
            // The client's own close is waited for, but not for ever.
            _ended.CancelAfter(CloseTimeout);
        }
        catch (Exception gone) when (gone is WebSocketException or OperationCanceledException or IOException or ObjectDisposedException)
        {
            End();
        }
    }

    private void End()
    {
        _queue.Writer.TryComplete();
        _abort();
        _ended.Cancel();
    }
}
