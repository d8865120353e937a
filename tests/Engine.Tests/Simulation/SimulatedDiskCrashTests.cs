using System.Text;
using Varve.Files;

namespace Varve.Tests.Simulation;

public class SimulatedDiskCrashTests
{
    private const int Seeds = 400;

    [Fact]
    public void Stores_into_a_mapped_file_survive_the_process_whole_and_a_power_cut_by_chance_but_only_if_told()
    {
        var outcomes = new HashSet<string>();
        for (int seed = 0; seed < 40; seed++)
        {
            var disk = new SimulatedDisk();
            IFile file = disk.Open("a", FileOpening.CreateNew);
            file.Allocate(8192);
            file.Write(new byte[8192], 0);
            file.Sync();
            disk.SyncDirectory("");
            IFileMapping mapping = file.TryMap(8192)!;
            Assert.True(mapping.TryPrepare(0, 8192));
            mapping.Bytes.Fill(1);
            mapping.OnStored(0, 6000);
            byte[] killed = disk.Fork().Crash(CrashMode.KeepAll).ReadAll("a");
            Assert.Equal((6000, 2192), (killed.Count(value => value == 1), killed.Count(value => value == 0)));
            Assert.DoesNotContain((byte)1, disk.Fork().Crash(CrashMode.KeepNothing).ReadAll("a"));
            outcomes.Add(string.Concat(disk.Crash(CrashMode.Random, seed).ReadAll("a")));
            Assert.ThrowsAny<IOException>(() => mapping.OnStored(0, 1));
        }

        Assert.True(outcomes.Count > 5, $"{outcomes.Count} outcomes");
        Assert.Null(new SimulatedDisk { MapsFiles = false }.Open("a", FileOpening.CreateNew).TryMap(0));
    }

    [Fact]
    public void Without_syncs_a_power_cut_leaves_nothing()
    {
        var disk = new SimulatedDisk();
        disk.CreateDirectory("db");
        using IFile file = disk.Open("db/f", FileOpening.CreateNew);
        file.Write("x"u8, 0);
        Assert.Empty(disk.Crash(CrashMode.KeepNothing).ListAllFiles());
        Assert.True(disk.Crash(CrashMode.KeepNothing).DirectoryExists("db"), "creating a directory syncs its parent");
    }

    [Fact]
    public void Syncing_a_file_does_not_make_its_name_durable()
    {
        var disk = new SimulatedDisk();
        using IFile file = disk.Open("f", FileOpening.CreateNew);
        file.Write("x"u8, 0);
        file.Sync();
        Assert.Empty(disk.Crash(CrashMode.KeepNothing).ListAllFiles());
        HashSet<string> outcomes = Outcomes(disk, found => found.FileExists("f") ? Text(found, "f") : "absent");
        Assert.Equal(["absent", "x"], outcomes.Order());
        disk.Crash(CrashMode.KeepAll).SyncDirectory("");
    }

    [Fact]
    public void Syncing_a_directory_does_not_make_content_durable()
    {
        var disk = new SimulatedDisk();
        using IFile file = disk.Open("f", FileOpening.CreateNew);
        file.Write("x"u8, 0);
        disk.SyncDirectory("");
        Assert.Empty(disk.Crash(CrashMode.KeepNothing).ReadAll("f"));
        HashSet<string> outcomes = Outcomes(disk, found => Text(found, "f"));
        Assert.Contains("", outcomes);
        Assert.Contains("x", outcomes);
        Assert.Contains("\0", outcomes);
    }

    [Fact]
    public void What_was_synced_survives_every_crash()
    {
        var disk = new SimulatedDisk();
        SimulatedDiskTests.WriteSynced(disk, "f", "synced");
        using IFile file = disk.Open("f", FileOpening.ReadWrite);
        file.Write(new byte[20_000], 6);
        file.SetLength(100);
        disk.Open("g", FileOpening.CreateNew).Dispose();
        HashSet<string> outcomes = Outcomes(disk, found => Text(found, "f")[..6]);
        Assert.Equal(["synced"], outcomes);
    }

