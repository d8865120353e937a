namespace Varve.Mcp.Gateway.Pool;

// How the pool ends, and how all of its workers are exchanged.
internal sealed partial class WorkerPool
{
    /// <summary>
    /// Exchanges all workers, one after another: the next begins to take calls before one ends, with its last call. For workers whose
    /// program or settings have changed.
    /// </summary>
    /// <exception cref="WorkerLostException">A new worker could not be started; those that are not exchanged yet go on.</exception>
    public async Task RestartAllAsync()
    {
        WorkerSlot[] old;
        lock (_gate) old = [.. _slots.Where(slot => !slot.IsDraining)];
        foreach (WorkerSlot slot in old)
        {
            if (AddSlot() is not { } next) return;
            bool isReady = await next.Started;
            Retire(isReady ? slot : next.Slot);
            if (!isReady) throw new WorkerLostException(wasSent: false, await next.Worker.Ended);
        }
    }

    /// <summary>
    /// Takes no new calls, waits for those that there are, and ends the workers; at the end of the time those that are left are lost.
    /// </summary>
    public async Task DrainAsync(TimeSpan timeout)
    {
        lock (_gate)
        {
            _isDraining = true;
            if (_accepted == 0) _idle.TrySetResult();
        }
        await Task.WhenAny(_idle.Task, Task.Delay(timeout, _time));
        Worker[] workers = Stop();
        bool isIdle = _idle.Task.IsCompleted;
        foreach (Worker worker in workers)
            if (!isIdle) worker.Kill("The calls that were left did not end in time.");
        await Task.WhenAll(workers.Select(worker => worker.EndAsync()));
        Dispose();
        lock (_gate) _slots.Clear();
    }

    /// <summary>Kills all workers at once.</summary>
    public void Dispose()
    {
        AppDomain.CurrentDomain.ProcessExit -= OnProcessEnding;
        AppDomain.CurrentDomain.UnhandledException -= OnProcessEnding;
        foreach (Worker worker in Stop()) worker.Kill("The server stops.");
    }

    public async ValueTask DisposeAsync()
    {
        Worker[] workers;
        lock (_gate) workers = [.. _slots.Select(slot => slot.Worker).OfType<Worker>()];
        Dispose();
        await Task.WhenAny(Task.WhenAll(workers.Select(worker => worker.Ended)), Task.Delay(EndPatience));
    }

    /// <summary>From here on no worker is started, and no call given to one; returns those that there are.</summary>
    private Worker[] Stop()
    {
        lock (_gate)
        {
            _isOver = true;
            _growth.Dispose();
            _shrinkage.Dispose();
            foreach (WorkerSlot slot in _slots) slot.Restart?.Dispose();
            RefuseHopeless();
            return [.. _slots.Select(slot => slot.Worker).OfType<Worker>()];
        }
    }
}
