using System.CommandLine;
using System.Globalization;
using Varve.Workloads;
using Varve.Workloads.Bulk;
using Varve.Workloads.Expiring;
using Varve.Workloads.Large;
using Varve.Workloads.Peers;

var number = new Option<long>("--num") { Description = "Entries.", DefaultValueFactory = _ => 1_000_000 };
var reads = new Option<long>("--reads")
{
    Description = "Gets; seeks are a tenth of it. 0: as many as entries.",
    DefaultValueFactory = _ => 0,
};
var valueBytes = new Option<int>("--value-bytes") { Description = "Bytes of a value.", DefaultValueFactory = _ => 100 };
var budget = new Option<string>("--budget") { Description = "Varve's memory budget: 448MB, 256MiB.", DefaultValueFactory = _ => "448MB" };
var seed = new Option<int>("--seed") { Description = "Order and values.", DefaultValueFactory = _ => 1 };
var data = new Option<string>("--data")
{
    Description = "Where the databases go; emptied by the run.",
    DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "varve-workloads"),
};
var peerNames = new Option<string>("--peers")
{
    Description = "Comma-separated; ratios are those of the first.",
    DefaultValueFactory = _ => "varve,rocksdb",
};
var workloadNames = new Option<string>("--workloads")
{
    Description = "Comma-separated: " + string.Join(", ", WorkloadKind.All.Select(workload => workload.Name)) + ".",
    DefaultValueFactory = _ => "fillseq,fillrandom,readrandom,readmissing,readseq,readreverse,seekrandom,overwrite",
};
var runs = new Option<int>("--runs") { Description = "Times everything is measured.", DefaultValueFactory = _ => 3 };
var results = new Option<string>("--results")
{
    Description = "Where the report goes.",
    DefaultValueFactory = _ => Path.Combine("bench", "results"),
};

var root = new RootCommand("db_bench's workloads for Varve and its peers, each peer and workload in a fresh process, peers in turn.")
{
    number, reads, valueBytes, budget, seed, data, peerNames, workloadNames, runs, results,
};
root.SetAction(parsed =>
{
    var peers = new List<Peer>();
    foreach (string name in parsed.GetValue(peerNames)!.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
    {
        Peer peer = Peer.Named(name);
        if (peer.IsPresent) peers.Add(peer);
        else
            Console.Error.WriteLine(
                $"{peer.Name} is skipped: its library is not on this machine (bench/install-peers.sh installs {peer.Package}).");
    }

    WorkloadKind[] workloads =
    [
        .. parsed.GetValue(workloadNames)!
            .Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(WorkloadKind.Named),
    ];
    string dataDirectory = parsed.GetValue(data)!;
    var sizes = Sizes(parsed);
    string directory = parsed.GetValue(results)!;
    Directory.CreateDirectory(directory);
    string stem = Path.Combine(directory, DateTime.UtcNow.ToString("yyyy-MM-dd-HHmm", CultureInfo.InvariantCulture) + "-workloads");
    IReadOnlyList<WorkloadResult> measured = new Suite(peers, workloads, sizes, dataDirectory).Run(
        parsed.GetValue(runs), result => File.AppendAllText(stem + ".jsonl", result.ToJson() + "\n"));
    if (Directory.Exists(dataDirectory)) Directory.Delete(dataDirectory, recursive: true);
    string command = "dotnet run -c Release --project bench/Varve.Workloads -- " + string.Join(' ', args);
    File.WriteAllText(stem + ".md", Report.Write(measured, sizes, command));
    Console.WriteLine($"{stem}.md");
    return 0;
});

var onePeer = new Option<string>("--peer") { Required = true };
var oneWorkload = new Option<string>("--workload") { Required = true };
var oneDirectory = new Option<string>("--directory") { Required = true };
var oneRun = new Option<int>("--run");
var one = new Command("one", "One workload of one peer in this process; prints a line of JSON.")
{
    onePeer, oneWorkload, oneDirectory, oneRun, number, reads, valueBytes, budget, seed,
};
one.SetAction(parsed =>
{
    string directory = parsed.GetValue(oneDirectory)!;
    Directory.CreateDirectory(directory);
    var runner = new WorkloadRunner(
        Peer.Named(parsed.GetValue(onePeer)!), WorkloadKind.Named(parsed.GetValue(oneWorkload)!), Sizes(parsed));
    Console.WriteLine(runner.Run(directory, parsed.GetValue(oneRun)).ToJson());
    return 0;
});
root.Add(one);
foreach (Command command in BulkCommands.Create(number, budget, seed, data, results)) root.Add(command);
root.Add(LargeValues.CreateCommand(data));
root.Add(ExpiringCommand.Create(number, budget, seed, data, results));
try
{
    return root.Parse(args).Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception failure) when (failure
    is ArgumentException or FormatException or IOException or InvalidOperationException or InvalidDataException)
{
    Console.Error.WriteLine(failure.Message);
    return 2;
}

WorkloadSizes Sizes(ParseResult parsed)
{
    long entries = parsed.GetValue(number);
    long asked = parsed.GetValue(reads);
    return new WorkloadSizes(
        entries, asked > 0 ? asked : entries, parsed.GetValue(valueBytes), ByteSize.Parse(parsed.GetValue(budget)!), parsed.GetValue(seed));
}
