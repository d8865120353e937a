using System.CommandLine;
using System.Globalization;

namespace Varve.Workloads;

/// <summary>The options that the suite and its children share.</summary>
internal sealed class WorkloadOptions
{
    public Option<string> Numbers { get; } = new("--num")
    {
        Description = "Entries; several sizes with commas between.",
        DefaultValueFactory = _ => "1000000",
    };

    public Option<long> Number { get; } = new("--num") { Description = "Entries.", DefaultValueFactory = _ => 1_000_000 };

    public Option<long> Reads { get; } = new("--reads")
    {
        Description = "Gets, seeks, scans, mixed operations. 0: as many as entries.",
        DefaultValueFactory = _ => 0,
    };

    public Option<int> ValueBytes { get; } = new("--value-bytes")
    {
        Description = "Bytes of a value; 8 at least.",
        DefaultValueFactory = _ => 100,
    };

    public Option<string> Budget { get; } = new("--budget")
    {
        Description = "Varve's memory budget: 448MB, 256MiB. RocksDB and LevelDB take a seventh a memtable and four sevenths as cache.",
        DefaultValueFactory = _ => "448MB",
    };

    public Option<int> Seed { get; } = new("--seed") { Description = "Order and values.", DefaultValueFactory = _ => 1 };

    public Option<double> Seconds { get; } = new("--seconds")
    {
        Description = "How long readwhilewriting runs; others that go by time run no longer.",
        DefaultValueFactory = _ => 60,
    };

    public Option<double> Warmup { get; } = new("--warmup")
    {
        Description = "Seconds that a workload runs on a small store before the clock starts.",
        DefaultValueFactory = _ => 3,
    };

    public Option<string> Data { get; } = new("--data")
    {
        Description = "Where the databases go.",
        DefaultValueFactory = _ => Path.Combine(Path.GetTempPath(), "varve-workloads"),
    };

    public Option<string> Results { get; } = new("--results")
    {
        Description = "Where the report goes.",
        DefaultValueFactory = _ => Path.Combine("bench", "results"),
    };

    public Option<string> Peer { get; } = new("--peer")
    {
        Required = true,
        Description = string.Join(", ", Peers.Peer.All.Select(peer => peer.Name)) + ".",
    };

    public Option<string> Directory { get; } = new("--directory") { Required = true };

    public IReadOnlyList<WorkloadSizes> SizesOf(ParseResult parsed) =>
        [.. parsed.GetValue(Numbers)!.Split(',').Select(text => SizesOf(parsed, long.Parse(text, CultureInfo.InvariantCulture)))];

    /// <exception cref="ArgumentException">Values are too small.</exception>
    public WorkloadSizes SizesOf(ParseResult parsed, long entries)
    {
        long reads = parsed.GetValue(Reads);
        int valueBytes = parsed.GetValue(ValueBytes);
        if (valueBytes < sizeof(long)) throw new ArgumentException("A value has 8 bytes at least.");
        return new WorkloadSizes(
            entries, reads > 0 ? reads : entries, valueBytes, ByteSize.Parse(parsed.GetValue(Budget)!), parsed.GetValue(Seed),
            TimeSpan.FromSeconds(parsed.GetValue(Seconds)), TimeSpan.FromSeconds(parsed.GetValue(Warmup)));
    }
}