    [Fact]
    public void Unsynced_writes_survive_independently_whole_torn_or_not()
    {
        var disk = new SimulatedDisk();
        using IFile file = disk.Open("f", FileOpening.CreateNew);
        file.SetLength(3 * 4096);
        file.Sync();
        disk.SyncDirectory("");
        byte[] page = new byte[4096];
        for (int i = 0; i < 3; i++)
        {
            page.AsSpan().Fill((byte)(i + 1));
            file.Write(page, i * 4096);
        }

        bool laterWithoutEarlier = false;
        bool torn = false;
        for (int seed = 0; seed < Seeds; seed++)
        {
            byte[] content = disk.Crash(CrashMode.Random, seed).ReadAll("f");
            Assert.Equal(3 * 4096, content.Length);
            int[] landed = new int[3];
            for (int sector = 0; sector < 24; sector++)
            {
                byte[] bytes = content.AsSpan(sector * 512, 512).ToArray();
                int write = sector / 8;
                Assert.True(bytes.All(b => b == 0) || bytes.All(b => b == write + 1), $"seed {seed}: sector {sector} is torn inside");
                if (bytes[0] != 0) landed[write]++;
            }

            laterWithoutEarlier |= landed[0] == 0 && landed[2] == 8;
            torn |= landed[1] is > 0 and < 8;
        }

        Assert.True(laterWithoutEarlier);
        Assert.True(torn);
    }

    [Fact]
    public void Holes_before_a_surviving_write_hold_zeroes_or_garbage()
    {
        var disk = new SimulatedDisk();
        using IFile file = disk.Open("f", FileOpening.CreateNew);
        disk.SyncDirectory("");
        file.Write(Encoding.ASCII.GetBytes(new string('a', 512)), 0);
        file.Write(Encoding.ASCII.GetBytes(new string('b', 512)), 512);
        HashSet<string> holes = Outcomes(disk, found =>
        {
            byte[] content = found.ReadAll("f");
            if (content.Length < 1024) return $"length {content.Length}";
            if (content[0] == 'a' && content[511] == 'a') return "a";
            return content.AsSpan(0, 512).ContainsAnyExcept((byte)0) ? "garbage" : "zeroes";
        });
        Assert.Equal(["a", "garbage", "length 0", "length 512", "zeroes"], holes.Order());
    }

    [Fact]
    public void Unsynced_lengths_survive_or_not()
    {
        var disk = new SimulatedDisk();
        SimulatedDiskTests.WriteSynced(disk, "f", "123456");
        using IFile file = disk.Open("f", FileOpening.ReadWrite);
        file.SetLength(3);
        file.Allocate(5000);
        HashSet<string> outcomes = Outcomes(disk, found =>
        {
            string text = Text(found, "f");
            return $"{text.Length} {text[..3]} {text.Length > 3 && text[3] == '4'}";
        });
        Assert.Equal(["3 123 False", "5000 123 False", "5000 123 True", "6 123 True"], outcomes.Order());
    }

    [Fact]
    public void A_rename_gives_the_old_or_the_new_file_never_neither()
    {
        var disk = new SimulatedDisk();
        SimulatedDiskTests.WriteSynced(disk, "CURRENT", "old");
        SimulatedDiskTests.WriteSynced(disk, "CURRENT.tmp", "new");
        disk.Rename("CURRENT.tmp", "CURRENT");
        HashSet<string> outcomes = Outcomes(disk, found => $"{Text(found, "CURRENT")} {string.Join(' ', found.ListAllFiles())}");
        Assert.Equal(["new CURRENT", "old CURRENT CURRENT.tmp"], outcomes.Order());
        disk = disk.Crash(CrashMode.KeepAll);
        disk.SyncDirectory("");
        Assert.Equal(["new"], Outcomes(disk, found => Text(found, "CURRENT")));
    }

    [Fact]
    public void A_rename_of_a_file_whose_name_was_never_durable_is_still_atomic()
    {
        var disk = new SimulatedDisk();
        SimulatedDiskTests.WriteSynced(disk, "CURRENT", "old");
        using (IFile file = disk.Open("tmp", FileOpening.CreateNew))
        {
            file.Write("new"u8, 0);
            file.Sync();
        }

        disk.Rename("tmp", "CURRENT");
        HashSet<string> outcomes = Outcomes(disk, found => $"{Text(found, "CURRENT")} {string.Join(' ', found.ListAllFiles())}");
        Assert.Equal(["new CURRENT", "old CURRENT", "old CURRENT tmp"], outcomes.Order());
    }

