using System.Text;
using Varve.Files;

namespace Varve.Tests.Simulation;

public class SimulatedDiskFaultTests
{
    [Fact]
    public void Every_call_can_fail_once_with_its_path_and_does_nothing_then()
    {
        long calls = RunHistory(new SimulatedDisk()).CallCount;
        Assert.Equal(18, calls);
        for (long index = 1; index <= calls; index++)
        {
            var disk = new SimulatedDisk { Faults = FaultPlan.Once(index, Fault.Error(Errors.InputOutput)) };
            var thrown = Assert.Throws<StorageException>(() => RunHistory(disk));
            Assert.Equal(Errors.InputOutput, thrown.ErrorCode);
            Assert.Equal(index, disk.CallCount);
            Assert.Equal(thrown.Path, disk.LastFault!.Value.Path);
            Assert.Equal(index, disk.LastFault.Value.Index);
        }
    }

    [Fact]
    public void A_failed_call_changes_nothing()
    {
        var disk = new SimulatedDisk();
        SimulatedDiskTests.WriteSynced(disk, "f", "x");
        IFile file = disk.Open("f", FileOpening.ReadWrite);
        disk.Faults = FaultPlan.From(1, Fault.Error(Errors.Quota));
        Action[] calls =
        [
            () => file.Write("yy"u8, 0),
            () => file.SetLength(0),
            () => file.Allocate(9),
            file.Sync,
            () => disk.Open("g", FileOpening.CreateNew),
            () => disk.Delete("f"),
            () => disk.Rename("f", "g"),
            () => disk.Link("f", "g"),
            () => disk.CreateDirectory("d"),
            () => disk.Lock("LOCK", exclusive: true),
        ];
        foreach (Action call in calls) Assert.Equal(Errors.Quota, Assert.Throws<StorageException>(call).ErrorCode);
        disk.Faults = null;
        Assert.Equal(["f"], disk.ListAllFiles());
        Assert.Equal("x", Text(disk, "f"));
        Assert.False(disk.DirectoryExists("d"));
        disk.Lock("LOCK", true);
    }

    [Fact]
    public void A_fault_strikes_the_calls_it_is_made_for()
    {
        var disk = new SimulatedDisk();
        using IFile file = disk.Open("f", FileOpening.CreateNew);
        disk.Faults = FaultPlan.Matching(call => call.Operation == DiskOperation.Write, Fault.Error(Errors.NoSpace), nth: 2);
        file.Write("a"u8, 0);
        SimulatedDiskTests.AssertError(Errors.NoSpace, "pwrite", () => file.Write("b"u8, 1));
        Assert.Equal(new DiskCall(3, DiskOperation.Write, "f", 1, 1), disk.LastFault);
        file.Write("c"u8, 1);
        disk.Faults = FaultPlan.Matching(IsSync, Fault.Error(Errors.InputOutput), nth: 2, forEver: true);
        file.Sync();
        for (int i = 0; i < 3; i++) SimulatedDiskTests.AssertError(Errors.InputOutput, "fdatasync", file.Sync);
        Assert.Equal("ac", Text(disk, "f"));
    }

    [Fact]
    public void A_short_write_leaves_its_beginning()
    {
        var disk = new SimulatedDisk();
        using IFile file = disk.Open("f", FileOpening.CreateNew);
        disk.Faults = FaultPlan.From(1, Fault.ShortWrite(Errors.NoSpace, 3));
        SimulatedDiskTests.AssertError(Errors.NoSpace, "pwrite", () => file.Write("abcdef"u8, 0));
        Assert.Equal("abc", Text(disk, "f"));
        SimulatedDiskTests.AssertError(Errors.NoSpace, "pwrite", () => file.Write("x"u8, 5));
        Assert.Equal("abc\0\0x", Text(disk, "f"));
    }

