using System.Diagnostics;
using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>Who runs next; locks and signals. All state belongs to the thread that has the right to run.</summary>
internal sealed partial class DeterministicScheduler
{
    private const string DeadlockTitle = "Every thread waits for another";

    /// <summary>A thread that goes on waiting although its waits throw is left behind after so many of them.</summary>
    private const int UnwindCountMax = 100;

    /// <summary>Switch points that the threads of an aborted history have left to end.</summary>
    private const long SwitchPointsToUnwind = 200_000;

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    private long _switchPointsAtAbort = long.MaxValue - SwitchPointsToUnwind;

    // The calling thread could go on: perhaps another runs first.
    private void Yield(SimulatedThread current, bool toAnother = false)
    {
        CountSwitchPoint(current);
        WakeDue();
        if (_runnable.Count == 1 || (!toAnother && _random.Next(_switchChance) != 0)) return;
        int index = _random.Next(_runnable.Count);
        if (toAnother && _runnable[index] == current) index = (index + 1) % _runnable.Count;
        if (_runnable[index] != current) HandOver(current, _runnable[index]);
    }

    // The calling thread cannot go on until it is released, or its deadline passes.
    private void Block(SimulatedThread current, IWaitable waitsFor, long deadline)
    {
        CountSwitchPoint(current);
        ThrowIfUnwinding(current);
        current.WaitsFor = waitsFor;
        current.Deadline = deadline;
        _earliestDeadline = Math.Min(_earliestDeadline, deadline);
        _runnable.Remove(current);
        SimulatedThread next = NextRunnable(current);
        if (next != current) HandOver(current, next);
        ThrowIfUnwinding(current);
    }

    private void Release(IWaitable awaited)
    {
        foreach (SimulatedThread thread in _threads)
        {
            if (thread.WaitsFor == awaited) MakeRunnable(thread);
        }
    }

    private void MakeRunnable(SimulatedThread thread)
    {
        if (thread.WaitsFor is null) return;
        thread.WaitsFor = null;
        thread.Deadline = SimulatedThread.Never;
        _runnable.Add(thread);
    }

    // The last act of a thread's own: it gives the right to run away and does not ask for it back.
    private void End(SimulatedThread current)
    {
        current.HasEnded = true;
        _runnable.Remove(current);
        Release(current);
        SimulatedThread next = NextRunnable(current);
        RecordHandOver(next);
        next.Baton.Give();
    }

    private SimulatedThread NextRunnable(SimulatedThread current)
    {
        WakeDue();
        while (_runnable.Count == 0 && _earliestDeadline != SimulatedThread.Never)
        {
            Clock.Advance(TimeSpan.FromTicks(Math.Max(0, _earliestDeadline - Clock.GetTimestamp())));
            WakeDue();
        }

        if (_runnable.Count == 0)
        {
            string report = Describe(DeadlockTitle);
            Abort(current, report);
            if (!current.HasEnded)
            {
                current.UnwindReason = report;
                MakeRunnable(current);
            }
        }

        return _runnable[_random.Next(_runnable.Count)];
    }

    private void WakeDue()
    {
        long now = Clock.GetTimestamp();
        if (now < _earliestDeadline) return;
        _earliestDeadline = SimulatedThread.Never;
        foreach (SimulatedThread thread in _threads)
        {
            if (thread.Deadline <= now) MakeRunnable(thread);
            else _earliestDeadline = Math.Min(_earliestDeadline, thread.Deadline);
        }
    }

    private void HandOver(SimulatedThread current, SimulatedThread next)
    {
        RecordHandOver(next);
        next.Baton.Give();
        Park(current);
    }

    // A thread that has the right to run and blocks outside the scheduler, on a plain lock that a parked thread holds across a
    // switch point, would hang the tests for ever and say nothing.
    private void Park(SimulatedThread current)
    {
        long before = SwitchPointCount;
        while (!current.Baton.Take(Patience))
        {
            if (SwitchPointCount == before && !Debugger.IsAttached)
                Environment.FailFast(Describe($"No switch point for {Patience}: a thread blocks outside the scheduler"));
            before = SwitchPointCount;
        }
    }

    private void RecordHandOver(SimulatedThread next)
    {
        HandOverCount++;
        TraceHash = (TraceHash ^ ((ulong)SwitchPointCount << 8) ^ (ulong)next.Id) * 1099511628211;
    }

    private void CountSwitchPoint(SimulatedThread current)
    {
        SwitchPointCount++;
        if (!_isAborting && SwitchPointCount > SwitchPointsMax)
        {
            string report = Describe($"The history did not end within {SwitchPointsMax} switch points");
            Abort(current, report);
            current.UnwindReason = report;
        }

        bool isStubborn = current.UnwindCount > UnwindCountMax || SwitchPointCount > _switchPointsAtAbort + SwitchPointsToUnwind;
        if (!isStubborn || current.UnwindReason is null || current.Id == 0) return;

        // It catches what its waits throw and starts over. Left parked for good, it harms nobody.
        End(current);
        Thread.Sleep(Timeout.Infinite);
    }

    private sealed class SimulatedLock(DeterministicScheduler scheduler, string name) : EngineLock, IWaitable
    {
        private SimulatedThread? _owner;

        public override bool IsHeld => _owner is not null && _owner == _current;

        public string Description => _owner is null ? $"lock '{name}'" : $"lock '{name}' held by #{_owner.Id} {_owner.Name}";

        public override void Enter()
        {
            SimulatedThread current = scheduler.Current();
            scheduler.Yield(current);
            ThrowIfUnwinding(current);
            if (_owner == current) throw new InvalidOperationException($"Lock '{name}' is held by this thread already.");
            while (_owner is not null) scheduler.Block(current, this, SimulatedThread.Never);
            _owner = current;
        }

        public override void Exit()
        {
            SimulatedThread current = scheduler.Current();
            if (_owner != current) throw new InvalidOperationException($"Lock '{name}' is not held by this thread.");
            _owner = null;
            scheduler.Release(this);
            scheduler.Yield(current);
        }
    }

    private sealed class SimulatedSignal(DeterministicScheduler scheduler, string name) : EngineSignal, IWaitable
    {
        private bool _isSet;

        public string Description => $"signal '{name}'";

        public override void Set()
        {
            SimulatedThread current = scheduler.Current();
            _isSet = true;

            // All that wait wake up; the first to run takes it, the others wait again.
            scheduler.Release(this);
            scheduler.Yield(current);
        }

        public override void Wait() => Wait(Timeout.InfiniteTimeSpan);

        public override bool Wait(TimeSpan timeout)
        {
            SimulatedThread current = scheduler.Current();
            long now = scheduler.Clock.GetTimestamp();
            bool isTimed = timeout != Timeout.InfiniteTimeSpan && timeout.Ticks < SimulatedThread.Never - now;
            long deadline = isTimed ? now + timeout.Ticks : SimulatedThread.Never;
            scheduler.Yield(current);
            ThrowIfUnwinding(current);
            while (!_isSet)
            {
                if (scheduler.Clock.GetTimestamp() >= deadline) return false;
                scheduler.Block(current, this, deadline);
            }

            _isSet = false;
            return true;
        }
    }
}
