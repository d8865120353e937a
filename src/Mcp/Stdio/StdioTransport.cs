using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Stdio;

/// <summary>
/// One message a line, in and out. A line that is too long or no message is answered with an error, and the next one is read.
/// </summary>
internal sealed class StdioTransport : TransportBase
{
    private readonly PipeReader _input;
    private readonly Stream _output;
    private readonly int _lineBytesMax;
    private readonly SemaphoreSlim _sending = new(1, 1);
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _reading;

    public StdioTransport(Stream input, Stream output, int lineBytesMax, ILoggerFactory loggers)
        : base("stdio", loggers)
    {
        (_input, _output, _lineBytesMax) = (PipeReader.Create(input, new StreamPipeReaderOptions(leaveOpen: true)), output, lineBytesMax);
        SetConnected();
        _reading = Task.Run(ReadAsync);
    }

    /// <summary>Ends when the client has closed its end: no more messages come.</summary>
    public Task InputEnded => _reading;

    public override async Task SendMessageAsync(JsonRpcMessage message, CancellationToken cancellationToken = default)
    {
        ArrayBufferWriter<byte> line = new();
        using (Utf8JsonWriter writer = new(line)) JsonSerializer.Serialize(writer, message, JsonRpcReader.MessageType);
        line.Write("\n"u8);
        await _sending.WaitAsync(cancellationToken);
        try
        {
            // Not cancellable from here on: half a line would spoil every later one.
            await _output.WriteAsync(line.WrittenMemory, CancellationToken.None);
            await _output.FlushAsync(CancellationToken.None);
        }
        finally
        {
            _sending.Release();
        }
    }

    public override async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        _input.CancelPendingRead();
        SetDisconnected();
    }

    private async Task ReadAsync()
    {
        try
        {
            bool isSkipping = false;
            while (!_ending.IsCancellationRequested)
            {
                ReadResult result = await _input.ReadAsync(_ending.Token);
                ReadOnlySequence<byte> buffer = result.Buffer;
                while (buffer.PositionOf((byte)'\n') is { } end)
                {
                    if (!isSkipping) await TakeAsync(buffer.Slice(0, end));
                    isSkipping = false;
                    buffer = buffer.Slice(buffer.GetPosition(1, end));
                }
                if (!isSkipping && buffer.Length > _lineBytesMax)
                {
                    await TakeAsync(buffer);
                    isSkipping = true;
                }
                // While a line is skipped nothing of it is kept.
                _input.AdvanceTo(isSkipping ? buffer.End : buffer.Start, buffer.End);
                if (result.IsCompleted || result.IsCanceled) break;
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // A broken pipe is how a client that was killed leaves.
        }
        finally
        {
            SetDisconnected();
        }
    }

    private async ValueTask TakeAsync(ReadOnlySequence<byte> line)
    {
        if (line.Length > _lineBytesMax)
        {
            await RefuseAsync(ErrorCodes.Error(default, (int)McpErrorCode.InvalidRequest, $"A message has at most {_lineBytesMax} bytes."));
            return;
        }
        byte[] bytes = line.ToArray();
        if (bytes.AsSpan().Trim(" \t\r"u8).IsEmpty) return;
        if (JsonRpcReader.TryRead(bytes, out JsonRpcMessage? message, out JsonRpcError? refusal))
            await WriteMessageAsync(message, _ending.Token);
        else await RefuseAsync(refusal);
    }

    private async ValueTask RefuseAsync(JsonRpcError refusal)
    {
        try
        {
            await SendMessageAsync(refusal, _ending.Token);
        }
        catch (IOException)
        {
            // Nobody reads any more; what there is to be read still counts.
        }
    }
}
