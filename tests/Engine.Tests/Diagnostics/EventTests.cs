using Varve.Native;

namespace Varve.Tests.Diagnostics;

/// <summary>What a database tells its handler of events, and what its health says of the same.</summary>
public sealed class EventTests
{
    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();
    private readonly EventLog _log = new();

    [Fact]
    public void The_life_of_a_database_is_told_in_order()
    {
        Database database = _log.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        Fill(map, 50);
        database.Flush();
        Fill(map, 50);
        database.Compact();
        Assert.True(database.Verify().IsSound);
        database.Close();

        IReadOnlyList<DatabaseEvent> events = _log.All;
        DatabaseOpenedEvent opened = Assert.IsType<DatabaseOpenedEvent>(events[0]);
        Assert.True(opened.WasClosedCleanly);
        Assert.False(opened.IsReadOnly);
        Assert.Equal(0, opened.RecoveredRecords);
        Assert.Null(Assert.IsType<DatabaseClosedEvent>(events[^1]).Failure);
        FlushCompletedEvent flush = _log.Of<FlushCompletedEvent>()[0];
        Assert.Equal(52, flush.Entries);
        Assert.Equal(1, flush.Tables);
        Assert.True(flush.WrittenBytes > 0);
        CompactionCompletedEvent compaction = _log.Of<CompactionCompletedEvent>().First(done => !done.IsMove);
        Assert.Equal(0, compaction.InputLevel);
        Assert.True(compaction.OutputLevel > 0 && compaction.InputTables > 1 && compaction.OutputTables > 0);
        Assert.True(compaction.ReadBytes > 0 && compaction.WrittenBytes > 0);
        Assert.Equal(0, Assert.Single(_log.Of<VerificationCompletedEvent>()).DamagedTables);
        Assert.All(events, happened => Assert.Equal("data", happened.Directory));
        Assert.All(events, happened => Assert.EndsWith(".", happened.ToString()));
        Assert.Equal(events.OrderBy(happened => happened.Time), events);
    }

    [Fact]
    public void A_recovery_says_how_much_it_found()
    {
        using (Database database = _log.Open(_disk, _pool))
        {
            Fill(database.GetMap("m"), 20);
            SimulatedDisk killed = _disk.Fork().Crash(CrashMode.KeepAll, 1);
            var second = new EventLog();
            second.Open(killed, _pool).Close();
            DatabaseOpenedEvent recovered = second.WaitFor<DatabaseOpenedEvent>();
            Assert.False(recovered.WasClosedCleanly);
            Assert.Equal(20, recovered.RecoveredRecords);
            Assert.True(recovered.RecoveredBytes > 0);
        }

        var third = new EventLog();
        third.Open(_disk, _pool, isReadOnly: true).Close();
        DatabaseOpenedEvent opened = third.WaitFor<DatabaseOpenedEvent>();
        Assert.True(opened.WasClosedCleanly);
        Assert.True(opened.IsReadOnly);
    }

    [Fact]
    public void Damage_is_told_once_a_file_whoever_finds_it()
    {
        string[] files = FillTablesAndClose();
        foreach (string file in files) _disk.Zero("data/" + file, offset: 0, count: 300);
        using Database database = _log.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        Assert.Empty(database.GetHealth().Damages);
        (int key, CorruptDataException first) = FindDamage(map);
        DamageFoundEvent told = _log.WaitFor<DamageFoundEvent>();
        Assert.Same(first, told.Damage);
        Assert.Same(first, Assert.Single(database.GetHealth().Damages));

        Assert.Throws<CorruptDataException>(() => map.Get(BitConverter.GetBytes(key)));
        Assert.Equal(files.Length, database.Verify().Damages.Count);
        Record.Exception(() => database.Compact());
        Assert.Equal(files.Length, database.GetHealth().Damages.Count);
        Assert.True(database.GetHealth().IsWritable);
        database.Close();
        Assert.Equal(files.Length, _log.Of<DamageFoundEvent>().Count);
        Assert.Equal(files.Length, _log.Of<VerificationCompletedEvent>()[0].DamagedTables);
    }

    [Fact]
    public void A_compaction_that_meets_damage_tells_it()
    {
        string[] files = FillTablesAndClose();
        _disk.Zero("data/" + files[0], offset: 0, count: 300);
        using Database database = _log.Open(_disk, _pool);
        Fill(database.GetMap("m"), 400);
        Assert.ThrowsAny<IOException>(() => database.Compact());
        Assert.EndsWith(files[0], _log.WaitFor<DamageFoundEvent>().Damage.Path);
        Assert.IsType<CorruptDataException>(_log.WaitFor<CompactionFailedEvent>().Failure);
    }

    [Fact]
    public void A_flush_that_fails_is_told_and_shows_in_the_health_until_one_succeeds()
    {
        using Database database = _log.Open(_disk, _pool);
        database.GetMap("m").Put("k"u8, "v"u8);
        _disk.Faults = FaultPlan.Matching(
            call => call.Path.EndsWith(".table", StringComparison.Ordinal) && call.Operation == DiskOperation.Write,
            Fault.Error(Errors.InputOutput));
        Assert.Throws<StorageException>(database.Flush);
        StorageException failure = Assert.IsType<StorageException>(_log.WaitFor<FlushFailedEvent>().Failure);
        _log.WaitFor<FlushCompletedEvent>();
        Assert.Null(database.GetHealth().UpkeepFailure);
        Assert.Equal(Errors.InputOutput, failure.ErrorCode);
    }

