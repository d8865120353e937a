using System.Globalization;
using System.Text;
using Varve.Workloads.Measuring;

namespace Varve.Workloads.Reporting;

/// <summary>Tables with a row for each workload and a column for each peer. What nobody has a figure for is left out.</summary>
internal sealed class ReportTables(StringBuilder text, Figures figures)
{
    /// <param name="title">Of the table.</param>
    /// <param name="figure">Null where a result has none.</param>
    /// <param name="format">G: about three digits.</param>
    /// <param name="withRatio">Columns for the first peer's ratio to each other one.</param>
    public void Write(string title, Func<WorkloadResult, double?> figure, string format, bool withRatio = false)
    {
        string[] peers = [.. figures.Peers.Where(peer => figures.Workloads.Any(workload => Has(peer, workload)))];
        string[] workloads = [.. figures.Workloads.Where(workload => peers.Any(peer => Has(peer, workload)))];
        if (workloads.Length == 0) return;
        withRatio &= peers.Length > 1;
        text.AppendLine(CultureInfo.InvariantCulture, $"### {title}").AppendLine();
        text.Append("| workload |");
        foreach (string peer in peers) text.Append(CultureInfo.InvariantCulture, $" {peer} |");
        if (withRatio) foreach (string peer in peers[1..]) text.Append(CultureInfo.InvariantCulture, $" {peers[0]} / {peer} |");
        text.AppendLine().Append("|---|").Insert(text.Length, "---:|", peers.Length + (withRatio ? peers.Length - 1 : 0)).AppendLine();
        foreach (string workload in workloads)
        {
            text.Append(CultureInfo.InvariantCulture, $"| {workload} |");
            foreach (string peer in peers)
                text.Append(CultureInfo.InvariantCulture, $" {Cell(figures.ValuesOf(peer, workload, figure), format)} |");
            if (withRatio)
            {
                double? first = figures.MedianOf(peers[0], workload, figure);
                foreach (string peer in peers[1..])
                {
                    double? ratio = first / figures.MedianOf(peer, workload, figure);
                    text.Append(ratio is null ? " – |" : string.Create(CultureInfo.InvariantCulture, $" {ratio:N2} |"));
                }
            }

            text.AppendLine();
        }

        text.AppendLine();

        bool Has(string peer, string workload) => figures.MedianOf(peer, workload, figure) is not null;
    }

    /// <summary>Of a sample of the operations: p50 / p99 / p99.9 / longest, medians over the runs.</summary>
    public void WriteLatencies()
    {
        text.AppendLine("### Latency, microseconds: p50 / p99 / p99.9 / longest of the operations that were timed").AppendLine();
        text.Append("| workload |");
        foreach (string peer in figures.Peers) text.Append(CultureInfo.InvariantCulture, $" {peer} |");
        text.AppendLine().Append("|---|").Insert(text.Length, "---:|", figures.Peers.Length).AppendLine();
        foreach (string workload in figures.Workloads)
        {
            WriteLatencies(workload, workload, result => result.Latency);
            if (WorkloadKind.Named(workload).IsSteady) WriteLatencies(workload, workload + ", the writer", result => result.WriterLatency);
        }

        text.AppendLine();
    }

    public static string Number(double value, string format) =>
        format == "G"
            ? value.ToString(value >= 100 ? "N0" : value >= 10 ? "N1" : "N2", CultureInfo.InvariantCulture)
            : value.ToString(format, CultureInfo.InvariantCulture);

    private void WriteLatencies(string workload, string title, Func<WorkloadResult, Latencies?> latencies)
    {
        Latencies?[] rows = [.. figures.Peers.Select(peer => figures.MedianLatencies(peer, workload, latencies))];
        if (rows.All(row => row is null)) return;
        text.Append(CultureInfo.InvariantCulture, $"| {title} |");
        foreach (Latencies? row in rows)
        {
            string cell = row is null
                ? "–"
                : string.Join(" / ", Number(row.P50, "G"), Number(row.P99, "G"), Number(row.P999, "G"), Number(row.Max, "G"));
            text.Append(CultureInfo.InvariantCulture, $" {cell} |");
        }

        text.AppendLine();
    }

    private static string Cell(double[] values, string format)
    {
        if (values.Length == 0) return "–";
        string median = Number(Median.Of(values), format);
        return values.Length == 1 ? median : $"{median} ({Number(values.Min(), format)}–{Number(values.Max(), format)})";
    }
}