    [Fact]
    public void Unsynced_names_come_and_go_independently()
    {
        var disk = new SimulatedDisk();
        SimulatedDiskTests.WriteSynced(disk, "old", "x");
        disk.Open("first", FileOpening.CreateNew).Dispose();
        disk.Link("old", "second");
        disk.Delete("old");
        HashSet<string> outcomes = Outcomes(disk, found => string.Join(' ', found.ListAllFiles()));
        Assert.Equal(8, outcomes.Count);
    }

    [Fact]
    public void A_killed_process_loses_nothing_but_a_later_power_cut_still_may()
    {
        var disk = new SimulatedDisk();
        using IFile file = disk.Open("f", FileOpening.CreateNew);
        file.Write("x"u8, 0);
        SimulatedDisk found = disk.Crash(CrashMode.KeepAll);
        Assert.Equal("x", Text(found, "f"));
        Assert.True(found.HasUnsyncedContent("f"));
        Assert.Empty(found.Crash(CrashMode.KeepNothing).ListAllFiles());
        found = disk.Crash(CrashMode.KeepAll);
        using (IFile again = found.Open("f", FileOpening.ReadWrite)) again.Sync();
        found.SyncDirectory("");
        Assert.Equal("x", Text(found.Crash(CrashMode.KeepNothing), "f"));
    }

    [Fact]
    public void After_a_crash_the_old_disk_and_its_handles_are_dead()
    {
        var disk = new SimulatedDisk();
        SimulatedDiskTests.WriteSynced(disk, "f", "x");
        IFile file = disk.Open("f", FileOpening.ReadWrite);
        IDisposable held = disk.Lock("LOCK", exclusive: true);
        SimulatedDisk found = disk.Crash(CrashMode.KeepAll);
        Assert.True(disk.IsOff);
        Assert.False(found.IsOff);
        Assert.Equal(0, found.CallCount);
        Assert.Equal(0, found.OpenFileCount);
        Action[] calls =
        [
            () => file.Read(new byte[1], 0),
            () => file.Write("y"u8, 0),
            () => file.SetLength(0),
            () => file.Allocate(9),
            () => _ = file.Length,
            file.Sync,
            () => disk.Open("f", FileOpening.Read),
            () => disk.FileExists("f"),
            () => disk.Delete("f"),
            () => disk.Rename("f", "g"),
            () => disk.Link("f", "g"),
            () => disk.ListFiles(""),
            () => disk.CreateDirectory("d"),
            () => disk.SyncDirectory(""),
            () => disk.Lock("LOCK", exclusive: false),
            () => disk.GetAvailableBytes(""),
        ];
        foreach (Action call in calls) Assert.Throws<SimulatedPowerCutException>(call);
        file.Dispose();
        held.Dispose();
        Assert.Equal("x", Text(found, "f"));
    }

    [Fact]
    public void The_same_seed_gives_the_same_crash()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            SimulatedDisk first = Busy(seed).Crash(CrashMode.Random, seed);
            SimulatedDisk second = Busy(seed).Crash(CrashMode.Random, seed);
            Assert.Equal(first.ListAllFiles(), second.ListAllFiles());
            foreach (string path in first.ListAllFiles())
                Assert.True(first.ReadAll(path).AsSpan().SequenceEqual(second.ReadAll(path)), $"seed {seed}: {path}");
        }
    }

    private static SimulatedDisk Busy(int seed)
    {
        var random = new Random(seed);
        var disk = new SimulatedDisk();
        for (int i = 0; i < 10; i++)
        {
            using IFile file = disk.Open($"f{i}", FileOpening.CreateNew);
            byte[] bytes = new byte[random.Next(20_000)];
            random.NextBytes(bytes);
            file.Write(bytes, random.Next(5_000));
            if (random.Next(2) == 0) file.Sync();
            if (random.Next(4) == 0) disk.SyncDirectory("");
            if (random.Next(3) == 0) disk.Rename($"f{i}", $"g{random.Next(3)}");
        }

        return disk;
    }

    private static HashSet<string> Outcomes(SimulatedDisk disk, Func<SimulatedDisk, string> describe)
    {
        var outcomes = new HashSet<string>();
        for (int seed = 0; seed < Seeds; seed++) outcomes.Add(describe(disk.Crash(CrashMode.Random, seed)));
        return outcomes;
    }

    private static string Text(SimulatedDisk disk, string path) => Encoding.Latin1.GetString(disk.ReadAll(path));
}
