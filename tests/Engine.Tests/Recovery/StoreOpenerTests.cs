using Varve.Maintenance;
using Varve.Native;
using Varve.Recovery;
using Varve.Tests.Api;

namespace Varve.Tests.Recovery;

public sealed class StoreOpenerTests
{
    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();

    [Fact]
    public void A_missing_table_is_damage_that_names_its_file_and_level_for_readers_and_writers()
    {
        MakeDatabase(tables: 3);
        string[] tables = Tables();
        Assert.Equal(3, tables.Length);
        foreach (string missing in tables)
        {
            byte[] content = _disk.ReadAll(missing);
            _disk.Remove(missing);
            IReadOnlyList<string> before = _disk.ListAllFiles();
            foreach (bool isReadOnly in (bool[])[false, true])
            {
                var damage = Assert.Throws<CorruptDataException>(() => Open(isReadOnly));
                Assert.Equal(missing, damage.Path);
                Assert.Contains("missing", damage.Detail, StringComparison.Ordinal);
                Assert.Equal(before, _disk.ListAllFiles());
                Assert.Equal(0, _disk.OpenFileCount);
            }

            _disk.WriteAll(missing, content);
        }

        using Database database = Open();
        for (int i = 0; i < 3; i++) Assert.NotNull(database.GetMap("m").Get([(byte)i]));
    }

