namespace Varve.Tests.Maintenance;

public sealed class DirectoryVerifyTests
{
    private readonly MaintenanceHouse _house = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_sound_database_is_found_sound_and_nothing_is_changed(bool isClosed)
    {
        _house.Fill(isClosed);
        Dictionary<string, byte[]> before = _house.Disk.ListAllFiles().ToDictionary(path => path, _house.Disk.ReadAll);
        DirectoryVerifyReport report = _house.Verify();
        Assert.Empty(report.Problems);
        Assert.Equal(isClosed, report.WasClosedCleanly);
        Assert.True(report.Tables > 3, $"{report.Tables} tables");
        Assert.True(report.Entries > 500, $"{report.Entries} entries");
        Assert.True(report.LogRecords >= 20, $"{report.LogRecords} records");
        Assert.Equal(before.Values.Sum(bytes => (long)bytes.Length), report.Bytes);
        Assert.Equal(before.Keys, _house.Disk.ListAllFiles());
        foreach ((string path, byte[] bytes) in before) Assert.Equal(bytes, _house.Disk.ReadAll(path));
    }

    [Fact]
    public void Where_an_open_or_a_scan_would_fail_it_is_never_found_sound()
    {
        _house.Fill();
        string[] paths = [.. _house.Disk.ListAllFiles().Where(path => !path.EndsWith("/LOCK", StringComparison.Ordinal))];
        var random = new Random(3);
        int unsound = 0;
        for (int round = 0; round < 80; round++)
        {
            SimulatedDisk disk = _house.Disk.Fork();
            string path = paths[round % paths.Length];
            string what = Damage(disk, path, random);
            DirectoryVerifyReport report = DatabaseInspector.VerifyDirectory(disk, MaintenanceHouse.Directory);
            if (!report.IsSound)
            {
                unsound++;
                Assert.All(report.Problems, problem => Assert.True(problem.Offset >= 0 && problem.Detail.Length > 0));
                continue;
            }

            var house = new MaintenanceHouse(disk);
            foreach ((string name, string value) in _house.Model) house.Model[name] = value;
            house.AssertSound(where: $"round {round}, {path}, {what}");
        }

        Assert.True(unsound > 20, $"only {unsound} of 80 damages were found");
    }

    [Fact]
    public void Every_damaged_block_of_a_table_is_named_not_only_the_first()
    {
        _house.Fill();
        string path = _house.FullestTable();
        int[] places = [100, 3_000, 6_000];
        foreach (int place in places) _house.Disk.FlipBit(path, place * 8L);
        DirectoryVerifyReport report = _house.Verify();
        Assert.Equal(places.Length, report.Problems.Count(problem => path.EndsWith(problem.FileName, StringComparison.Ordinal)));
        Assert.All(report.Problems, problem => Assert.InRange(problem.Offset, 0, 6_000));
    }

