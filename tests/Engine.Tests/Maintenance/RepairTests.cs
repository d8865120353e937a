namespace Varve.Tests.Maintenance;

public sealed class RepairTests
{
    private readonly MaintenanceHouse _house = new();

    [Fact]
    public void A_sound_database_is_left_as_it_is()
    {
        _house.Fill();
        Dictionary<string, byte[]> before = Content();
        RepairReport report = _house.Repair();
        Assert.True(report.WasSound);
        Assert.Empty(report.Losses);
        Assert.Null(report.SetAsideIn);
        AssertSame(before);
        _house.AssertSound();
    }

    [Fact]
    public void A_damaged_block_loses_its_keys_only_and_names_them()
    {
        _house.Fill();
        string path = _house.FullestTable();
        byte[] whole = _house.Disk.ReadAll(path);
        _house.Disk.FlipBit(path, 8L * 2_000);
        RepairReport plan = _house.Repair(isDryRun: true);
        RepairReport report = _house.Repair();
        RepairLoss loss = Assert.Single(report.Losses);
        Assert.Equal(loss with { FirstKey = null, LastKey = null }, Assert.Single(plan.Losses) with { FirstKey = null, LastKey = null });
        Assert.Equal("m", loss.MapName);
        Assert.NotNull(loss.FirstKey);
        Assert.NotNull(loss.LastKey);
        Assert.Equal(1, report.TablesSalvaged);
        var lost = new HashSet<string>();
        _house.AssertSound(name => IsWithin(name, loss) && (lost.Add(name) || true));
        Assert.InRange(lost.Count, 1, 250);

        // What was damaged is still there, under another name.
        byte[] aside = _house.Disk.ReadAll($"data/{report.SetAsideIn}/{Path.GetFileName(path)}");
        Assert.Equal(whole.Length, aside.Length);
        Assert.Contains(Path.GetFileName(path), report.SetAside);
    }

    [Theory]
    [InlineData("end")]
    [InlineData("footer")]
    [InlineData("top index")]
    public void A_table_without_its_end_is_read_by_its_indexes(string what)
    {
        _house.Fill();
        string path = _house.FullestTable();
        int length = _house.Disk.ReadAll(path).Length;
        if (what == "end") _house.Disk.Cut(path, length - 150);
        else _house.Disk.FlipBit(path, 8L * (what == "footer" ? length - 50 : FindTopIndex(path)));
        RepairReport report = _house.Repair();
        Assert.Empty(report.Remaining);
        Assert.Equal(1, report.TablesSalvaged);
        Assert.NotEmpty(report.Losses);
        _house.AssertSound(name => report.Losses.Any(loss => IsWithin(name, loss)));
        using Database database = _house.Open();
        Assert.True(MaintenanceHouse.Read(database).Count >= _house.Model.Count - 5, "what the indexes lead to is there");
    }

    [Fact]
    public void A_missing_table_is_told_with_its_bounds_and_the_rest_is_there()
    {
        _house.Fill();
        string path = _house.Files(".table")[0];
        _house.Disk.Remove(path);
        RepairReport report = _house.Repair();
        Assert.Empty(report.Remaining);
        Assert.All(report.Losses, loss => Assert.Equal(Path.GetFileName(path), loss.FileName));
        Assert.NotEmpty(report.Losses);
        _house.AssertSound(name => report.Losses.Any(loss => loss.MapName is null || IsWithin(name, loss)));
    }

    [Fact]
    public void A_map_without_its_name_gets_one_and_keeps_its_entries()
    {
        _house.Fill();
        using (Database database = _house.Open()) database.Compact();
        string path = _house.Files(".table").First(file => _house.Disk.ReadAll(file).AsSpan().IndexOf("other\u0002"u8) >= 0
            || _house.Disk.ReadAll(file).AsSpan().IndexOf("first 1 "u8) > 0);

        // The catalogue is the first block of the first table.
        _house.Disk.FlipBit(path, 8L * 40);
        RepairReport report = _house.Repair();
        Assert.Empty(report.Remaining);
        Assert.Equal(["recovered-map-1", "recovered-map-2"], report.RenamedMaps);
        Assert.Contains(report.Losses, loss => loss.MapId == 0);
        using Database repaired = _house.Open();
        Assert.Equal(["recovered-map-1", "recovered-map-2"], repaired.ListMaps());
        int count = 0;
        foreach (Entry _ in repaired.GetMap("recovered-map-2").All()) count++;
        Assert.Equal(200, count);
        Assert.True(repaired.GetMap("new").Put("k"u8, "v"u8) > 0);
        Assert.Equal(3, repaired.ListMaps().Count);
    }

