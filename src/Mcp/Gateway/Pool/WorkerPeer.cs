using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>JSON-RPC with a worker: requests out, answers and notifications in, a line each.</summary>
/// <remarks>
/// Not the SDK's client: that one handles each notification on its own. Of 4,000 notifications of progress in 20 calls over stdio, half
/// came out of order, a third after the answer, and by <see cref="IProgress{T}"/>, which ends with the answer, about ten came at all. It
/// also asks a user for what an input-required result wants, where the gateway gives it on. It is not for speed: an echo took 23 µs here
/// and 32 to 52 µs there one by one, 11 to 16 and 15 to 22 µs with 16 at a time.
/// Two threads of its own wait on the pipes, since .NET reads and writes pipes of processes by blocking a thread, and the thread pool has
/// few. Nobody else ever waits for the worker to read or write.
/// </remarks>
internal sealed partial class WorkerPeer
{
    /// <summary>The longest message of a worker.</summary>
    public const int LineBytesMax = 4 << 20;

    private static readonly TimeSpan WriterPatience = TimeSpan.FromSeconds(1);

    private readonly Stream _input;
    private readonly LineReader _lines;
    private readonly Action<JsonRpcNotification> _notified;
    private readonly PoolLog _log;
    private readonly TimeProvider _time;
    private readonly int _pid;
    private readonly Thread _writer;
    private readonly TaskCompletionSource _outputEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly Lock _pendingGate = new();
    private readonly Dictionary<long, PendingRequest> _pending = [];
    private string? _lostReason;

    // A monitor, since the writer waits on it. Taken after the other, never before.
    private readonly object _outgoingGate = new();
    private readonly Queue<(ReadOnlyMemory<byte> Line, PendingRequest? Request)> _outgoing = [];
    private bool _isInputEnding;

    private long _lastId;
    private long _lastMessageTicks;

    /// <param name="process">The worker.</param>
    /// <param name="notified">Gets the notifications that belong to no request, on the reading thread.</param>
    /// <param name="log">The log.</param>
    /// <param name="time">The clock of <see cref="LastMessage"/>.</param>
    public WorkerPeer(WorkerProcess process, Action<JsonRpcNotification> notified, PoolLog log, TimeProvider time)
    {
        (_input, _notified, _log, _time, _pid) = (process.Input, notified, log, time, process.Id);
        _lines = new LineReader(process.Output, LineBytesMax);
        _writer = new Thread(Write) { IsBackground = true, Name = $"varve worker {_pid} in" };
        _writer.UnsafeStart();
        new Thread(Read) { IsBackground = true, Name = $"varve worker {_pid} out" }.UnsafeStart();
    }

    /// <summary>Whether requests are of the modern era; legacy until somebody says otherwise.</summary>
    public bool IsModern { get; set; }

    /// <summary>Ends when the worker writes no more.</summary>
    public Task OutputEnded => _outputEnded.Task;

    /// <summary>When it last wrote a message.</summary>
    public DateTimeOffset? LastMessage =>
        Interlocked.Read(ref _lastMessageTicks) is var ticks and > 0 ? new DateTimeOffset(ticks, TimeSpan.Zero) : null;

    /// <exception cref="McpProtocolException">The worker answered with an error, or with what cannot be read.</exception>
    /// <exception cref="WorkerLostException">The worker ended.</exception>
    public async Task<JsonNode?> SendAsync(
        string method, JsonObject? parameters, Func<JsonRpcNotification, ValueTask>? notify, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        PendingRequest request = new(Interlocked.Increment(ref _lastId), notify);
        ReadOnlyMemory<byte> line = RequestWriter.Request(request.Id, method, parameters, IsModern, notify is not null);
        lock (_pendingGate)
        {
            if (_lostReason is not null) throw new WorkerLostException(wasSent: false, _lostReason);
            _pending.Add(request.Id, request);
        }
        Post(line, request);
        using CancellationTokenRegistration taken = cancellation.UnsafeRegister(
            static (request, cancellation) => ((PendingRequest)request!).Cancel(cancellation), request);
        try
        {
            return await request.Answer;
        }
        finally
        {
            TakeBack(request);
        }
    }

