using Varve.Native;
using Varve.Tests.Files;

namespace Varve.Tests.Api;

public sealed class ReadOnlyTests
{
    private static readonly DatabaseOptions ReadOnly = new() { Mode = OpenMode.ReadOnly };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Opening_for_reading_changes_no_byte_after_a_clean_or_an_unclean_end(bool isClean)
    {
        SimulatedDisk disk = MakeDatabase(isClean);
        Dictionary<string, byte[]> before = Content(disk);
        using (Database database = OptionSet.Tiny.Open(disk, new RegionPool(), isReadOnly: true))
        {
            CheckContent(database);
            Assert.True(database.IsReadOnly);
            Assert.Equal(database.LatestSequence, database.DurableSequence);
            Assert.Equal(["m"], database.ListMaps());
            Assert.True(database.Verify().IsSound);
            Assert.Equal(1, database.GetStatistics().MapCount);
            database.Sync();
            database.Close();
        }

        Dictionary<string, byte[]> after = Content(disk);
        Assert.Equal(before.Keys, after.Keys);
        foreach ((string path, byte[] bytes) in before) Assert.True(bytes.AsSpan().SequenceEqual(after[path]), $"{path} changed");
        Assert.Equal(0, disk.OpenFileCount);
    }

    [Fact]
    public void Writes_throw_and_reads_go_on()
    {
        using Database database = OptionSet.Tiny.Open(MakeDatabase(isClean: true), new RegionPool(), isReadOnly: true);
        SortedMap map = database.GetMap("m");
        using WriteBatch batch = database.CreateBatch();
        batch.Put(map, "k"u8, default);
        Action[] writes =
        [
            () => map.Put("k"u8, default), () => map.Delete("k"u8), () => database.Write(batch), () => database.Flush(),
            () => database.Compact(), () => database.WaitForUpkeep(),
        ];
        foreach (Action write in writes) Assert.Contains("reading only", Assert.Throws<DatabaseReadOnlyException>(write).Message);
        CheckContent(database);
    }

    [Fact]
    public void Readers_share_a_directory_and_exclude_a_writer()
    {
        using var directory = new TemporaryDirectory();
        using (Database writer = Database.Open(directory.Path))
        {
            writer.GetMap("m").Put("k"u8, "v"u8);
            DatabaseLockedException beside = Assert.Throws<DatabaseLockedException>(() => Database.Open(directory.Path, ReadOnly));
            Assert.Equal(Environment.ProcessId, beside.OwnerProcessId);
            DatabaseLockedException second = Assert.Throws<DatabaseLockedException>(() => Database.Open(directory.Path));
            Assert.Contains($"process {Environment.ProcessId}", second.Message);
            Assert.Equal("v"u8.ToArray(), writer.GetMap("m").Get("k"u8));
        }

        using Database first = Database.Open(directory.Path, ReadOnly);
        using Database another = Database.Open(directory.Path, ReadOnly);
        Assert.Equal("v"u8.ToArray(), first.GetMap("m").Get("k"u8));
        Assert.Equal("v"u8.ToArray(), another.GetMap("m").Get("k"u8));
        Assert.Throws<DatabaseLockedException>(() => Database.Open(directory.Path));
    }

    [Fact]
    public void There_must_be_a_database()
    {
        using var directory = new TemporaryDirectory();
        Assert.Throws<DirectoryNotFoundException>(() => Database.Open(directory.Of("none"), ReadOnly));
        Assert.Throws<DirectoryNotFoundException>(() => Database.Open(directory.Path, ReadOnly));
        Assert.Empty(Directory.EnumerateFileSystemEntries(directory.Path));
    }

    private static SimulatedDisk MakeDatabase(bool isClean)
    {
        var disk = new SimulatedDisk();
        using Database database = OptionSet.Tiny.Open(disk, new RegionPool());
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 500; i++) map.Put(BitConverter.GetBytes(i), BitConverter.GetBytes(i));
        if (isClean) database.Close();
        return isClean ? disk : disk.Crash(CrashMode.KeepAll);
    }

    private static Dictionary<string, byte[]> Content(SimulatedDisk disk) => disk.ListAllFiles().ToDictionary(path => path, disk.ReadAll);

    private static void CheckContent(Database database)
    {
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 500; i++) Assert.Equal(BitConverter.GetBytes(i), map.Get(BitConverter.GetBytes(i)));
        int count = 0;
        foreach (Entry _ in map.All(Direction.Descending)) count++;
        Assert.Equal(500, count);
    }
}