    [Fact]
    public void An_open_database_is_refused()
    {
        using Database database = _house.Open();
        Assert.Throws<DatabaseLockedException>(() => _house.Repair());
        Assert.Throws<DatabaseLockedException>(() => _house.Repair(isDryRun: true));
    }

    [Fact]
    public void A_read_that_the_system_refuses_ends_it_and_is_not_taken_for_damage()
    {
        _house.Fill();
        _house.Disk.FlipBit(_house.FullestTable(), 8_000);
        Dictionary<string, byte[]> before = Content();
        string other = Path.GetFileName(_house.Files(".table").First(path => path != _house.FullestTable()));
        _house.Disk.Faults = call =>
            call.Operation == DiskOperation.Read && Path.GetFileName(call.Path) == other ? Fault.Error(Errors.InputOutput) : null;
        Assert.Throws<StorageException>(() => _house.Repair());
        _house.Disk.Faults = null;
        AssertSame(before);
    }

    [Fact]
    public void A_dry_run_changes_nothing()
    {
        _house.Fill();
        _house.Disk.FlipBit(_house.Files(".table")[0], 800);
        _house.Disk.Remove(_house.Files("MANIFEST-")[0]);
        Dictionary<string, byte[]> before = Content();
        RepairReport plan = _house.Repair(isDryRun: true);
        Assert.True(plan.IsDryRun);
        Assert.NotEmpty(plan.Found);
        Assert.NotEmpty(plan.SetAside);
        Assert.Null(plan.SetAsideIn);
        AssertSame(before);
    }

    [Fact]
    public void Random_damage_is_repaired_to_a_database_that_opens_and_every_difference_is_told()
    {
        _house.Fill();
        string[] paths = [.. _house.Disk.ListAllFiles().Where(path => !path.EndsWith("/LOCK", StringComparison.Ordinal))];
        var random = new Random(11);
        for (int round = 0; round < 40; round++)
        {
            var house = new MaintenanceHouse(_house.Disk.Fork());
            foreach ((string name, string value) in _house.Model) house.Model[name] = value;
            string what = "";
            for (int damages = 1 + random.Next(3); damages > 0; damages--)
            {
                string path = paths[random.Next(paths.Length)];
                if (!house.Disk.FileExists(path)) continue;
                int length = house.Disk.ReadAll(path).Length;
                if (length == 0) continue;
                int place = random.Next(Math.Min(length, 9_000));
                what += $"{path} at {place}; ";
                if (random.Next(4) == 0) house.Disk.Remove(path);
                else if (random.Next(3) == 0) house.Disk.Cut(path, place);
                else house.Disk.FlipBit(path, place * 8L);
            }

            RepairReport report = house.Repair();
            Assert.True(report.Remaining.Count == 0, $"round {round}, {what}: {string.Join('\n', report.Remaining)}");
            bool isNameLost = report.Losses.Any(loss => loss.MapId is null or 0) || report.RenamedMaps.Count > 0;
            bool mayLackAnything = isNameLost || report.Risks.Count > 0;
            house.AssertSound(
                name => mayLackAnything || report.Losses.Any(loss => IsWithin(name, loss)), $"round {round}, {what}");
        }
    }

    internal static bool IsWithin(string name, RepairLoss loss)
    {
        string[] parts = name.Split(':');
        if (loss.MapName != parts[0]) return false;
        byte[] key = Convert.FromHexString(parts[1]);
        return (loss.FirstKey is null || loss.FirstKey.AsSpan().SequenceCompareTo(key) <= 0)
            && (loss.LastKey is null || loss.LastKey.AsSpan().SequenceCompareTo(key) >= 0);
    }

    private int FindTopIndex(string path)
    {
        byte[] file = _house.Disk.ReadAll(path);
        return (int)BitConverter.ToInt64(file, file.Length - 96 + 40) + 2;
    }

    private Dictionary<string, byte[]> Content() => _house.Disk.ListAllFiles().ToDictionary(path => path, _house.Disk.ReadAll);

    private void AssertSame(Dictionary<string, byte[]> before)
    {
        Assert.Equal(before.Keys, _house.Disk.ListAllFiles());
        foreach ((string path, byte[] bytes) in before)
        {
            if (!path.EndsWith("/LOCK", StringComparison.Ordinal)) Assert.Equal(bytes, _house.Disk.ReadAll(path));
        }
    }
}
