using Varve.Files;
using Varve.Native;
using Varve.Tests.Api;

namespace Varve.Tests.Recovery;

/// <summary>A database on a disk that is full to the last byte opens for writing, so that room can be made with its own means.</summary>
public sealed class FullDiskTests
{
    private const string Directory = "data";

    private static readonly OptionSet s_options = OptionSet.Tiny with
    {
        MemtableBytes = 64 << 10,
        TableBytes = 32 << 10,
        LogSegmentBytes = 16 << 10,
        ChangeHistoryBytes = 64 << 10,
    };

    /// <summary>Few calls in an open, for tests that hurt each of them.</summary>
    private static readonly OptionSet s_small = s_options with { MemtableBytes = 16 << 10, LogSegmentBytes = 8 << 10 };

    private readonly RegionPool _pool = new();

    [Theory]
    [InlineData("close", 900 << 10)]
    [InlineData("close", 1500 << 10)]
    [InlineData("kill", 900 << 10)]
    [InlineData("kill", 1500 << 10)]
    public void A_database_that_has_filled_the_disk_opens_and_what_is_deleted_makes_room(string ending, long capacityBytes)
    {
        for (int seed = 1; seed <= 2; seed++)
        {
            (SimulatedDisk disk, Dictionary<int, byte[]> written) = FillDisk(s_options, ending, capacityBytes, seed);
            string where = $"{ending}, {capacityBytes} bytes, seed {seed}";
            disk.FillUp(spareBytes: 0);
            using (Database database = s_options.Open(disk, _pool))
            {
                Check(database, written, where);
                Assert.True(database.DropMap("bulk"), where);
                WaitForRoom(database, disk);
                SortedMap kept = database.GetMap("kept");
                for (int i = 0; i < 100; i++) kept.Put(BitConverter.GetBytes(-1 - i), new byte[100], Durability.Synced);
                database.Close();
            }

            using Database reopened = s_options.Open(disk, _pool);
            SortedMap map = reopened.GetMap("kept");
            for (int i = 0; i < 100; i++) Assert.True(map.Contains(BitConverter.GetBytes(-1 - i)), where);
            foreach ((int key, byte[] value) in written)
                if (IsKept(key)) Assert.Equal(value, map.Get(BitConverter.GetBytes(key)));
            Assert.True(reopened.Verify().IsSound, where);
        }
    }

