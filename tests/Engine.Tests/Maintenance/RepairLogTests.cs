using System.Text;

namespace Varve.Tests.Maintenance;

/// <summary>Repairs of what says which tables and writes count: CURRENT, manifest, log.</summary>
public sealed class RepairLogTests
{
    private readonly MaintenanceHouse _house = new();

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
        string log = _house.Files("").First(path => _house.Disk.ReadAll(path).AsSpan().IndexOf("third 19"u8) > 0);
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
        string log = _house.Files("").First(path => _house.Disk.ReadAll(path).AsSpan().IndexOf("third 19"u8) > 0);
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
    public void Tables_that_the_manifest_had_taken_away_do_not_come_back()
    {
        string old;
        byte[] content;
        using (Database database = _house.Open())
        {
            for (int i = 0; i < 50; i++) _house.Put(database, "m", i, $"old {i}");
            database.Flush();
            old = _house.Files(".table").Single();
            content = _house.Disk.ReadAll(old);
            for (int i = 0; i < 25; i++) _house.Delete(database, "m", i);
            database.Compact();
            for (int round = 0; round < 3; round++)
            {
                _house.Put(database, "other", round, "new");
                database.Flush();
            }

            database.Close();
        }

        // The obsolete table is there again, and of the edits behind the one that took it away one is damaged.
        Assert.False(_house.Disk.FileExists(old));
        _house.Disk.WriteAll(old, content);
        string manifest = _house.Files("MANIFEST-").Single();
        ManifestEdit edit = Varve.Maintenance.ManifestInspector.Run(_house.Disk, manifest).Edits[^3];
        Assert.Empty(edit.Removed);
        Assert.Single(edit.Added);
        _house.Disk.FlipBit(manifest, 8L * (edit.Offset + 20));
        RepairReport report = _house.Repair();
        Assert.Empty(report.Losses);
        Assert.NotEmpty(report.Risks);
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
}
