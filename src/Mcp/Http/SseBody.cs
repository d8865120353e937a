using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Varve.Mcp.Http;

/// <summary>
/// A response's body for events: each write is whole, and while nothing is written a comment shows that the connection lives.
/// </summary>
internal sealed class SseBody : Stream
{
    public const string ContentType = "text/event-stream";

    private static readonly byte[] Comment = ":\n\n"u8.ToArray();

    private readonly Stream _inner;
    private readonly Func<bool> _hasStarted;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly CancellationTokenSource _ending = new();
    private readonly PeriodicTimer _timer;
    private readonly Task _beating;

    public SseBody(Stream inner, Func<bool> hasStarted, TimeSpan interval, TimeProvider time)
    {
        (_inner, _hasStarted, _timer) = (inner, hasStarted, new PeriodicTimer(interval, time));
        _beating = BeatAsync();
    }

    /// <summary>The headers of a response that is a stream of events: nobody on its way keeps it, or waits for more of it.</summary>
    public static void Begin(HttpContext context)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.ContentType = ContentType;
        headers.CacheControl = "no-cache,no-store";
        headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            await _inner.WriteAsync(buffer, cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async Task FlushAsync(CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            await _inner.FlushAsync(cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Ends the comments. The body itself belongs to the response.</summary>
    public override async ValueTask DisposeAsync()
    {
        // Who waits for the timer ends without an exception, which every response would pay for; who writes is cancelled.
        _timer.Dispose();
        if (!_beating.IsCompleted) await _ending.CancelAsync();
        await _beating;
        _ending.Dispose();
        await base.DisposeAsync();
    }

    public override void Flush() => throw new NotSupportedException();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private async Task BeatAsync()
    {
        try
        {
            while (await _timer.WaitForNextTickAsync(CancellationToken.None))
            {
                // Before the first event the status can still change.
                if (!_hasStarted()) continue;
                await WriteAsync(Comment, _ending.Token);
                await FlushAsync(_ending.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or IOException or ObjectDisposedException)
        {
            // The response ended, or its client is gone: then the request is aborted too, and whoever serves it hears of that.
        }
    }
}