    [Fact]
    public void A_half_write_leaves_the_first_half_of_any_write_and_a_sync_does_as_it_is_told()
    {
        var disk = new SimulatedDisk();
        using IFile file = disk.Open("f", FileOpening.CreateNew);
        file.SetLength(7);
        file.Sync();
        disk.Faults = FaultPlan.From(1, Fault.HalfWrite(Errors.InputOutput, FailedSync.MarksClean));
        SimulatedDiskTests.AssertError(Errors.InputOutput, "pwrite", () => file.Write("abcdefg"u8, 0));
        SimulatedDiskTests.AssertError(Errors.InputOutput, "pwrite", () => file.Write("wxyz"u8, 4));
        SimulatedDiskTests.AssertError(Errors.InputOutput, "pwrite", () => file.Write("!"u8, 6));
        SimulatedDiskTests.AssertError(Errors.InputOutput, "ftruncate", () => file.SetLength(0));
        Assert.Equal("abc\0wx\0", Text(disk, "f"));
        Assert.True(disk.HasUnsyncedContent("f"));
        SimulatedDiskTests.AssertError(Errors.InputOutput, "fdatasync", file.Sync);
        Assert.False(disk.HasUnsyncedContent("f"));
    }

    [Fact]
    public void A_failed_sync_may_leave_the_changes_to_the_next_one()
    {
        (SimulatedDisk disk, IFile file) = FailSync(FailedSync.LeavesDirty, 0);
        Assert.Equal("new content", Text(disk, "f"));
        file.Sync();
        Assert.Equal("new content", Text(disk.Crash(CrashMode.KeepNothing), "f"));
    }

    [Fact]
    public void A_failed_sync_may_forget_changes_that_reads_still_show()
    {
        var durable = new HashSet<string>();
        for (int seed = 0; seed < 40; seed++)
        {
            (SimulatedDisk disk, IFile file) = FailSync(FailedSync.MarksClean, seed);
            Assert.Equal("new content", Text(disk, "f"));
            file.Sync();
            Assert.Equal("new content", Text(disk, "f"));
            durable.Add(Text(disk.Crash(CrashMode.KeepNothing), "f")[..3]);
            Assert.Equal("new content", Text(disk.Crash(CrashMode.KeepAll), "f"));
        }

        Assert.Superset(new HashSet<string> { "old", "new" }, durable);
    }

    [Fact]
    public void A_failed_sync_may_drop_changes_so_that_reads_show_the_old_content()
    {
        bool shown = false;
        for (int seed = 0; seed < 40; seed++)
        {
            (SimulatedDisk disk, IFile file) = FailSync(FailedSync.DropsUnsynced, seed);
            Assert.Equal("new content".Length, file.Length);
            shown |= Text(disk, "f") == "old\0\0\0\0\0\0\0\0";
            file.Sync();
            Assert.Equal(Text(disk, "f"), Text(disk.Crash(CrashMode.KeepNothing), "f"));
        }

        Assert.True(shown);
    }

    [Fact]
    public void A_power_cut_at_a_call_stops_all_later_ones()
    {
        long calls = RunHistory(new SimulatedDisk()).CallCount;
        for (long index = 1; index <= calls; index++)
        {
            var disk = new SimulatedDisk { Faults = FaultPlan.PowerCutAt(index) };
            Assert.Throws<SimulatedPowerCutException>(() => RunHistory(disk));
            Assert.True(disk.IsOff, $"call {index}");
            Assert.Throws<SimulatedPowerCutException>(() => disk.FileExists("x"));
            Assert.Equal(index, disk.CallCount);
            disk.Crash(CrashMode.Random, (int)index).ListFiles("");
        }
    }

    [Fact]
    public void The_call_that_the_power_cut_struck_may_have_worked_or_not()
    {
        var disk = new SimulatedDisk();
        SimulatedDiskTests.WriteSynced(disk, "f", "a");
        IFile file = disk.Open("f", FileOpening.ReadWrite);
        disk.Faults = FaultPlan.Matching(call => call.Operation == DiskOperation.Write, Fault.PowerCut);
        Assert.Throws<SimulatedPowerCutException>(() => file.Write("b"u8, 0));
        Assert.Equal("a", Text(disk.Crash(CrashMode.KeepNothing), "f"));
        Assert.Equal("b", Text(disk.Crash(CrashMode.KeepAll), "f"));
    }

    [Fact]
    public void A_sync_that_the_power_cut_struck_promises_nothing()
    {
        var disk = new SimulatedDisk();
        SimulatedDiskTests.WriteSynced(disk, "f", "a");
        IFile file = disk.Open("f", FileOpening.ReadWrite);
        file.Write("b"u8, 0);
        disk.Faults = FaultPlan.Matching(IsSync, Fault.PowerCut);
        Assert.Throws<SimulatedPowerCutException>(file.Sync);
        Assert.Equal("a", Text(disk.Crash(CrashMode.KeepNothing), "f"));
    }

