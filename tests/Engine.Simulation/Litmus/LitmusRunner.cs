using System.Diagnostics;
using Varve.Runtime;

namespace Varve.Simulation;

/// <summary>Runs a litmus: on real threads for a time, or on simulated ones for a range of seeds.</summary>
internal static class LitmusRunner
{
    private const int SimulatedRounds = 3;

    [ThreadStatic]
    private static Random? t_random;

    /// <summary>Runs rounds on real threads until the time is over; returns their number.</summary>
    /// <exception cref="HistoryViolationException">The protocol is broken; how, and in which round.</exception>
    public static long RunFor(LitmusMaker make, TimeSpan time)
    {
        using Litmus litmus = make(new SystemScheduler(TimeProvider.System), LoseSomeTime);
        var watch = Stopwatch.StartNew();
        Exception? failure = null;
        bool isOver = false;
        long rounds = 0;
        using var together = new Barrier(litmus.ThreadCount, _ =>
        {
            try
            {
                if (rounds > 0 && failure is null) litmus.Check();
                isOver = failure is not null || watch.Elapsed > time;
                if (!isOver) litmus.Prepare();
                rounds++;
            }
            catch (Exception exception)
            {
                failure = exception;
                isOver = true;
            }
        });
        var threads = new Thread[litmus.ThreadCount];
        for (int i = 0; i < threads.Length; i++)
        {
            int number = i;
            threads[i] = new Thread(() => RunRounds(number)) { IsBackground = true, Name = $"litmus {i}" };
            threads[i].Start();
        }

        foreach (Thread thread in threads) thread.Join();
        if (failure is not null) throw HistoryViolationException.At($"round {rounds}", failure);
        return rounds - 1;

        void RunRounds(int number)
        {
            var random = new Random(number);
            while (true)
            {
                together.SignalAndWait();
                if (isOver) return;
                try
                {
                    litmus.Run(number, random);
                }
                catch (Exception exception)
                {
                    Interlocked.CompareExchange(ref failure, exception, null);
                }
            }
        }
    }

    /// <summary>Runs a few rounds for each seed, in an order of the threads that is drawn from it; returns the number of rounds.</summary>
    public static long RunSeeds(LitmusMaker make, int firstSeed, int count)
    {
        for (int seed = firstSeed; seed < firstSeed + count; seed++)
        {
            try
            {
                RunSeed(make, seed);
            }
            catch (Exception failure)
            {
                throw HistoryViolationException.At($"seed {seed}", failure);
            }
        }

        return (long)count * SimulatedRounds;
    }

    private static void RunSeed(LitmusMaker make, int seed)
    {
        var scheduler = new DeterministicScheduler(seed);
        scheduler.Run(() =>
        {
            using Litmus litmus = make(scheduler, scheduler.SwitchPoint);
            for (int round = 0; round < SimulatedRounds; round++)
            {
                litmus.Prepare();
                var threads = new EngineThread[litmus.ThreadCount];
                for (int i = 0; i < threads.Length; i++)
                {
                    int number = i;
                    int threadSeed = HashCode(seed, round, number);
                    threads[i] = scheduler.StartThread($"litmus {i}", () => litmus.Run(number, new Random(threadSeed)));
                }

                foreach (EngineThread thread in threads) thread.Join();
                litmus.Check();
            }
        });
    }

    private static int HashCode(int seed, int round, int thread) => unchecked((seed * 397 + round) * 397 + thread);

    /// <summary>Nothing, a few cycles, or the rest of the time slice.</summary>
    private static void LoseSomeTime()
    {
        Random random = t_random ??= new Random(Environment.CurrentManagedThreadId);
        switch (random.Next(8))
        {
            case < 4:
                break;
            case < 7:
                Thread.SpinWait(random.Next(100));
                break;
            default:
                Thread.Yield();
                break;
        }
    }
}