    [Fact]
    public void Where_a_manifest_has_lost_its_end_the_missing_tables_error_names_both_files()
    {
        MakeDatabase(tables: 3);
        using (Database database = Open())
        {
            for (int i = 0; i < 3; i++) database.GetMap("m").Put([(byte)i], new byte[50]);
            database.Compact();
            database.Close();
        }

        string manifest = _disk.ListAllFiles().Single(path => path.Contains("MANIFEST", StringComparison.Ordinal));
        ManifestEdit[] lost = [.. ManifestInspector.Run(_disk, manifest).Edits.SkipWhile(edit => edit.Removed.Count == 0)];
        _disk.Cut(manifest, (int)lost[0].Offset);
        foreach (bool isReadOnly in (bool[])[false, true])
        {
            var damage = Assert.Throws<CorruptDataException>(() => Open(isReadOnly));
            Assert.Contains(Path.GetFileName(damage.Path), lost.SelectMany(edit => edit.Removed));
            Assert.Contains(damage.Path, damage.Message, StringComparison.Ordinal);
            Assert.Contains($"'{manifest}', read up to byte {lost[0].Offset}", damage.Message, StringComparison.Ordinal);
        }

        IReadOnlyList<VerifyProblem> problems = DatabaseInspector.VerifyDirectory(_disk, "data").Problems;
        Assert.NotEmpty(problems);
        Assert.All(problems, problem => Assert.Contains(manifest, problem.Detail, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Where_there_is_no_database_and_none_may_be_made_nothing_is_left_behind(bool isReadOnly)
    {
        Assert.Throws<DirectoryNotFoundException>(() => Open(isReadOnly, createIfMissing: false));
        Assert.False(_disk.DirectoryExists("data"));
        _disk.CreateDirectory("data");
        Assert.Throws<DirectoryNotFoundException>(() => Open(isReadOnly, createIfMissing: false));
        Assert.Empty(_disk.ListAllFiles());
        Assert.Equal(0, _disk.OpenFileCount);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_directory_of_other_files_is_left_as_it_is_where_no_database_may_be_made(bool isReadOnly)
    {
        _disk.CreateDirectory("data");
        _disk.WriteAll("data/letter.txt", "Dear Sir"u8);
        Assert.Throws<DirectoryNotFoundException>(() => Open(isReadOnly, createIfMissing: false));
        Assert.Equal(["data/letter.txt"], _disk.ListAllFiles());
    }

    [Fact]
    public void Without_leave_to_make_one_a_database_that_is_there_opens()
    {
        MakeDatabase(tables: 1);
        using Database database = Open(createIfMissing: false);
        Assert.NotNull(database.GetMap("m").Get([0]));
    }

    [Fact]
    public void Tables_that_the_manifest_does_not_name_go_once_the_manifest_is_durable()
    {
        MakeDatabase(tables: 1);
        string known = Assert.Single(Tables());
        _disk.WriteAll("data/000900.table", "left over"u8);
        bool isManifestSynced = false;
        _disk.Faults = call =>
        {
            isManifestSynced |= call.Operation == DiskOperation.Sync && call.Path.Contains("MANIFEST", StringComparison.Ordinal);
            bool isEarly = call.Operation == DiskOperation.Delete && call.Path == "data/000900.table" && !isManifestSynced;
            return isEarly ? Fault.Error(Errors.InputOutput) : null;
        };
        using Database database = Open();
        _disk.Faults = null;
        Assert.Equal([known], Tables());

        // A number that may have been used is not used again.
        database.GetMap("m").Put([9], default);
        database.Flush();
        Assert.Contains("data/000901.table", Tables());
    }

    [Fact]
    public void An_open_for_reading_deletes_and_creates_nothing()
    {
        MakeDatabase(tables: 1);
        _disk.WriteAll("data/000900.table", "left over"u8);
        IReadOnlyList<string> before = _disk.ListAllFiles();
        _disk.Faults = call => call.Operation is DiskOperation.Write or DiskOperation.Delete or DiskOperation.Sync or DiskOperation.Rename
            ? Fault.Error(Errors.NoAccess) : null;
        using (Database database = Open(isReadOnly: true)) Assert.NotNull(database.GetMap("m").Get([0]));
        Assert.Equal(before, _disk.ListAllFiles());
    }

    [Fact]
    public void Sequences_go_on_where_they_were_after_a_clean_end_and_far_above_after_another()
    {
        ulong last;
        using (Database database = Open())
        {
            last = database.GetMap("m").Put("k"u8, [1], Durability.Synced);
            database.Close();
        }

        SimulatedDisk cut;
        using (Database database = OptionSet.Tiny.Open(_disk, _pool))
        {
            Assert.Equal(last, database.LatestSequence);
            ulong next = database.GetMap("m").Put("k"u8, [2], Durability.Synced);
            Assert.Equal(last + 1, next);
            cut = _disk.Fork().Crash(CrashMode.KeepNothing, 1);
            last = next;
        }

        using Database recovered = OptionSet.Tiny.Open(cut, _pool);
        Assert.True(recovered.LatestSequence >= last + (1UL << 32), $"{recovered.LatestSequence} after {last}");
        Assert.Equal([2], recovered.GetMap("m").Get("k"u8));
    }

    [Fact]
    public void An_open_that_fails_at_any_call_gives_everything_back_and_the_next_one_finds_all()
    {
        MakeDatabase(tables: 2);
        for (long call = 1; ; call++)
        {
            SimulatedDisk disk = _disk.Fork().Crash(CrashMode.KeepAll, 1);
            disk.Faults = FaultPlan.Once(call, Fault.Error(Errors.InputOutput));
            Exception? failure = Record.Exception(() => OptionSet.Tiny.Open(disk, _pool).Close());
            bool hasStruck = disk.LastFault is not null;
            disk.Faults = null;
            Assert.Equal(0, disk.OpenFileCount);
            using Database database = OptionSet.Tiny.Open(disk, _pool);
            for (int i = 0; i < 2; i++) Assert.True(database.GetMap("m").Contains([(byte)i]), $"call {call}: {failure?.Message}");
            if (!hasStruck) break;
        }
    }

    private void MakeDatabase(int tables)
    {
        using Database database = Open();
        for (int i = 0; i < tables; i++)
        {
            database.GetMap("m").Put([(byte)i], new byte[100]);
            database.Flush();
        }

        database.Close();
    }

    private Database Open(bool isReadOnly = false, bool createIfMissing = true)
    {
        EngineSetup setup = OptionSet.Tiny.CreateSetup(_disk, "data", _pool) with { CreateIfMissing = createIfMissing };
        setup = setup with { Compaction = setup.Compaction with { LevelZeroTrigger = 10 } };
        OpenMode mode = isReadOnly ? OpenMode.ReadOnly : OpenMode.CreateOrOpen;
        return Database.Open(setup, new DatabaseOptions { Mode = mode, Durability = Durability.Buffered });
    }

    private string[] Tables() => [.. _disk.ListAllFiles().Where(path => path.EndsWith(".table", StringComparison.Ordinal))];
}
