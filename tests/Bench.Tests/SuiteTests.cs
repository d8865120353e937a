using Varve.Workloads;

namespace Varve.Bench.Tests;

public sealed class SuiteTests
{
    [Theory]
    [InlineData(1_000, 100, 1)]
    [InlineData(1_024, 8, 2)]
    [InlineData(7_777, 3_000, 3)]
    public void The_random_order_has_every_number_once_and_values_begin_with_theirs(int count, int valueBytes, int seed)
    {
        var keys = new KeySpace(count, valueBytes, seed);
        IEnumerable<long> shuffled = Enumerable.Range(0, count).Select(place => keys.Shuffled(place));
        Assert.Equal(Enumerable.Range(0, count).Select(number => (long)number), shuffled.Order());
        byte[] value = new byte[valueBytes];
        keys.WriteValue(value, 42);
        Assert.Equal(42, KeySpace.NumberOf(value));
        byte[] longer = new byte[valueBytes + 9];
        keys.WriteValue(longer, 42);
        Assert.Equal([.. value, .. new byte[9]], longer);
        byte[] other = new byte[valueBytes];
        keys.WriteValue(other, 42, version: 9);
        Assert.Equal(42, KeySpace.NumberOf(other));
        if (valueBytes > sizeof(long)) Assert.False(value.AsSpan().SequenceEqual(other), $"seed {seed}");
    }

    [Fact]
    public void Every_workload_has_a_name_and_a_meaning_of_its_own()
    {
        Assert.Equal(WorkloadKind.All.Count, WorkloadKind.All.DistinctBy(workload => workload.Name).Count());
        Assert.Equal(WorkloadKind.All.Count, WorkloadKind.All.DistinctBy(workload => workload.Meaning).Count());
        Assert.Equal(WorkloadKind.All, WorkloadKind.NamedIn("all"));
        Assert.Throws<ArgumentException>(() => WorkloadKind.NamedIn("readrandom,nothing"));
    }

    [Fact]
    public void The_page_of_the_benchmarks_names_every_workload()
    {
        string page = File.ReadAllText(Path.Combine(Root(), "bench", "README.md"));
        Assert.All(WorkloadKind.All, workload => Assert.Contains($"`{workload.Name}`", page, StringComparison.Ordinal));
    }

    private static string Root()
    {
        string directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Engine.sln"))) directory = Path.GetDirectoryName(directory)!;
        return directory;
    }
}
