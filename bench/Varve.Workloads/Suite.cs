using System.Globalization;
using Spectre.Console;
using Varve.Workloads.Peers;

namespace Varve.Workloads;

/// <summary>
/// The parent: each peer and workload in a fresh process, peers in turn, all of it several times. Reading workloads work on the
/// database that the peer's fillrandom left in the same round; overwrite changes it and therefore comes last.
/// </summary>
internal sealed class Suite(IReadOnlyList<Peer> peers, IReadOnlyList<WorkloadKind> workloads, WorkloadSizes sizes, string dataDirectory)
{
    private readonly List<WorkloadResult> _results = [];

    /// <param name="runs">Times everything is measured.</param>
    /// <param name="keep">Told of each result at once, so that an interrupted run leaves what it has.</param>
    public IReadOnlyList<WorkloadResult> Run(int runs, Action<WorkloadResult> keep)
    {
        if (Console.IsOutputRedirected)
        {
            RunAll(runs, keep, result => Console.WriteLine(
                $"{result.Workload} {result.Peer}: {result.Rate.ToString("N0", CultureInfo.InvariantCulture)}/s"));
            return _results;
        }

        Table table = CreateTable();
        AnsiConsole.Live(table).Start(live => RunAll(runs, keep, result =>
        {
            int row = IndexOf(workloads, workload => workload.Name == result.Workload);
            table.UpdateCell(row, 1 + IndexOf(peers, peer => peer.Name == result.Peer), Cell(result));
            live.Refresh();
        }));
        return _results;
    }

    private Table CreateTable()
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn("operations/s");
        foreach (Peer peer in peers) table.AddColumn(new TableColumn(peer.Name).RightAligned());
        foreach (WorkloadKind workload in workloads) table.AddRow([workload.Name, .. peers.Select(_ => "")]);
        return table;
    }

    private void RunAll(int runs, Action<WorkloadResult> keep, Action<WorkloadResult> show)
    {
        for (int run = 1; run <= runs; run++)
        {
            bool hasFill = workloads.Any(workload => workload.Name == "fillrandom");
            if (!hasFill && workloads.Any(workload => workload.ReadsPrepared)) Prepare(run);
            foreach (WorkloadKind workload in workloads)
            {
                foreach (Peer peer in peers)
                {
                    WorkloadResult result = RunChild(peer, workload, run);
                    _results.Add(result);
                    keep(result);
                    show(result);
                }
            }
        }
    }

    private string Cell(WorkloadResult latest)
    {
        IEnumerable<WorkloadResult> same = _results.Where(result => result.Peer == latest.Peer && result.Workload == latest.Workload);
        return Report.Median(same.Select(result => result.Rate)).ToString("N0", CultureInfo.InvariantCulture);
    }

    private static int IndexOf<T>(IReadOnlyList<T> list, Predicate<T> matches)
    {
        for (int i = 0; i < list.Count; i++)
            if (matches(list[i])) return i;
        return -1;
    }

    private void Prepare(int run)
    {
        foreach (Peer peer in peers) RunChild(peer, WorkloadKind.Named("fillrandom"), run);
    }

    private WorkloadResult RunChild(Peer peer, WorkloadKind workload, int run)
    {
        bool isPrepared = workload.ReadsPrepared || workload.Name == "fillrandom";
        string directory = Path.Combine(dataDirectory, isPrepared ? peer.Name : $"{peer.Name}-{workload.Name}");
        if (!workload.ReadsPrepared && Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        string line = ChildProcess.Run(
        [
            "one", "--peer", peer.Name, "--workload", workload.Name, "--directory", directory, "--run", Text(run),
            "--num", Text(sizes.Entries), "--reads", Text(sizes.Reads), "--value-bytes", Text(sizes.ValueBytes),
            "--budget", Text(sizes.BudgetBytes), "--seed", Text(sizes.Seed),
        ]);
        if (!isPrepared) Directory.Delete(directory, recursive: true);
        return WorkloadResult.FromJson(line) ?? throw new InvalidDataException($"The child process gave no result: {line}");
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
