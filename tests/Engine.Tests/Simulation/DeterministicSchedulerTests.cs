using System.Diagnostics;
using Varve.Runtime;

namespace Varve.Tests.Simulation;

public class DeterministicSchedulerTests
{
    [Fact]
    public void Equal_seeds_give_equal_orders_and_others_differ()
    {
        var traces = new HashSet<ulong>();
        for (int seed = 0; seed < 20; seed++)
        {
            (ulong trace, string order) = RunCounters(seed);
            (ulong again, string orderAgain) = RunCounters(seed);
            Assert.True(trace == again && order == orderAgain, $"seed {seed}: {order} then {orderAgain}");
            traces.Add(trace);
        }

        Assert.True(traces.Count >= 18, $"Only {traces.Count} orders in 20 seeds.");
    }

    [Fact]
    public void One_thread_runs_at_a_time()
    {
        for (int seed = 0; seed < 10; seed++)
        {
            var scheduler = new DeterministicScheduler(seed);
            int running = 0;
            int most = 0;
            scheduler.Run(() => InParallel(scheduler, 4, _ =>
            {
                for (int i = 0; i < 50; i++)
                {
                    most = Math.Max(most, Interlocked.Increment(ref running));
                    Thread.SpinWait(100);
                    Interlocked.Decrement(ref running);
                    scheduler.SwitchPoint();
                }
            }));
            Assert.True(most == 1, $"seed {seed}: {most} threads at once");
        }
    }

    [Fact]
    public void A_lost_update_is_found_by_some_seed_and_by_the_same_one_again()
    {
        int Count(int seed, bool locks)
        {
            var scheduler = new DeterministicScheduler(seed);
            EngineLock guard = scheduler.CreateLock("count");
            int count = 0;
            scheduler.Run(() => InParallel(scheduler, 3, _ =>
            {
                for (int i = 0; i < 10; i++)
                {
                    if (locks) guard.Enter();
                    int read = count;
                    scheduler.SwitchPoint();
                    count = read + 1;
                    if (locks) guard.Exit();
                }
            }));
            return count;
        }

        int found = 0;
        for (int seed = 0; seed < 20; seed++)
        {
            int unguarded = Count(seed, locks: false);
            if (unguarded < 30) found++;
            Assert.True(unguarded == Count(seed, locks: false), $"seed {seed} does not repeat");
            Assert.True(Count(seed, locks: true) == 30, $"seed {seed}: the lock lets two threads in");
        }

        Assert.True(found >= 10, $"Only {found} of 20 seeds find it.");
    }

