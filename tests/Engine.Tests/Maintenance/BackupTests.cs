using Varve.Maintenance;
using Varve.Native;
using Varve.Tests.Api;

namespace Varve.Tests.Maintenance;

public sealed class BackupTests
{
    private const string Target = "/backup";

    private readonly MaintenanceHouse _house = new();

    [Fact]
    public void A_version_restores_to_the_database_of_its_moment()
    {
        _house.Fill();
        SortedDictionary<string, string> first;
        BackupResult result;
        using (Database database = _house.Open())
        {
            ulong latest = database.LatestSequence;
            result = database.Backup(Target);
            Assert.Equal(latest, result.Version.Sequence);
            Assert.Equal(1, result.Version.Number);
            Assert.Equal(result.Version.Tables, result.CopiedTables);
            Assert.Equal(result.Version.Bytes, result.CopiedBytes);
            first = MaintenanceHouse.Read(database);
            for (int i = 0; i < 100; i++) _house.Put(database, "m", i, $"later {i}");
            Assert.Equal(2, database.Backup(Target).Version.Number);
        }

        Assert.Equal(result.Version, Store().Restore("/first", 1, new SeededRandom(3), null, default));
        Assert.Equal(2, Store().Restore("/second", null, new SeededRandom(4), null, default).Number);
        Assert.True(_house.Verify("/first").IsSound);
        using (Database restored = _house.Open("/first"))
        {
            Assert.Equal(first, MaintenanceHouse.Read(restored));
            Assert.True(restored.Verify().IsSound);
            Assert.True(restored.GetMap("m").Put("k"u8, "v"u8) > 1UL << 32);
        }

        using Database second = _house.Open("/second");
        Assert.Equal(_house.Model, MaintenanceHouse.Read(second));
    }

    [Fact]
    public void Only_new_tables_are_copied()
    {
        _house.Fill();
        using Database database = _house.Open();
        BackupResult first = database.Backup(Target);
        BackupResult unchanged = database.Backup(Target);
        Assert.Equal(0, unchanged.CopiedTables);
        Assert.Equal(0, unchanged.CopiedBytes);
        Assert.Equal(first.Version.Tables, unchanged.Version.Tables);
        _house.Put(database, "other", 5, "new");
        BackupResult third = database.Backup(Target);
        Assert.InRange(third.CopiedTables, 1, 2);
        Assert.True(third.CopiedBytes < first.CopiedBytes / 2);
        Assert.Equal([1L, 2, 3], Store().List().Select(version => version.Number));
        Assert.True(Store().Verify(null, default).IsSound);
    }

    [Fact]
    public void Pruning_keeps_what_the_newest_versions_need()
    {
        _house.Fill();
        using Database database = _house.Open();
        for (int version = 0; version < 5; version++)
        {
            for (int i = 0; i < 100; i++) _house.Put(database, "m", (version * 50) + i, $"version {version} {new string('v', 50)}");
            database.Compact();
            database.Backup(Target);
        }

        long bytesBefore = BackupBytes();
        BackupPruneReport report = Store().Prune(keep: 2);
        Assert.Equal([1L, 2, 3], report.RemovedVersions);
        Assert.True(report.RemovedFiles > 0);
        Assert.Equal([4L, 5], Store().List().Select(version => version.Number));
        BackupVerifyReport verified = Store().Verify(null, default);
        Assert.True(verified.IsSound);
        Assert.Empty(verified.UnneededFiles);
        Assert.True(BackupBytes() < bytesBefore - report.FreedBytes + 1);
        Store().Restore("/restored", 4, new SeededRandom(3), null, default);
        Assert.Equal(6, database.Backup(Target).Version.Number);
        Assert.Empty(Store().Prune(keep: 10).RemovedVersions);
    }

