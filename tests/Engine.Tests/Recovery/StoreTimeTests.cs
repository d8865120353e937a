using Varve.Native;

namespace Varve.Tests.Recovery;

/// <summary>The store's time over crashes, where the next open meets a wall clock that was set back.</summary>
public sealed class StoreTimeTests : IDisposable
{
    private static readonly RegionPool Pool = new();

    private readonly HistoryOptions _options;

    public StoreTimeTests()
    {
        Pool.AddUser();
        HistoryOptions drawn = HistoryOptions.DrawSmall(1);
        _options = drawn with
        {
            LogSegmentBytes = 8 << 10,
            Compaction = drawn.Compaction with { MemtableBytes = 64 << 10 },
        };
    }

    public void Dispose() => Pool.RemoveUser();

    [Fact]
    public void A_store_that_is_only_read_writes_its_time_down()
    {
        SimulatedDisk left = Run(CrashMode.KeepNothing, (database, scheduler) =>
        {
            scheduler.Clock.Advance(TimeSpan.FromHours(1));
            Assert.Null(database.GetMap("a").Get("key"u8));
            scheduler.CreateSignal("pause").Wait(TimeSpan.FromSeconds(3));
        });
        AssertStaysAbsent(left);
    }

    [Fact]
    public void A_segment_of_the_log_states_the_time_at_which_it_began()
    {
        SimulatedDisk left = Run(CrashMode.KeepAll, (database, scheduler) =>
        {
            scheduler.Clock.Advance(TimeSpan.FromSeconds(20));
            Assert.Null(database.GetMap("a").Get("key"u8));
            for (int i = 0; i < 3; i++) database.GetMap("a").Put([(byte)i], new byte[3_000], Durability.Buffered);
        });
        AssertStaysAbsent(left);
    }

    [Fact]
    public void A_store_in_which_nothing_expires_is_left_alone()
    {
        long calls = 0;
        Run(CrashMode.KeepNothing, (database, scheduler) =>
        {
            database.GetMap("a").Delete("key"u8);
            database.Compact();
            database.Close();
        }, then: (database, disk, scheduler) =>
        {
            database.GetMap("a").Put("other"u8, "1"u8);
            database.Flush();
            database.WaitForUpkeep();
            scheduler.CreateSignal("pause").Wait(TimeSpan.FromSeconds(5));
            calls = disk.CallCount;
            scheduler.Clock.Advance(TimeSpan.FromHours(1));
            using (database.CreateSnapshot()) scheduler.CreateSignal("pause").Wait(TimeSpan.FromSeconds(5));
            calls = disk.CallCount - calls;
        });
        Assert.Equal(0, calls);
    }

    /// <summary>A key is put that lives for ten seconds; then what is given, then a crash.</summary>
    private SimulatedDisk Run(
        CrashMode mode,
        Action<Database, DeterministicScheduler> work,
        Action<Database, SimulatedDisk, DeterministicScheduler>? then = null)
    {
        var scheduler = new DeterministicScheduler(1);
        var disk = new SimulatedDisk(1, scheduler);
        SimulatedDisk? left = null;
        scheduler.Run(() =>
        {
            using (Database database = Open(disk, scheduler))
            {
                database.GetMap("a").Put("key"u8, "1"u8, TimeSpan.FromSeconds(10), Durability.Synced);
                work(database, scheduler);
                left = disk.Fork();
            }

            if (then is null) return;
            using Database again = Open(disk, scheduler);
            then(again, disk, scheduler);
        });
        return left!.Crash(mode, 1);
    }

    private void AssertStaysAbsent(SimulatedDisk left)
    {
        var scheduler = new DeterministicScheduler(2);
        SimulatedDisk disk = left.Crash(CrashMode.KeepAll, 2, scheduler);
        scheduler.Run(() =>
        {
            using Database database = Open(disk, scheduler);
            Assert.Null(database.GetMap("a").Get("key"u8));
        });
    }

    private Database Open(SimulatedDisk disk, DeterministicScheduler scheduler) =>
        Database.Open(_options.CreateSetup(disk, scheduler, new SeededRandom(1), Pool), new DatabaseOptions());
}
