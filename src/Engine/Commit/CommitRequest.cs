using Varve.Entries;
using Varve.Runtime;

namespace Varve.Commit;

/// <summary>What a request asks of the leader.</summary>
internal enum CommitKind
{
    /// <summary>Log, apply and publish a batch.</summary>
    Write,

    /// <summary>Make everything logged so far durable.</summary>
    Sync,

    /// <summary>Write everything logged so far to the log's slots.</summary>
    Drain,

    /// <summary>Freeze the active memtable unless it is empty.</summary>
    Rotate,

    /// <summary>Flush all that is in memory, log the ingest's marks, install its tables, publish.</summary>
    Ingest,

    /// <summary>End the log cleanly; nothing is taken after it.</summary>
    Close,
}

internal enum CommitState
{
    Waiting,

    /// <summary>The waiting thread must lead the next group.</summary>
    Leads,

    /// <summary>In a group that is being committed: can no longer be cancelled.</summary>
    Taken,

    Done,
}

/// <summary>One thread's place in the commit queue. A thread that waits reuses its own; an asynchronous write has one of its own.</summary>
internal sealed class CommitRequest(EngineSignal? wakeUp)
{
    public CommitKind Kind { get; private set; }

    public BatchBuffer? Batch { get; private set; }

    public Durability Durability { get; private set; }

    /// <summary>Guarded by the queue's lock until the request is taken.</summary>
    public CommitState State { get; set; }

    public CommitRequest? Next { get; set; }

    /// <summary>The last sequence of the batch once it is done.</summary>
    public ulong Sequence { get; set; }

    public Exception? Failure { get; set; }

    /// <summary>What must hold for the batch to be written; null: nothing.</summary>
    public ConditionList? Conditions { get; private set; }

    /// <summary>The first condition that did not hold; negative: all did.</summary>
    public int FailedCondition { get; set; } = -1;

    /// <summary>What the failed condition met: the sequence of the key's entry, 0 when it is absent.</summary>
    public ulong ActualVersion { get; set; }

    /// <summary>Completed instead of a signal when the writer awaits; null when a thread waits.</summary>
    public TaskCompletionSource<ulong>? Completion { get; private set; }

    public CommitRequest Set(
        CommitKind kind,
        BatchBuffer? batch,
        Durability durability,
        TaskCompletionSource<ulong>? completion = null,
        ConditionList? conditions = null)
    {
        Conditions = conditions;
        FailedCondition = -1;
        ActualVersion = 0;
        Kind = kind;
        Batch = batch;
        Durability = durability;
        Completion = completion;
        State = CommitState.Waiting;
        Next = null;
        Sequence = 0;
        Failure = null;
        if (Recorded.Count > 0) Recorded = [];
        Install = null;
        return this;
    }

    /// <summary>Lets go of what the writer gave and got, so that an idle request holds nothing.</summary>
    public void Clear()
    {
        Batch = null;
        Conditions = null;
        Completion = null;
        Failure = null;
        Install = null;
        if (Recorded.Count > 0) Recorded = [];
    }

    /// <summary>Installs an ingest's tables at a sequence; called by the leader.</summary>
    public Action<ulong>? Install { get; set; }

    /// <summary>Maps whose names this write records.</summary>
    public IReadOnlyList<MapIdentity> Recorded { get; private set; } = [];

    /// <summary>The leader put the names of maps in front of the writer's batch.</summary>
    public void Record(BatchBuffer withNames, IReadOnlyList<MapIdentity> recorded)
    {
        Batch = withNames;
        Recorded = recorded;
    }

    public void WakeUp() => wakeUp!.Set();

    /// <summary>Waits for the lead or the end.</summary>
    public void Wait(bool isLong)
    {
        if (isLong) wakeUp!.WaitLong();
        else wakeUp!.Wait();
    }

    /// <summary>Tells the writer how it ended; the request may be reused at once.</summary>
    public void Complete()
    {
        if (Completion is null) WakeUp();
        else if (Failure is null) Completion.TrySetResult(Sequence);
        else Completion.TrySetException(Failure);
    }
}

/// <summary>How a write ended that did not fail.</summary>
/// <param name="Sequence">The last sequence of the batch.</param>
/// <param name="FailedCondition">The first condition that did not hold; negative: the batch was written.</param>
/// <param name="ActualVersion">What that condition met: the sequence of the key's entry, 0 when it is absent.</param>
internal readonly record struct CommitOutcome(ulong Sequence, int FailedCondition, ulong ActualVersion)
{
    public bool IsCommitted => FailedCondition < 0;

    public static CommitOutcome Of(CommitRequest request) => new(request.Sequence, request.FailedCondition, request.ActualVersion);
}