    [Fact]
    public void A_set_signal_releases_one_wait_now_or_later()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var scheduler = new DeterministicScheduler(seed);
            EngineSignal signal = scheduler.CreateSignal("work");
            int taken = 0;
            scheduler.Run(() =>
            {
                signal.Set();
                signal.Set();
                signal.Wait();
                Assert.False(signal.Wait(TimeSpan.Zero), $"seed {seed}: two sets released two waits");
                EngineThread[] waiters = Start(scheduler, 2, _ =>
                {
                    signal.Wait();
                    taken++;
                });
                signal.Set();
                while (taken < 1) scheduler.SpinOnce();
                for (int i = 0; i < 20; i++) scheduler.SpinOnce();
                Assert.True(taken == 1, $"seed {seed}: one set released {taken} waits");
                signal.Set();
                foreach (EngineThread waiter in waiters) waiter.Join();
            });
            Assert.Equal(2, taken);
        }
    }

    [Fact]
    public void A_timed_wait_ends_on_virtual_time_at_once()
    {
        var scheduler = new DeterministicScheduler(1);
        EngineSignal never = scheduler.CreateSignal("never");
        var ends = new List<string>();
        long started = Stopwatch.GetTimestamp();
        scheduler.Run(() =>
        {
            DateTimeOffset start = scheduler.Clock.GetUtcNow();
            EngineThread slow = scheduler.StartThread("slow", () =>
            {
                Assert.False(never.Wait(TimeSpan.FromHours(2)));
                ends.Add("slow");
            });
            Assert.False(never.Wait(TimeSpan.FromHours(1)));
            ends.Add("fast");
            slow.Join();
            Assert.InRange((scheduler.Clock.GetUtcNow() - start).TotalHours, 2, 2.001);
        });
        Assert.Equal(["fast", "slow"], ends);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromMinutes(1));
    }

    [Fact]
    public void A_wait_that_was_released_leaves_no_deadline_behind()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var scheduler = new DeterministicScheduler(seed);
            EngineSignal signal = scheduler.CreateSignal("work");
            scheduler.Run(() =>
            {
                EngineThread waiter = scheduler.StartThread("waiter", () =>
                {
                    Assert.True(signal.Wait(TimeSpan.FromSeconds(1)), $"seed {seed}");
                    Assert.False(signal.Wait(TimeSpan.FromSeconds(5)), $"seed {seed}");
                });
                signal.Set();
                waiter.Join();
            });
            double seconds = TimeSpan.FromTicks(scheduler.Clock.GetTimestamp()).TotalSeconds;
            Assert.True(seconds is >= 5 and < 5.01, $"seed {seed}: {seconds} s");
        }
    }

    [Fact]
    public void A_spin_loop_lets_time_pass()
    {
        var scheduler = new DeterministicScheduler(1);
        EngineSignal never = scheduler.CreateSignal("never");
        bool done = false;
        scheduler.Run(() =>
        {
            EngineThread sleeper = scheduler.StartThread("sleeper", () => done = !never.Wait(TimeSpan.FromMicroseconds(100)));
            while (!done) scheduler.SpinOnce();
            sleeper.Join();
        });
        Assert.InRange(scheduler.Clock.GetTimestamp(), 1_000, 10_000);
    }

    [Fact]
    public void A_disk_call_is_a_switch_point()
    {
        var orders = new HashSet<string>();
        for (int seed = 0; seed < 20; seed++)
        {
            var scheduler = new DeterministicScheduler(seed);
            var disk = new SimulatedDisk(0, scheduler);
            string order = "";
            scheduler.Run(() => InParallel(scheduler, 2, i =>
            {
                for (int n = 0; n < 5; n++)
                {
                    disk.FileExists("x");
                    order += i;
                }
            }));
            orders.Add(order);
        }

        Assert.True(orders.Count > 5, $"Only {orders.Count} orders in 20 seeds.");
    }

    [Fact]
    public void A_lock_is_not_re_entrant_and_only_its_holder_lets_it_go()
    {
        var scheduler = new DeterministicScheduler(1);
        EngineLock guard = scheduler.CreateLock("guard");
        scheduler.Run(() =>
        {
            Assert.False(guard.IsHeld);
            using (guard.Hold())
            {
                Assert.True(guard.IsHeld);
                Assert.Throws<InvalidOperationException>(guard.Enter);
            }

            Assert.Throws<InvalidOperationException>(guard.Exit);
        });
        Assert.Throws<InvalidOperationException>(guard.Enter);
    }

    private static (ulong Trace, string Order) RunCounters(int seed)
    {
        var scheduler = new DeterministicScheduler(seed);
        EngineLock guard = scheduler.CreateLock("order");
        EngineSignal signal = scheduler.CreateSignal("tick");
        string order = "";
        scheduler.Run(() => InParallel(scheduler, 4, i =>
        {
            for (int n = 0; n < 10; n++)
            {
                using (guard.Hold()) order += i;
                signal.Set();
                signal.Wait(TimeSpan.FromMilliseconds(i + 1));
            }
        }));
        return (scheduler.TraceHash, order);
    }

    private static EngineThread[] Start(DeterministicScheduler scheduler, int count, Action<int> body)
    {
        var threads = new EngineThread[count];
        for (int i = 0; i < count; i++)
        {
            int index = i;
            threads[i] = scheduler.StartThread($"worker {index}", () => body(index));
        }

        return threads;
    }

    internal static void InParallel(DeterministicScheduler scheduler, int count, Action<int> body)
    {
        foreach (EngineThread thread in Start(scheduler, count, body)) thread.Join();
    }
}