    [Fact]
    public void Pruning_the_directory_of_a_database_is_refused_and_deletes_nothing()
    {
        _house.Fill();
        string[] before = [.. _house.Disk.ListAllFiles()];
        Assert.Throws<IOException>(() => new BackupStore(_house.Disk, MaintenanceHouse.Directory).Prune(keep: 1));

        // Nor is one that has lost its beginning taken for a backup.
        _house.Disk.Remove("/data/CURRENT");
        Assert.Empty(new BackupStore(_house.Disk, MaintenanceHouse.Directory).Prune(keep: 1).RemovedVersions);
        Assert.Equal(before.Where(path => !path.EndsWith("/CURRENT", StringComparison.Ordinal)), _house.Disk.ListAllFiles());
    }

    [Fact]
    public void Damage_is_found_by_verify_and_by_restore_and_leaves_nothing_half_made()
    {
        _house.Fill();
        using (Database database = _house.Open())
        {
            database.Backup(Target);
            _house.Put(database, "m", 1, "new");
            database.Compact();
            database.Backup(Target);
        }

        string[] needed = [.. _house.Files(".table", "backup")];
        int broken = 0;
        foreach (string path in (string[])[.. needed, .. _house.Files("VERSION-", "backup")])
        {
            int length = _house.Disk.ReadAll(path).Length;
            foreach (int place in (int[])[0, length / 2, length - 1])
            {
                SimulatedDisk disk = _house.Disk.Fork();
                disk.FlipBit(path, place * 8L);
                var store = new BackupStore(disk, Target);
                BackupVerifyReport report = store.Verify(null, default);
                Assert.Equal(Path.GetFileName(path), Assert.Single(report.Problems).FileName);
                foreach (long number in (long[])[1, 2])
                {
                    string target = $"restored{number}/";
                    Exception? failure = Record.Exception(() => store.Restore("/" + target, number, new SeededRandom(3), null, default));
                    Assert.Equal(report.BrokenVersions.Contains(number), failure is CorruptDataException);
                    if (failure is null) continue;
                    broken++;
                    string[] left = [.. disk.ListAllFiles().Where(file => file.StartsWith(target, StringComparison.Ordinal))];
                    Assert.DoesNotContain(left, file => file != target + "LOCK");
                }
            }
        }

        Assert.True(broken > needed.Length);
    }

    [Fact]
    public void A_description_that_is_cut_or_changed_anywhere_is_refused()
    {
        _house.Fill();
        using (Database database = _house.Open()) database.Backup(Target);
        byte[] whole = _house.Disk.ReadAll("/backup/VERSION-000001");
        Assert.Null(BackupDescription.Decode(whole, 1, out BackupDescription? description));
        Assert.NotNull(description);
        Assert.Equal(whole, description.Encode());
        for (int i = 0; i < whole.Length; i++)
        {
            byte[] changed = [.. whole];
            changed[i] ^= 0x20;
            Assert.NotNull(BackupDescription.Decode(changed, 1, out _));
            Assert.NotNull(BackupDescription.Decode(whole.AsSpan(0, i), 1, out _));
        }

        Assert.NotNull(BackupDescription.Decode(whole, 2, out _));
    }

    [Fact]
    public void The_directory_takes_backups_of_one_database_only()
    {
        using Database database = _house.Open();
        _house.Put(database, "m", 1, "a");
        database.Backup(Target);
        var options = _house.Options.CreateSetup(_house.Disk, "/elsewhere", _house.Pool) with { Random = new SeededRandom(99) };
        using (Database other = Database.Open(options, new DatabaseOptions()))
        {
            other.GetMap("m").Put("k"u8, "v"u8);
            var refusal = Assert.Throws<IOException>(() => other.Backup(Target));
            Assert.Contains("holds backups of the database", refusal.Message, StringComparison.Ordinal);
        }

        Assert.Throws<IOException>(() => database.Backup(MaintenanceHouse.Directory));
        Assert.Throws<DirectoryNotFoundException>(() => new BackupStore(_house.Disk, "/absent").List());
        Assert.Throws<ArgumentException>(() => Store().Restore("/restored", 7, new SeededRandom(3), null, default));
        Assert.Single(Store().List());
    }

