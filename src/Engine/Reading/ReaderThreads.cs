using Varve.Runtime;

namespace Varve.Reading;

/// <summary>
/// The engine's own threads for reads that wait for the disk: started when first needed, kept until the store closes. Jobs are taken in the
/// order in which they came. Safe for concurrent use.
/// </summary>
/// <remarks>A device answers 24 k reads/s to one thread and 74 k to eight; more gain little.</remarks>
internal sealed class ReaderThreads
{
    public const int CountMax = 8;

    private readonly Scheduler _scheduler;
    private readonly EngineLock _queueGuard;
    private readonly EngineSignal _jobWaits;
    private readonly List<EngineThread> _threads = [];
    private ReadJob? _first;
    private ReadJob? _last;
    private int _idleCount;

    /// <summary>Runs that have not begun.</summary>
    private int _waitingRuns;
    private bool _isStopped;

    public ReaderThreads(Scheduler scheduler)
    {
        _scheduler = scheduler;
        _queueGuard = scheduler.CreateLock("read queue");
        _jobWaits = scheduler.CreateSignal("read job waits");
    }

    /// <summary>Makes what a caller waits by that helps with its own job.</summary>
    public EngineSignal CreateSignal() => _scheduler.CreateSignal("read job done");

    /// <summary>Has the job run so many times, beside each other where threads are free. False when the store closes.</summary>
    public bool TryPost(ReadJob job, int runs)
    {
        using (_queueGuard.Hold())
        {
            if (_isStopped) return false;
            job.RunsWanted = runs;
            Append(job);
            for (int missing = _waitingRuns - _idleCount; missing > 0 && _threads.Count < CountMax; missing--)
                _threads.Add(_scheduler.StartThread("varve reader", Work));
        }

        _jobWaits.Set();
        return true;
    }

    /// <summary>Takes back the runs that have not begun, and waits for the end of those that have.</summary>
    /// <param name="job">A job that was posted; it may be posted again afterwards.</param>
    /// <param name="done">The job's own signal.</param>
    public void Withdraw(ReadJob job, EngineSignal done)
    {
        using (_queueGuard.Hold())
        {
            Remove(job);
            if (job.RunsUnderWay == 0) return;
            job.Done = done;
        }

        done.Wait();
        job.Done = null;
    }

    /// <summary>Lets the threads finish what was posted, and ends them. Called once.</summary>
    public void Stop()
    {
        EngineThread[] threads;
        using (_queueGuard.Hold())
        {
            _isStopped = true;
            threads = [.. _threads];
        }

        _jobWaits.Set();
        foreach (EngineThread thread in threads) thread.Join();
    }

    private void Work()
    {
        while (true)
        {
            ReadJob? job;
            bool isMore;
            using (_queueGuard.Hold())
            {
                job = TakeRun();
                isMore = _first is not null || (job is null && _isStopped);
                if (job is null) _idleCount++;
            }

            // One signal wakes one thread; each one that wakes sees to the next.
            if (isMore) _jobWaits.Set();
            if (job is null)
            {
                if (isMore) return;
                _jobWaits.Wait();
                using (_queueGuard.Hold()) _idleCount--;
                continue;
            }

            job.Run();
            EndRun(job);
        }
    }

    private void EndRun(ReadJob job)
    {
        EngineSignal? done;
        using (_queueGuard.Hold()) done = --job.RunsUnderWay == 0 ? job.Done : null;
        done?.Set();
    }

    private ReadJob? TakeRun()
    {
        ReadJob? job = _first;
        if (job is null) return null;
        job.RunsUnderWay++;
        job.RunsWanted--;
        _waitingRuns--;
        if (job.RunsWanted == 0) Remove(job);
        return job;
    }

    private void Append(ReadJob job)
    {
        _waitingRuns += job.RunsWanted;
        if (_last is null) _first = job;
        else _last.Next = job;
        _last = job;
    }

    /// <summary>Takes the job out of the queue, if it is there.</summary>
    private void Remove(ReadJob removed)
    {
        ReadJob? before = null;
        ReadJob? job = _first;
        while (job is not null && !ReferenceEquals(job, removed))
        {
            before = job;
            job = job.Next;
        }

        if (job is null) return;
        if (before is null) _first = job.Next;
        else before.Next = job.Next;
        if (ReferenceEquals(_last, job)) _last = before;
        _waitingRuns -= job.RunsWanted;
        job.Next = null;
    }
}

/// <summary>Work for <see cref="ReaderThreads"/>, whose lock guards the fields.</summary>
internal abstract class ReadJob
{
    internal ReadJob? Next { get; set; }

    internal int RunsWanted { get; set; }

    internal int RunsUnderWay { get; set; }

    internal EngineSignal? Done { get; set; }

    /// <summary>Does the work, or a part of it that no other run has taken. Throws nothing: failures are the job's to keep.</summary>
    public abstract void Run();
}