    public void Notify(string method) => Post(RequestWriter.Message(new JsonRpcNotification { Method = method }), null);

    /// <summary>Closes the worker's input once it has got what there is for it.</summary>
    public void EndInput()
    {
        lock (_outgoingGate)
        {
            _isInputEnding = true;
            Monitor.Pulse(_outgoingGate);
        }
    }

    /// <summary>Ends all requests, once the process has ended: those that it never got can be sent to another.</summary>
    public void Lose(string reason)
    {
        EndInput();
        // Nobody reads the pipe, so the writer does not wait. It may be about to learn that its line was not taken.
        _writer.Join(WriterPatience);
        PendingRequest[] lost;
        lock (_pendingGate)
        {
            _lostReason = reason;
            lost = [.. _pending.Values];
            _pending.Clear();
        }
        foreach (PendingRequest request in lost)
        {
            WorkerLostException exception = new(request.WasSent, reason);
            request.Finish(answer => answer.TrySetException(exception));
        }
    }

    /// <summary>Without effect where it was answered. Else the worker is told that nobody waits, if it has heard of the request.</summary>
    private void TakeBack(PendingRequest request)
    {
        bool wasSent;
        lock (_pendingGate)
        {
            if (!_pending.Remove(request.Id)) return;
            wasSent = request.WasSent;
        }
        if (!wasSent) return;
        JsonObject parameters = new() { ["requestId"] = request.Id, ["reason"] = "Nobody waits for the answer any more." };
        Post(RequestWriter.Message(new JsonRpcNotification
        {
            Method = NotificationMethods.CancelledNotification,
            Params = parameters,
        }), null);
    }

    private void Post(ReadOnlyMemory<byte> line, PendingRequest? request)
    {
        lock (_outgoingGate)
        {
            _outgoing.Enqueue((line, request));
            Monitor.Pulse(_outgoingGate);
        }
    }

    private void Write()
    {
        try
        {
            while (TryTakeLine(out ReadOnlyMemory<byte> line, out PendingRequest? request))
            {
                if (request is not null && !TryMarkSent(request, isSent: true)) continue;
                try
                {
                    _input.Write(line.Span);
                    _input.Flush();
                }
                catch (IOException)
                {
                    // A worker that has not got the end of the line has not begun with it.
                    if (request is not null) TryMarkSent(request, isSent: false);
                    return;
                }
            }
        }
        finally
        {
            try
            {
                _input.Dispose();
            }
            catch (IOException)
            {
                // The worker has gone before.
            }
        }
    }

    private bool TryTakeLine(out ReadOnlyMemory<byte> line, out PendingRequest? request)
    {
        lock (_outgoingGate)
        {
            while (_outgoing.Count == 0 && !_isInputEnding) Monitor.Wait(_outgoingGate);
            bool isTaken = _outgoing.TryDequeue(out (ReadOnlyMemory<byte> Line, PendingRequest? Request) next);
            (line, request) = next;
            return isTaken;
        }
    }

    private bool TryMarkSent(PendingRequest request, bool isSent)
    {
        lock (_pendingGate)
        {
            if (!_pending.ContainsKey(request.Id)) return false;
            request.WasSent = isSent;
            return true;
        }
    }

