using Varve.Files;

namespace Varve.Tests.Simulation;

public class SimulatedDiskTests
{
    [Fact]
    public void Reads_show_what_was_written_as_a_plain_array_would()
    {
        for (int seed = 0; seed < 30; seed++)
        {
            var random = new Random(seed);
            var disk = new SimulatedDisk();
            using IFile file = disk.Open("f", FileOpening.CreateNew);
            byte[] model = new byte[40_000];
            int length = 0;
            for (int step = 0; step < 200; step++)
            {
                int offset = random.Next(20_000);
                int count = random.Next(random.Next(2) == 0 ? 10 : 12_000);
                switch (random.Next(6))
                {
                    case 0:
                        file.SetLength(offset);
                        if (offset < length) model.AsSpan(offset, length - offset).Clear();
                        length = offset;
                        break;
                    case 1:
                        file.Allocate(offset);
                        length = Math.Max(length, offset);
                        break;
                    case 2:
                        file.Sync();
                        break;
                    default:
                        byte[] bytes = new byte[count];
                        random.NextBytes(bytes);
                        file.Write(bytes, offset);
                        bytes.CopyTo(model, offset);
                        if (count > 0) length = Math.Max(length, offset + count);
                        break;
                }

                byte[] read = new byte[random.Next(25_000)];
                int at = random.Next(25_000);
                int expected = Math.Clamp(length - at, 0, read.Length);
                Assert.True(file.Length == length, $"seed {seed}, step {step}: length {file.Length}, expected {length}");
                Assert.True(file.Read(read, at) == expected, $"seed {seed}, step {step}");
                Assert.True(read.AsSpan(0, expected).SequenceEqual(model.AsSpan(at, expected)), $"seed {seed}, step {step}: content");
            }

            file.Sync();
            disk.SyncDirectory("");
            byte[] found = disk.Crash(CrashMode.KeepNothing).ReadAll("f");
            Assert.True(model.AsSpan(0, length).SequenceEqual(found), $"seed {seed}: synced content");
        }
    }

    [Fact]
    public void Copies_share_nothing_that_shows()
    {
        var disk = new SimulatedDisk();
        WriteSynced(disk, "f", "first");
        SimulatedDisk copy = disk.Crash(CrashMode.KeepAll);
        SimulatedDisk other = disk.Crash(CrashMode.KeepAll);
        using (IFile file = copy.Open("f", FileOpening.ReadWrite)) file.Write("other"u8, 0);
        Assert.Equal("other"u8.ToArray(), copy.ReadAll("f"));
        Assert.Equal("first"u8.ToArray(), other.ReadAll("f"));
        Assert.Equal("first"u8.ToArray(), copy.Crash(CrashMode.KeepNothing).ReadAll("f"));
    }

    [Fact]
    public void Names_follow_the_rules_of_a_file_system()
    {
        var disk = new SimulatedDisk();
        AssertError(Errors.NoEntry, "open", () => disk.Open("db/f", FileOpening.CreateNew));
        disk.CreateDirectory("/db/inner");
        disk.CreateDirectory("db/inner");
        Assert.True(disk.DirectoryExists("db/inner"));
        Assert.False(disk.FileExists("db/inner"));
        AssertError(Errors.NoEntry, "open", () => disk.Open("db/f", FileOpening.Read));
        disk.Open("db/f", FileOpening.CreateNew).Dispose();
        AssertError(Errors.Exists, "open", () => disk.Open("db/f", FileOpening.CreateNewDirect));
        AssertError(Errors.IsDirectory, "open", () => disk.Open("db", FileOpening.Read));
        AssertError(Errors.NotDirectory, "mkdir", () => disk.CreateDirectory("db/f"));
        disk.Link("db/f", "db/g");
        AssertError(Errors.Exists, "link", () => disk.Link("db/f", "db/g"));
        disk.Rename("db/f", "db/a");
        AssertError(Errors.NoEntry, "rename", () => disk.Rename("db/f", "db/b"));
        AssertError(Errors.CrossDevice, "rename", () => disk.Rename("db/a", "b"));
        disk.Rename("db/a", "db/g");
        Assert.Equal(["a", "g"], disk.ListFiles("db"));
        disk.Delete("db/a");
        disk.Delete("db/a");
        Assert.Equal(["g"], disk.ListFiles("/db/"));
        Assert.Equal(["db/g"], disk.ListAllFiles());
        AssertError(Errors.NoEntry, "readdir", () => disk.ListFiles("none"));
        AssertError(Errors.NoEntry, "fsync", () => disk.SyncDirectory("none"));
    }

