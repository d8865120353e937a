using System.Globalization;
using System.Text;

namespace Varve.Workloads;

/// <summary>
/// The results as Markdown: medians, lowest and highest beside them, and the first peer's ratio to the best of the others.
/// </summary>
internal static class Report
{
    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0) return 0;
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    public static string Write(IReadOnlyList<WorkloadResult> results, WorkloadSizes sizes, string command)
    {
        string[] peers = [.. results.Select(result => result.Peer).Distinct()];
        string[] workloads = [.. results.Select(result => result.Workload).Distinct()];
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"# Workloads, {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC").AppendLine();
        text.AppendLine(
                CultureInfo.InvariantCulture,
                $"{sizes.Entries:N0} entries, 16-byte keys, {sizes.ValueBytes}-byte values, `buffered`, "
                + $"budget {ByteSize.Mebibytes(sizes.BudgetBytes)},")
            .AppendLine(
                CultureInfo.InvariantCulture,
                $"{Environment.ProcessorCount} processors, {Environment.OSVersion.VersionString}, .NET {Environment.Version}. "
                + $"Medians of {results.Max(result => result.Run)} runs, lowest and highest in brackets.")
            .AppendLine();
        text.AppendLine("    " + command).AppendLine();
        text.Append("Debian's packages of RocksDB and LevelDB are compiled with assertions: "
            + "their writes are 1.25 to 1.75 times and their absent keys 2.7 times ")
            .AppendLine("slower than without; gets and seeks about equal.").AppendLine();
        text.AppendLine("## Operations a second, in thousands").AppendLine();
        WriteTable(text, results, peers, workloads, result => result.Rate / 1e3, "N0", withRatio: true);
        text.AppendLine()
            .AppendLine("## Operations a second of the calling thread's processor time, in thousands (for a machine that others disturb)")
            .AppendLine();
        WriteTable(
            text, results, peers, workloads, result => result.Operations / result.ForegroundProcessorSeconds / 1e3, "N0", withRatio: true);
        text.AppendLine().AppendLine("## Fills until upkeep is done, thousand operations a second").AppendLine();
        string[] fills = [.. workloads.Where(name => WorkloadKind.Named(name).IsFill)];
        WriteTable(
            text, results, peers, fills,
            result => result.SettledSeconds is { } seconds ? result.Operations / seconds / 1e3 : null, "N0", withRatio: true);
        text.AppendLine().AppendLine("## Longest pause, milliseconds").AppendLine();
        WriteTable(text, results, peers, workloads, result => result.LongestPauseMilliseconds, "N1", withRatio: false);
        text.AppendLine().AppendLine("## Processor, microseconds an operation (all threads, until upkeep is done)").AppendLine();
        WriteTable(text, results, peers, workloads, result => result.ProcessorSeconds / result.Operations * 1e6, "N2", withRatio: false);
        text.AppendLine().AppendLine("## Peak resident memory, MiB").AppendLine();
        WriteTable(text, results, peers, workloads, result => result.PeakResidentBytes / 1048576.0, "N0", withRatio: false);
        text.AppendLine().AppendLine("## Written to the device, MiB").AppendLine();
        WriteTable(text, results, peers, workloads, result => result.DiskWrittenBytes / 1048576.0, "N0", withRatio: false);
        text.AppendLine().AppendLine("## Size on disk, MiB").AppendLine();
        WriteTable(text, results, peers, workloads, result => result.DirectoryBytes / 1048576.0, "N0", withRatio: false);
        text.AppendLine().AppendLine("## Managed bytes allocated an operation").AppendLine();
        WriteTable(text, results, peers, workloads, result => (double)result.AllocatedBytes / result.Operations, "N2", withRatio: false);
        return text.ToString();
    }

    private static void WriteTable(
        StringBuilder text, IReadOnlyList<WorkloadResult> results, string[] peers, string[] workloads,
        Func<WorkloadResult, double?> figure, string format, bool withRatio)
    {
        withRatio &= peers.Length > 1;
        text.Append("| workload |");
        foreach (string peer in peers) text.Append(CultureInfo.InvariantCulture, $" {peer} |");
        if (withRatio) foreach (string peer in peers[1..]) text.Append(CultureInfo.InvariantCulture, $" {peers[0]} / {peer} |");
        text.AppendLine().Append("|---|");
        for (int i = 0; i < peers.Length + (withRatio ? peers.Length - 1 : 0); i++) text.Append("---:|");
        text.AppendLine();
        foreach (string workload in workloads)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {workload} |");
            var medians = new List<double>();
            foreach (string peer in peers)
            {
                double[] values =
                [
                    .. results.Where(result => result.Peer == peer && result.Workload == workload).Select(figure).OfType<double>(),
                ];
                double median = Median(values);
                medians.Add(median);
                text.Append(values.Length == 0
                    ? " – |"
                    : string.Create(
                        CultureInfo.InvariantCulture, $" {N(median, format)} ({N(values.Min(), format)}–{N(values.Max(), format)}) |"));
            }

            for (int i = 1; withRatio && i < peers.Length; i++)
            {
                text.Append(medians[i] > 0 ? string.Create(CultureInfo.InvariantCulture, $" {medians[0] / medians[i]:N2} |") : " – |");
            }

            text.AppendLine();
        }
    }

    private static string N(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
