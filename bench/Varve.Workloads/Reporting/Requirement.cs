using System.Globalization;

namespace Varve.Workloads.Reporting;

/// <summary>What Varve is to reach.</summary>
/// <param name="Workload">On which.</param>
/// <param name="Text">For people.</param>
/// <param name="Bound">Of the measured figure.</param>
/// <param name="IsAtMost">The bound is an upper one.</param>
/// <param name="Measure">Null when there is nothing to judge by.</param>
internal sealed record Requirement(string Workload, string Text, double Bound, bool IsAtMost, Func<Figures, double?> Measure)
{
    private const long EntriesOfTenMillion = 5_000_000;

    private static readonly Requirement[] s_always =
    [
        SettledAtLeast("fillseq", 2), SettledAtLeast("fillrandom", 2), SettledAtLeast("fillbatch", 2), SettledAtLeast("overwrite", 2),
        AtLeast("scandeleted", 20, "rocksdb"),
        AtMost("fillpaced", 50, "ms between two acknowledged puts", Of("fillpaced", result => result.LongestPauseMilliseconds)),
        AtMost("fillpaced", 1000, "µs a put at p99.9", Of("fillpaced", result => result.Latency?.P999)),
        new("all", "resident ≤ 1.1 × budget + 64 MB", 1, true, ShareOfResidentBound),
    ];

    private static readonly Requirement[] s_million =
    [
        AtLeast("fillseq", 5), AtLeast("fillrandom", 5), AtLeast("fillbatch", 4), AtLeast("overwrite", 5), AtLeast("deleterandom", 5),
        AtLeast("fillsync", 1.35), AtLeast("fillsync", 0.95, "device"), AtLeast("fillsync8", 1.9),
        AtLeast("readrandom", 2, "lmdb"), AtLeast("readrandom", 5, "rocksdb"), AtLeast("multiget8", 4, "lmdb"),
        AtLeast("readrandom2", 2, "lmdb"), AtLeast("readmissing", 5),
        AtLeast("readseq", 2, "lmdb"), AtLeast("readreverse", 2, "lmdb"),
        new("readreverse", "≥ 0.9 × own readseq", 0.9, false, figures => Rate(figures, "readreverse") / Rate(figures, "readseq")),
        AtLeast("seek1", 1.5, "lmdb"), AtLeast("seek10", 1.5, "lmdb"), AtLeast("seek100", 2, "lmdb"), AtLeast("seekprev10", 1.5, "lmdb"),
        AtLeast("readwhilewriting", 1, "lmdb"), WriterAtLeast(2),
        AtLeast("ycsba", 3), AtLeast("ycsbb", 2), AtLeast("ycsbc", 1.5), AtLeast("ycsbd", 2), AtLeast("ycsbe", 2), AtLeast("ycsbf", 3),
        AtMost("recovery", 300, "ms", Of("recovery", result => 1e3 * result.Seconds)),
    ];

    private static readonly Requirement[] s_tenMillion =
    [
        AtLeast("fillrandom", 4), AtLeast("overwrite", 4), AtLeast("readmissing", 5), AtLeast("readseq", 2, "lmdb"),
        AtLeast("readwhilewriting", 0.8, "lmdb"), WriterAtLeast(2), AtLeast("ycsba", 3),
        CostAtMost("fillrandom", "files", 1.2, "rocksdb", result => result.DirectoryBytes),
        CostAtMost("overwrite", "bytes written", 1, "rocksdb", result => result.DiskWrittenBytes),
    ];

    private static readonly Requirement[] s_tenMillionCached =
    [
        AtLeast("readrandom", 1, "lmdb"), AtLeast("readrandom", 2.5, "rocksdb"), AtLeast("seek10", 1, "lmdb"),
    ];

    private static readonly Requirement[] s_tenMillionInMemory = [AtLeast("readrandom", 2, "lmdb"), AtLeast("seek10", 2, "lmdb")];

    private static readonly Requirement[] s_beyondMemory =
    [
        AtLeast("readrandom", 1.15), AtLeast("seek10", 1.5), AtLeast("overwrite", 1.5), AtLeast("ycsba", 1.5), AtLeast("readseq", 1.5),
    ];

    public static IEnumerable<Requirement> For(Figures figures)
    {
        WorkloadResult first = figures.First;
        bool fitsInBudget = first.BudgetBytes >= first.Entries * (KeySpace.KeyBytes + first.ValueBytes);
        IEnumerable<Requirement> own = first.MemoryLimitBytes > 0 ? s_beyondMemory
            : first.Entries < EntriesOfTenMillion ? s_million
            : s_tenMillion.Concat(fitsInBudget ? s_tenMillionInMemory : s_tenMillionCached);
        return own.Concat(s_always).Where(requirement => requirement.Workload == "all" || figures.Workloads.Contains(requirement.Workload));
    }

    public bool IsReachedBy(double measured) => IsAtMost ? measured <= Bound : measured >= Bound;

    private static Requirement AtLeast(string workload, double ratio, string? peer = null) =>
        new(workload, Words($"≥ {ratio} × {peer ?? "the best peer"}"), ratio, false, figures => figures.RatioTo(
            peer, workload, result => result.Rate));

    private static Requirement SettledAtLeast(string workload, double ratio) =>
        new(workload, Words($"until upkeep is done ≥ {ratio} × the best peer"), ratio, false, figures => figures.RatioTo(
            null, workload, result => result.Operations / result.SettledSeconds));

    private static Requirement WriterAtLeast(double ratio) =>
        new("readwhilewriting", Words($"writer ≥ {ratio} × the best peer's"), ratio, false, figures => figures.RatioTo(
            null, "readwhilewriting", result => result.WriterRate));

    private static Requirement AtMost(string workload, double bound, string unit, Func<Figures, double?> measure) =>
        new(workload, Words($"≤ {bound} {unit}"), bound, true, measure);

    private static Requirement CostAtMost(string workload, string what, double ratio, string peer, Func<WorkloadResult, double?> figure) =>
        new(workload, Words($"{what} ≤ {ratio} × {peer}"), ratio, true, figures =>
            figures.MedianOf(Figures.Own, workload, figure) / figures.MedianOf(peer, workload, figure));

    private static Func<Figures, double?> Of(string workload, Func<WorkloadResult, double?> figure) =>
        figures => figures.MedianOf(Figures.Own, workload, figure);

    private static double? Rate(Figures figures, string workload) => figures.MedianOf(Figures.Own, workload, result => result.Rate);

    private static double? ShareOfResidentBound(Figures figures)
    {
        double bound = 1.1 * figures.First.BudgetBytes + 64e6;
        return figures.Workloads.Max(workload => figures.MedianOf(Figures.Own, workload, result => result.PeakResidentBytes)) / bound;
    }

    private static string Words(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
