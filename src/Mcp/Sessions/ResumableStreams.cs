using System.Net.ServerSentEvents;
using Microsoft.Extensions.Logging;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

// The SDK marks its types for sessions over HTTP as obsolete, because revision 2026-07-28 has no sessions. Older clients need them.
#pragma warning disable MCP9006

namespace Varve.Mcp.Sessions;

/// <summary>Writes what the SDK sends to a session's requests into the event log, and makes transports that do so.</summary>
internal sealed class ResumableStreams(IEventLog events, TimeProvider time) : ISseEventStreamStore
{
    // As the SDKs' clients do it by themselves, each time. Some of them try only twice: with much less they would give up before a server
    // that was killed is there again, and with more those that it waits for would wait for nothing.
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);
    private static readonly AsyncLocal<(RequestId Id, string? Stream)> s_request = new();

    private readonly TimeSpan? _retryDelay = events is MemoryEventLog ? null : RetryDelay;

    public StreamableHttpServerTransport CreateTransport(
        string sessionId, Func<InitializeRequestParams, CancellationToken, ValueTask> initialized, ILoggerFactory loggers) =>
        new(loggers) { SessionId = sessionId, EventStreamStore = this, OnSessionInitialized = initialized };

    /// <summary>Gives a message to a transport.</summary>
    /// <param name="transport">The session's.</param>
    /// <param name="message">The message.</param>
    /// <param name="body">Where the answer goes.</param>
    /// <param name="starting">Told before the first byte of it.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <param name="stream">The stream of a request that goes on with one; null: it gets one of its own.</param>
    /// <returns>False where nothing is answered.</returns>
    public static Task<bool> PostAsync(
        StreamableHttpServerTransport transport, JsonRpcMessage message, Stream body, Func<JsonRpcMessage?, ValueTask>? starting,
        CancellationToken cancellation, string? stream = null)
    {
        s_request.Value = message is JsonRpcRequest request ? (request.Id, stream) : default;
        return transport.HandlePostRequestAsync(message, body, starting, cancellation);
    }

    /// <summary>Names of streams that the SDK gives, by the text of a request's id, are not used: an id may come again.</summary>
    public ValueTask<ISseEventStreamWriter> CreateStreamAsync(
        SseEventStreamOptions options, CancellationToken cancellationToken = default)
    {
        (RequestId request, string? stream) = s_request.Value;
        return new(new Writer(events, options.SessionId, stream ?? EventIds.NewStream(time.GetUtcNow()), request, _retryDelay));
    }

    /// <summary>The SDK's transport never reads: the endpoint does, from the event log itself.</summary>
    public ValueTask<ISseEventStreamReader?> GetStreamReaderAsync(
        string lastEventId, CancellationToken cancellationToken = default) => new((ISseEventStreamReader?)null);

    private sealed class Writer(IEventLog events, string session, string stream, RequestId request, TimeSpan? retryDelay)
        : ISseEventStreamWriter
    {
        private bool _hasBegun;
        private bool _isAnswered;

        /// <summary>A reader is served until the stream is complete in either mode, so there is nothing to remember.</summary>
        public ValueTask SetModeAsync(SseEventStreamMode mode, CancellationToken cancellationToken = default) => default;

        public async ValueTask<SseItem<JsonRpcMessage?>> WriteEventAsync(
            SseItem<JsonRpcMessage?> sseItem, CancellationToken cancellationToken = default)
        {
            uint number = _hasBegun
                ? await events.AppendAsync(session, stream, sseItem.Data, cancellationToken)
                : await events.BeginAsync(session, stream, request, cancellationToken);
            TimeSpan? delay = sseItem.ReconnectionInterval ?? (_hasBegun ? null : retryDelay);
            _hasBegun = true;
            _isAnswered = sseItem.Data is JsonRpcResponse or JsonRpcError;
            return new SseItem<JsonRpcMessage?>(sseItem.Data, sseItem.EventType)
            {
                EventId = EventIds.Format(stream, number),
                ReconnectionInterval = delay,
            };
        }

        public ValueTask DisposeAsync() => _isAnswered ? default : events.CompleteAsync(session, stream, CancellationToken.None);
    }
}
