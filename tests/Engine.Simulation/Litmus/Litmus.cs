using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>
/// A concurrent protocol in many short rounds: threads begin together, each does its part, then one checks what is left. Every kind of
/// litmus also runs on a broken copy of its protocol, which it must catch (<see cref="LitmusList"/>).
/// </summary>
/// <param name="scheduler">Whose threads run it.</param>
internal abstract class Litmus(Scheduler scheduler) : IDisposable
{
    protected Scheduler Scheduler => scheduler;

    /// <summary>Called between the steps of a protocol, where another thread hurts most: it may let one run.</summary>
    public required Action Seam { get; init; }

    public abstract int ThreadCount { get; }

    /// <summary>Before the threads of a round begin.</summary>
    public virtual void Prepare()
    {
    }

    /// <summary>A thread's part of a round. Throws <see cref="HistoryViolationException"/> for what must not be.</summary>
    public abstract void Run(int thread, Random random);

    /// <summary>When all threads have ended their part.</summary>
    public virtual void Check()
    {
    }

    public virtual void Dispose()
    {
    }

    protected static void Holds(bool condition, string violation)
    {
        if (!condition) throw new HistoryViolationException(violation);
    }
}

/// <summary>Makes a litmus for the threads of a scheduler.</summary>
internal delegate Litmus LitmusMaker(Scheduler scheduler, Action seam);
