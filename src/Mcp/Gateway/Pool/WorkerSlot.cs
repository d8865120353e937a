namespace Varve.Mcp.Gateway.Pool;

/// <summary>A place of the pool: the worker in it, and what is known of all that were. Guarded by the pool.</summary>
internal sealed class WorkerSlot(int index)
{
    private readonly LatencyRing _latency = new();
    private DateTimeOffset? _lastAnswer;

    public int Index => index;

    /// <summary>The worker; null while it waits for its next.</summary>
    public Worker? Worker { get; set; }

    public bool IsReady { get; set; }

    /// <summary>Gets no more calls, and goes with its worker.</summary>
    public bool IsDraining { get; set; }

    /// <summary>Whether the last worker ended before it was ready.</summary>
    public bool HasFailedToStart { get; set; }

    /// <summary>Failures in a row, which the next wait follows.</summary>
    public int Failures { get; set; }

    public int Restarts { get; set; }

    public string? LastFailure { get; set; }

    /// <summary>When the worker became ready.</summary>
    public long ReadyTimestamp { get; set; }

    /// <summary>When it last had something to do.</summary>
    public long BusyTimestamp { get; set; }

    /// <summary>Waits for the next start.</summary>
    public ITimer? Restart { get; set; }

    private long Served { get; set; }

    private long Errors { get; set; }

    public bool IsFree(int concurrency) => IsReady && !IsDraining && Worker is { IsSilent: false } worker && worker.InFlight < concurrency;

    /// <summary>Whether a call may hope for it: it has a worker, or will have one again.</summary>
    public bool IsHope => !IsDraining && (Worker is not null || !HasFailedToStart);

    public void NoteCall(CallOutcome outcome, TimeSpan took)
    {
        if (outcome is CallOutcome.Result or CallOutcome.Error)
        {
            Served++;
            _latency.Add(took.TotalMilliseconds);
        }
        if (outcome is CallOutcome.Error or CallOutcome.Lost) Errors++;
    }

    public void NoteEnd(string reason)
    {
        _lastAnswer = Worker?.LastMessage ?? _lastAnswer;
        (Worker, IsReady, LastFailure) = (null, false, reason);
    }

    public WorkerStatus Read() => new(
        index, Worker?.Pid, State, Worker?.InFlight ?? 0, Served, Errors, _latency.Read(), Restarts, Worker?.ReadMemoryBytes() ?? 0,
        Worker?.LastMessage ?? _lastAnswer, LastFailure);

    private WorkerState State =>
        IsDraining ? WorkerState.Draining
        : Worker is null ? WorkerState.Waiting
        : !IsReady ? WorkerState.Starting
        : Worker.IsSilent ? WorkerState.Silent
        : WorkerState.Ready;
}

/// <summary>How a call ended for a worker.</summary>
internal enum CallOutcome
{
    /// <summary>It was answered.</summary>
    Result,

    /// <summary>It was answered with an error of the protocol.</summary>
    Error,

    /// <summary>The worker ended before the answer.</summary>
    Lost,

    /// <summary>It was taken back, or never got to the worker.</summary>
    TakenBack,
}
