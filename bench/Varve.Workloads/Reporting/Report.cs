using System.Globalization;
using System.Text;
using Varve.Workloads.Measuring;

namespace Varve.Workloads.Reporting;

/// <summary>
/// The results as Markdown, for each size: medians, lowest and highest beside them, the ratios of the first peer to each other one, and
/// what is required.
/// </summary>
internal static class Report
{
    /// <param name="results">Of any sizes.</param>
    /// <param name="command">What measured them.</param>
    /// <param name="plots">Files beside the report.</param>
    public static string Write(IReadOnlyList<WorkloadResult> results, string command, IEnumerable<string> plots)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"# Workloads, {DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC").AppendLine();
        text.AppendLine(Machine.Describe()).AppendLine();
        text.AppendLine("    " + command).AppendLine();
        WriteAssertions(text, results);
        WriteFailures(text, results);
        foreach (string plot in plots) text.AppendLine(CultureInfo.InvariantCulture, $"![{plot}]({plot})").AppendLine();
        foreach (IGrouping<object, WorkloadResult> size in results.GroupBy(
            result => (object)(result.Entries, result.ValueBytes, result.BudgetBytes, result.MemoryLimitBytes)))
        {
            if (size.Any(result => result.Failure is null)) WriteSize(text, new Figures([.. size]), CountRuns(size));
        }

        return text.ToString().TrimEnd() + "\n";
    }

    private static void WriteAssertions(StringBuilder text, IReadOnlyList<WorkloadResult> results)
    {
        string[] with = [.. Names(result => result.HasAssertions == true)];
        string[] without = [.. Names(result => result.HasAssertions == false)];
        if (with.Length > 0)
        {
            text.AppendLine(
                    CultureInfo.InvariantCulture, $"Built with assertions (the library calls `__assert_fail`): {string.Join(", ", with)}.")
                .AppendLine("RocksDB and LevelDB so built are 1.25 to 1.75 times slower on writes and mixed loads, and 2.7 times on")
                .AppendLine("absent keys. Where a ratio is required, their figures count 1.6 times on writes and mixed loads of which half")
                .AppendLine("is writes, and 2.7 times on absent keys. Synced puts wait for the device and count as measured. The other")
                .AppendLine("tables show what was measured.");
        }

        if (without.Length > 0) text.AppendLine(CultureInfo.InvariantCulture, $"Built without assertions: {string.Join(", ", without)}.");
        if (with.Length + without.Length > 0) text.AppendLine();

        IEnumerable<string> Names(Func<WorkloadResult, bool> which) => results.Where(which).Select(result => result.Peer).Distinct();
    }

    private static void WriteFailures(StringBuilder text, IReadOnlyList<WorkloadResult> results)
    {
        WorkloadResult[] failed = [.. results.Where(result => result.Failure is not null)];
        if (failed.Length == 0) return;
        text.AppendLine("## Failed").AppendLine();
        foreach (WorkloadResult result in failed)
        {
            string reason = result.Failure!.ReplaceLineEndings(" ");
            text.AppendLine(
                CultureInfo.InvariantCulture,
                $"- {result.Workload} of {result.Peer}, {result.Entries:N0} entries, run {result.Run}: {reason}");
        }

        text.AppendLine();
    }

    /// <summary>Of several commands, too, each of which counts its runs from 1.</summary>
    private static int CountRuns(IEnumerable<WorkloadResult> results) =>
        results.GroupBy(result => (result.Peer, result.Workload)).Max(runs => runs.Count());

    private static void WriteSize(StringBuilder text, Figures figures, int runs)
    {
        WorkloadResult first = figures.First;
        string limit = first.MemoryLimitBytes > 0 ? $", {ByteSize.Mebibytes(first.MemoryLimitBytes)} of memory" : "";
        text.AppendLine(CultureInfo.InvariantCulture, $"## {first.Entries:N0} entries, {first.ValueBytes:N0}-byte values{limit}")
            .AppendLine();
        text.AppendLine(
                CultureInfo.InvariantCulture,
                $"16-byte keys, `buffered` but for fillsync, budget {ByteSize.Mebibytes(first.BudgetBytes)}. "
                + $"Medians of {runs} runs, lowest and highest in brackets.")
            .AppendLine();
        WriteRequirements(text, figures);
        var tables = new ReportTables(text, figures);
        tables.Write("Operations a second, in thousands", result => result.Rate / 1e3, "G", withRatio: true);
        tables.Write("The writer of readwhilewriting, thousand puts a second", result => result.WriterRate / 1e3, "G", withRatio: true);
        tables.Write(
            "Operations a second of the calling threads' processor time, in thousands (for a machine that others disturb)",
            result => result.ForegroundProcessorSeconds > 0 ? result.Operations / result.ForegroundProcessorSeconds / 1e3 : null,
            "G", withRatio: true);
        tables.Write(
            "Fills until upkeep is done, thousand operations a second",
            result => WorkloadKind.Named(result.Workload).IsFill ? result.Operations / result.SettledSeconds / 1e3 : null,
            "G", withRatio: true);
        tables.Write("Upkeep left at the end, seconds", result => result.SettledSeconds - result.Seconds, "N2");
        tables.WriteLatencies();
        tables.Write("Longest pause, milliseconds", result => result.LongestPauseMilliseconds, "N1");
        tables.Write(
            "Open after a kill with 64 MB of log, milliseconds",
            result => WorkloadKind.Named(result.Workload).IsRecovery ? result.Seconds * 1e3 : null, "N0");
        tables.Write(
            "Processor, microseconds an operation (all threads, until upkeep is done)",
            result => result.ProcessorSeconds / result.Operations * 1e6, "N2");
        tables.Write("Peak resident memory, MiB", result => result.PeakResidentBytes / 1048576.0, "N0");
        tables.Write(
            "Bytes written to the device per byte put",
            result => result.UserWrittenBytes > 0 ? (double)result.DiskWrittenBytes / result.UserWrittenBytes : null, "N2");
        tables.Write(
            "Space on the device, MiB",
            result => WorkloadKind.Named(result.Workload).IsSettledAfter ? result.DirectoryBytes / 1048576.0 : null, "N0");
        tables.Write("Managed bytes allocated an operation", result => (double)result.AllocatedBytes / result.Operations, "N2");
        tables.Write("Collections", result => result.Collections, "N0");
    }

    private static void WriteRequirements(StringBuilder text, Figures figures)
    {
        (Requirement Requirement, double? Measured)[] rows =
        [
            .. Requirement.For(figures)
                .Select(requirement => (requirement, requirement.Measure(figures)))
                .Where(row => row.Item2 is not null),
        ];
        if (rows.Length == 0) return;
        int reached = rows.Count(row => row.Requirement.IsReachedBy(row.Measured!.Value));
        text.AppendLine(CultureInfo.InvariantCulture, $"### Required: {reached} of {rows.Length} reached").AppendLine();
        text.AppendLine("| workload | required | measured | reached |").AppendLine("|---|---|---:|---|");
        foreach ((Requirement requirement, double? measured) in rows)
        {
            string mark = requirement.IsReachedBy(measured!.Value) ? "yes" : "**no**";
            text.AppendLine(CultureInfo.InvariantCulture, $"| {requirement.Workload} | {requirement.Text} | {measured:N2} | {mark} |");
        }

        text.AppendLine();
    }
}
