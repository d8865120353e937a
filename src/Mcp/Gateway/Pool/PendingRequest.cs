using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>
/// A request that a worker has not answered yet. Its notifications are given on one after another, and the answer after them.
/// </summary>
internal sealed class PendingRequest(long id, Func<JsonRpcNotification, ValueTask>? notify)
{
    // What may wait for a caller that takes its notifications slower than they come. Beyond that its call ends: the others of the worker
    // would have to wait with it.
    private const int NoticesMax = 4_096;
    private const long NoticeBytesMax = 16 << 20;

    private readonly TaskCompletionSource<JsonNode?> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private Queue<(JsonRpcNotification Notice, int Bytes)>? _notices;
    private long _noticeBytes;
    private bool _isNotifying;
    private Action<TaskCompletionSource<JsonNode?>>? _finish;

    public long Id => id;

    public Task<JsonNode?> Answer => _answer.Task;

    /// <summary>Whether its line has gone to the worker; guarded by the peer.</summary>
    public bool WasSent { get; set; }

    /// <summary>Gives a notification to the caller as soon as it has taken those before.</summary>
    public void Notify(JsonRpcNotification notice, int bytes)
    {
        if (notify is null) return;
        lock (_gate)
        {
            _notices ??= [];
            if (_notices.Count >= NoticesMax || _noticeBytes + bytes > NoticeBytesMax)
            {
                _notices.Clear();
                _answer.TrySetException(new McpProtocolException(
                    "The call's notifications came faster than they were taken.", McpErrorCode.InternalError));
                return;
            }
            _notices.Enqueue((notice, bytes));
            _noticeBytes += bytes;
            if (_isNotifying) return;
            _isNotifying = true;
        }
        _ = Task.Run(NotifyAsync);
    }

    /// <summary>Ends it, once the notifications before have been taken.</summary>
    public void Finish(Action<TaskCompletionSource<JsonNode?>> finish)
    {
        lock (_gate)
        {
            if (_isNotifying)
            {
                _finish ??= finish;
                return;
            }
        }
        finish(_answer);
    }

    /// <summary>Ends it at once.</summary>
    public void Cancel(CancellationToken cancellation) => _answer.TrySetCanceled(cancellation);

    private async Task NotifyAsync()
    {
        while (TryTakeNotice(out JsonRpcNotification? notice))
        {
            try
            {
                await notify!(notice);
            }
            catch (Exception exception)
            {
                // The caller's own failure, and the caller's to see.
                _answer.TrySetException(exception);
            }
        }
    }

    private bool TryTakeNotice([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out JsonRpcNotification? notice)
    {
        Action<TaskCompletionSource<JsonNode?>>? finish;
        lock (_gate)
        {
            // After its end nobody wants to hear more.
            if (_answer.Task.IsCompleted) _notices!.Clear();
            if (_notices!.TryDequeue(out (JsonRpcNotification Notice, int Bytes) next))
            {
                notice = next.Notice;
                _noticeBytes -= next.Bytes;
                return true;
            }
            (_isNotifying, notice, finish) = (false, null, _finish);
        }
        finish?.Invoke(_answer);
        return false;
    }
}
