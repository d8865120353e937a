namespace Varve.Log;

/// <summary>
/// Wakes those who follow the log when there may be more to read. Costs a writer one read of memory while nobody waits. Safe for
/// concurrent use.
/// </summary>
internal sealed class LogProgress
{
    private readonly Lock _gate = new();
    private TaskCompletionSource? _waiting;
    private bool _isEnded;

    /// <summary>
    /// Ends the waits under way. What there is to see must be published before, with a full fence between: leaders come here behind the
    /// lock of their queue, or the atomic step by which they left the lead.
    /// </summary>
    public void Raise()
    {
        if (Volatile.Read(ref _waiting) is null) return;
        TaskCompletionSource? waiting;
        lock (_gate)
        {
            waiting = _waiting;
            Volatile.Write(ref _waiting, null);
        }

        waiting?.TrySetResult();
    }

    /// <summary>Ends every wait from now on: nothing more will come.</summary>
    public void End()
    {
        lock (_gate) _isEnded = true;
        Raise();
    }

    /// <summary>Ends with the next <see cref="Raise"/>. Take it, look once more, then wait: nothing is missed.</summary>
    public Task GetNext()
    {
        lock (_gate)
        {
            if (_isEnded) return Task.CompletedTask;
            if (_waiting is null)
            {
                Volatile.Write(ref _waiting, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
                Interlocked.MemoryBarrier();
            }

            return _waiting!.Task;
        }
    }
}
