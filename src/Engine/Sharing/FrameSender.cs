namespace Varve.Sharing;

/// <summary>
/// Sends frames over a connection: whoever writes one while another is sent leaves it behind, and all that were left go in one call.
/// Safe for concurrent use.
/// </summary>
internal sealed class FrameSender(Stream stream)
{
    /// <summary>From so many bytes that wait to be sent on, writers wait too.</summary>
    private const int BacklogBytesMax = 1 << 20;

    private readonly Lock _backlogGuard = new();
    private FrameBuffer _backlog = new();
    private FrameBuffer _sent = new();
    private TaskCompletionSource? _room;
    private bool _isSending;
    private bool _isPaused;
    private Exception? _failure;

    /// <summary>What a frame may have behind its length.</summary>
    public int FrameBytesMax { get; set; } = int.MaxValue;

    /// <summary>Writes a frame; it is sent at once or with others. Never waits.</summary>
    /// <exception cref="ConnectionLostException">The connection has ended: nothing was written.</exception>
    /// <exception cref="ArgumentException">The frame would be too large: nothing was written.</exception>
    public void Send<T>(FrameKind kind, uint request, T content, Action<FrameBuffer, T> write)
    {
        lock (_backlogGuard)
        {
            if (_failure is not null) throw new ConnectionLostException(_failure);
            int start = _backlog.Begin(kind, request);
            try
            {
                write(_backlog, content);
                int bytes = _backlog.End(start);
                if (bytes > FrameBytesMax)
                    throw new ArgumentException($"A request of {bytes:N0} bytes: the owner of the database takes {FrameBytesMax:N0}.");
            }
            catch
            {
                _backlog.Cut(start);
                throw;
            }

            if (_isSending || _isPaused) return;
            _isSending = true;
        }

        _ = SendAllAsync();
    }

    /// <summary>A frame without a body.</summary>
    public void Send(FrameKind kind, uint request) => Send(kind, request, 0, static (_, _) => { });

    /// <summary>Until <see cref="Resume"/> frames are gathered: for answers to requests that came together.</summary>
    public void Pause()
    {
        lock (_backlogGuard) _isPaused = true;
    }

    public void Resume()
    {
        lock (_backlogGuard)
        {
            _isPaused = false;
            if (_isSending || _backlog.Length == 0 || _failure is not null) return;
            _isSending = true;
        }

        _ = SendAllAsync();
    }

    /// <summary>False where writers are to wait.</summary>
    public bool HasRoom
    {
        get
        {
            lock (_backlogGuard) return _backlog.Length < BacklogBytesMax || _failure is not null;
        }
    }

    /// <summary>Returns when there is little left to be sent, or the connection has ended.</summary>
    public Task WaitForRoomAsync()
    {
        lock (_backlogGuard)
        {
            if (_backlog.Length < BacklogBytesMax || _failure is not null) return Task.CompletedTask;
            _room ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _room.Task;
        }
    }

    /// <summary>Nothing is sent from now on.</summary>
    public void Close(Exception? cause = null)
    {
        lock (_backlogGuard)
        {
            _failure ??= cause ?? new IOException("The connection was closed.");
            _room?.TrySetResult();
        }
    }

    private async Task SendAllAsync()
    {
        try
        {
            while (TryTakeBacklog())
            {
                await stream.WriteAsync(_sent.Written).ConfigureAwait(false);
                _sent.Clear();
            }
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            Close(failure);
        }
    }

    private bool TryTakeBacklog()
    {
        lock (_backlogGuard)
        {
            _room?.TrySetResult();
            _room = null;
            if (_backlog.Length == 0 || _failure is not null)
            {
                _isSending = false;
                return false;
            }

            (_backlog, _sent) = (_sent, _backlog);
            return true;
        }
    }
}
