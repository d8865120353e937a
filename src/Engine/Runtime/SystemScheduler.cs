namespace Varve.Runtime;

/// <summary>The scheduler of real life: operating-system threads, real locks, the given clock.</summary>
/// <remarks>
/// <see cref="Thread.Interrupt"/> ends no wait of the engine: a writer that left the queue while others rely on it would stop them all. The
/// interruption is passed on to the thread's next wait of its own.
/// </remarks>
/// <param name="clock">The clock.</param>
/// <param name="usesFutex">Whether signals are waited for in the kernel directly; else by monitors.</param>
internal sealed class SystemScheduler(TimeProvider clock, bool usesFutex) : Scheduler
{
    /// <summary>The best that the system has.</summary>
    public SystemScheduler(TimeProvider clock)
        : this(clock, Futex.IsSupported)
    {
    }

    /// <summary>Turns a wait takes before it blocks; a hand-over between two running threads takes a few hundred nanoseconds.</summary>
    private const int SpinsBeforeBlocking = 100;

    /// <summary>More than these would take the cores from those they wait for.</summary>
    private static readonly int SpinnersMax = Environment.ProcessorCount - 1;

    private static readonly bool SeveralCores = Environment.ProcessorCount > 1;

    private static int s_spinners;

    public override TimeProvider Clock => clock;

    public override bool CanSpin => SeveralCores;

    public override EngineLock CreateLock(string name) => new SystemLock();

    public override EngineSignal CreateSignal(string name) => usesFutex ? new FutexSignal() : new MonitorSignal();

    public override EngineThread StartThread(string name, Action body)
    {
        var thread = new Thread(() => body()) { IsBackground = true, Name = name };

        // Without the caller's execution context: whoever opened the database is not the cause of all that its threads do.
        thread.UnsafeStart();
        return new SystemThread(thread);
    }

    public override void SpinOnce() => Thread.Yield();

    /// <summary>Waits a little for the word to have the value, unless as many others do as there are cores to spare.</summary>
    internal static void Spin(ref int word, int value)
    {
        if (Volatile.Read(ref word) == value) return;
        if (Interlocked.Increment(ref s_spinners) <= SpinnersMax)
        {
            for (int i = 0; i < SpinsBeforeBlocking && Volatile.Read(ref word) != value; i++) Thread.SpinWait(10);
        }

        Interlocked.Decrement(ref s_spinners);
    }

    /// <summary>
    /// Runs a wait again when <see cref="Thread.Interrupt"/> ends it, and hands the interrupt on afterwards: half a commit would
    /// be worse.
    /// </summary>
    private static bool Uninterrupted<TState>(TState state, Func<TState, bool> wait)
    {
        bool wasInterrupted = false;
        while (true)
        {
            try
            {
                bool result = wait(state);
                if (wasInterrupted) Thread.CurrentThread.Interrupt();
                return result;
            }
            catch (ThreadInterruptedException)
            {
                wasInterrupted = true;
            }
        }
    }

    private sealed class SystemLock : EngineLock
    {
        private readonly Lock _lock = new();

        public override bool IsHeld => _lock.IsHeldByCurrentThread;

        public override void Enter()
        {
            if (!_lock.TryEnter()) Wait();
        }

        private void Wait() => Uninterrupted(_lock, static held =>
        {
            held.Enter();
            return true;
        });

        public override void Exit() => _lock.Exit();
    }

    private sealed class MonitorSignal : EngineSignal
    {
        private readonly object _gate = new();
        private int _isSet;

        public override void Set() => Uninterrupted(this, static signal =>
        {
            lock (signal._gate)
            {
                Volatile.Write(ref signal._isSet, 1);
                Monitor.Pulse(signal._gate);
                return true;
            }
        });

        public override void Wait() => Wait(Timeout.InfiniteTimeSpan);

        public override void WaitLong() =>
            Uninterrupted((Signal: this, Deadline: long.MaxValue), static wait => wait.Signal.WaitUntil(wait.Deadline));

        public override bool Wait(TimeSpan timeout)
        {
            Spin(ref _isSet, 1);

            // Whole milliseconds, rounded up: a monitor drops the rest, and a short wait would be none.
            long deadline = timeout == Timeout.InfiniteTimeSpan
                ? long.MaxValue
                : Environment.TickCount64 + (long)Math.Ceiling(timeout.TotalMilliseconds);
            return Uninterrupted((Signal: this, Deadline: deadline), static wait => wait.Signal.WaitUntil(wait.Deadline));
        }

        private bool WaitUntil(long deadline)
        {
            lock (_gate)
            {
                while (_isSet == 0)
                {
                    long left = deadline - Environment.TickCount64;
                    if (left <= 0) break;
                    Monitor.Wait(_gate, (int)Math.Min(left, int.MaxValue));
                }

                bool taken = _isSet != 0;
                _isSet = 0;
                return taken;
            }
        }
    }

    private sealed class SystemThread(Thread thread) : EngineThread
    {
        public override void Join() => Uninterrupted(thread, static joined =>
        {
            joined.Join();
            return true;
        });
    }
}