    [Fact]
    public void A_hard_link_is_the_same_file_also_after_a_crash()
    {
        var disk = new SimulatedDisk();
        WriteSynced(disk, "a", "one");
        disk.Link("a", "b");
        disk.SyncDirectory("");
        SimulatedDisk found = disk.Crash(CrashMode.KeepNothing);
        using (IFile file = found.Open("a", FileOpening.ReadWrite)) file.Write("two"u8, 0);
        Assert.Equal("two"u8.ToArray(), found.ReadAll("b"));
    }

    [Fact]
    public void A_deleted_file_stays_readable_through_its_handle()
    {
        var disk = new SimulatedDisk();
        WriteSynced(disk, "a", "one");
        using IFile file = disk.Open("a", FileOpening.Read);
        disk.Delete("a");
        byte[] read = new byte[3];
        Assert.Equal(3, file.Read(read, 0));
        Assert.Equal("one"u8.ToArray(), read);
    }

    [Fact]
    public void Handles_refuse_what_they_were_not_opened_for()
    {
        var disk = new SimulatedDisk();
        WriteSynced(disk, "a", "one");
        IFile file = disk.Open("a", FileOpening.Read);
        AssertError(Errors.BadDescriptor, "pwrite", () => file.Write("x"u8, 0));
        AssertError(Errors.BadDescriptor, "ftruncate", () => file.SetLength(0));
        AssertError(Errors.BadDescriptor, "fallocate", () => file.Allocate(10));
        Assert.Equal(1, disk.OpenFileCount);
        file.Dispose();
        file.Dispose();
        Assert.Equal(0, disk.OpenFileCount);
        Assert.Throws<ObjectDisposedException>(() => file.Read(new byte[1], 0));
        Assert.Throws<ObjectDisposedException>(() => file.Length);
    }

    [Fact]
    public unsafe void Writes_past_the_page_cache_must_be_aligned()
    {
        var disk = new SimulatedDisk { DirectWriteAlignment = 512 };
        using IFile file = disk.Open("a", FileOpening.CreateNewDirect);
        Assert.Equal(512, file.WriteAlignment);
        byte* memory = (byte*)System.Runtime.InteropServices.NativeMemory.AlignedAlloc(2048, 512);
        try
        {
            var all = new Span<byte>(memory, 2048);
            all.Fill(7);
            file.Write(all[..1024], 512);
            AssertError(Errors.Invalid, "pwrite", () => file.Write(new ReadOnlySpan<byte>(memory, 1000), 0));
            AssertError(Errors.Invalid, "pwrite", () => file.Write(new ReadOnlySpan<byte>(memory, 512), 100));
            AssertError(Errors.Invalid, "pwrite", () => file.Write(new ReadOnlySpan<byte>(memory + 8, 512), 0));
            Assert.Equal(1536, file.Length);
        }
        finally
        {
            System.Runtime.InteropServices.NativeMemory.AlignedFree(memory);
        }

        Assert.Equal(1, disk.Open("b", FileOpening.CreateNew).WriteAlignment);
    }

    [Fact]
    public void A_full_disk_takes_what_fits_and_has_room_again_after_a_delete()
    {
        var disk = new SimulatedDisk { CapacityBytes = 5 * 4096 };
        IFile first = disk.Open("a", FileOpening.CreateNew);
        first.Allocate(2 * 4096);
        Assert.Equal(3 * 4096, disk.GetAvailableBytes(""));
        using IFile second = disk.Open("b", FileOpening.CreateNew);
        AssertError(Errors.NoSpace, "pwrite", () => second.Write(new byte[5 * 4096], 100));
        Assert.Equal(3 * 4096, second.Length);
        Assert.Equal(0, disk.GetAvailableBytes(""));
        AssertError(Errors.NoSpace, "fallocate", () => second.Allocate(4 * 4096));

        // What has its space already can be overwritten.
        first.Write(new byte[2 * 4096], 0);
        second.Write(new byte[100], 0);
        disk.Delete("a");
        AssertError(Errors.NoSpace, "pwrite", () => second.Write(new byte[1], 3 * 4096));
        first.Dispose();
        Assert.Equal(2 * 4096, disk.GetAvailableBytes(""));
        second.SetLength(0);
        Assert.Equal(5 * 4096, disk.GetAvailableBytes(""));
    }

