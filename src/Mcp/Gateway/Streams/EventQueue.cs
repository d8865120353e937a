using System.Threading.Channels;
using Varve.Mcp.Gateway.Front;

namespace Varve.Mcp.Gateway.Streams;

/// <summary>
/// What happened to calls, for one listener. What a call tells several times before it is read is told once, as it is by then.
/// </summary>
internal sealed class EventQueue : IDisposable
{
    private const int Length = 4_096;

    private readonly ActiveCalls _active;
    private readonly Lock _gate = new();
    private readonly HashSet<(string Id, string What)> _waiting = [];
    private readonly Channel<CallChange> _changes = Channel.CreateBounded<CallChange>(
        new BoundedChannelOptions(Length) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    public EventQueue(ActiveCalls active)
    {
        _active = active;
        _active.Changed += Add;
    }

    /// <summary>Waits for a change; false where the listener is too far behind to be told all.</summary>
    public ValueTask<bool> WaitAsync(CancellationToken cancellation) => _changes.Reader.WaitToReadAsync(cancellation);

    public bool TryTake(out CallChange change)
    {
        if (!_changes.Reader.TryRead(out change)) return false;
        lock (_gate) _waiting.Remove((change.Call.Id, change.What));
        return true;
    }

    public void Dispose() => _active.Changed -= Add;

    private void Add(CallChange change)
    {
        lock (_gate)
            if (!_waiting.Add((change.Call.Id, change.What))) return;
        if (!_changes.Writer.TryWrite(change)) _changes.Writer.TryComplete();
    }
}
