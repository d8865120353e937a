using System.Net.ServerSentEvents;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Messages;

// The SDK marks its types for sessions over HTTP as obsolete, because revision 2026-07-28 has no sessions. Older clients need them.
#pragma warning disable MCP9006

namespace Varve.Mcp.Sessions;

/// <summary>Writes what the SDK sends to a session's requests into the event log, and makes transports that do so.</summary>
internal sealed class ResumableStreams(IEventLog events) : ISseEventStreamStore
{
    public StreamableHttpServerTransport CreateTransport(
        string sessionId, Func<InitializeRequestParams, CancellationToken, ValueTask> initialized, ILoggerFactory loggers) =>
        new(loggers) { SessionId = sessionId, EventStreamStore = this, OnSessionInitialized = initialized };

    public ValueTask<ISseEventStreamWriter> CreateStreamAsync(
        SseEventStreamOptions options, CancellationToken cancellationToken = default) =>
        new(new Writer(events, options.SessionId, EventIds.StreamOf(options.StreamId)));

    /// <summary>The SDK's transport never reads: the endpoint does, from the event log itself.</summary>
    public ValueTask<ISseEventStreamReader?> GetStreamReaderAsync(
        string lastEventId, CancellationToken cancellationToken = default) => new((ISseEventStreamReader?)null);

    private sealed class Writer(IEventLog events, string session, string stream) : ISseEventStreamWriter
    {
        /// <summary>A reader is served until the stream is complete in either mode, so there is nothing to remember.</summary>
        public ValueTask SetModeAsync(SseEventStreamMode mode, CancellationToken cancellationToken = default) => default;

        public async ValueTask<SseItem<JsonRpcMessage?>> WriteEventAsync(
            SseItem<JsonRpcMessage?> sseItem, CancellationToken cancellationToken = default)
        {
            byte[] message = sseItem.Data is null ? [] : JsonSerializer.SerializeToUtf8Bytes(sseItem.Data, JsonRpcReader.MessageType);
            uint number = await events.AppendAsync(session, stream, message, cancellationToken);
            return new SseItem<JsonRpcMessage?>(sseItem.Data, sseItem.EventType)
            {
                EventId = EventIds.Format(stream, number),
                ReconnectionInterval = sseItem.ReconnectionInterval,
            };
        }

        public ValueTask DisposeAsync() => events.CompleteAsync(session, stream, CancellationToken.None);
    }
}
