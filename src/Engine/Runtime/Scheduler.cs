namespace Varve.Runtime;

/// <summary>
/// The one seam for threads, waits and delays. The engine starts no thread, takes no lock across which it waits, and sleeps
/// nowhere but through it, so that a test can run a whole history on one thread at a time, in an order drawn from a seed.
/// </summary>
internal abstract class Scheduler
{
    /// <summary>The clock, also of every timed wait.</summary>
    public abstract TimeProvider Clock { get; }

    /// <summary>Makes a lock; <paramref name="name"/> says what it guards. Not re-entrant.</summary>
    public abstract EngineLock CreateLock(string name);

    /// <summary>Makes an auto-reset signal: one <see cref="EngineSignal.Set"/> releases one wait, now or the next.</summary>
    public abstract EngineSignal CreateSignal(string name);

    /// <summary>
    /// Starts a background thread. An exception that leaves <paramref name="body"/> ends the process: bodies catch their own.
    /// </summary>
    public abstract EngineThread StartThread(string name, Action body);

    /// <summary>The calling thread's work can wait a little: where processors are scarce, others go first.</summary>
    public virtual void YieldToOthers()
    {
    }

    /// <summary>A step of a spin loop: lets others run.</summary>
    public abstract void SpinOnce();

    /// <summary>True while a spin loop can gain anything: more than one core, real threads.</summary>
    public abstract bool CanSpin { get; }
}

/// <summary>A lock made by a <see cref="Scheduler"/>. Not re-entrant. Take it with <c>using (guard.Hold())</c>.</summary>
internal abstract class EngineLock
{
    public abstract void Enter();

    public abstract void Exit();

    /// <summary>True when the calling thread holds it; for invariants.</summary>
    public abstract bool IsHeld { get; }

    public Holder Hold()
    {
        Enter();
        return new Holder(this);
    }

    internal readonly ref struct Holder(EngineLock held)
    {
        public void Dispose() => held.Exit();
    }
}

/// <summary>An auto-reset signal made by a <see cref="Scheduler"/>: remembers at most one <see cref="Set"/>.</summary>
internal abstract class EngineSignal
{
    public abstract void Set();

    /// <summary>Waits for a <see cref="Set"/> and takes it.</summary>
    public abstract void Wait();

    /// <summary>The same where the wait will not be a short one: gives the core away at once.</summary>
    public virtual void WaitLong() => Wait();

    /// <summary>Waits at most <paramref name="timeout"/>; true when a <see cref="Set"/> was taken.</summary>
    public abstract bool Wait(TimeSpan timeout);
}

/// <summary>A thread started by a <see cref="Scheduler"/>.</summary>
internal abstract class EngineThread
{
    /// <summary>Waits until the thread's body has returned.</summary>
    public abstract void Join();
}
