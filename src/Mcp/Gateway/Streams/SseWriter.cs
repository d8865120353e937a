using System.Buffers;
using System.Text;
using Microsoft.AspNetCore.Http;
using Varve.Mcp.Http;

namespace Varve.Mcp.Gateway.Streams;

/// <summary>
/// Writes Server-Sent Events to a response, and comments while there is nothing to write. A client that takes no event for some time loses
/// its connection.
/// </summary>
internal sealed class SseWriter : IAsyncDisposable
{
    private readonly SseBody _body;
    private readonly Action _abort;
    private readonly TimeSpan _writeTimeout;
    private readonly CancellationToken _cancellation;
    private readonly ArrayBufferWriter<byte> _buffer = new();

    private SseWriter(SseBody body, Action abort, TimeSpan writeTimeout, CancellationToken cancellation) =>
        (_body, _abort, _writeTimeout, _cancellation) = (body, abort, writeTimeout, cancellation);

    /// <summary>Begins the response.</summary>
    /// <param name="context">The request.</param>
    /// <param name="heartbeat">Between two comments, and how long the client may take for an event.</param>
    /// <param name="time">For the comments.</param>
    /// <param name="cancellation">Ends the stream.</param>
    public static async ValueTask<SseWriter> BeginAsync(
        HttpContext context, TimeSpan heartbeat, TimeProvider time, CancellationToken cancellation)
    {
        SseBody.Begin(context);
        await context.Response.Body.FlushAsync(cancellation);
        return new SseWriter(new SseBody(context.Response.Body, () => true, heartbeat, time), context.Abort, heartbeat, cancellation);
    }

    /// <summary>event := ["id: " id] | "event: " type | "data: " JSON, one line each; JSON has no line breaks here.</summary>
    public async ValueTask WriteAsync(string? id, string type, ReadOnlyMemory<byte> data)
    {
        _buffer.ResetWrittenCount();
        if (id is not null) Encoding.ASCII.GetBytes($"id: {id}\n", _buffer);
        Encoding.ASCII.GetBytes($"event: {type}\ndata: ", _buffer);
        _buffer.Write(data.Span);
        _buffer.Write("\n\n"u8);
        using CancellationTokenSource limit = new(_writeTimeout);
        using CancellationTokenRegistration stalled = limit.Token.Register(_abort);
        await _body.WriteAsync(_buffer.WrittenMemory, _cancellation);
        await _body.FlushAsync(_cancellation);
    }

    public ValueTask DisposeAsync() => _body.DisposeAsync();
}
