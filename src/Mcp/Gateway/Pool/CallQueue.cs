namespace Varve.Mcp.Gateway.Pool;

/// <summary>Calls that wait for a worker, in the order in which they came. Guarded by the pool.</summary>
internal sealed class CallQueue
{
    private readonly LinkedList<WaitingCall> _calls = [];

    public int Count => _calls.Count;

    public bool HasBefore(long arrival) => _calls.First is { } first && first.Value.Arrival < arrival;

    /// <summary>At its place: a call that comes back from a dead worker is before those that came later.</summary>
    public void Add(WaitingCall call)
    {
        LinkedListNode<WaitingCall>? before = _calls.Last;
        while (before is not null && before.Value.Arrival > call.Arrival) before = before.Previous;
        if (before is null) _calls.AddFirst(call);
        else _calls.AddAfter(before, call);
    }

    public bool TryTake(out WaitingCall? call)
    {
        call = _calls.First?.Value;
        if (call is not null) _calls.RemoveFirst();
        return call is not null;
    }

    public bool Remove(WaitingCall call) => _calls.Remove(call);
}

/// <summary>A call that waits for a worker.</summary>
/// <param name="arrival">The place in the order of all calls.</param>
internal sealed class WaitingCall(long arrival)
{
    private readonly TaskCompletionSource<WorkerSlot> _given = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long Arrival => arrival;

    /// <summary>The place that it is given, where it counts as under way from then on.</summary>
    public Task<WorkerSlot> Given => _given.Task;

    public Worker? Worker { get; private set; }

    public void Give(WorkerSlot slot)
    {
        Worker = slot.Worker;
        _given.SetResult(slot);
    }

    public void Refuse(Exception reason) => _given.SetException(reason);

    public void Cancel(CancellationToken cancellation) => _given.SetCanceled(cancellation);
}
