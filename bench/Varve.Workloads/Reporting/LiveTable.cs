using System.Globalization;
using Spectre.Console;

namespace Varve.Workloads.Reporting;

/// <summary>
/// Shows the medians while the suite runs: a table that fills in a terminal, a line for each result elsewhere. Keeps each result as a line
/// of JSON at once, so that an interrupted run leaves what it has.
/// </summary>
internal sealed class LiveTable(IReadOnlyList<string> peers, IReadOnlyList<string> workloads, string jsonPath) : ISuiteObserver
{
    private readonly List<WorkloadResult> _results = [];
    private readonly Table _table = CreateTable(peers, workloads);
    private LiveDisplayContext? _live;
    private long _entries;

    public void Run(Action suite)
    {
        if (Console.IsOutputRedirected) suite();
        else
            AnsiConsole.Live(_table).Start(live =>
            {
                _live = live;
                suite();
            });
    }

    public void Starts(string peer, string workload, long entries, int run)
    {
        if (_live is null) return;
        if (entries != _entries) Clear(entries);
        string started = DateTime.Now.ToString("HH:mm:ss", CultureInfo.InvariantCulture);
        _table.Caption(Markup.Escape(Invariant($"{entries:N0} entries, run {run}: {workload} of {peer} since {started}")));
        _live.Refresh();
    }

    public void Ended(WorkloadResult result)
    {
        _results.Add(result);
        File.AppendAllText(jsonPath, result.ToJson() + "\n");
        if (_live is null)
        {
            Console.WriteLine($"{result.Workload} {result.Peer}: {result.Failure ?? Figure(result.Workload, result.Rate)}");
            return;
        }

        for (int peer = 0; peer < peers.Count; peer++)
            _table.UpdateCell(IndexOf(workloads, result.Workload), 1 + peer, Cell(result.Workload, peers[peer]));
        _live.Refresh();
    }

    private static Table CreateTable(IReadOnlyList<string> peers, IReadOnlyList<string> workloads)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("operations/s");
        foreach (string peer in peers) table.AddColumn(new TableColumn(peer).RightAligned());
        foreach (string workload in workloads) table.AddRow([workload, .. peers.Select(_ => "")]);
        return table;
    }

    private static int IndexOf(IReadOnlyList<string> list, string name)
    {
        for (int i = 0; i < list.Count; i++)
            if (list[i] == name) return i;
        return -1;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    private static string Figure(string workload, double rate) =>
        WorkloadKind.Named(workload).IsRecovery ? Invariant($"{1e3 / rate:N0} ms") : Invariant($"{rate:N0}/s");

    private void Clear(long entries)
    {
        _entries = entries;
        for (int row = 0; row < workloads.Count; row++)
            for (int peer = 0; peer < peers.Count; peer++) _table.UpdateCell(row, 1 + peer, "");
    }

    /// <summary>The median, and behind it what the first peer reaches of it.</summary>
    private string Cell(string workload, string peer)
    {
        WorkloadResult[] same = [.. Same(workload, peer)];
        if (same.Length == 0) return "";
        if (same.Any(result => result.Failure is not null)) return "[red]failed[/]";
        double median = Median.Of(same.Select(result => result.Rate));
        double[] first = [.. Same(workload, peers[0]).Where(result => result.Failure is null).Select(result => result.Rate)];
        string ratio = peer == peers[0] || first.Length == 0 ? "" : Invariant($" [dim]×{Median.Of(first) / median:N2}[/]");
        return Figure(workload, median) + ratio;
    }

    private IEnumerable<WorkloadResult> Same(string workload, string peer) =>
        _results.Where(result => result.Entries == _entries && result.Peer == peer && result.Workload == workload);
}

internal static class Median
{
    /// <summary>0 of nothing.</summary>
    public static double Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        if (sorted.Length == 0) return 0;
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
