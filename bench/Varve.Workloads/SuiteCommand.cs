using System.CommandLine;
using System.Globalization;
using Varve.Workloads.Measuring;
using Varve.Workloads.Peers;
using Varve.Workloads.Reporting;

namespace Varve.Workloads;

/// <summary>The commands that measure, that a child runs, and that writes a report of what was measured before.</summary>
internal sealed class SuiteCommand(WorkloadOptions options)
{
    private readonly Option<string> _peers = new("--peers")
    {
        Description = "Comma-separated; ratios are those of the first. all: every one that is on this machine.",
        DefaultValueFactory = _ => "varve,rocksdb",
    };

    private readonly Option<string> _workloads = new("--workloads")
    {
        Description = "Comma-separated, or all: " + string.Join(", ", WorkloadKind.All.Select(workload => workload.Name)) + ".",
        DefaultValueFactory = _ => "fillseq,fillrandom,readrandom,readmissing,readseq,readreverse,seek10,overwrite",
    };

    private readonly Option<int> _runs = new("--runs") { Description = "Times everything is measured.", DefaultValueFactory = _ => 3 };

    private readonly Option<string> _memoryLimit = new("--memory-limit")
    {
        Description = "Memory, page cache included, of each measured process: 512MB. Needs the rights to make a control group.",
        DefaultValueFactory = _ => "",
    };

    /// <param name="arguments">As they were given, for the report.</param>
    public RootCommand CreateRoot(string[] arguments)
    {
        var root = new RootCommand(
            "db_bench's and YCSB's workloads for Varve and its peers, each peer and workload in a fresh process, peers in turn.")
        {
            options.Numbers, options.Reads, options.ValueBytes, options.Budget, options.Seed, options.Seconds, options.Warmup, options.Data,
            options.Results, _peers, _workloads, _runs, _memoryLimit,
        };
        root.SetAction(parsed => Run(parsed, "dotnet run -c Release --project bench/Varve.Workloads -- " + string.Join(' ', arguments)));
        return root;
    }

    /// <summary>The child.</summary>
    public Command CreateOne()
    {
        var workload = new Option<string>("--workload") { Required = true };
        var run = new Option<int>("--run") { DefaultValueFactory = _ => 1 };
        var rate = new Option<double>("--rate") { Description = "Puts a second of a paced workload.", DefaultValueFactory = _ => 100_000 };
        var one = new Command("one", "One workload of one peer in this process; prints a line of JSON.")
        {
            options.Peer, workload, options.Directory, run, rate, options.Number, options.Reads, options.ValueBytes, options.Budget,
            options.Seed, options.Seconds, options.Warmup,
        };
        one.SetAction(parsed =>
        {
            string directory = parsed.GetValue(options.Directory)!;
            Directory.CreateDirectory(directory);
            var runner = new WorkloadRunner(
                Peer.Named(parsed.GetValue(options.Peer)!), WorkloadKind.Named(parsed.GetValue(workload)!),
                options.SizesOf(parsed, parsed.GetValue(options.Number)));
            Console.WriteLine(runner.Run(directory, parsed.GetValue(run), parsed.GetValue(rate)).ToJson());
            return 0;
        });
        return one;
    }

    public Command CreateReport()
    {
        var files = new Argument<string[]>("files") { Description = "Lines of JSON that runs have left.", Arity = ArgumentArity.OneOrMore };
        var report = new Command("report", "Writes report and plots of what one or several runs have measured.") { files, options.Results };
        report.SetAction(parsed =>
        {
            string[] paths = parsed.GetValue(files)!;
            WorkloadResult[] results = [.. paths.SelectMany(File.ReadLines).Select(WorkloadResult.FromJson)];
            WriteReport(NewStem(parsed), results, "report of " + string.Join(", ", paths.Select(Path.GetFileName)));
            return 0;
        });
        return report;
    }

    private int Run(ParseResult parsed, string command)
    {
        Peer[] peers = [.. PresentPeers(parsed.GetValue(_peers)!)];
        WorkloadKind[] workloads = WorkloadKind.NamedIn(parsed.GetValue(_workloads)!);
        IReadOnlyList<WorkloadSizes> sizes = options.SizesOf(parsed);
        string data = parsed.GetValue(options.Data)!;
        string limitText = parsed.GetValue(_memoryLimit)!;
        MemoryLimit? limit = null;
        if (limitText.Length > 0)
        {
            limit = MemoryLimit.TryCreate(ByteSize.Parse(limitText), out string reason);
            if (limit is null)
            {
                Console.Error.WriteLine($"The runs under a memory limit are skipped: a control group could not be made ({reason}).");
                return 0;
            }
        }

        using (limit)
        {
            string stem = NewStem(parsed);
            Directory.CreateDirectory(data);
            string[] names = [.. workloads.Select(workload => workload.Name)];
            var table = new LiveTable([.. peers.Select(peer => peer.Name)], names, stem + ".jsonl");
            IReadOnlyList<WorkloadResult> results = [];
            table.Run(() => results = new Suite(peers, workloads, data, limit, table).Run(sizes, parsed.GetValue(_runs)));
            WriteReport(stem, results, command);
            foreach (WorkloadResult result in results.Where(result => result.Failure is not null))
                Console.Error.WriteLine($"failed: {result.Workload} of {result.Peer}: {result.Failure}");
            return results.Any(result => result.Failure is not null) ? 1 : 0;
        }
    }

    private string NewStem(ParseResult parsed)
    {
        string directory = parsed.GetValue(options.Results)!;
        Directory.CreateDirectory(directory);
        return Path.Combine(directory, DateTime.UtcNow.ToString("yyyy-MM-dd-HHmm", CultureInfo.InvariantCulture) + "-workloads");
    }

    private static IEnumerable<Peer> PresentPeers(string names)
    {
        IEnumerable<Peer> asked = names == "all"
            ? Peer.All
            : names.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Peer.Named);
        foreach (Peer peer in asked)
        {
            if (peer.IsPresent) yield return peer;
            else
                Console.Error.WriteLine(
                    $"{peer.Name} is skipped: its library is not on this machine (bench/install-peers.sh installs {peer.Package}).");
        }
    }

    private static void WriteReport(string stem, IReadOnlyList<WorkloadResult> results, string command)
    {
        Figures[] sizes =
        [
            .. results.Where(result => result.Failure is null)
                .GroupBy(result => (result.Entries, result.ValueBytes, result.BudgetBytes, result.MemoryLimitBytes))
                .Select(group => new Figures([.. group])),
        ];
        var plots = new List<string>();
        foreach (Figures size in sizes)
        {
            string entries = size.First.Entries.ToString(CultureInfo.InvariantCulture);
            Save($"{stem}-{entries}-throughput.svg", Plots.Throughput(size));
            Save($"{stem}-{entries}-latency.svg", Plots.Latency(size));
        }

        if (sizes.DistinctBy(size => size.First.Entries).Count() > 1) Save(stem + "-growth.svg", Plots.Growth(sizes));
        File.WriteAllText(stem + ".md", Report.Write(results, command, plots));
        Console.WriteLine($"{stem}.md");

        void Save(string path, string picture)
        {
            File.WriteAllText(path, picture);
            plots.Add(Path.GetFileName(path));
        }
    }
}