    [Fact]
    public void The_stop_of_writing_is_told_once()
    {
        using Database database = _log.Open(_disk, _pool, durability: Durability.Synced);
        SortedMap map = database.GetMap("m");
        map.Put("before"u8, "v"u8);
        Assert.Null(database.GetHealth().WriteStopCause);
        _disk.Faults = FaultPlan.Matching(
            call => call.Path.EndsWith(".log", StringComparison.Ordinal) && call.Operation == DiskOperation.Sync,
            Fault.Error(Errors.InputOutput),
            forEver: true);
        Assert.Throws<CommitOutcomeUnknownException>(() => map.Put("during"u8, "v"u8));
        Assert.Throws<DatabaseReadOnlyException>(() => map.Put("after"u8, "v"u8));
        DatabaseHealth health = database.GetHealth();
        Assert.False(health.IsWritable);
        Assert.Same(_log.WaitFor<WritingStoppedEvent>().Cause, health.WriteStopCause);
        Assert.Throws<DatabaseReadOnlyException>(database.Close);
        Assert.Single(_log.Of<WritingStoppedEvent>());
        Assert.IsType<DatabaseReadOnlyException>(Assert.Single(_log.Of<DatabaseClosedEvent>()).Failure);
    }

    [Fact]
    public void A_stall_is_told_when_it_begins_and_when_it_ends()
    {
        using var mayWrite = new ManualResetEventSlim();
        _disk.BeforeCall = operation =>
        {
            if (operation == DiskOperation.Write && Thread.CurrentThread.Name == "varve flush") mayWrite.Wait();
        };
        using Database database = _log.Open(_disk, _pool);
        Task writes = Task.Run(() => Fill(database.GetMap("m"), 3_000));
        Assert.Equal(StallReason.Flush, _log.WaitFor<StallBeganEvent>().Reason);
        Assert.False(writes.IsCompleted);
        mayWrite.Set();
        writes.Wait();
        Assert.True(_log.WaitFor<StallEndedEvent>().Duration > TimeSpan.Zero);
        DatabaseStatistics statistics = database.GetStatistics();
        Assert.True(statistics.WriteStalls > 0);
        Assert.True(statistics.WriteStallTime > TimeSpan.Zero);
        Assert.True(_log.WaitFor<LogRecycledEvent>().Segments > 0);
    }

    [Fact]
    public void A_handler_that_throws_hurts_nobody()
    {
        var log = new EventLog();
        Database database = Database.Open(
            Api.OptionSet.Tiny.CreateSetup(_disk, "data", _pool) with
            {
                OnEvent = happened =>
                {
                    log.Add(happened);
                    throw new InvalidOperationException("A handler's own failure.");
                },
            },
            new DatabaseOptions { Durability = Durability.Buffered });
        database.GetMap("m").Put("k"u8, "v"u8);
        database.Flush();
        database.Close();
        Assert.NotEmpty(log.Of<FlushCompletedEvent>());
        Assert.Single(log.Of<DatabaseClosedEvent>());
    }

    [Fact]
    public void A_handler_may_use_and_close_the_database()
    {
        using var isClosed = new ManualResetEventSlim();
        Database? database = null;
        var isOpen = new TaskCompletionSource();
        database = Database.Open(
            Api.OptionSet.Tiny.CreateSetup(_disk, "data", _pool) with
            {
                OnEvent = happened =>
                {
                    if (happened is DatabaseClosedEvent) isClosed.Set();
                    if (happened is not DatabaseOpenedEvent) return;
                    isOpen.Task.Wait();
                    database!.GetMap("m").Put("k"u8, "v"u8);
                    database.Close();
                },
            },
            new DatabaseOptions { Durability = Durability.Buffered });
        isOpen.SetResult();
        Assert.True(isClosed.Wait(TimeSpan.FromSeconds(30)));
        using Database again = _log.Open(_disk, _pool);
        Assert.True(again.GetMap("m").Contains("k"u8));
    }

    private static (int Key, CorruptDataException Damage) FindDamage(SortedMap map)
    {
        for (int key = 0; key < 400; key++)
        {
            if (Record.Exception(() => map.Get(BitConverter.GetBytes(key))) is CorruptDataException damage) return (key, damage);
        }

        throw new InvalidOperationException("No key meets damage.");
    }

    /// <summary>The tables but the first, which holds the names of the maps: without those the database would not open.</summary>
    private string[] FillTablesAndClose()
    {
        using Database database = Api.OptionSet.Tiny.Open(_disk, _pool);
        Fill(database.GetMap("m"), 400);
        database.Compact();
        string[] files =
            [.. database.GetStatistics().Levels.SelectMany(level => level.Tables).Select(table => table.FileName)];
        Assert.True(files.Length > 2);
        return files[1..];
    }

    private static void Fill(SortedMap map, int count)
    {
        var random = new Random(1);
        byte[] value = new byte[100];
        for (int i = 0; i < count; i++)
        {
            random.NextBytes(value);
            map.Put(BitConverter.GetBytes(i), value);
        }
    }
}
