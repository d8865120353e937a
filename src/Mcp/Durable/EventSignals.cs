using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

/// <summary>
/// Wakes those that read a stream when it gets an event, of whatever process: by one change feed, which runs while there is a reader.
/// </summary>
internal sealed class EventSignals(ISharedStore store)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Session, string Stream), HashSet<Listener>> _listeners = [];
    private CancellationTokenSource? _following;
    private TaskCompletionSource? _ready;

    /// <summary>From here on no event of the stream is missed.</summary>
    public async ValueTask<Listener> ListenAsync(string session, string stream, CancellationToken cancellation)
    {
        Listener listener = new(this, (session, stream));
        Task ready;
        lock (_gate)
        {
            if (_following is null)
            {
                (_following, _ready) = (new CancellationTokenSource(), new(TaskCreationOptions.RunContinuationsAsynchronously));
                _ = FollowAsync(_ready, _following.Token);
            }
            if (!_listeners.TryGetValue(listener.Of, out HashSet<Listener>? ofStream)) _listeners.Add(listener.Of, ofStream = []);
            ofStream.Add(listener);
            ready = _ready!.Task;
        }
        try
        {
            await ready.WaitAsync(cancellation);
            return listener;
        }
        catch
        {
            listener.Dispose();
            throw;
        }
    }

    private async Task FollowAsync(TaskCompletionSource ready, CancellationToken cancellation)
    {
        StoreFeed feed = new() { Map = InternalMaps.Events, IncludeNotDurable = true };
        try
        {
            await foreach (ChangeBatch batch in store.ReadChangesAsync(feed, cancellation))
            {
                ready.TrySetResult();
                foreach (Change change in batch.Changes)
                    if (change.Kind == ChangeKind.Put) Signal(change.Key.Span);
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody listens any more.
        }
        catch (Exception failure)
        {
            End(failure, ready, cancellation);
        }
    }

    /// <summary>Those that read look once more, and listen anew; where that fails, too, they hear of it.</summary>
    private void End(Exception failure, TaskCompletionSource ready, CancellationToken following)
    {
        lock (_gate)
        {
            if (_following?.Token == following) _following = null;
            foreach (HashSet<Listener> ofStream in _listeners.Values)
                foreach (Listener listener in ofStream) listener.Lose();
        }
        ready.TrySetException(failure);
    }

    private void Signal(ReadOnlySpan<byte> key)
    {
        (string session, string stream, _) = EventKeys.Read(key);
        lock (_gate)
        {
            if (!_listeners.TryGetValue((session, stream), out HashSet<Listener>? ofStream)) return;
            foreach (Listener listener in ofStream) listener.Signal();
        }
    }

    private void Remove(Listener listener)
    {
        CancellationTokenSource? following = null;
        lock (_gate)
        {
            if (!_listeners.TryGetValue(listener.Of, out HashSet<Listener>? ofStream) || !ofStream.Remove(listener)) return;
            if (ofStream.Count == 0) _listeners.Remove(listener.Of);
            if (_listeners.Count == 0) (following, _following) = (_following, null);
        }
        following?.Cancel();
    }

    /// <summary>One that reads a stream.</summary>
    internal sealed class Listener(EventSignals signals, (string Session, string Stream) of) : IDisposable
    {
        private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public (string Session, string Stream) Of => of;

        /// <summary>Whether it hears nothing more.</summary>
        public bool IsLost { get; private set; }

        /// <summary>Ends with the next event; to be taken before the stream is read.</summary>
        public Task Changed => _changed.Task;

        public void Signal()
        {
            TaskCompletionSource changed = _changed;
            _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            changed.TrySetResult();
        }

        public void Lose()
        {
            IsLost = true;
            Signal();
        }

        public void Dispose() => signals.Remove(this);
    }
}
