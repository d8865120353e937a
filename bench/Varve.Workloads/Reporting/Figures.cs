using Varve.Workloads.Measuring;

namespace Varve.Workloads.Reporting;

/// <summary>The results of one size: medians over the runs, by peer and workload.</summary>
internal sealed class Figures(IReadOnlyList<WorkloadResult> results)
{
    public const string Own = "varve";

    /// <summary>Peers whose compiled assertions make them slower than what users build: by so much on writes, and on absent keys.</summary>
    private const double AssertionsOnWrites = 1.6;
    private const double AssertionsOnAbsentKeys = 2.7;

    private static readonly string[] s_peersSlowedByAssertions = ["rocksdb", "leveldb"];
    private static readonly string[] s_halfWrites = ["deletepoints", "deleterandom", "deleteranges", "ycsba", "ycsbf"];

    public WorkloadResult First => results[0];

    public string[] Peers { get; } = [.. results.Select(result => result.Peer).Distinct()];

    public string[] Workloads { get; } = [.. results.Select(result => result.Workload).Distinct()];

    /// <summary>Null where the peer has no such figure.</summary>
    public double? MedianOf(string peer, string workload, Func<WorkloadResult, double?> figure)
    {
        double[] values = ValuesOf(peer, workload, figure);
        return values.Length == 0 ? null : Median.Of(values);
    }

    public double[] ValuesOf(string peer, string workload, Func<WorkloadResult, double?> figure) =>
        [.. ResultsOf(peer, workload).Where(result => result.Failure is null).Select(figure).OfType<double>()];

    /// <summary>The median over the runs of each percentile.</summary>
    public Latencies? MedianLatencies(string peer, string workload, Func<WorkloadResult, Latencies?> latencies)
    {
        if (MedianOf(peer, workload, result => latencies(result)?.P50) is not { } p50) return null;
        return new Latencies
        {
            P50 = p50,
            P99 = MedianOf(peer, workload, result => latencies(result)?.P99) ?? 0,
            P999 = MedianOf(peer, workload, result => latencies(result)?.P999) ?? 0,
            Max = MedianOf(peer, workload, result => latencies(result)?.Max) ?? 0,
        };
    }

    private IEnumerable<WorkloadResult> ResultsOf(string peer, string workload) =>
        results.Where(result => result.Peer == peer && result.Workload == workload);

    /// <summary>What Varve reaches of a peer, or of the best of all when none is named; null without figures of both.</summary>
    public double? RatioTo(string? peer, string workload, Func<WorkloadResult, double?> figure)
    {
        double? own = MedianOf(Own, workload, figure);
        IEnumerable<string> others = peer is null ? Peers.Where(name => name is not (Own or "device")) : [peer];
        double[] theirs = [.. others.Select(name => MedianOf(name, workload, figure) * CorrectionOf(name, workload)).OfType<double>()];
        return theirs.Length == 0 ? null : own / theirs.Max();
    }

    /// <summary>By how much a peer's figure is raised because its library was built with assertions; 1 otherwise.</summary>
    private double CorrectionOf(string peer, string workload)
    {
        if (!IsSlowed(peer)) return 1;
        if (workload == "readmissing") return AssertionsOnAbsentKeys;
        // A synced put waits for the device: assertions do not show.
        WorkloadKind kind = WorkloadKind.Named(workload);
        return (kind.IsFill || kind.IsSteady || s_halfWrites.Contains(workload)) && !kind.IsSynced ? AssertionsOnWrites : 1;
    }

    private bool IsSlowed(string peer) =>
        s_peersSlowedByAssertions.Contains(peer) && results.Any(result => result.Peer == peer && result.HasAssertions == true);
}