    [Theory]
    [InlineData("close")]
    [InlineData("kill")]
    public void A_power_cut_at_any_call_of_such_an_open_loses_nothing(string ending)
    {
        (SimulatedDisk full, Dictionary<int, byte[]> written) = FillDisk(s_small, ending, 330 << 10, seed: 3);
        full.FillUp(spareBytes: 0);
        int opened = 0;
        CrashSweep.CutPowerAtEveryCall(
            () => full.Crash(CrashMode.KeepAll),
            () => 0,
            (disk, _) =>
            {
                using Database database = s_small.Open(disk, _pool);
                opened++;
            },
            (disk, _, where) =>
            {
                using (Database reader = s_small.Open(disk, _pool, isReadOnly: true)) Check(reader, written, where);
                Assert.True(DatabaseInspector.VerifyDirectory(disk, Directory).IsSound, where);
            },
            seeds: 0);
        Assert.InRange(opened, 1, int.MaxValue);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_call_that_fails_in_such_an_open_is_told_and_the_next_open_has_all(bool forEver)
    {
        (SimulatedDisk full, Dictionary<int, byte[]> written) = FillDisk(s_small, "kill", 330 << 10, seed: 4);
        full.FillUp(spareBytes: 0);
        CrashSweep.FailEveryCall(
            () => full.Crash(CrashMode.KeepAll),
            Fault.Error(Errors.InputOutput),
            forEver,
            (disk, where) =>
            {
                Exception? failure = Record.Exception(() => s_small.Open(disk, _pool).Dispose());
                Assert.True(failure is null or StorageException, $"{where}: {failure}");
                Assert.Equal(0, disk.OpenFileCount);
                disk.Faults = null;
                using Database database = s_small.Open(disk, _pool, isReadOnly: true);
                Check(database, written, where);
            });
    }

    [Fact]
    public void What_nobody_needs_goes_where_there_is_no_reserve()
    {
        (SimulatedDisk disk, Dictionary<int, byte[]> written) = FillDisk(s_options, "close", 900 << 10, seed: 5);
        disk.Delete(Path.Combine(Directory, FileNames.Reserve));
        disk.CapacityBytes = long.MaxValue;
        disk.WriteAll(Path.Combine(Directory, FileNames.Table(9999)), new byte[40 << 10]);
        disk.WriteAll(Path.Combine(Directory, FileNames.Manifest(9999)), new byte[4 << 10]);
        disk.FillUp(spareBytes: 0);
        using (Database database = s_options.Open(disk, _pool)) Check(database, written, "after the open");
        Assert.DoesNotContain(disk.ListAllFiles(), path => path.Contains("9999", StringComparison.Ordinal));
    }

    [Fact]
    public void Where_nothing_can_go_the_error_says_what_is_needed_and_reading_works()
    {
        (SimulatedDisk disk, Dictionary<int, byte[]> written) = FillDisk(s_options, "close", 900 << 10, seed: 6);
        disk.Delete(Path.Combine(Directory, FileNames.Reserve));
        disk.FillUp(spareBytes: 0);

        // Of the log's end there is nothing to cut.
        disk.Faults = FaultPlan.Matching(
            static call => call.Operation == DiskOperation.SetLength, Fault.Error(Errors.NoSpace), forEver: true);
        StorageException refusal = Assert.Throws<StorageException>(() => s_options.Open(disk, _pool));
        Assert.Equal(Errors.NoSpace, refusal.ErrorCode);
        Assert.Matches("takes up to [0-9]+ bytes, [0-9]+ are free; opening for reading needs none", refusal.Message);
        disk.Faults = null;
        using Database reader = s_options.Open(disk, _pool, isReadOnly: true);
        Check(reader, written, "read only");
    }

    [Fact]
    public void A_compaction_that_was_asked_for_gets_the_reserve_and_the_next_one_has_its_room()
    {
        var disk = new SimulatedDisk();
        using Database database = s_options.Open(disk, _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 200; i++) map.Put(BitConverter.GetBytes(i), new byte[100]);
        string reserve = Path.Combine(Directory, FileNames.Reserve);
        Assert.True(SpinWait.SpinUntil(() => disk.FileExists(reserve), TimeSpan.FromSeconds(30)));
        database.Compact();
        for (int i = 0; i < 200; i += 2) map.Delete(BitConverter.GetBytes(i));
        database.Flush();
        bool isGivenBack = false;
        disk.Faults = call =>
        {
            isGivenBack |= call.Operation == DiskOperation.Delete && call.Path == reserve;
            bool isOfTable = call.Operation == DiskOperation.Write && call.Path.EndsWith(".table", StringComparison.Ordinal);
            return isOfTable && !isGivenBack ? Fault.Error(Errors.NoSpace) : null;
        };
        StorageException refusal = Assert.Throws<StorageException>(() => database.Compact());
        Assert.Equal(Errors.NoSpace, refusal.ErrorCode);
        Assert.True(isGivenBack);
        database.Compact();
        for (int i = 0; i < 200; i++) Assert.Equal(i % 2 == 1, map.Contains(BitConverter.GetBytes(i)));
    }

    private (SimulatedDisk Disk, Dictionary<int, byte[]> Written) FillDisk(OptionSet options, string ending, long capacityBytes, int seed)
    {
        var disk = new SimulatedDisk(seed) { CapacityBytes = capacityBytes };
        var random = new Random(seed);
        var written = new Dictionary<int, byte[]>();
        using (Database database = options.Open(disk, _pool))
        {
            SortedMap bulk = database.GetMap("bulk");
            SortedMap kept = database.GetMap("kept");
            StorageException? refusal = null;
            for (int i = 0; refusal is null; i++)
            {
                byte[] value = new byte[50 + random.Next(200)];
                random.NextBytes(value);
                refusal = (StorageException?)Record.Exception(
                    () => (IsKept(i) ? kept : bulk).Put(BitConverter.GetBytes(i), value));
                if (refusal is null) written[i] = value;

                // Another thread takes it, once the log is a quarter of a segment long.
                if (i == 40) Assert.True(SpinWait.SpinUntil(() => disk.FileExists(Path.Combine(Directory, FileNames.Reserve)), 30_000));
            }

            Assert.Equal(Errors.NoSpace, refusal.ErrorCode);
            database.Sync();
            if (ending == "kill") disk = disk.Crash(CrashMode.KeepAll);
            else Close(database);
        }

        return (disk, written);
    }

    /// <summary>A close may find no room for its last edit, says so, and leaves what a kill leaves.</summary>
    private static void Close(Database database)
    {
        if (Record.Exception(database.Close) is not { } failure) return;
        Assert.Equal(Errors.NoSpace, Assert.IsType<StorageException>(failure).ErrorCode);
    }

    private static bool IsKept(int key) => key % 50 == 0;

    private static void Check(Database database, Dictionary<int, byte[]> written, string where)
    {
        SortedMap bulk = database.GetMap("bulk");
        SortedMap kept = database.GetMap("kept");
        foreach ((int key, byte[] value) in written)
        {
            byte[]? found = (IsKept(key) ? kept : bulk).Get(BitConverter.GetBytes(key));
            Assert.True(value.AsSpan().SequenceEqual(found), $"{where}: key {key}");
        }
    }

    /// <summary>A compaction that failed is tried again.</summary>
    private static void WaitForRoom(Database database, SimulatedDisk disk)
    {
        Exception? last = null;
        bool hasRoom = SpinWait.SpinUntil(() => (last = Record.Exception(() => database.Compact())) is null, TimeSpan.FromSeconds(30));
        string files = string.Join(' ', disk.ListFiles(Directory));
        Assert.True(hasRoom, $"{disk.GetAvailableBytes(Directory)} bytes free: {files}\n{database.GetStatistics()}\n{last}");
    }
}
