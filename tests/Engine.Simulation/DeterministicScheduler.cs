using System.Runtime.ExceptionServices;
using System.Text;
using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>
/// Runs the threads of a history one at a time, in an order drawn from a seed: the same seed gives the same order. The right to
/// run changes hands only at switch points: lock, signal, thread start and join, spin step, and every call on a
/// <see cref="SimulatedDisk"/> made with this scheduler. Time is virtual and passes only when nobody can run otherwise (and by a
/// microsecond per spin step).
/// </summary>
/// <remarks>
/// The threads are real ones, so that stacks and thread-local state are, but between two switch points nothing runs beside the
/// one that has the right; its hand-over orders memory. Everything but <see cref="SwitchPoint"/> and the making of locks and
/// signals must be called from within <see cref="Run"/>.
/// </remarks>
internal sealed partial class DeterministicScheduler : Scheduler
{
    private static readonly TimeSpan SpinStep = TimeSpan.FromMicroseconds(1);

    [ThreadStatic]
    private static SimulatedThread? _current;

    private readonly int _seed;
    private readonly Random _random;
    private readonly int _switchChance;
    private readonly List<SimulatedThread> _threads = [];
    private readonly List<SimulatedThread> _runnable = [];
    private long _earliestDeadline = SimulatedThread.Never;
    private ExceptionDispatchInfo? _failure;
    private bool _isAborting;

    public DeterministicScheduler(int seed)
    {
        _seed = seed;
        _random = new Random(seed);

        // Some errors need many switches, some a thread that runs far ahead of the others: the seed decides how restless this run is.
        _switchChance = _random.Next(4) switch { 0 => 1, 1 => 3, 2 => 10, _ => 40 };
    }

    public override ManualClock Clock { get; } = new();

    public override bool CanSpin => false;

    /// <summary>Switch points passed. Beyond <see cref="SwitchPointsMax"/> the history is taken for one that never ends.</summary>
    public long SwitchPointCount { get; private set; }

    public long SwitchPointsMax { get; init; } = 5_000_000;

    /// <summary>Switch points at which the right to run went to another thread.</summary>
    public long HandOverCount { get; private set; }

    /// <summary>A hash over the order in which threads ran: equal for equal seeds and histories.</summary>
    public ulong TraceHash { get; private set; } = 14695981039346656037;

    /// <summary>What the engine takes of native memory on the threads of a run; null: not looked at.</summary>
    public SimulatedMemory? Memory { get; init; }

    /// <summary>The one whose history the calling thread belongs to; null: none.</summary>
    public static DeterministicScheduler? OfThisThread => _current?.Scheduler;

    public override EngineLock CreateLock(string name) => new SimulatedLock(this, name);

    public override EngineSignal CreateSignal(string name) => new SimulatedSignal(this, name);

    /// <summary>
    /// Runs a history on the calling thread and the threads that it starts, to its end. Throws the first exception that left a
    /// body; a deadlock; or the list of threads that had not ended when <paramref name="main"/> had and nobody could run.
    /// </summary>
    public void Run(Action main)
    {
        if (_current is not null) throw new InvalidOperationException("A history runs on this thread already.");
        _threads.Clear();
        _runnable.Clear();
        _failure = null;
        _isAborting = false;
        _earliestDeadline = SimulatedThread.Never;
        _switchPointsAtAbort = long.MaxValue - SwitchPointsToUnwind;
        SimulatedThread thread = AddThread("main", Baton.OfThread);
        _current = thread;
        try
        {
            RunBody(thread, main);
            LetOthersEnd(thread);
        }
        finally
        {
            thread.HasEnded = true;
            _current = null;
        }

        _failure?.Throw();
    }

    public override EngineThread StartThread(string name, Action body)
    {
        SimulatedThread starter = Current();
        ThrowIfUnwinding(starter);
        SimulatedThread? started = null;
        started = AddThread(name, SimulationThreads.Prepare(name, () => RunThread(started!, body)));
        Yield(starter);
        return started;
    }

    public override void SpinOnce()
    {
        SimulatedThread current = Current();
        Clock.Advance(SpinStep);
        Yield(current, toAnother: true);
        ThrowIfUnwinding(current);
    }

