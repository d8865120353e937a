using Varve.Workloads.Measuring;

namespace Varve.Workloads.Loads;

/// <summary>What the body of a workload works on, and what it says of itself besides the number of its operations.</summary>
internal sealed class Load(string peer, Store store, KeySpace keys, long operations, TimeSpan time, Meter meter)
{
    public string Peer => peer;

    public Store Store => store;

    public KeySpace Keys => keys;

    /// <summary>As many operations as are wanted, where the workload does not say it itself.</summary>
    public long Operations => operations;

    /// <summary>How long, where it has no end.</summary>
    public TimeSpan Time => time;

    public Meter Meter => meter;

    /// <summary>Puts a second, where they are paced.</summary>
    public double PacedRate { get; init; }

    /// <summary>Draws keys by their popularity, where the workload does.</summary>
    public Zipfian? Popular { get; init; }

    /// <summary>Entries that were put; what else was written does not count.</summary>
    public long EntriesWritten { get; set; }

    /// <summary>Processor time of other threads than the one that runs the workload.</summary>
    public double OtherThreadsProcessorSeconds { get; private set; }

    /// <summary>Of the writer that runs beside.</summary>
    public Meter? WriterMeter { get; private set; }

    public double WriterRate { get; private set; }

    /// <exception cref="InvalidDataException">Always: the store gave something else than was written.</exception>
    public void ThrowWrong(string what) => throw new InvalidDataException($"{peer}: {what}");

    /// <summary>Runs a body on so many threads, each with a load of its own, and returns the sum of what they return.</summary>
    /// <param name="threads">At least 1; this thread only waits.</param>
    /// <param name="body">Gets its load and its number.</param>
    public long OnThreads(int threads, Func<Load, int, long> body)
    {
        var runs = new ThreadRun[threads];
        for (int i = 0; i < threads; i++)
        {
            int number = i;
            runs[i] = new ThreadRun(CreateForThread(), load => body(load, number));
        }

        long sum = 0;
        foreach (ThreadRun run in runs) sum += run.Join();
        foreach (ThreadRun run in runs) Add(run, run.Load.Meter, Meter);
        return sum;
    }

    /// <summary>Runs a writer beside this thread's body until that has returned.</summary>
    public long BesideWriter(Func<Load, long> body, Action<Load, Func<bool>> writer)
    {
        bool isOver = false;
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        var run = new ThreadRun(CreateForThread(), load =>
        {
            writer(load, () => Volatile.Read(ref isOver));
            return load.EntriesWritten;
        });
        long operations;
        try
        {
            operations = body(this);
        }
        finally
        {
            Volatile.Write(ref isOver, true);
        }

        WriterRate = run.Join() / System.Diagnostics.Stopwatch.GetElapsedTime(started).TotalSeconds;
        WriterMeter = run.Load.Meter;
        Add(run, run.Load.Meter, into: null);
        return operations;
    }

    private Load CreateForThread() => new(peer, store.ForAnotherThread(), keys, operations, time, meter.Another());

    private void Add(ThreadRun run, Meter other, Meter? into)
    {
        into?.Add(other);
        EntriesWritten += run.Load.EntriesWritten;
        OtherThreadsProcessorSeconds += run.ProcessorSeconds;
        run.Load.Store.Dispose();
    }

    private sealed class ThreadRun
    {
        private readonly Thread _thread;
        private Exception? _failure;
        private long _result;

        public ThreadRun(Load load, Func<Load, long> body)
        {
            Load = load;
            _thread = new Thread(() => Run(body));
            _thread.Start();
        }

        public Load Load { get; }

        public double ProcessorSeconds { get; private set; }

        public long Join()
        {
            _thread.Join();
            return _failure is null ? _result : throw new InvalidOperationException($"A thread failed: {_failure.Message}", _failure);
        }

        private void Run(Func<Load, long> body)
        {
            double before = ProcessFigures.ThreadProcessorSeconds();
            Load.Meter.Restart();
            try
            {
                _result = body(Load);
            }
            catch (Exception failure)
            {
                // Told by Join, on the thread that reports.
                _failure = failure;
            }

            ProcessorSeconds = ProcessFigures.ThreadProcessorSeconds() - before;
        }
    }
}
