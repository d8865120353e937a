using System.Threading.Channels;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Gateway.Front;

/// <summary>The way into the server of the gateway's own calls. What belongs to no call has nobody here who wants it.</summary>
internal sealed class FrontTransport : ITransport
{
    private readonly Channel<JsonRpcMessage> _messages = Channel.CreateUnbounded<JsonRpcMessage>();

    public string? SessionId => null;

    public ChannelReader<JsonRpcMessage> MessageReader => _messages.Reader;

    /// <summary>Gives the server a message; false where it takes no more.</summary>
    public bool TryPost(JsonRpcMessage message) => _messages.Writer.TryWrite(message);

    public Task SendMessageAsync(JsonRpcMessage message, CancellationToken cancellationToken = default) => Task.CompletedTask;

    public ValueTask DisposeAsync()
    {
        _messages.Writer.TryComplete();
        return default;
    }
}
