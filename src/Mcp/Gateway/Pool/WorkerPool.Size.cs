namespace Varve.Mcp.Gateway.Pool;

// How workers come and go.
internal sealed partial class WorkerPool
{
    private readonly ITimer _growth;
    private readonly ITimer _shrinkage;
    private bool _isGrowthArmed;

    // Programs die of requests that they do not know, too: the first to be ready says whether these ones are to be asked so.
    private bool _areLegacy;
    private bool _isEraKnown;

    /// <summary>A new place with a worker that starts; null once the pool is over.</summary>
    private (WorkerSlot Slot, Worker Worker, Task<bool> Started)? AddSlot()
    {
        WorkerSlot slot;
        Worker worker;
        lock (_gate)
        {
            if (_isOver) return null;
            int index = 0;
            while (_slots.Exists(other => other.Index == index)) index++;
            slot = new WorkerSlot(index);
            _slots.Insert(_slots.FindLastIndex(other => other.Index < index) + 1, slot);
            worker = Prepare(slot);
        }
        return (slot, worker, RunAsync(slot, worker));
    }

    private Worker Prepare(WorkerSlot slot) => slot.Worker =
        new Worker(slot.Index, _options, _time, _log, _areLegacy, OnWorkerChanged, method => ListChanged?.Invoke(method));

    /// <summary>Starts a worker, and sees to what its end means; returns once it is ready, or has failed.</summary>
    private async Task<bool> RunAsync(WorkerSlot slot, Worker worker)
    {
        // Not on the stack of a timer or of a caller.
        await Task.Yield();
        bool isReady = await worker.StartAsync();
        if (isReady) OnReady(slot, worker);
        _ = AwaitEndAsync(slot, worker);
        return isReady;
    }

    private async Task AwaitEndAsync(WorkerSlot slot, Worker worker) => OnEnded(slot, worker, await worker.Ended);

    private void OnReady(WorkerSlot slot, Worker worker)
    {
        bool isChanged;
        lock (_gate)
        {
            if (worker.Ended.IsCompleted || _isOver) return;
            (slot.IsReady, slot.HasFailedToStart, _isEraKnown) = (true, false, true);
            slot.ReadyTimestamp = slot.BusyTimestamp = _time.GetTimestamp();
            isChanged = TakeTools(worker);
            Dispatch();
            ArmShrinkage();
        }
        if (isChanged) Changed?.Invoke();
        _ready.TrySetResult();
    }

    private void OnEnded(WorkerSlot slot, Worker worker, string reason)
    {
        TimeSpan delay = TimeSpan.Zero;
        Worker? other = null;
        lock (_gate)
        {
            bool wasReady = slot.IsReady;
            bool wasWell = slot.HasServed || (wasReady && _time.GetElapsedTime(slot.ReadyTimestamp) >= _options.RestartDelayMax);
            bool isExpected = slot.IsDraining || _isOver;
            slot.NoteEnd(reason);
            if (isExpected)
            {
                Forget(slot);
                return;
            }
            bool mayBeLegacy = worker.HasEndedInDiscovery && !_isEraKnown && !_options.Worker.SharesJournal;
            if (!_isEraKnown) _areLegacy = mayBeLegacy;
            if (mayBeLegacy)
            {
                other = Prepare(slot);
            }
            else
            {
                slot.HasFailedToStart = !wasReady;
                // It has done its work, or was there for longer than any wait: what ended it is no trouble of its start.
                if (wasWell) slot.Failures = 0;
                delay = DelayAfter(slot.Failures++);
                RefuseHopeless();
                slot.Restart = _time.CreateTimer(_ => Restart(slot), null, delay, Timeout.InfiniteTimeSpan);
            }
        }
        _log.Failed(slot.Index, reason);
        if (other is null)
        {
            _log.RestartsIn(slot.Index, delay, slot.Failures);
            return;
        }
        _log.AskedOtherwise(slot.Index);
        _ = RunAsync(slot, other);
    }

    private TimeSpan DelayAfter(int failures)
    {
        double milliseconds = _options.RestartDelay.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 30));
        return TimeSpan.FromMilliseconds(Math.Min(milliseconds, _options.RestartDelayMax.TotalMilliseconds));
    }

    private void Restart(WorkerSlot slot)
    {
        Worker worker;
        lock (_gate)
        {
            slot.Restart?.Dispose();
            slot.Restart = null;
            if (_isOver || slot.IsDraining || slot.Worker is not null) return;
            slot.Restarts++;
            worker = Prepare(slot);
        }
        _ = RunAsync(slot, worker);
    }

    private void Forget(WorkerSlot slot)
    {
        slot.Restart?.Dispose();
        slot.Restart = null;
        _slots.Remove(slot);
        if (!_isOver) RefuseHopeless();
    }

    /// <summary>Takes a place out of service; its worker ends with its last call.</summary>
    private void Retire(WorkerSlot slot)
    {
        Worker? idle;
        lock (_gate)
        {
            if (slot.IsDraining) return;
            slot.IsDraining = true;
            if (slot.Worker is null) Forget(slot);
            idle = slot.Worker is { InFlight: 0 } worker ? worker : null;
        }
        if (idle is not null) _ = idle.EndAsync();
    }

    private void ArmGrowth()
    {
        if (_isGrowthArmed || _isOver) return;
        _isGrowthArmed = true;
        _growth.Change(_options.GrowInterval, Timeout.InfiniteTimeSpan);
    }

    /// <summary>One more worker while calls wait: not while others start, which may be enough, or fail, which more would do too.</summary>
    private void Grow()
    {
        int size;
        bool isWanted;
        lock (_gate)
        {
            _isGrowthArmed = false;
            if (_isOver || _queue.Count == 0) return;
            size = _slots.Count(slot => !slot.IsDraining);
            isWanted = size < _options.WorkersMax && _slots.TrueForAll(slot => slot.IsReady || slot.IsDraining);
            ArmGrowth();
        }
        if (isWanted && AddSlot() is not null) _log.Sized(size + 1, "calls wait");
    }

    private void ArmShrinkage() => _shrinkage.Change(_options.WorkerIdle, _options.WorkerIdle);

    private void Shrink()
    {
        WorkerSlot? idle;
        int size;
        lock (_gate)
        {
            size = _slots.Count(slot => !slot.IsDraining);
            if (_isOver || size <= _options.WorkersMin) return;
            idle = _slots.FindLast(slot =>
                !slot.IsDraining && slot.IsReady && slot.Worker is { InFlight: 0 }
                && _time.GetElapsedTime(slot.BusyTimestamp) >= _options.WorkerIdle);
        }
        if (idle is null) return;
        Retire(idle);
        _log.Sized(size - 1, "it was idle");
    }
}