    /// <summary>Lets another thread run, or not. Does nothing on a thread that belongs to no history.</summary>
    public void SwitchPoint()
    {
        if (_current is { } current && current.Scheduler == this) Yield(current);
    }

    /// <summary>
    /// The process dies, but for the calling thread: every other thread's waits throw until its body has ended. For a history
    /// that goes on with a new engine after a crash. Crash the disk first, so that they change nothing on their way out.
    /// </summary>
    public void EndOthers()
    {
        SimulatedThread current = Current();
        UnwindOthers(current, "The process was killed.");
        while (HasOthers(current)) Yield(current, toAnother: true);
    }

    internal void Join(SimulatedThread thread)
    {
        SimulatedThread current = Current();
        Yield(current);
        ThrowIfUnwinding(current);
        while (!thread.HasEnded) Block(current, thread, SimulatedThread.Never);
    }

    private static void ThrowIfUnwinding(SimulatedThread current)
    {
        if (current.UnwindReason is null) return;
        current.UnwindCount++;
        throw current.UnwindReason.StartsWith(DeadlockTitle, StringComparison.Ordinal)
            ? new DeadlockException(current.UnwindReason)
            : new SimulationException(current.UnwindReason);
    }

    private SimulatedThread Current()
    {
        if (_current is { } current && current.Scheduler == this) return current;
        throw new InvalidOperationException("Locks, signals and threads of a simulated history belong to the threads within Run.");
    }

    private SimulatedThread AddThread(string name, Baton baton)
    {
        var thread = new SimulatedThread(this, _threads.Count, name, baton);
        _threads.Add(thread);
        _runnable.Add(thread);
        return thread;
    }

    private void RunThread(SimulatedThread thread, Action body)
    {
        _current = thread;
        if (thread.UnwindReason is null) RunBody(thread, body);
        _current = null;
        End(thread);
    }

    private void RunBody(SimulatedThread thread, Action body)
    {
        try
        {
            body();
        }
        catch (Exception) when (thread.UnwindReason is not null)
        {
            // It was told to end, and whoever told it has recorded why; what it throws on its way out is a consequence.
        }
        catch (SimulatedPowerCutException) when (thread.Id != 0)
        {
            // With its machine, not by a failure.
        }
        catch (Exception exception)
        {
            _failure ??= ExceptionDispatchInfo.Capture(exception);
            Abort(thread, $"Thread {thread.Name} failed: {exception.Message}");
        }
    }

    // As at the end of a process, nobody waits for what is left; but a thread that only has to return gets the time to.
    private void LetOthersEnd(SimulatedThread main)
    {
        while (HasOthers(main) && _runnable.Count > 1) Yield(main, toAnother: true);
        if (HasOthers(main)) Abort(main, Describe("Threads are left over at the end of the history"));
        while (HasOthers(main)) Yield(main, toAnother: true);
    }

    private bool HasOthers(SimulatedThread current)
    {
        foreach (SimulatedThread thread in _threads)
        {
            if (thread != current && !thread.HasEnded) return true;
        }

        return false;
    }

    private void Abort(SimulatedThread current, string reason)
    {
        if (!_isAborting) _switchPointsAtAbort = SwitchPointCount;
        _isAborting = true;
        _failure ??= ExceptionDispatchInfo.Capture(
            reason.StartsWith(DeadlockTitle, StringComparison.Ordinal) ? new DeadlockException(reason) : new SimulationException(reason));
        UnwindOthers(current, reason);
    }

    private void UnwindOthers(SimulatedThread current, string reason)
    {
        foreach (SimulatedThread thread in _threads)
        {
            if (thread == current || thread.HasEnded) continue;
            thread.UnwindReason ??= reason;
            MakeRunnable(thread);
        }
    }

    private string Describe(string title)
    {
        var text = new StringBuilder().Append(title).Append(" (seed ").Append(_seed).Append("):");
        foreach (SimulatedThread thread in _threads) text.Append("\n  ").Append(thread);
        return text.ToString();
    }
}
