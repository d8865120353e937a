using System.Diagnostics;
using Varve.Workloads.Loads;
using Varve.Workloads.Measuring;
using Varve.Workloads.Peers;

namespace Varve.Workloads;

/// <summary>Runs one workload against one peer, in the process at hand, and measures it.</summary>
internal sealed class WorkloadRunner(Peer peer, WorkloadKind workload, WorkloadSizes sizes)
{
    private const int WarmupEntriesMax = 20_000;
    private const int WarmupBytesMax = 8 << 20;
    private const int WarmupOperations = 2_000;
    private const int WarmupOpens = 10;

    private static readonly TimeSpan WalkTimeMin = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan SyncedTime = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan IdleTime = TimeSpan.FromSeconds(5);

    /// <summary>As long as the workload takes, but no longer than what has no end is to take.</summary>
    private TimeSpan Time => Shorter(workload.IsSteady ? sizes.SteadyTime : SyncedTime);

    /// <summary>The small store that a workload warms up on.</summary>
    public static string WarmupOf(string directory) => directory + ".warmup";

    /// <param name="directory">What the workload finds.</param>
    /// <param name="run">Its number.</param>
    /// <param name="pacedRate">Puts a second, for a workload that is paced.</param>
    public WorkloadResult Run(string directory, int run, double pacedRate)
    {
        if (workload.IsRecovery) KilledWriter.FillAndKill(peer, sizes, directory);
        else WarmUp(WarmupOf(directory));
        GC.Collect();

        var keys = new KeySpace(sizes.Entries, sizes.ValueBytes, sizes.Seed);
        int self = Environment.ProcessId;
        ProcessFigures.ResetPeakOfThisProcess();
        long opening = Stopwatch.GetTimestamp();
        using Store store = peer.Open(new StoreOptions(directory, sizes.BudgetBytes, workload.IsSynced));
        if (workload.IsSettledBefore)
        {
            // Idle time: the same for every peer.
            Thread.Sleep(Shorter(IdleTime));
            store.TrySettle();
        }

        var meter = new Meter(workload.OperationsPerSample);
        var load = new Load(peer.Name, store, keys, sizes.Reads, Time, meter) { PacedRate = pacedRate, Popular = CreatePopular(keys) };
        long allocated = GC.GetTotalAllocatedBytes();
        int collections = GC.CollectionCount(0);
        TimeSpan processor = Process.GetCurrentProcess().TotalProcessorTime;
        long written = ProcessFigures.DiskWrittenBytes(self);
        double foreground = ProcessFigures.ThreadProcessorSeconds();
        meter.Restart();
        long started = workload.IsRecovery ? opening : Stopwatch.GetTimestamp();
        long operations = 0;
        do operations += workload.Execute(load);
        while (workload.IsWalk && Stopwatch.GetElapsedTime(started) < Shorter(WalkTimeMin));
        double seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
        foreground = ProcessFigures.ThreadProcessorSeconds() - foreground + load.OtherThreadsProcessorSeconds;
        double? settled = workload.IsSettledAfter && store.TrySettle() ? Stopwatch.GetElapsedTime(started).TotalSeconds : null;
        return new WorkloadResult
        {
            Peer = peer.Name,
            Workload = workload.Name,
            Run = run,
            Entries = sizes.Entries,
            ValueBytes = sizes.ValueBytes,
            BudgetBytes = sizes.BudgetBytes,
            Operations = operations,
            Seconds = seconds,
            SettledSeconds = settled,
            WriterRate = load.WriterMeter is null ? null : load.WriterRate,
            LongestPauseMilliseconds = meter.LongestStretchMilliseconds,
            Latency = meter.Histogram.Count > 0 ? meter.Summarize() : null,
            WriterLatency = load.WriterMeter?.Summarize(),
            ForegroundProcessorSeconds = foreground,
            ProcessorSeconds = (Process.GetCurrentProcess().TotalProcessorTime - processor).TotalSeconds,
            AllocatedBytes = GC.GetTotalAllocatedBytes() - allocated,
            Collections = GC.CollectionCount(0) - collections,
            PeakResidentBytes = ProcessFigures.PeakResidentBytes(self),
            DiskWrittenBytes = ProcessFigures.DiskWrittenBytes(self) - written,
            UserWrittenBytes = load.EntriesWritten * (KeySpace.KeyBytes + sizes.ValueBytes),
            DirectoryBytes = ProcessFigures.DirectoryBytes(directory),
        };
    }

    private TimeSpan Shorter(TimeSpan time) => time < sizes.SteadyTime ? time : sizes.SteadyTime;

    /// <summary>
    /// Runs the workload on a small store, which is opened anew as the one that is measured, until code has been compiled and libraries
    /// are awake. The same for every peer.
    /// </summary>
    private void WarmUp(string directory)
    {
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        long started = Stopwatch.GetTimestamp();
        int entries = Math.Min(WarmupEntriesMax, WarmupBytesMax / sizes.ValueBytes);
        var keys = new KeySpace(entries, sizes.ValueBytes, sizes.Seed + 1);
        var options = new StoreOptions(directory, sizes.BudgetBytes, workload.IsSynced);
        using (Store store = peer.Open(options))
        {
            if (workload.Ground != Ground.Empty) Fills.InBatches(CreateLoad(store, keys));
            if (workload.Ground == Ground.Sparse) Walks.DeletePoints(CreateLoad(store, keys));
            store.TrySettle();
        }

        do
        {
            using Store store = peer.Open(options);
            long opened = Stopwatch.GetTimestamp();
            do workload.Execute(CreateLoad(store, keys));
            while (Stopwatch.GetElapsedTime(opened) < sizes.WarmupTime / WarmupOpens);
        }
        while (Stopwatch.GetElapsedTime(started) < sizes.WarmupTime);

        Directory.Delete(directory, recursive: true);
    }

    private Load CreateLoad(Store store, KeySpace keys) =>
        new(peer.Name, store, keys, WarmupOperations, sizes.WarmupTime / 4, new Meter(workload.OperationsPerSample))
        {
            PacedRate = double.MaxValue,
            Popular = CreatePopular(keys),
        };

    private Zipfian? CreatePopular(KeySpace keys) => workload.DrawsByPopularity ? Ycsb.CreatePopular(keys) : null;
}
