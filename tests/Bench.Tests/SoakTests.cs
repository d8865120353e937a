using Varve.Workloads.Measuring;
using Varve.Workloads.Soak;

namespace Varve.Bench.Tests;

public sealed class SoakTests
{
    private const long MiB = 1 << 20;

    private static readonly Latencies Steady = new() { P50 = 3, P99 = 40 };

    [Fact]
    public void What_stays_or_falls_does_not_drift()
    {
        Assert.Empty(Drifts(_ => Window()));
        Assert.Empty(Drifts(i => Window() with { ResidentBytes = (400 - i) * MiB, Descriptors = 60 - i }));

        // The first third may grow as it likes.
        Assert.Empty(Drifts(i => Window() with { ResidentBytes = Math.Min(i, 9) * 20 * MiB }));
    }

    [Fact]
    public void Whatever_grows_from_the_middle_of_the_run_to_its_end_is_named()
    {
        AssertDrift("resident MiB", i => Window() with { ResidentBytes = (100 + 3 * i) * MiB });
        AssertDrift("managed MiB", i => Window() with { ManagedBytes = (10 + i) * MiB });
        AssertDrift("descriptors", i => Window() with { Descriptors = 50 + 2 * i });
        AssertDrift("files", i => Window() with { Files = 20 + 3 * i });
        AssertDrift("files' MiB", i => Window() with { FileBytes = (50 + 5 * i) * MiB });
        AssertDrift("p50 µs", i => Window() with { Latency = Steady with { P50 = 3 * Math.Pow(1.1, i) } });
        AssertDrift("p99 µs", i => Window() with { Latency = Steady with { P99 = 40 * Math.Pow(1.1, i) } });
    }

    [Fact]
    public void The_load_finds_what_is_wrong_and_nothing_else()
    {
        string directory = Directory.CreateTempSubdirectory("varve-soak-").FullName;
        try
        {
            using (Database database = Database.Open(directory, new DatabaseOptions { Durability = Durability.None }))
            {
                var load = new SoakLoad(database, keyCount: 200, seed: 1);
                load.Fill();
                for (int i = 0; i < 20_000; i++) load.Step();
                load.CheckAll();

                SortedMap map = database.GetMap("soak");
                foreach (Entry entry in map.All(limit: 1)) map.Delete(entry.Key.ToArray());
                Assert.Throws<InvalidDataException>(load.CheckAll);
            }
        }
        finally
        {
            Directory.Delete(directory, recursive: true);
        }
    }

    private static void AssertDrift(string name, Func<int, SoakWindow> window) =>
        Assert.StartsWith(name + ": ", Assert.Single(Drifts(window)), StringComparison.Ordinal);

    private static IReadOnlyList<string> Drifts(Func<int, SoakWindow> window) =>
        SoakWindow.FindDrifts([.. Enumerable.Range(0, 30).Select(window)]);

    private static SoakWindow Window() => new(100 * MiB, 10 * MiB, Descriptors: 50, Files: 20, 50 * MiB, Steady);
}
