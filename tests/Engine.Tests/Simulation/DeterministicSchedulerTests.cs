using System.Diagnostics;
using Varve.Files;
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
    public void A_deadlock_throws_in_all_waiting_threads_and_names_them()
    {
        int reported = 0;
        int cyclic = 0;
        for (int seed = 0; seed < 20; seed++)
        {
            var scheduler = new DeterministicScheduler(seed);
            EngineLock left = scheduler.CreateLock("left");
            EngineLock right = scheduler.CreateLock("right");
            reported = 0;
            void TakeBoth(EngineLock first, EngineLock second)
            {
                try
                {
                    using (first.Hold())
                    {
                        using (second.Hold()) scheduler.SwitchPoint();
                    }
                }
                catch (DeadlockException)
                {
                    reported++;
                    throw;
                }
            }

            try
            {
                scheduler.Run(() => InParallel(scheduler, 2, i => TakeBoth(i == 0 ? left : right, i == 0 ? right : left)));
            }
            catch (DeadlockException deadlock)
            {
                cyclic++;
                Assert.Equal(2, reported);
                Assert.Contains($"seed {seed}", deadlock.Message, StringComparison.Ordinal);
                Assert.Contains("waits for lock 'left' held by #1 worker 0", deadlock.Message, StringComparison.Ordinal);
                Assert.Contains("waits for lock 'right' held by #2 worker 1", deadlock.Message, StringComparison.Ordinal);
                Assert.Contains("#0 main: waits for the end of", deadlock.Message, StringComparison.Ordinal);
            }
        }

        Assert.InRange(cyclic, 1, 19);
    }

    [Fact]
    public void The_first_exception_of_a_body_ends_the_history()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var scheduler = new DeterministicScheduler(seed);
            EngineSignal never = scheduler.CreateSignal("never");
            int waiting = 0;
            var thrown = Assert.Throws<InvalidDataException>(() => scheduler.Run(() =>
            {
                scheduler.StartThread("waits", () =>
                {
                    waiting++;
                    try
                    {
                        never.Wait();
                    }
                    finally
                    {
                        waiting--;
                    }
                });
                scheduler.StartThread("fails", () => throw new InvalidDataException("from the body"));
                never.Wait();
            }));
            Assert.Equal("from the body", thrown.Message);
            Assert.True(waiting == 0, $"seed {seed}: a thread goes on waiting");
        }
    }

    [Fact]
    public void Threads_left_over_are_reported_and_ended()
    {
        var scheduler = new DeterministicScheduler(5);
        EngineSignal never = scheduler.CreateSignal("never");
        var thrown = Assert.Throws<SimulationException>(() => scheduler.Run(() =>
            scheduler.StartThread("forgotten", () => never.Wait(TimeSpan.FromSeconds(1)))));
        Assert.Contains("forgotten: waits for signal 'never' until", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_thread_that_only_has_to_return_is_not_left_over()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var scheduler = new DeterministicScheduler(seed);
            bool ended = false;
            scheduler.Run(() => scheduler.StartThread("late", () =>
            {
                scheduler.SpinOnce();
                ended = true;
            }));
            Assert.True(ended, $"seed {seed}");
        }
    }

    [Fact]
    public void A_history_that_never_ends_is_reported_even_when_its_threads_catch_everything()
    {
        var scheduler = new DeterministicScheduler(5) { SwitchPointsMax = 10_000 };
        EngineSignal signal = scheduler.CreateSignal("tick");
        var thrown = Assert.Throws<SimulationException>(() => scheduler.Run(() =>
        {
            scheduler.StartThread("stubborn", () =>
            {
                while (true)
                {
                    try
                    {
                        signal.Wait(TimeSpan.FromSeconds(1));
                    }
                    catch (SimulationException)
                    {
                        // As an engine's thread would: note it and start over.
                    }
                }
            });
            scheduler.CreateSignal("never").Wait();
        }));
        Assert.Contains("10000 switch points", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_others_can_be_ended_as_a_dying_process_ends_them()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var scheduler = new DeterministicScheduler(seed);
            var disk = new SimulatedDisk(seed, scheduler);
            EngineSignal never = scheduler.CreateSignal("never");
            long callsAfterwards = 0;
            scheduler.Run(() =>
            {
                IFile file = disk.Open("log", FileOpening.CreateNew);
                scheduler.StartThread("writer", () =>
                {
                    while (true) file.Write("x"u8, 0);
                });
                scheduler.StartThread("waiter", () => never.Wait());
                for (int i = 0; i < 30; i++) scheduler.SpinOnce();
                SimulatedDisk found = disk.Crash(CrashMode.KeepAll);
                scheduler.EndOthers();
                callsAfterwards = disk.CallCount;
                for (int i = 0; i < 10; i++) scheduler.SpinOnce();
                Assert.Equal("x"u8.ToArray(), found.ReadAll("log"));
            });
            Assert.True(disk.CallCount == callsAfterwards, $"seed {seed}: somebody lived on");
        }
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

    private static void InParallel(DeterministicScheduler scheduler, int count, Action<int> body)
    {
        foreach (EngineThread thread in Start(scheduler, count, body)) thread.Join();
    }
}