    [Fact]
    public void A_misdirected_read_gets_the_bytes_of_another_place_and_a_short_one_half_of_them()
    {
        var disk = new SimulatedDisk();
        SimulatedDiskTests.WriteSynced(disk, "f", "abcdefgh");
        using IFile file = disk.Open("f", FileOpening.Read);
        byte[] bytes = new byte[4];
        disk.Faults = FaultPlan.From(1, Fault.Misdirected(2));
        Assert.Equal(4, file.Read(bytes, 0));
        Assert.Equal("cdef"u8, bytes);
        Assert.Equal(4, file.Read(bytes, 4));
        Assert.Equal("gh\0\0"u8, bytes);
        disk.Faults = FaultPlan.From(1, Fault.Flipped(8));
        file.Read(bytes, 0);
        Assert.Equal("accd"u8, bytes);
        disk.Faults = FaultPlan.From(1, Fault.ShortRead());
        Assert.Equal(2, file.Read(bytes, 0));
    }

    [Fact]
    public void A_misdirected_flipped_or_lost_write_is_durable_as_it_landed()
    {
        var disk = new SimulatedDisk();
        string After(Fault fault)
        {
            SimulatedDiskTests.WriteSynced(disk, "f", "abcdefgh");
            using IFile file = disk.Open("f", FileOpening.ReadWrite);
            disk.Faults = FaultPlan.Matching(call => call.Operation == DiskOperation.Write, fault);
            file.Write("XY"u8, 2);
            file.Sync();
            disk.Faults = null;
            string left = Text(disk.Fork().Crash(CrashMode.KeepNothing), "f");
            disk.Delete("f");
            return left;
        }

        Assert.Equal("abcdXYgh", After(Fault.Misdirected(2)));
        Assert.Equal("abYYefgh", After(Fault.Flipped(0)));
        Assert.Equal("abcdefgh", After(Fault.LostWrite()));
    }

    [Fact]
    public void A_disk_that_is_filled_up_takes_what_fits_and_no_more()
    {
        var disk = new SimulatedDisk();
        SimulatedDiskTests.WriteSynced(disk, "f", "x");
        using IFile file = disk.Open("f", FileOpening.ReadWrite);
        disk.FillUp(4096);
        file.Write(new byte[4096], 4096);
        SimulatedDiskTests.AssertError(Errors.NoSpace, "pwrite", () => file.Write("y"u8, 8192));
    }

    private static bool IsSync(DiskCall call) => call.Operation == DiskOperation.Sync;

    private static (SimulatedDisk Disk, IFile File) FailSync(FailedSync outcome, int seed)
    {
        var disk = new SimulatedDisk(seed);
        SimulatedDiskTests.WriteSynced(disk, "f", "old");
        IFile file = disk.Open("f", FileOpening.ReadWrite);
        file.Write("new content"u8, 0);
        disk.Faults = FaultPlan.Once(disk.CallCount + 1, Fault.Error(Errors.InputOutput, outcome));
        SimulatedDiskTests.AssertError(Errors.InputOutput, "fdatasync", file.Sync);
        return (disk, file);
    }

    private static SimulatedDisk RunHistory(SimulatedDisk disk)
    {
        disk.CreateDirectory("db");
        using IDisposable held = disk.Lock("db/LOCK", exclusive: true);
        using IFile file = disk.Open("db/f", FileOpening.CreateNew);
        file.Allocate(100);
        file.Write("abc"u8, 0);
        file.SetLength(10);
        file.Read(new byte[3], 0);
        file.Sync();
        disk.SyncDirectory("db");
        disk.Link("db/f", "db/g");
        disk.Rename("db/g", "db/h");
        disk.Delete("db/f");
        disk.FileExists("db/f");
        disk.DirectoryExists("db");
        disk.ListFiles("db");
        disk.GetAvailableBytes("db");
        disk.SyncDirectory("db");
        return disk;
    }

    private static string Text(SimulatedDisk disk, string path) => Encoding.Latin1.GetString(disk.ReadAll(path));
}