    [Fact]
    public void Every_failing_call_leaves_the_earlier_versions_whole_and_the_next_backup_goes_on()
    {
        var house = new MaintenanceHouse();
        using Database database = house.Open();
        for (int i = 0; i < 150; i++) house.Put(database, "m", i, $"first {i} {new string('x', 40)}");
        database.Backup(Target);
        database.WaitForUpkeep();
        int failures = 0;
        for (int call = 0; ; call++)
        {
            house.Put(database, "m", call, $"changed {call}");
            int seen = 0;
            house.Disk.Faults = made => made.Path.Contains("backup", StringComparison.Ordinal) && seen++ == call
                ? Fault.HalfWrite(Errors.NoSpace)
                : null;
            Exception? failure = Record.Exception(() => database.Backup(Target));
            house.Disk.Faults = null;
            Assert.True(failure is null or StorageException, $"call {call}: {failure}");
            BackupVerifyReport report = new BackupStore(house.Disk, Target).Verify(null, default);
            Assert.True(report.IsSound, $"call {call}: {string.Join('\n', report.Problems)}");
            if (failure is not null) failures++;
            if (seen <= call) break;
        }

        Assert.True(failures > 10, $"{failures} failures");
        database.Backup(Target);
        new BackupStore(house.Disk, Target).Restore("/restored", null, new SeededRandom(3), null, default);
        using Database restored = house.Open("/restored");
        Assert.Equal(house.Model, MaintenanceHouse.Read(restored));
    }

    [Fact]
    public void A_power_cut_at_any_call_leaves_whole_versions_and_all_that_were_acknowledged()
    {
        var pool = new RegionPool();
        CrashSweep.CutPowerAtEveryCall(
            () => MakeBackedUp(pool),
            () => new List<long> { 1 },
            (disk, acknowledged) =>
            {
                try
                {
                    using Database database = OptionSet.Tiny.Open(disk, pool, directory: MaintenanceHouse.Directory);
                    acknowledged.Add(database.Backup(Target).Version.Number);
                }
                catch (DatabaseReadOnlyException)
                {
                    // The cut came in a compaction, before the flush.
                }
            },
            (disk, acknowledged, where) =>
            {
                var store = new BackupStore(disk, Target);
                BackupVerifyReport report = store.Verify(null, default);
                Assert.True(report.IsSound, $"{where}: {string.Join('\n', report.Problems)}");
                Assert.True(acknowledged.TrueForAll(number => report.Versions.Any(version => version.Number == number)), where);
                using Database database = OptionSet.Tiny.Open(disk, pool, directory: MaintenanceHouse.Directory);
                BackupVersion next = database.Backup(Target).Version;
                store.Restore("/restored", next.Number, new SeededRandom(3), null, default);
                using Database restored = OptionSet.Tiny.Open(disk, pool, directory: "/restored");
                Assert.True(restored.GetMap("m").Contains([1]), where);
                Assert.True(restored.Verify().IsSound, where);
            },
            seeds: 1);
    }

    [Fact]
    public void Cancelling_makes_no_version_and_the_next_backup_copies_only_the_rest()
    {
        _house.Fill();
        using Database database = _house.Open();
        database.WaitForUpkeep();
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => database.Backup(Target, new Cancels(cancellation), cancellation.Token));
        Assert.Empty(Store().List());
        BackupResult result = database.Backup(Target);
        Assert.Equal(result.Version.Tables - 1, result.CopiedTables);
        Assert.True(Store().Verify(null, default).IsSound);
    }

    private static SimulatedDisk MakeBackedUp(RegionPool pool)
    {
        var disk = new SimulatedDisk();
        using Database database = OptionSet.Tiny.Open(disk, pool, directory: MaintenanceHouse.Directory);
        for (int i = 0; i < 30; i++) database.GetMap("m").Put([(byte)i], new byte[50]);
        database.Backup(Target);
        database.GetMap("m").Put([200], new byte[50]);
        database.Close();
        return disk;
    }

    private BackupStore Store() => new(_house.Disk, Target);

    private long BackupBytes() => _house.Files("", "backup").Sum(path => (long)_house.Disk.ReadAll(path).Length);

    private sealed class Cancels(CancellationTokenSource source) : IProgress<BackupProgress>
    {
        public void Report(BackupProgress value) => source.Cancel();
    }
}