    [Fact]
    public void Locks_exclude_each_other_until_they_are_let_go()
    {
        var disk = new SimulatedDisk();
        disk.CreateDirectory("db");
        disk.Lock("db/LOCK", exclusive: false).Dispose();
        Assert.False(disk.FileExists("db/LOCK"));
        IDisposable writer = disk.Lock("db/LOCK", exclusive: true);
        Assert.Equal($"{Environment.ProcessId}\n", System.Text.Encoding.ASCII.GetString(disk.ReadAll("db/LOCK")));
        var refused = Assert.Throws<DatabaseLockedException>(() => disk.Lock("/db/LOCK", exclusive: true));
        Assert.Equal(Environment.ProcessId, refused.OwnerProcessId);
        Assert.Throws<DatabaseLockedException>(() => disk.Lock("db/LOCK", exclusive: false));
        writer.Dispose();
        writer.Dispose();
        IDisposable reader = disk.Lock("db/LOCK", exclusive: false);
        IDisposable secondReader = disk.Lock("db/LOCK", exclusive: false);
        reader.Dispose();
        Assert.Throws<DatabaseLockedException>(() => disk.Lock("db/LOCK", exclusive: true));
        secondReader.Dispose();
        disk.Lock("db/LOCK", exclusive: true);
        disk.Crash(CrashMode.KeepAll).Lock("db/LOCK", exclusive: true);
    }

    [Fact]
    public void Damage_is_durable_and_exact()
    {
        var disk = new SimulatedDisk();
        WriteSynced(disk, "a", "abcdefgh");
        WriteSynced(disk, "b", "12345678");
        disk.FlipBit("a", (2 * 8) + 1);
        disk.SwapRanges("a", 0, 6, 2);
        disk.CopyRange("b", 4, "a", 3, 2);
        Assert.Equal("gha56fab"u8.ToArray(), disk.ReadAll("a"));
        disk.Zero("b", 1, 2);
        disk.Cut("b", 5);
        Assert.Equal("1\0\045"u8.ToArray(), disk.Crash(CrashMode.KeepNothing).ReadAll("b"));
        disk.Remove("b");
        Assert.Equal(["a"], disk.Crash(CrashMode.KeepNothing).ListAllFiles());
        Assert.Equal("gha56fab"u8.ToArray(), disk.Crash(CrashMode.Random, 7).ReadAll("a"));
    }

    [Fact]
    public void The_wall_clock_can_be_set_while_time_goes_on()
    {
        var clock = new ManualClock();
        DateTimeOffset start = clock.GetUtcNow();
        clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(start + TimeSpan.FromSeconds(5), clock.GetUtcNow());
        clock.SetUtcNow(start - TimeSpan.FromDays(1));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(start - TimeSpan.FromDays(1) + TimeSpan.FromSeconds(1), clock.GetUtcNow());
        Assert.Equal(TimeSpan.FromSeconds(6), clock.GetElapsedTime(0));
    }

    [Fact]
    public void Equal_seeds_give_equal_randomness()
    {
        Assert.Equal(new SeededRandom(4).NextUInt64(), new SeededRandom(4).NextUInt64());
        Assert.NotEqual(new SeededRandom(4).NextUInt64(), new SeededRandom(5).NextUInt64());
    }

    internal static void WriteSynced(SimulatedDisk disk, string path, string content)
    {
        using IFile file = disk.Open(path, FileOpening.CreateNew);
        file.Write(System.Text.Encoding.ASCII.GetBytes(content), 0);
        file.Sync();
        disk.SyncDirectory(path.Contains('/') ? path[..path.LastIndexOf('/')] : "");
    }

    internal static void AssertError(int errorCode, string operation, Action call)
    {
        var thrown = Assert.Throws<StorageException>(call);
        Assert.Equal((errorCode, operation), (thrown.ErrorCode, thrown.Operation));
    }
}
