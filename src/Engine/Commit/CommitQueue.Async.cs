using Varve.Runtime;

namespace Varve.Commit;

// Writers that await, and the thread that leads for them when no other writer does.
internal sealed partial class CommitQueue
{
    /// <summary>A larger batch keeps the thread of a writer that awaits for too long.</summary>
    private const int BytesAtOnceMax = 64 << 10;

    /// <summary>Looks at whether the lead is free, each some pauses of the processor: about as long as a small commit takes.</summary>
    private const int LooksAtLead = 64;

    private const int PausesBetweenLooks = 8;

    private readonly EngineSignal _asyncLeaderWanted;
    private EngineThread? _asyncLeader;
    private bool _asyncLeaderLeads;

    /// <summary>Commits a batch for a writer that awaits. Cancelling works until a leader takes it.</summary>
    public ValueTask<ulong> RunAsync(BatchBuffer batch, Durability durability, CancellationToken cancellation)
    {
        try
        {
            if (TryRunAtOnce(batch, conditions: null, durability, out CommitOutcome outcome)) return new ValueTask<ulong>(outcome.Sequence);
        }
        catch (Exception failure)
        {
            return ValueTask.FromException<ulong>(failure);
        }

        return new ValueTask<ulong>(QueueAsync(batch, conditions: null, durability, cancellation).Completion!.Task);
    }

    /// <summary>As <see cref="TryWrite"/>, for a writer that awaits.</summary>
    public async ValueTask<CommitOutcome> TryWriteAsync(
        BatchBuffer batch, ConditionList conditions, Durability durability, CancellationToken cancellation)
    {
        if (TryRunAtOnce(batch, conditions, durability, out CommitOutcome outcome)) return outcome;
        CommitRequest request = QueueAsync(batch, conditions, durability, cancellation);
        await request.Completion!.Task.ConfigureAwait(false);
        return CommitOutcome.Of(request);
    }

    /// <summary>
    /// Commits a small batch on the writer's own thread where nothing is waited for, no sync, no pace, no memtable, and nobody leads or
    /// whoever does is done at once: the way to another thread and back takes longer than such a commit.
    /// </summary>
    private bool TryRunAtOnce(BatchBuffer batch, ConditionList? conditions, Durability durability, out CommitOutcome outcome)
    {
        outcome = default;
        if (durability == Durability.Synced || batch.Length > BytesAtOnceMax || !TryTakeLead()) return false;
        if (_isClosed || !_commit.TakesAtOnce(batch))
        {
            if (_isClosed || !_lead.TryLeave()) EndLead(own: null);
            return false;
        }

        outcome = RunAlone(CommitKind.Write, batch, conditions, durability, install: null);
        return true;
    }

    private bool TryTakeLead()
    {
        if (_lead.TryTake()) return true;
        if (!_scheduler.CanSpin) return false;
        for (int i = 0; i < LooksAtLead; i++)
        {
            Thread.SpinWait(PausesBetweenLooks);
            if (_lead.IsFree && _lead.TryTake()) return true;
        }

        return false;
    }

    /// <summary>Puts a write into the queue; its completion ends when the write has, however it ends.</summary>
    public CommitRequest QueueAsync(
        BatchBuffer batch, ConditionList? conditions, Durability durability, CancellationToken cancellation)
    {
        var completion = new TaskCompletionSource<ulong>(TaskCreationOptions.RunContinuationsAsynchronously);
        CommitRequest request = new CommitRequest(wakeUp: null).Set(CommitKind.Write, batch, durability, completion, conditions);
        using (_queueGuard.Hold())
        {
            ThrowIfClosed();
            _asyncLeader ??= _scheduler.StartThread("varve commit", LeadForAsynchronousWriters);
            Enqueue(request);
            if (_lead.TakeOrWatch()) LetAsyncLeaderLead();
        }

        if (cancellation.CanBeCanceled)
        {
            CancellationTokenRegistration registration = cancellation.Register(() => Cancel(request, cancellation));
            completion.Task.ContinueWith(
                static (_, state) => ((CancellationTokenRegistration)state!).Dispose(), registration, CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        return request;
    }

    /// <summary>Ends the thread that leads for asynchronous writers. Called once, after a close request.</summary>
    public void JoinAsyncLeader() => _asyncLeader?.Join();

    private void Cancel(CommitRequest request, CancellationToken cancellation)
    {
        using (_queueGuard.Hold())
        {
            if (request.State != CommitState.Waiting) return;

            // It keeps its place and is passed over when a leader comes to it.
            request.State = CommitState.Done;
        }

        request.Completion!.TrySetCanceled(cancellation);
    }

    private void LeadForAsynchronousWriters()
    {
        while (true)
        {
            _asyncLeaderWanted.Wait();
            while (TakesAsyncLead())
            {
                GatherGroup();
                ExecuteGroup();
                EndLead(own: null);
            }

            using (_queueGuard.Hold())
            {
                // Writers that had queued behind the close are told of it first, and whoever leads now may still want this thread.
                if (_isClosed && _lead.IsFree) return;
            }
        }
    }

    private bool TakesAsyncLead()
    {
        using (_queueGuard.Hold())
        {
            bool leads = _asyncLeaderLeads;
            _asyncLeaderLeads = false;
            return leads;
        }
    }

    private void LetAsyncLeaderLead()
    {
        _asyncLeaderLeads = true;
        _asyncLeaderWanted.Set();
    }
}
