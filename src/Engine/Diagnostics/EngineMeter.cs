using System.Diagnostics.Metrics;

namespace Varve.Diagnostics;

/// <summary>
/// The process-wide meter, and the instruments that are told of each event: once a commit group, a sync or a job, and only while somebody
/// listens. All others are read from counters when they are asked for (<c>Maintenance/StoreMeter</c>).
/// </summary>
internal static class EngineMeter
{
    public static readonly Meter Meter = new(VarveDiagnostics.MeterName, EngineVersion.Text);

    public static readonly Histogram<double> CommitDuration = CreateHistogram(
        "varve.commit.duration", "Time of a commit group: pace, room, log, sync, memtable, until readers see it.", CommitSeconds);

    public static readonly Histogram<double> LogSyncDuration = CreateHistogram(
        "varve.log.sync.duration", "Time of a sync of the log.", CommitSeconds);

    public static readonly Histogram<double> FlushDuration = CreateHistogram(
        "varve.flush.duration", "Time of a flush that succeeded, from the first entry until readers see its tables.", JobSeconds);

    public static readonly Histogram<double> CompactionDuration = CreateHistogram(
        "varve.compaction.duration", "Time of a compaction that rewrote tables and succeeded.", JobSeconds);

    private static double[] CommitSeconds =>
        [1e-6, 2e-6, 5e-6, 10e-6, 20e-6, 50e-6, 100e-6, 200e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 0.1, 0.2, 0.5, 1, 2, 5, 10];

    private static double[] JobSeconds => [1e-3, 2e-3, 5e-3, 10e-3, 20e-3, 50e-3, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200];

    private static Histogram<double> CreateHistogram(string name, string description, double[] boundaries) =>
        Meter.CreateHistogram(
            name, "s", description, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = boundaries });
}
