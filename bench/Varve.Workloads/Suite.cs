using System.Diagnostics;
using System.Globalization;
using Varve.Workloads.Measuring;
using Varve.Workloads.Peers;
using Varve.Workloads.Reporting;

namespace Varve.Workloads;

/// <summary>Who is told what the suite does.</summary>
internal interface ISuiteObserver
{
    void Starts(string peer, string workload, long entries, int run);

    void Ended(WorkloadResult result);
}

/// <summary>
/// The parent: each peer and workload in a fresh process, peers in turn, all of it several times, for each size. Reading workloads work
/// on the database that the peer's fillrandom left in the same round, those that change it on a copy. What a workload needs and nobody
/// made is made first, without being reported. What fails is reported, and the rest goes on.
/// </summary>
internal sealed class Suite(
    IReadOnlyList<Peer> peers, IReadOnlyList<WorkloadKind> workloads, string dataDirectory, MemoryLimit? limit, ISuiteObserver observer)
{
    private readonly Dictionary<string, bool?> _assertions = peers.ToDictionary(
        peer => peer.Name, peer => peer.Library is null ? null : LibraryFile.HasAssertions(peer.Library));

    private readonly Dictionary<string, double> _fillRates = [];

    public IReadOnlyList<WorkloadResult> Run(IReadOnlyList<WorkloadSizes> sizes, int runs)
    {
        var results = new List<WorkloadResult>();
        foreach (WorkloadSizes size in sizes)
        {
            for (int run = 1; run <= runs; run++)
            {
                RemoveAll();
                foreach (WorkloadKind workload in workloads)
                {
                    foreach (Peer peer in peers.Where(peer => peer.Supports(workload)))
                    {
                        observer.Starts(peer.Name, workload.Name, size.Entries, run);
                        WorkloadResult result = RunOrFail(peer, workload, size, run);
                        results.Add(result);
                        observer.Ended(result);
                    }
                }
            }
        }

        RemoveAll();
        return results;
    }

    private WorkloadResult RunOrFail(Peer peer, WorkloadKind workload, WorkloadSizes size, int run)
    {
        try
        {
            PrepareFor(peer, workload, size, run);
            return RunChild(peer, workload, size, run) with
            {
                HasAssertions = _assertions[peer.Name],
                MemoryLimitBytes = limit?.Bytes ?? 0,
            };
        }
        catch (Exception failure) when (failure
            is InvalidOperationException or InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return new WorkloadResult
            {
                Peer = peer.Name,
                Workload = workload.Name,
                Run = run,
                Entries = size.Entries,
                ValueBytes = size.ValueBytes,
                BudgetBytes = size.BudgetBytes,
                MemoryLimitBytes = limit?.Bytes ?? 0,
                Failure = failure.Message,
            };
        }
    }

    private void PrepareFor(Peer peer, WorkloadKind workload, WorkloadSizes size, int run)
    {
        bool needsFilled = workload.Ground is Ground.Filled or Ground.CopyOfFilled || workload.IsPaced;
        if (needsFilled && !Directory.Exists(FilledOf(peer))) RunChild(peer, WorkloadKind.Named("fillrandom"), size, run);
        if (workload.Ground != Ground.Sparse || Directory.Exists(SparseOf(peer))) return;
        WorkloadKind deletes = WorkloadKind.Named("deletepoints");
        PrepareFor(peer, deletes, size, run);
        RunChild(peer, deletes, size, run);
    }

    private WorkloadResult RunChild(Peer peer, WorkloadKind workload, WorkloadSizes size, int run)
    {
        string directory = workload.LeavesFilled || workload.Ground == Ground.Filled ? FilledOf(peer)
            : workload.LeavesSparse || workload.Ground == Ground.Sparse ? SparseOf(peer)
            : WorkOf(peer);
        bool isNew = workload.Ground is Ground.Empty or Ground.CopyOfFilled;
        bool isKept = workload.LeavesFilled || workload.LeavesSparse || !isNew;
        if (isNew) Remove(directory);
        try
        {
            if (workload.Ground == Ground.CopyOfFilled) Copy(FilledOf(peer), directory);
            else Directory.CreateDirectory(directory);
            if (limit is not null) MemoryLimit.DropPageCache(directory);
            WorkloadResult result = WorkloadResult.FromJson(ChildProcess.Run(Arguments(peer, workload, size, run, directory), limit));
            if (workload.LeavesFilled)
            {
                _fillRates[peer.Name] = result.Rate;
                RunChild(peer, WorkloadKind.Rest, size, run);
            }

            if (!isKept) Remove(directory);
            return result;
        }
        catch
        {
            // Half a database would fail what reads it, too.
            if (isNew) Remove(directory);
            throw;
        }
    }

    private List<string> Arguments(Peer peer, WorkloadKind workload, WorkloadSizes size, int run, string directory)
    {
        List<string> arguments =
        [
            "one", "--peer", peer.Name, "--workload", workload.Name, "--directory", directory, "--run", Text(run),
            "--num", Text(size.Entries), "--reads", Text(size.Reads), "--value-bytes", Text(size.ValueBytes),
            "--budget", Text(size.BudgetBytes), "--seed", Text(size.Seed),
            "--seconds", Text(size.SteadyTime.TotalSeconds), "--warmup", Text(size.WarmupTime.TotalSeconds),
        ];
        if (workload.IsPaced) arguments.AddRange(["--rate", Text(0.8 * _fillRates[peer.Name])]);
        return arguments;
    }

    /// <summary>By cp, which keeps the holes of a file that is mostly reserved room.</summary>
    private static void Copy(string from, string to)
    {
        using Process copy = Process.Start("cp", ["-a", from, to]);
        copy.WaitForExit();
        if (copy.ExitCode != 0) throw new IOException($"cp of {from} ended with {copy.ExitCode}.");
    }

    private void RemoveAll()
    {
        foreach (Peer peer in peers)
        {
            foreach (string directory in (string[])[FilledOf(peer), SparseOf(peer), WorkOf(peer)])
            {
                Remove(directory);
                Remove(WorkloadRunner.WarmupOf(directory));
            }
        }
    }

    private static void Remove(string directory)
    {
        if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
    }

    private string FilledOf(Peer peer) => Path.Combine(dataDirectory, peer.Name);

    private string SparseOf(Peer peer) => Path.Combine(dataDirectory, peer.Name + "-sparse");

    private string WorkOf(Peer peer) => Path.Combine(dataDirectory, peer.Name + "-work");

    private static string Text(double number) => number.ToString(CultureInfo.InvariantCulture);
}
