namespace Varve.Runtime;

/// <summary>
/// What a store tells the outside: events go through a bounded queue to the user's handler, on a thread of their own, so that a slow
/// handler holds up nobody but itself; damage is told once a file. Safe for concurrent use, also within the engine's locks; not within
/// short ones of the runtime, since a signal is set.
/// </summary>
internal sealed class EngineEvents
{
    /// <summary>Events that wait for a slow handler. What comes on top is counted and forgotten, unless it comes once only.</summary>
    private const int PendingMax = 1024;

    private readonly Action<DatabaseEvent>? _handler;
    private readonly EngineSignal? _pendingSignal;
    private readonly Lock _pendingGuard = new();
    private readonly Queue<DatabaseEvent> _pending = [];
    private readonly Dictionary<string, CorruptDataException> _damages = new(StringComparer.Ordinal);
    private EngineThread? _thread;
    private int _threadId;
    private bool _isStopped;
    private long _droppedCount;
    private long _handlerFailureCount;

    private EngineEvents(TimeProvider clock, EngineSignal? pendingSignal, string directory, Action<DatabaseEvent>? handler)
    {
        Clock = clock;
        Directory = directory;
        Tag = new KeyValuePair<string, object?>(VarveDiagnostics.DirectoryTag, directory);
        _pendingSignal = pendingSignal;
        _handler = handler;
    }

    public TimeProvider Clock { get; }

    public string Directory { get; }

    /// <summary>Says of a measurement which database it is of.</summary>
    public KeyValuePair<string, object?> Tag { get; }

    /// <summary>True when there is a handler: events are worth making.</summary>
    public bool IsObserved => _handler is not null;

    /// <summary>Events that a slow handler made the queue forget.</summary>
    public long DroppedCount => Volatile.Read(ref _droppedCount);

    /// <summary>Exceptions that the handler threw; nobody else is told of them.</summary>
    public long HandlerFailureCount => Volatile.Read(ref _handlerFailureCount);

    public int DamagedFileCount
    {
        get
        {
            lock (_pendingGuard) return _damages.Count;
        }
    }

    /// <summary>Nobody is told anything; damage is remembered.</summary>
    public static EngineEvents CreateSilent() => new(TimeProvider.System, null, "", null);

    /// <summary>Starts the thread of the handler, where there is one.</summary>
    public static EngineEvents Start(Scheduler scheduler, string directory, Action<DatabaseEvent>? handler)
    {
        EngineSignal? signal = handler is null ? null : scheduler.CreateSignal("events");
        var events = new EngineEvents(scheduler.Clock, signal, directory, handler);
        if (handler is not null) events._thread = scheduler.StartThread("varve events", events.HandleUntilStopped);
        return events;
    }

    /// <summary>Queues an event for the handler; nothing happens where there is none.</summary>
    public void Post(DatabaseEvent happened)
    {
        if (_handler is null) return;
        happened.Directory = Directory;
        happened.Time = Clock.GetUtcNow();
        bool comesOnce = happened is DamageFoundEvent or WritingStoppedEvent or DatabaseClosedEvent;
        lock (_pendingGuard)
        {
            if (_isStopped) return;
            if (_pending.Count >= PendingMax && !comesOnce)
            {
                _droppedCount++;
                return;
            }

            _pending.Enqueue(happened);
        }

        _pendingSignal!.Set();
    }

    /// <summary>Remembers a damaged file, and raises its event the first time.</summary>
    public void ReportDamage(CorruptDataException damage)
    {
        lock (_pendingGuard)
        {
            if (!_damages.TryAdd(damage.Path, damage)) return;
        }

        Post(new DamageFoundEvent { Damage = damage });
    }

    /// <summary>What was found first in each damaged file.</summary>
    public IReadOnlyList<CorruptDataException> GetDamages()
    {
        lock (_pendingGuard) return [.. _damages.Values];
    }

    /// <summary>
    /// Ends the thread once the handler has seen every event. Called by the handler itself, it returns at once, and the handler sees the
    /// rest when it does.
    /// </summary>
    public void Stop()
    {
        lock (_pendingGuard) _isStopped = true;
        if (_thread is null) return;
        _pendingSignal!.Set();
        if (Environment.CurrentManagedThreadId != Volatile.Read(ref _threadId)) _thread.Join();
    }

    private void HandleUntilStopped()
    {
        Volatile.Write(ref _threadId, Environment.CurrentManagedThreadId);
        while (true)
        {
            DatabaseEvent? next;
            lock (_pendingGuard)
            {
                if (!_pending.TryDequeue(out next) && _isStopped) return;
            }

            if (next is null) _pendingSignal!.Wait();
            else Handle(next);
        }
    }

    private void Handle(DatabaseEvent happened)
    {
        try
        {
            _handler!(happened);
        }
        catch (Exception)
        {
            // It is not the engine's, and there is nobody to tell: the figure says that it happened.
            Interlocked.Increment(ref _handlerFailureCount);
        }
    }
}
