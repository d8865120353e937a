using Varve.Files;
using Varve.Runtime;

namespace Varve.Tests.Simulation;

/// <summary>How histories end that do not end by themselves: deadlocks, failures, threads left over, a dying process.</summary>
public class DeterministicSchedulerEndTests
{
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
                scheduler.Run(() => DeterministicSchedulerTests.InParallel(
                    scheduler, 2, i => TakeBoth(i == 0 ? left : right, i == 0 ? right : left)));
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
}
