using System.Xml.Linq;
using Varve.Workloads;
using Varve.Workloads.Measuring;
using Varve.Workloads.Reporting;

namespace Varve.Bench.Tests;

public sealed class ReportTests
{
    [Fact]
    public void A_result_survives_being_a_line()
    {
        WorkloadResult result = Result("varve", "readrandom", 1_000) with { Latency = new Latencies { Samples = 3, P99 = 1.5, Max = 7 } };
        Assert.Equal(result, WorkloadResult.FromJson(result.ToJson()));
        Assert.Throws<InvalidDataException>(() => WorkloadResult.FromJson("no result"));
    }

    [Fact]
    public void A_requirement_is_held_against_the_best_peer()
    {
        string report = Report.Write(
            [Result("varve", "fillseq", 5_000), Result("rocksdb", "fillseq", 400), Result("lmdb", "fillseq", 900)], "command", []);
        Assert.Contains("| fillseq | ≥ 5 × the best peer | 5.56 | yes |", report, StringComparison.Ordinal);
        report = Report.Write(
            [Result("varve", "fillseq", 5_000), Result("rocksdb", "fillseq", 400), Result("lmdb", "fillseq", 1_100)], "command", []);
        Assert.Contains("| fillseq | ≥ 5 × the best peer | 4.55 | **no** |", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_a_peer_was_built_with_assertions_more_is_asked_and_the_report_says_so()
    {
        WorkloadResult[] results =
        [
            Result("varve", "readmissing", 1_000), Result("rocksdb", "readmissing", 100) with { HasAssertions = true },
            Result("varve", "fillseq", 1_000), Result("rocksdb", "fillseq", 100) with { HasAssertions = true },
            Result("varve", "readrandom", 1_000), Result("rocksdb", "readrandom", 100) with { HasAssertions = true },
        ];
        string report = Report.Write(results, "command", []);
        Assert.Contains("Built with assertions (the library calls `__assert_fail`): rocksdb.", report, StringComparison.Ordinal);
        Assert.Contains("| readmissing | ≥ 5 × the best peer | 3.70 | **no** |", report, StringComparison.Ordinal);
        Assert.Contains("| fillseq | ≥ 5 × the best peer | 6.25 | yes |", report, StringComparison.Ordinal);
        Assert.Contains("| readrandom | ≥ 5 × rocksdb | 10.00 | yes |", report, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_is_told_and_the_rest_is_reported()
    {
        string report = Report.Write(
            [
                Result("varve", "fillseq", 5_000), Result("lmdb", "fillseq", 900),
                Result("varve", "readrandom", 0) with { Failure = "it fell over" }, Result("lmdb", "readrandom", 700),
            ],
            "command",
            []);
        Assert.Contains("- readrandom of varve, 1,000,000 entries, run 1: it fell over", report, StringComparison.Ordinal);
        Assert.Contains("| readrandom | – | ", report, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_are_reported_apart_and_drawn_together()
    {
        WorkloadResult[] results =
        [
            Result("varve", "readrandom", 2_000), Result("lmdb", "readrandom", 1_000),
            Result("varve", "readrandom", 1_000) with { Entries = 10_000_000 },
            Result("lmdb", "readrandom", 900) with { Entries = 10_000_000 },
        ];
        string report = Report.Write(results, "command", ["picture.svg"]);
        Assert.Contains("## 1,000,000 entries", report, StringComparison.Ordinal);
        Assert.Contains("## 10,000,000 entries", report, StringComparison.Ordinal);
        Assert.Contains("![picture.svg](picture.svg)", report, StringComparison.Ordinal);
        Figures[] sizes = [new(results[..2]), new(results[2..])];
        foreach (string picture in (string[])[Plots.Throughput(sizes[0]), Plots.Latency(sizes[0]), Plots.Growth(sizes)])
            Assert.Equal("svg", XDocument.Parse(picture).Root!.Name.LocalName);
    }

    [Fact]
    public void Every_required_workload_exists()
    {
        foreach (long entries in (long[])[1_000_000, 10_000_000])
        {
            WorkloadResult[] all = [.. WorkloadKind.All.Select(workload => Result("varve", workload.Name, 1) with { Entries = entries })];
            IEnumerable<string> required = Requirement.For(new Figures(all)).Select(requirement => requirement.Workload).Distinct();
            Assert.All(required.Where(name => name != "all"), name => WorkloadKind.Named(name));
            Assert.True(required.Count() > 5);
        }
    }

    [Fact]
    public void Imports_of_a_library_are_read_from_its_dynamic_symbols()
    {
        if (!OperatingSystem.IsLinux()) return;
        string runtime = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "libSystem.Native.so");
        byte[] file = File.ReadAllBytes(runtime);
        Assert.True(LibraryFile.Imports(file, "malloc"));
        Assert.False(LibraryFile.Imports(file, "no_such_symbol_anywhere"));

        // What it defines itself it does not import.
        Assert.False(LibraryFile.Imports(file, "SystemNative_Read"));
        Assert.Null(LibraryFile.Imports("not a library"u8, "malloc"));
        for (int bytes = 0; bytes < 4096; bytes += 17) LibraryFile.Imports(file.AsSpan(0, bytes), "malloc");
    }

    private static WorkloadResult Result(string peer, string workload, double rate) => new()
    {
        Peer = peer,
        Workload = workload,
        Run = 1,
        Entries = 1_000_000,
        ValueBytes = 100,
        BudgetBytes = 448_000_000,
        Operations = (long)rate,
        Seconds = 1,
        Latency = new Latencies { Samples = 1, P50 = 1, P90 = 2, P99 = 3, P999 = 4, Max = 5 },
        PeakResidentBytes = 100_000_000,
        ProcessorSeconds = 1,
        ForegroundProcessorSeconds = 1,
    };
}
