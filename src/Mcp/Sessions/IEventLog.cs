using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Sessions;

/// <summary>The messages that were sent to sessions, so that a client whose connection broke reads on where it stopped.</summary>
/// <remarks>
/// A session has one stream for each of its requests, and one for messages that answer none. The events of a stream are numbered from 1
/// without gaps. Any thread may call anything. Register one before <c>AddVarveMcp</c> to replace the one in memory.
/// </remarks>
public interface IEventLog
{
    /// <summary>
    /// Begins the stream of a request, by an event without a message. The id of a request that was answered may come again.
    /// </summary>
    /// <param name="session">The session's id.</param>
    /// <param name="stream">The stream's id, unique in its session.</param>
    /// <param name="request">The request's id.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The event's number, when it is kept.</returns>
    ValueTask<uint> BeginAsync(string session, string stream, RequestId request, CancellationToken cancellation);

    /// <summary>Adds an event to a stream: one that was begun, or that of messages that answer no request.</summary>
    /// <param name="session">The session's id.</param>
    /// <param name="stream">The stream's id.</param>
    /// <param name="message">The message; an answer is the stream's last event. Null for an event that only carries a number.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The event's number, when it is kept; that of the event before where the client has been told of this already.</returns>
    ValueTask<uint> AppendAsync(string session, string stream, JsonRpcMessage? message, CancellationToken cancellation);

    /// <summary>Says that whoever has begun a stream writes nothing more to it.</summary>
    /// <param name="session">The session's id.</param>
    /// <param name="stream">The stream's id.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>When that is kept.</returns>
    ValueTask CompleteAsync(string session, string stream, CancellationToken cancellation);

    /// <summary>
    /// The number of the last event of a stream; null where the stream is not, or no longer, kept from <paramref name="after"/> on.
    /// </summary>
    /// <param name="session">The session's id.</param>
    /// <param name="stream">The stream's id.</param>
    /// <param name="after">The number after which somebody wants to read; null: wherever it begins.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>
    /// The number, or null. Less than <paramref name="after"/> where the last events are lost, as in a power cut: then it is read from
    /// there.
    /// </returns>
    ValueTask<uint?> FindLastAsync(string session, string stream, uint? after, CancellationToken cancellation);

    /// <summary>
    /// The events after a number: those that are there, then each that comes, until the request is answered or the stream complete.
    /// </summary>
    /// <param name="session">The session's id.</param>
    /// <param name="stream">The stream's id.</param>
    /// <param name="after">The number; 0 = from the first.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The events in order.</returns>
    IAsyncEnumerable<LoggedEvent> ReadAsync(string session, string stream, uint after, CancellationToken cancellation);

    /// <summary>Drops all events of a session that ended.</summary>
    /// <param name="session">The session's id.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>When they are gone.</returns>
    ValueTask RemoveSessionAsync(string session, CancellationToken cancellation);
}

/// <summary>One event of a stream.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Message">The message as JSON; empty where it only carries a number.</param>
public readonly record struct LoggedEvent(uint Number, ReadOnlyMemory<byte> Message);