    private void Read()
    {
        try
        {
            while (_lines.TryRead(out ReadOnlyMemory<byte> line))
            {
                if (_lines.IsCut) RefuseLong(line.Span);
                else if (!line.Span.Trim(" \t\r"u8).IsEmpty) Take(line);
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // Broken pipes are ended ones.
        }
        finally
        {
            _outputEnded.SetResult();
        }
    }

    private void Take(ReadOnlyMemory<byte> line)
    {
        if (!JsonRpcReader.TryRead(line, out JsonRpcMessage? message, out JsonRpcError? refusal))
        {
            _log.LineRefused(_pid, refusal.Error.Message);
            FailUnreadable(refusal.Id, refusal.Error.Message);
            return;
        }
        Interlocked.Exchange(ref _lastMessageTicks, _time.GetUtcNow().UtcTicks);
        switch (message)
        {
            case JsonRpcResponse response:
                TakePending(response.Id)?.Finish(answer => answer.TrySetResult(response.Result));
                break;
            case JsonRpcError error:
                TakePending(error.Id)?.Finish(answer => answer.TrySetException(ExceptionOf(error.Error)));
                break;
            case JsonRpcNotification notification when FindPending(notification) is { } request:
                request.Notify(notification, line.Length);
                break;
            case JsonRpcNotification notification:
                _notified(notification);
                break;
            case JsonRpcRequest request:
                Answer(request);
                break;
        }
    }

    /// <summary>Only what every client must be able to do: the pool stands for many, and has no capabilities.</summary>
    private void Answer(JsonRpcRequest request)
    {
        JsonRpcMessage answer = request.Method == RequestMethods.Ping
            ? new JsonRpcResponse { Id = request.Id, Result = new JsonObject() }
            : ErrorCodes.Error(request.Id, (int)McpErrorCode.MethodNotFound, "The gateway answers no requests of workers.");
        Post(RequestWriter.Message(answer), null);
    }

    private void RefuseLong(ReadOnlySpan<byte> head)
    {
        string problem = $"A message has at most {LineBytesMax} bytes.";
        _log.LineRefused(_pid, problem);
        // Where implementations write the id: first of all, or last. In between it might be something within the result.
        Match id = IdAtStart().Match(Encoding.UTF8.GetString(head[..Math.Min(head.Length, 128)]));
        if (!id.Success) id = IdAtEnd().Match(Encoding.UTF8.GetString(_lines.Tail));
        if (id.Success) FailUnreadable(new RequestId(long.Parse(id.Groups["id"].Value, CultureInfo.InvariantCulture)), problem);
    }

    private void FailUnreadable(RequestId id, string problem) => TakePending(id)?.Finish(answer => answer.TrySetException(
        new McpProtocolException($"The worker's answer cannot be read: {problem}", McpErrorCode.InternalError)));

    private PendingRequest? TakePending(RequestId id)
    {
        lock (_pendingGate) return id.Id is long number && _pending.Remove(number, out PendingRequest? request) ? request : null;
    }

    private PendingRequest? FindPending(JsonRpcNotification notification)
    {
        JsonNode? token = (notification.Params as JsonObject)?["progressToken"];
        if (token is not JsonValue value || !value.TryGetValue(out long id)) return null;
        lock (_pendingGate) return _pending.GetValueOrDefault(id);
    }

    /// <summary>As the SDK does it in both directions: members of the error's data are the exception's.</summary>
    private static McpProtocolException ExceptionOf(JsonRpcErrorDetail error)
    {
        McpProtocolException exception = new(error.Message, (McpErrorCode)error.Code);
        JsonElement data = error.Data switch
        {
            JsonElement element => element,
            null => default,
            _ => JsonSerializer.SerializeToElement(error.Data, McpJsonUtilities.DefaultOptions),
        };
        if (data.ValueKind == JsonValueKind.Object)
            foreach (JsonProperty member in data.EnumerateObject()) exception.Data[member.Name] = member.Value.Clone();
        return exception;
    }

    [GeneratedRegex("""^\{\s*("jsonrpc"\s*:\s*"2.0"\s*,\s*)?"id"\s*:\s*(?<id>\d{1,18})\s*,""")]
    private static partial Regex IdAtStart();

    [GeneratedRegex("""[\]}"]\s*,\s*("jsonrpc"\s*:\s*"2.0"\s*,\s*)?"id"\s*:\s*(?<id>\d{1,18})\s*(,\s*"jsonrpc"\s*:\s*"2.0"\s*)?\}\s*$""")]
    private static partial Regex IdAtEnd();
}
