using Varve.Native;
using Varve.Recovery;
using Varve.Tests.Api;

namespace Varve.Tests.Recovery;

public sealed class LogKeepingTests
{
    /// <summary>The log of one memtable at most, so that nothing is flushed on the way.</summary>
    private const int EntryCount = 60;

    private static readonly OptionSet s_options = OptionSet.Tiny with { MemtableBytes = 64 << 10, LogSegmentBytes = 8 << 10 };

    private readonly RegionPool _pool = new();

    [Fact]
    public void What_a_killed_process_left_survives_a_power_cut_behind_the_open_that_found_it()
    {
        SimulatedDisk disk = LeaveKilled(entries: EntryCount);
        for (int open = 0; open < 4; open++)
        {
            using Database database = s_options.Open(disk, _pool);
            CheckHas(database, EntryCount + open, $"open {open}");
            database.GetMap("m").Put(Key(EntryCount + open), new byte[100], Durability.Synced);
            disk = disk.Fork().Crash(CrashMode.KeepNothing, open);
        }

        using Database last = s_options.Open(disk, _pool);
        CheckHas(last, EntryCount + 4, "the last open");
    }

    [Fact]
    public void What_the_system_takes_for_written_after_a_failed_sync_is_written_again()
    {
        SimulatedDisk disk = LeaveKilled(entries: EntryCount);
        List<string> slots = [.. disk.ListAllFiles().Where(path => path.EndsWith(".log", StringComparison.Ordinal))];
        var written = new HashSet<string>();
        disk.Faults = call =>
        {
            if (call.Operation == DiskOperation.Write && call.Bytes > 4096) written.Add(call.Path);
            return null;
        };
        using Database database = s_options.Open(disk, _pool);
        disk.Faults = null;
        Assert.True(slots.Count(written.Contains) >= 1, $"{string.Join(", ", written)} of {string.Join(", ", slots)}");
    }

    [Fact]
    public void Opens_that_are_killed_before_they_write_find_the_same_again_and_again()
    {
        SimulatedDisk disk = LeaveKilled(entries: EntryCount);
        ulong latest = 0;
        for (int open = 0; open < 40; open++)
        {
            using (Database database = s_options.Open(disk, _pool))
            {
                CheckHas(database, EntryCount, $"open {open}");
                Assert.True(database.LatestSequence > latest, $"open {open}");
                latest = database.LatestSequence;
                disk = disk.Fork().Crash(CrashMode.KeepAll, open);
            }

            int slots = disk.ListAllFiles().Count(path => path.EndsWith(".log", StringComparison.Ordinal));
            Assert.True(slots <= 24, $"open {open}: {slots} slots");
        }
    }

    [Fact]
    public void The_flush_behind_such_an_open_lets_the_log_go()
    {
        SimulatedDisk disk = LeaveKilled(entries: EntryCount);
        using (Database database = s_options.Open(disk, _pool))
        {
            database.WaitForUpkeep();
            CheckHas(database, EntryCount, "flushed");
            disk = disk.Fork().Crash(CrashMode.KeepNothing, 1);
        }

        long replayed = -1;
        EngineSetup setup = s_options.CreateSetup(disk, "data", _pool) with
        {
            OnEvent = told => replayed = told is DatabaseOpenedEvent opened ? opened.RecoveredRecords : replayed,
        };
        using (Database database = Database.Open(setup, new DatabaseOptions())) CheckHas(database, EntryCount, "opened again");
        Assert.Equal(0, replayed);
    }

    [Fact]
    public async Task The_feed_goes_on_over_opens_that_kept_the_log()
    {
        SimulatedDisk disk = LeaveKilled(entries: EntryCount);
        for (int open = 0; open < 3; open++)
        {
            using Database database = s_options.Open(disk, _pool);
            if (open > 0) database.GetMap("m").Put(Key(EntryCount + open - 1), new byte[100], Durability.Synced);
            disk = disk.Fork().Crash(CrashMode.KeepAll, open);
        }

        using Database last = s_options.Open(disk, _pool);
        int changes = 0;
        await foreach (ChangeBatch batch in last.ReadChanges(0, new ChangeFeedOptions { StopsAtEnd = true }))
        {
            foreach (Change change in batch.Changes)
            {
                if (change.MapName == "m") changes++;
            }
        }

        Assert.Equal(EntryCount + 2, changes);
    }

    private SimulatedDisk LeaveKilled(int entries)
    {
        var disk = new SimulatedDisk();
        using Database database = s_options.Open(disk, _pool);
        for (int i = 0; i < entries; i++) database.GetMap("m").Put(Key(i), new byte[100 + (i % 400)]);
        return disk.Fork().Crash(CrashMode.KeepAll, 1);
    }

    private static void CheckHas(Database database, int entries, string where)
    {
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < entries; i++) Assert.True(map.Contains(Key(i)), $"{where}: entry {i} is lost");
    }

    private static byte[] Key(int number) => [(byte)(number >> 8), (byte)number];
}
