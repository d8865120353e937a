using System.Runtime.CompilerServices;

namespace Varve.Mcp.Gateway.Front;

/// <summary>One event of a call.</summary>
/// <param name="Number">Its place, from 1.</param>
/// <param name="Type"><c>progress</c>, <c>chunk</c>, <c>result</c>, <c>error</c> or <c>done</c>.</param>
/// <param name="Data">A JSON object with at least one member.</param>
internal readonly record struct CallEvent(long Number, string Type, byte[] Data);

/// <summary>
/// The events of one call in order, for any number of readers. Bounded: of those before the end the oldest are dropped, and a reader that
/// is so far behind goes on with the oldest that is left. What a call ends with stays.
/// </summary>
/// <param name="bytesMax">Bytes of events that are kept while the call runs; 0: none but the last ones.</param>
internal sealed class CallEvents(int bytesMax)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, CallEvent> _events = [];
    private TaskCompletionSource _changed = NewSignal();
    private long _first = 1;
    private long _last;
    private bool _isEnded;

    /// <summary>Bytes kept now.</summary>
    public long Bytes { get; private set; }

    /// <summary>The number of the last event.</summary>
    public long Last
    {
        get
        {
            lock (_gate) return _last;
        }
    }

    /// <summary>Adds an event; nothing where the end is there.</summary>
    public void Append(string type, byte[] data)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            if (_isEnded) return;
            AddLocked(type, data);
            while (Bytes > bytesMax && _events.Remove(_first, out CallEvent oldest))
            {
                Bytes -= oldest.Data.Length;
                _first++;
            }
            changed = SwapLocked();
        }
        changed.SetResult();
    }

    /// <summary>Adds the last events.</summary>
    public void End(IEnumerable<(string Type, byte[] Data)> events)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            if (_isEnded) return;
            foreach ((string type, byte[] data) in events) AddLocked(type, data);
            _isEnded = true;
            changed = SwapLocked();
        }
        changed.SetResult();
    }

    /// <summary>The events after a number, those to come too; ends with the last one.</summary>
    public async IAsyncEnumerable<CallEvent> ReadAsync(long after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        while (true)
        {
            (CallEvent? next, bool isEnded, Task changed) = Find(after);
            if (next is { } found)
            {
                after = found.Number;
                yield return found;
            }
            else if (isEnded) yield break;
            else await changed.WaitAsync(cancellation);
        }
    }

    private (CallEvent? Next, bool IsEnded, Task Changed) Find(long after)
    {
        lock (_gate)
        {
            bool isThere = _events.TryGetValue(Math.Max(after + 1, _first), out CallEvent next);
            return (isThere ? next : null, _isEnded, _changed.Task);
        }
    }

    private void AddLocked(string type, byte[] data)
    {
        _last++;
        _events.Add(_last, new CallEvent(_last, type, data));
        Bytes += data.Length;
    }

    private TaskCompletionSource SwapLocked()
    {
        TaskCompletionSource changed = _changed;
        _changed = NewSignal();
        return changed;
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
