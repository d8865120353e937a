using System.Text;

namespace Varve.Tests.Maintenance;

public sealed class InspectorTests : IDisposable
{
    private const int LargeValueBytes = 70_000;

    private readonly string _directory = Directory.CreateTempSubdirectory("varve-inspect-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_table_is_read_as_it_was_written()
    {
        string path = MakeTable();
        var seen = new List<string>();
        TableInspection table = DatabaseInspector.InspectTable(path, entry => seen.Add(Describe(entry)));
        Assert.Empty(table.Problems);
        Assert.Equal(table.Summary!.Entries, table.Entries);
        Assert.Equal(1, table.SeparateValues);
        Assert.Equal(403, table.Entries);
        Assert.Equal(table.Blocks.Sum(block => (long)block.Entries), table.Entries);
        Assert.All(table.Blocks, block => Assert.True(block.IsSound));
        Assert.Equal(["0 put : 1 bytes", "0 put m: 1 bytes"], seen[..2]);
        Assert.Contains($"1 put large: {LargeValueBytes} bytes", seen);
        Assert.Contains("1 put key-0399: 100 bytes", seen);
    }

    [Fact]
    public void A_log_is_read_as_it_was_written()
    {
        using Database database = Fill(count: 20);
        var seen = new List<string>();
        var frames = new List<LogFrameInspection>();

        // Another process has it open: no lock is taken.
        LogInspection log = DatabaseInspector.InspectLog(LogPath(), frames.Add, entry => seen.Add(Describe(entry)));
        Assert.Empty(log.Problems);
        Assert.Equal(1, log.Header!.Segment);
        Assert.Equal(1ul, log.FirstSequence);
        Assert.Equal(database.LatestSequence, log.LastSequence);
        Assert.Equal(LogEnding.Unused, log.Ending);
        Assert.Equal(frames.Count, log.Frames);
        Assert.Equal(log.Operations, seen.Count);
        Assert.Equal("0 put m: 1 bytes", seen[0]);
        Assert.Equal("1 delete key-0000: 0 bytes", seen[^1]);
        Assert.Contains($"1 put large: {LargeValueBytes} bytes", seen);
    }

    [Fact]
    public void The_log_of_an_earlier_open_is_shorter_than_its_header_says_and_that_is_no_problem()
    {
        Fill(count: 20).Dispose();
        string first = LogPath();
        Fill(count: 5).Dispose();
        Fill(count: 5).Dispose();
        LogInspection log = DatabaseInspector.InspectLog(first);
        Assert.True(log.Bytes < DatabaseOptions.MemoryBudgetBytesMin / 32, $"the slot was not cut: it has {log.Bytes} bytes");
        Assert.Empty(log.Problems);

        // Cut anywhere else, here within the large value, it has lost something.
        byte[] bytes = File.ReadAllBytes(first);
        File.WriteAllBytes(first, bytes[..(3 * 4096)]);
        Assert.Contains("its header says", Assert.Single(DatabaseInspector.InspectLog(first).Problems).Detail);
        File.WriteAllBytes(first, [.. bytes, .. new byte[4096]]);
        Assert.Contains("its header says", Assert.Single(DatabaseInspector.InspectLog(first).Problems).Detail);
    }

    [Fact]
    public void A_manifest_is_read_as_it_was_written()
    {
        using Database database = Fill(count: 20);
        database.Flush();
        database.WaitForUpkeep();
        DirectoryInspection found = DatabaseInspector.InspectDirectory(_directory);
        Assert.Empty(found.Problems);
        Assert.All(found.Files, file => Assert.Null(file.Problem));
        ManifestInspection manifest = found.Manifest!;
        Assert.Empty(manifest.Problems);
        Assert.Equal(database.GetStatistics().DatabaseId, manifest.DatabaseId);
        ManifestTable table = Assert.Single(manifest.State.Added);
        Assert.Equal(table.FileName, database.GetStatistics().Levels.SelectMany(level => level.Tables).Single().FileName);
        Assert.Equal(0ul, table.SmallestKey.MapId);
        Assert.Equal("large", Encoding.UTF8.GetString(table.LargestKey.Key));
        // The last write was a delete: with what it hid it went on the way to the bottom.
        Assert.Equal(database.LatestSequence - 1, table.LargestSequence);
        Assert.Null(manifest.State.CleanEnd);

        database.Close();
        Assert.Equal(database.LatestSequence, DatabaseInspector.InspectDirectory(_directory).Manifest!.State.CleanEnd!.LastSequence);
    }

    [Fact]
    public void Every_changed_byte_of_a_table_is_found_and_hides_no_more_than_its_block()
    {
        string path = MakeTable();
        byte[] bytes = File.ReadAllBytes(path);
        TableInspection whole = DatabaseInspector.InspectTable(path);
        long entriesMost = whole.Blocks.Max(block => block.Entries);
        foreach (BlockInspection block in whole.Blocks.Where(block => block.Kind == TableBlockKind.Data))
        {
            TableInspection found = Flipped(bytes, block.Offset + (block.StoredBytes / 2), path => DatabaseInspector.InspectTable(path));
            Assert.Equal(block.Offset, Assert.Single(found.Problems).Offset);
            Assert.InRange(found.Entries, whole.Entries - entriesMost, whole.Entries - 1);
        }

        var random = new Random(5);
        for (int round = 0; round < 300; round++)
        {
            // Half of them in the last bytes, where the structure is.
            long offset = round % 2 == 0
                ? random.NextInt64(bytes.Length)
                : bytes.Length - 1 - random.NextInt64(Math.Min(bytes.Length, 3_000));
            TableInspection found = Flipped(bytes, offset, path => DatabaseInspector.InspectTable(path));
            bool isPadding = bytes[offset] == 0
                && !whole.Blocks.Any(block => offset >= block.Offset && offset < block.Offset + block.StoredBytes);
            Assert.True(isPadding || found.Problems.Count > 0, $"the change at offset {offset} of {bytes.Length} was not found");
        }
    }

    [Fact]
    public void A_log_is_read_on_behind_damage()
    {
        Fill(count: 20).Dispose();
        byte[] bytes = File.ReadAllBytes(LogPath());
        var frames = new List<LogFrameInspection>();
        LogInspection whole = DatabaseInspector.InspectLog(LogPath(), frames.Add);
        foreach (LogFrameInspection frame in frames)
        {
            LogInspection found = Flipped(bytes, frame.Offset + 20, path => DatabaseInspector.InspectLog(path));
            Assert.Equal(whole.Frames - 1, found.Frames);
            if (frame != frames[^1]) Assert.Equal(frame.Offset, found.Problems[0].Offset);
            else Assert.Equal(LogEnding.BrokenFrame, found.Ending);
        }

        // Without its header a segment is known by its first frame.
        LogInspection headless = Flipped(bytes, 40, path => DatabaseInspector.InspectLog(path));
        Assert.Null(headless.Header);
        Assert.Equal(whole.Frames, headless.Frames);
        Assert.Equal(0, Assert.Single(headless.Problems).Offset);
    }

    [Fact]
    public void Every_changed_byte_of_a_manifest_is_found()
    {
        using (Database database = Fill(count: 20)) database.Flush();
        ManifestInspection whole = DatabaseInspector.InspectDirectory(_directory).Manifest!;
        byte[] bytes = File.ReadAllBytes(whole.Path);
        for (int offset = 0; offset < bytes.Length; offset++)
        {
            ManifestInspection found = Flipped(bytes, offset, path => DatabaseInspector.InspectManifest(path));
            Assert.True(found.Problems.Count > 0, $"the change at offset {offset} was not found");
            Assert.InRange(found.Edits.Count, whole.Edits.Count - 1, whole.Edits.Count);
        }
    }

    [Theory]
    [InlineData("*.table")]
    [InlineData("MANIFEST-*")]
    [InlineData("*.log")]
    public void A_file_that_was_cut_or_replaced_is_read_as_far_as_it_goes(string pattern)
    {
        using (Database database = Fill(count: 20)) database.Flush();
        using (Fill(count: 5))
        {
            // The log holds something, too.
        }

        string path = Directory.GetFiles(_directory, pattern)[0];
        byte[] bytes = File.ReadAllBytes(path);
        var random = new Random(11);
        for (int round = 0; round < 200; round++)
        {
            byte[] changed = bytes[..(int)random.NextInt64(round < 100 ? Math.Min(bytes.Length, 300) : bytes.Length)];
            if (round % 3 == 0) random.NextBytes(changed);
            File.WriteAllBytes(path, changed);
            DirectoryInspection found = DatabaseInspector.InspectDirectory(_directory);
            Assert.NotEmpty(found.Files);
            if (pattern == "*.log") DatabaseInspector.InspectLog(path);
            else if (pattern == "*.table") Assert.NotEmpty(DatabaseInspector.InspectTable(path).Problems);
            else DatabaseInspector.InspectManifest(path);
        }
    }

    [Fact]
    public void A_directory_without_what_it_needs_says_so()
    {
        using (Database database = Fill(count: 20)) database.Flush();
        string table = Directory.GetFiles(_directory, "*.table").Single();
        File.Move(table, table + ".gone");
        DirectoryInspection found = DatabaseInspector.InspectDirectory(_directory);
        Assert.Contains(Path.GetFileName(table), Assert.Single(found.Problems));
        FileInspection unknown = Assert.Single(found.Files, file => file.Kind == DatabaseFileKind.Unknown);
        Assert.EndsWith(".gone", unknown.FileName, StringComparison.Ordinal);

        File.WriteAllText(Path.Combine(_directory, "CURRENT"), "nonsense");
        found = DatabaseInspector.InspectDirectory(_directory);
        Assert.Contains(found.Problems, problem => problem.StartsWith("CURRENT", StringComparison.Ordinal));
        Assert.Single(found.Manifest!.State.Added);
        Assert.Throws<DirectoryNotFoundException>(() => DatabaseInspector.InspectDirectory(Path.Combine(_directory, "absent")));
    }

    [Fact]
    public void A_large_value_that_expires_is_read_behind_its_expiry()
    {
        using (Database database = Fill(count: 1))
        {
            database.GetMap("m").Put("expiring"u8, new byte[LargeValueBytes], TimeSpan.FromDays(1));
            database.Compact();
        }

        var seen = new List<string>();
        TableInspection table = DatabaseInspector.InspectTable(
            Directory.GetFiles(_directory, "*.table").Single(), entry => seen.Add(Describe(entry)));
        Assert.Empty(table.Problems);
        Assert.Contains($"1 put expiring: {LargeValueBytes} bytes", seen);
    }

    [Fact]
    public void A_slot_that_an_open_has_cut_is_no_problem()
    {
        Fill(count: 20).Dispose();
        Fill(count: 5).Dispose();
        Assert.Contains(Directory.GetFiles(_directory, "*.log"), path => new FileInfo(path).Length < (1 << 18));
        Assert.All(Directory.GetFiles(_directory, "*.log"), path => Assert.Empty(DatabaseInspector.InspectLog(path).Problems));
    }

    private static string Describe(InspectedEntry entry)
    {
        string kind = entry.Kind == 0 ? "delete" : "put";
        return $"{entry.MapId} {kind} {Encoding.UTF8.GetString(entry.Key)}: {entry.Value.Length} bytes";
    }

    private T Flipped<T>(byte[] bytes, long offset, Func<string, T> inspect)
    {
        byte[] changed = [.. bytes];
        changed[offset] ^= 0x10;
        string path = Path.Combine(_directory, "changed");
        File.WriteAllBytes(path, changed);
        return inspect(path);
    }

    /// <summary>The first segment's; a spare may be there, too.</summary>
    private string LogPath() => Path.Combine(_directory, "0001.log");

    private string MakeTable()
    {
        using (Database database = Fill(count: 400)) database.Compact();
        return Directory.GetFiles(_directory, "*.table").Single();
    }

    private Database Fill(int count)
    {
        Database database = Database.Open(_directory, new DatabaseOptions { MemoryBudgetBytes = DatabaseOptions.MemoryBudgetBytesMin });
        SortedMap map = database.GetMap("m");
        var random = new Random(3);
        byte[] value = new byte[100];
        for (int i = 0; i < count; i++)
        {
            random.NextBytes(value);
            map.Put(Encoding.UTF8.GetBytes($"key-{i:D4}"), value, Durability.Buffered);
        }

        map.Put("large"u8, new byte[LargeValueBytes], Durability.Buffered);
        if (count < 400) map.Delete("key-0000"u8, Durability.Synced);
        return database;
    }
}
