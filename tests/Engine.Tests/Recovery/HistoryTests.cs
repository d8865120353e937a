using Varve.Native;
using Varve.Recovery;

namespace Varve.Tests.Recovery;

/// <summary>
/// A short round of what tools/Varve.Simulate runs at length (docs/simulation.md): whole histories of the engine on a simulated disk,
/// from fixed seeds, and canaries that show that a broken rule is caught.
/// </summary>
public sealed class HistoryTests : IDisposable
{
    private const int CanarySeeds = 30;

    private static readonly RegionPool Pool = new();

    public HistoryTests() => Pool.AddUser();

    public static TheoryData<string> Slips =>
        [LyingFiles.LogIsNotSynced, LyingFiles.TablesAreNotSynced, LyingFiles.ManifestIsNotSynced, LyingFiles.DirectoryIsNotSynced];

    public void Dispose() => Pool.RemoveUser();

    [Fact]
    public void Histories_with_kills_and_power_cuts_keep_every_promise()
    {
        for (int seed = 1; seed <= 25; seed++) History.Run(HistoryOptions.Draw(seed), Pool);
    }

    [Fact]
    public void The_same_seed_gives_the_same_history_call_by_call()
    {
        HistoryOptions options = HistoryOptions.Draw(7);
        Assert.Equal(History.Run(options, Pool), History.Run(options, Pool));
    }

    [Fact]
    public void A_crash_at_any_call_keeps_every_promise()
    {
        long recoveries = 0;
        for (int seed = 1; seed <= 4; seed++) recoveries += History.CutEverywhere(HistoryOptions.DrawSmall(seed), Pool).Recoveries;
        Assert.True(recoveries > 500, $"{recoveries} recoveries");
    }

    [Fact]
    public void Any_call_may_fail_without_a_hang_a_lie_or_another_error_than_a_typed_one()
    {
        HistoryResult result = FaultHistory.FailEverywhere(
            HistoryOptions.DrawSmall(2) with { Operations = 10 }, Pool, [FaultKind.InputOutput, FaultKind.NoSpace]);
        Assert.True(result.CrashPoints > 100, $"{result.CrashPoints} points");
    }

    [Fact]
    public void Every_kind_of_error_leaves_the_store_whole_wherever_it_comes()
    {
        HistoryResult result = FaultHistory.FailEverywhere(HistoryOptions.DrawWhole(3, operations: 4), Pool, FaultKind.Disk);
        Assert.True(result.CrashPoints > 300, $"{result.CrashPoints} points");
    }

    [Fact]
    public void Every_request_for_native_memory_may_be_refused()
    {
        HistoryResult result = FaultHistory.FailEverywhere(HistoryOptions.DrawWhole(2, operations: 30), Pool, FaultKind.Memory);
        Assert.True(result.CrashPoints > 60, $"{result.CrashPoints} points");
    }

    [Theory]
    [MemberData(nameof(Slips))]
    public void A_sync_left_out_is_caught(string slip)
    {
        for (int seed = 1; seed <= CanarySeeds; seed++)
        {
            try
            {
                History.CutEverywhere(HistoryOptions.DrawSmall(seed), Pool, files => new LyingFiles(files, slip));
            }
            catch (HistoryViolationException)
            {
                return;
            }
        }

        Assert.Fail($"{CanarySeeds} seeds did not notice that {slip}");
    }

    /// <summary>
    /// The process is killed when the manifest's edit of a compaction is written but not synced; the recovery that reads it is cut short
    /// by a power cut that takes the edit away. The tables that only the older edit names must still be there.
    /// </summary>
    [Fact]
    public void A_recovery_that_is_cut_short_has_not_deleted_what_the_older_manifest_names()
    {
        HistoryOptions options = HistoryOptions.DrawSmall(1);
        SimulatedDisk killed = KillAtCompactionsEdit(options);
        var points = new List<SimulatedDisk>();
        var scheduler = new DeterministicScheduler(1);
        SimulatedDisk disk = killed.Crash(CrashMode.KeepAll, 1, scheduler);
        disk.Faults = _ =>
        {
            points.Add(disk.Fork());
            return null;
        };
        scheduler.Run(() => Database.Open(SetupOf(options, disk, scheduler), new DatabaseOptions()).Dispose());

        foreach (SimulatedDisk point in points)
        {
            var again = new DeterministicScheduler(1);
            SimulatedDisk cut = point.Crash(CrashMode.KeepNothing, 1, again);
            again.Run(() =>
            {
                using Database database = Database.Open(SetupOf(options, cut, again), new DatabaseOptions());
                Assert.Equal([1, 2], database.GetMap("a").Get("key"u8));
            });
        }
    }

    private static SimulatedDisk KillAtCompactionsEdit(HistoryOptions options)
    {
        SimulatedDisk? killed = null;
        var scheduler = new DeterministicScheduler(1);
        var disk = new SimulatedDisk(1, scheduler);
        scheduler.Run(() =>
        {
            using Database database = Database.Open(SetupOf(options, disk, scheduler), new DatabaseOptions());
            database.GetMap("a").Put("key"u8, [1, 1]);
            database.Flush();
            database.GetMap("a").Put("key"u8, [1, 2]);
            database.Flush();
            database.GetMap("a").Put("other"u8, [1, 3]);
            bool isCompacting = false;
            disk.Faults = call =>
            {
                isCompacting |= call.Operation == DiskOperation.Open && call.Path.EndsWith("000004.table", StringComparison.Ordinal);
                bool isEdit = call.Operation == DiskOperation.Sync && call.Path.Contains("MANIFEST", StringComparison.Ordinal);
                if (isCompacting && isEdit) killed ??= disk.Fork();
                return null;
            };
            database.Compact();
            disk.Faults = null;
        });
        Assert.NotNull(killed);
        return killed;
    }

    private static EngineSetup SetupOf(HistoryOptions options, SimulatedDisk disk, DeterministicScheduler scheduler)
    {
        EngineSetup setup = options.CreateSetup(disk, scheduler, new SeededRandom(1), Pool);
        return setup with { Compaction = setup.Compaction with { LevelZeroTrigger = 10 } };
    }
}