    [Fact]
    public void What_a_crash_has_left_is_a_note()
    {
        _house.Fill();
        _house.Disk.WriteAll("/data/CURRENT.tmp", "x"u8);
        _house.Disk.WriteAll("/data/letter.txt", "x"u8);
        _house.Disk.WriteAll("/data/000999.table", "unfinished"u8);
        DirectoryVerifyReport report = _house.Verify();
        Assert.Empty(report.Problems);
        string[] expected = ["000999.table", "CURRENT.tmp", "letter.txt"];
        Assert.Equal(expected, report.Notes.Select(note => note.FileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_foreign_file_that_cannot_be_read_is_a_note_with_its_name()
    {
        _house.Fill();
        _house.Disk.WriteAll("/data/letter.txt", "x"u8);
        _house.Disk.Faults = FaultPlan.Matching(
            static call => call.Path.EndsWith("letter.txt", StringComparison.Ordinal), Fault.Error(Errors.NoAccess), forEver: true);
        DirectoryVerifyReport report = _house.Verify();
        Assert.Empty(report.Problems);
        VerifyProblem note = Assert.Single(report.Notes);
        Assert.Equal("letter.txt", note.FileName);
        Assert.Contains("cannot be read", note.Detail, StringComparison.Ordinal);
        Assert.True(report.Entries > 0);
    }

    [Fact]
    public void An_open_database_is_refused_and_a_missing_one_named()
    {
        using (_house.Open()) Assert.Throws<DatabaseLockedException>(() => _house.Verify());
        Assert.Throws<DirectoryNotFoundException>(() => _house.Verify("/absent"));
        _house.Disk.CreateDirectory("/empty");
        Assert.Throws<DirectoryNotFoundException>(() => _house.Verify("/empty"));
    }

    [Fact]
    public void Progress_ends_with_all_bytes_and_cancelling_ends_it()
    {
        _house.Fill();
        var progress = new Collects();
        DirectoryVerifyReport report = DatabaseInspector.VerifyDirectory(_house.Disk, MaintenanceHouse.Directory, progress);
        Assert.True(progress.Seen.Count > 10);
        Assert.All(progress.Seen, seen => Assert.Equal(report.Bytes, seen.TotalBytes));
        Assert.Equal(progress.Seen.Select(seen => seen.DoneBytes).Order(), progress.Seen.Select(seen => seen.DoneBytes));
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();
        Assert.Throws<OperationCanceledException>(
            () => DatabaseInspector.VerifyDirectory(_house.Disk, MaintenanceHouse.Directory, null, cancellation.Token));
    }

    [Theory]
    [InlineData("CURRENT")]
    [InlineData("MANIFEST-")]
    [InlineData(".log")]
    public void Damage_to_manifest_and_log_is_found_while_the_database_is_open(string file)
    {
        using Database database = _house.Open();
        for (int i = 0; i < 20; i++) _house.Put(database, "m", i, "value");
        database.Sync();
        VerifyReport before = database.Verify();
        Assert.True(before.IsSound);
        Assert.Equal(20, before.LogRecords);
        string path = _house.Files(file).First(path => _house.Disk.ReadAll(path).Length > 0);

        // Of a log: within the first frame.
        _house.Disk.FlipBit(path, 8L * (file == ".log" ? 4096 + 60 : 20));
        VerifyReport report = database.Verify();
        Assert.Equal(Path.GetFileName(path), Path.GetFileName(Assert.Single(report.Damages).Path));
    }

    [Fact]
    public void Beside_writers_flushes_and_compactions_nothing_is_found_damaged()
    {
        using Database database = _house.Open();
        bool isOver = false;
        var writer = new Thread(() =>
        {
            for (int i = 0; !Volatile.Read(ref isOver); i++)
                database.GetMap("m").Put(BitConverter.GetBytes(i % 5_000), new byte[50], Durability.None);
        });
        writer.Start();
        for (int round = 0; round < 20; round++)
        {
            VerifyReport report = database.Verify();
            Assert.True(report.IsSound, string.Join('\n', report.Damages.Select(damage => damage.Message)));
            if (round % 5 == 0) database.Flush();
        }

        Volatile.Write(ref isOver, true);
        writer.Join();
    }

    private static string Damage(SimulatedDisk disk, string path, Random random)
    {
        byte[] content = disk.ReadAll(path);
        if (content.Length == 0) return "empty";
        int place = random.Next(Math.Min(content.Length, path.EndsWith(".log", StringComparison.Ordinal) ? 8_000 : content.Length));
        switch (random.Next(4))
        {
            case 0:
                disk.Cut(path, place);
                return $"cut at {place}";
            case 1:
                int count = Math.Min(512, content.Length - place);
                disk.Zero(path, place, count);
                return $"{count} bytes zeroed at {place}";
            case 2:
                disk.Remove(path);
                return "removed";
            default:
                disk.FlipBit(path, place * 8L);
                return $"bit flipped in byte {place}";
        }
    }

    private sealed class Collects : IProgress<VerifyProgress>
    {
        public List<VerifyProgress> Seen { get; } = [];

        public void Report(VerifyProgress value) => Seen.Add(value);
    }
}
