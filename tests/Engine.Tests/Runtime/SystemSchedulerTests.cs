using System.Diagnostics;
using Varve.Runtime;

namespace Varve.Tests.Runtime;

/// <summary>On the signals of the kernel, where there are any.</summary>
public sealed class FutexSchedulerTests() : SystemSchedulerTests(Futex.IsSupported);

/// <summary>On those of the runtime, which are everywhere.</summary>
public sealed class MonitorSchedulerTests() : SystemSchedulerTests(usesFutex: false);

public abstract class SystemSchedulerTests(bool usesFutex)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly SystemScheduler _scheduler = new(TimeProvider.System, usesFutex);

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.9)]
    [InlineData(1.9)]
    public void A_timed_wait_does_not_end_early(double milliseconds)
    {
        const int Waits = 20;
        EngineSignal never = _scheduler.CreateSignal("never");
        long started = Stopwatch.GetTimestamp();
        for (int i = 0; i < Waits; i++) Assert.False(never.Wait(TimeSpan.FromMilliseconds(milliseconds)));
        double passed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        Assert.True(passed >= Waits * milliseconds, $"{Waits} waits of {milliseconds} ms took {passed} ms");
    }

    [Theory]
    [InlineData("lock")]
    [InlineData("signal")]
    [InlineData("timed signal")]
    [InlineData("join")]
    public void An_interrupt_ends_no_wait_and_is_delivered_behind_it(string kind)
    {
        EngineLock held = _scheduler.CreateLock("held");
        EngineSignal signal = _scheduler.CreateSignal("signal");
        EngineSignal ended = _scheduler.CreateSignal("ended");
        EngineThread joined = _scheduler.StartThread("joined", ended.Wait);
        Action wait = kind switch
        {
            "lock" => () => held.Hold().Dispose(),
            "signal" => signal.Wait,
            "join" => joined.Join,
            _ => () => Assert.True(signal.Wait(Patience)),
        };
        bool isLetGo = false;
        bool sawLetGo = false;
        Exception? during = null;
        Exception? behind = null;
        var thread = new Thread(() =>
        {
            during = Record.Exception(wait);
            sawLetGo = Volatile.Read(ref isLetGo);
            behind = Record.Exception(() => Thread.Sleep(Timeout.Infinite));
        });
        thread.IsBackground = true;
        held.Enter();
        thread.Start();

        // The runtime does not know of waits on a futex: there the interrupt may come before the wait.
        bool isKnown = !usesFutex || kind is "lock" or "join";
        Assert.True(SpinWait.SpinUntil(() => !isKnown || IsWaiting(thread), Patience));
        thread.Interrupt();

        Volatile.Write(ref isLetGo, true);
        held.Exit();
        signal.Set();
        ended.Set();
        Assert.True(thread.Join(Patience));
        Assert.Null(during);
        Assert.True(sawLetGo, "the wait ended before its time");
        Assert.IsType<ThreadInterruptedException>(behind);
    }

    [Fact]
    public void Every_set_releases_one_of_several_waits()
    {
        const int Threads = 4;
        const int Waits = 500;
        EngineSignal signal = _scheduler.CreateSignal("shared");
        int released = 0;
        var threads = new EngineThread[Threads];
        for (int i = 0; i < Threads; i++)
        {
            threads[i] = _scheduler.StartThread("waits", () =>
            {
                for (int wait = 0; wait < Waits; wait++)
                {
                    signal.Wait();
                    Interlocked.Increment(ref released);
                }
            });
        }

        for (int set = 1; set <= Threads * Waits; set++)
        {
            signal.Set();
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref released) == set, Patience), $"set {set} released nobody");
        }

        foreach (EngineThread thread in threads) thread.Join();
    }

    [Fact]
    public void A_wait_of_any_length_can_be_asked_for()
    {
        EngineSignal signal = _scheduler.CreateSignal("long");
        EngineThread thread = _scheduler.StartThread("sets", signal.Set);
        Assert.True(signal.Wait(TimeSpan.MaxValue));
        thread.Join();
    }

    [Fact]
    public void A_signal_remembers_one_set_for_one_wait()
    {
        EngineSignal signal = _scheduler.CreateSignal("once");
        signal.Set();
        signal.Set();
        Assert.True(signal.Wait(TimeSpan.FromMinutes(1)));
        Assert.False(signal.Wait(TimeSpan.Zero));
    }

    [Fact]
    public void A_set_ends_the_wait_of_another_thread()
    {
        EngineSignal asked = _scheduler.CreateSignal("asked");
        EngineSignal answered = _scheduler.CreateSignal("answered");
        EngineThread thread = _scheduler.StartThread("answers", () =>
        {
            for (int i = 0; i < 100; i++)
            {
                asked.Wait();
                answered.Set();
            }
        });
        for (int i = 0; i < 100; i++)
        {
            asked.Set();
            Assert.True(answered.Wait(TimeSpan.FromMinutes(1)));
        }

        thread.Join();
    }

    private static bool IsWaiting(Thread thread) => thread.ThreadState.HasFlag(System.Threading.ThreadState.WaitSleepJoin);
}
