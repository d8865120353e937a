using Varve.Runtime;

namespace Varve.Compaction;

/// <summary>Lets any number of threads wait for a condition on upkeep's state, which each change of that state checks anew.</summary>
internal sealed class UpkeepSignals(Scheduler scheduler)
{
    private readonly EngineLock _waitersGuard = scheduler.CreateLock("upkeep waiters");
    private readonly List<EngineSignal> _waiters = [];

    /// <summary>Something changed: everybody looks again.</summary>
    public void Raise()
    {
        using (_waitersGuard.Hold())
        {
            foreach (EngineSignal waiter in _waiters) waiter.Set();
        }
    }

    /// <summary>Returns when the condition holds; what it throws ends the wait.</summary>
    public void WaitUntil(Func<bool> condition)
    {
        if (condition()) return;
        EngineSignal signal = scheduler.CreateSignal("upkeep waiter");
        using (_waitersGuard.Hold()) _waiters.Add(signal);
        try
        {
            while (!condition()) signal.Wait();
        }
        finally
        {
            using (_waitersGuard.Hold()) _waiters.Remove(signal);
        }
    }
}
