using System.Text;

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

    [Theory]
    [InlineData("missing")]
    [InlineData("nonsense")]
    [InlineData("of another manifest")]
    public void Without_CURRENT_the_manifest_is_found_and_nothing_is_lost(string how)
    {
        _house.Fill(closes: false);
        if (how == "missing") _house.Disk.Remove("/data/CURRENT");
        else _house.Disk.WriteAll("/data/CURRENT", how == "nonsense" ? "nonsense"u8 : Varve.Levels.CurrentFile.Format(77, 1234));
        Assert.Throws<CorruptDataException>(() => _house.Open());
        RepairReport report = _house.Repair();
        Assert.Empty(report.Losses);
        Assert.Empty(report.Remaining);
        _house.AssertSound();
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(false, true)]
    public void Without_any_manifest_tables_and_log_give_everything_back(bool isClosed, bool isDamagedOnly)
    {
        _house.Fill(isClosed);
        foreach (string path in _house.Files("MANIFEST-"))
        {
            if (isDamagedOnly) _house.Disk.Zero(path, 0, 100);
            else _house.Disk.Remove(path);
        }

        RepairReport report = _house.Repair();
        Assert.Empty(report.Losses);
        Assert.NotEmpty(report.Risks);
        Assert.Empty(report.Remaining);
        Assert.True(report.LogRecords >= 20, $"{report.LogRecords} records");
        _house.AssertSound();
        Assert.Contains(_house.Disk.ListAllFiles(), path => path.StartsWith("data/damaged-0001/", StringComparison.Ordinal));
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
    public void Behind_damage_to_the_log_whole_batches_are_taken_and_what_is_missing_is_told()
    {
        using (Database database = _house.Open())
        {
            for (int i = 0; i < 30; i++)
            {
                _house.Put(database, "m", i, $"value {i}");
                database.Sync();
            }

            database.WaitForDurable(database.LatestSequence);
            _house.Disk = _house.Disk.Crash(CrashMode.KeepNothing);
        }

        string log = _house.Files(".log").First(path => _house.Disk.ReadAll(path).AsSpan().IndexOf("value 10"u8) > 0);
        int place = _house.Disk.ReadAll(log).AsSpan().IndexOf("value 10"u8);
        _house.Disk.FlipBit(log, 8L * place);
        Assert.Throws<CorruptDataException>(() => _house.Open());
        RepairReport report = _house.Repair();
        RepairLoss loss = Assert.Single(report.Losses);
        Assert.NotNull(loss.FirstSequence);
        Assert.Equal(loss.FirstSequence, loss.LastSequence);
        Assert.Equal(Path.GetFileName(log), loss.FileName);
        _house.Model.Remove(MaintenanceHouse.Name("m", 10));
        _house.AssertSound();
        Assert.Contains(Path.GetFileName(log), report.SetAside);
    }

    [Fact]
    public void A_torn_tail_of_an_otherwise_damaged_database_is_no_loss_and_does_not_come_back()
    {
        _house.Fill(closes: false);
        string log = _house.Files(".log").First(path => _house.Disk.ReadAll(path).AsSpan().IndexOf("third 19"u8) > 0);
        _house.Disk.FlipBit(log, 8L * _house.Disk.ReadAll(log).AsSpan().IndexOf("third 18"u8));
        foreach (string path in _house.Files("MANIFEST-")) _house.Disk.Remove(path);
        RepairReport report = _house.Repair();
        _house.Model[MaintenanceHouse.Name("other", 18)] = Old(18);
        _house.Model[MaintenanceHouse.Name("other", 19)] = Old(19);
        Assert.Empty(report.Losses);
        _house.AssertSound();

        static string Old(int i) => $"other {i} {new string('y', 40)}";
    }

    [Fact]
    public void What_an_open_has_left_out_of_a_torn_log_does_not_come_back()
    {
        _house.Fill(closes: false);
        string log = _house.Files(".log").First(path => _house.Disk.ReadAll(path).AsSpan().IndexOf("third 19"u8) > 0);
        _house.Disk.FlipBit(log, 8L * _house.Disk.ReadAll(log).AsSpan().IndexOf("third 18"u8));
        using (_house.Open())
        {
            // Recovers up to the torn record, and begins a log of its own, in which nothing is written.
            _house.Disk = _house.Disk.Crash(CrashMode.KeepAll);
        }

        foreach (string path in _house.Files("MANIFEST-")) _house.Disk.Remove(path);
        RepairReport report = _house.Repair();
        Assert.Empty(report.Losses);
        for (int i = 18; i < 20; i++) _house.Model[MaintenanceHouse.Name("other", i)] = $"other {i} {new string('y', 40)}";
        _house.AssertSound();
    }

    [Fact]
    public void Of_a_manifest_with_a_damaged_edit_the_rest_is_used_and_unknown_tables_are_taken()
    {
        using (Database database = _house.Open())
        {
            for (int round = 0; round < 6; round++)
            {
                for (int i = 0; i < 60; i++) _house.Put(database, "m", (round * 30) + i, $"round {round} {new string('x', 40)}");
                for (int i = 0; i < 10; i++) _house.Delete(database, "m", (round * 30) + i);
                database.Flush();
                if (round == 3) database.Compact();
            }

            database.WaitForUpkeep();
            database.Close();
        }

        string manifest = _house.Files("MANIFEST-").Single();
        ManifestInspection whole = Varve.Maintenance.ManifestInspector.Run(_house.Disk, manifest);
        Assert.True(whole.Edits.Count > 8, $"{whole.Edits.Count} edits");
        foreach (ManifestEdit edit in whole.Edits.Skip(1).SkipLast(1))
        {
            var house = new MaintenanceHouse(_house.Disk.Fork()) { Options = _house.Options };
            foreach ((string name, string value) in _house.Model) house.Model[name] = value;
            house.Disk.FlipBit(manifest, 8L * (edit.Offset + 20));
            Assert.Throws<CorruptDataException>(() => house.Open());
            RepairReport report = house.Repair();
            Assert.Empty(report.Remaining);

            // An edit that is lost may be the one that had taken a table away: that is told as missing, but all entries are elsewhere.
            Assert.All(report.Losses, loss => Assert.Contains("missing", loss.Detail, StringComparison.Ordinal));
            house.AssertSound(where: $"edit at {edit.Offset}");
        }
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
    public void Tables_that_the_manifest_had_taken_away_do_not_come_back()
    {
        using (Database database = _house.Open())
        {
            for (int i = 0; i < 50; i++) _house.Put(database, "m", i, $"old {i}");
            database.Flush();
        }

        string old = _house.Files(".table")[0];
        byte[] content = _house.Disk.ReadAll(old);
        using (Database database = _house.Open())
        {
            for (int i = 0; i < 25; i++) _house.Delete(database, "m", i);
            database.Compact();
            database.Close();
        }

        // The obsolete table is there again, and something else is damaged.
        Assert.False(_house.Disk.FileExists(old));
        _house.Disk.WriteAll(old, content);
        _house.Disk.Remove("/data/CURRENT");
        RepairReport report = _house.Repair();
        Assert.Empty(report.Losses);
        _house.AssertSound();
    }

    [Fact]
    public void Where_nothing_is_left_that_says_so()
    {
        using (Database database = _house.Open()) _house.Put(database, "m", 1, "value");
        foreach (string path in (string[])[.. _house.Files("MANIFEST-"), .. _house.Files(".log")]) _house.Disk.Remove(path);
        Assert.Throws<CorruptDataException>(() => _house.Repair());
        _house.Disk.Remove("/data/CURRENT");
        Assert.Throws<DirectoryNotFoundException>(() => _house.Repair());
        _house.Disk.WriteAll("/data/000001.table", "nonsense"u8);
        Assert.Throws<CorruptDataException>(() => _house.Repair());
        Assert.Throws<DirectoryNotFoundException>(() => DatabaseRepair.Run(_house.Disk, new SeededRandom(1), "/absent"));
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

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_ingested_table_keeps_its_place_between_the_writes_before_and_after_it(bool hasLog)
    {
        // Nothing is compacted: the table stays as it was ingested.
        var house = new MaintenanceHouse(_house.Disk) { Options = _house.Options with { LevelZeroTrigger = 100 } };
        using (Database database = house.Open())
        {
            for (int i = 0; i < 40; i++) house.Put(database, "m", i, $"before {i}");
            database.Flush();
            using (IngestWriter ingest = database.CreateIngest())
            {
                for (int i = 10; i < 30; i++)
                {
                    ingest.Add(database.GetMap("m"), MaintenanceHouse.Key(i), Encoding.UTF8.GetBytes($"ingested {i}"));
                    house.Model[MaintenanceHouse.Name("m", i)] = $"ingested {i}";
                }

                ingest.Commit();
            }

            for (int i = 20; i < 40; i++) house.Put(database, "m", i, $"after {i}");
            database.Flush();
            database.Close();
        }

        foreach (string path in house.Files("MANIFEST-")) house.Disk.Remove(path);
        if (!hasLog)
        {
            foreach (string path in house.Files(".log")) house.Disk.Remove(path);
        }

        RepairReport report = house.Repair();
        Assert.Empty(report.Losses);
        Assert.Equal(hasLog, !report.Risks.Any(risk => risk.Contains("ingested", StringComparison.Ordinal)));
        house.AssertSound();
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
