namespace Varve.Runtime;

/// <summary>The scheduler of real life: operating-system threads, real locks, the given clock.</summary>
internal sealed class SystemScheduler(TimeProvider clock) : Scheduler
{
    /// <summary>Turns a wait takes before it blocks; a hand-over between two running threads takes a few hundred nanoseconds.</summary>
    private const int SpinsBeforeBlocking = 100;

    private static readonly bool SeveralCores = Environment.ProcessorCount > 1;

    public override TimeProvider Clock => clock;

    public override bool CanSpin => SeveralCores;

    public override EngineLock CreateLock(string name) => new SystemLock();

    public override EngineSignal CreateSignal(string name) => new SystemSignal();

    public override EngineThread StartThread(string name, Action body)
    {
        var thread = new Thread(() => body()) { IsBackground = true, Name = name };
        thread.Start();
        return new SystemThread(thread);
    }

    public override void SpinOnce() => Thread.SpinWait(1);

    private sealed class SystemLock : EngineLock
    {
        private readonly Lock _lock = new();

        public override bool IsHeld => _lock.IsHeldByCurrentThread;

        public override void Enter() => _lock.Enter();

        public override void Exit() => _lock.Exit();
    }

    private sealed class SystemSignal : EngineSignal
    {
        private readonly object _gate = new();
        private bool _isSet;

        public override void Set()
        {
            lock (_gate)
            {
                Volatile.Write(ref _isSet, true);
                Monitor.Pulse(_gate);
            }
        }

        public override void Wait() => Wait(Timeout.InfiniteTimeSpan);

        public override bool Wait(TimeSpan timeout)
        {
            Spin();
            lock (_gate)
            {
                long started = Environment.TickCount64;
                while (!_isSet)
                {
                    if (timeout == Timeout.InfiniteTimeSpan)
                    {
                        Monitor.Wait(_gate);
                        continue;
                    }

                    TimeSpan left = timeout - TimeSpan.FromMilliseconds(Environment.TickCount64 - started);

                    // A monitor counts whole milliseconds and drops the rest: rounded up, or a short wait would be none.
                    left = TimeSpan.FromMilliseconds(Math.Ceiling(left.TotalMilliseconds));
                    if (left <= TimeSpan.Zero || !Monitor.Wait(_gate, left)) break;
                }

                bool taken = _isSet;
                _isSet = false;
                return taken;
            }
        }

        private void Spin()
        {
            if (!SeveralCores) return;
            for (int i = 0; i < SpinsBeforeBlocking && !Volatile.Read(ref _isSet); i++) Thread.SpinWait(10);
        }
    }

    private sealed class SystemThread(Thread thread) : EngineThread
    {
        public override void Join() => thread.Join();
    }
}
