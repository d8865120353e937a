using Varve.Native;

namespace Varve.Tests.Api;

/// <summary>What a database does when the world fails: typed errors, reads go on, nothing acknowledged is lost.</summary>
public sealed class FailureTests
{
    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();

    [Fact]
    public void A_failed_sync_leaves_the_outcome_open_and_ends_writing_until_the_next_open()
    {
        using (Database database = Open(Durability.Synced))
        {
            SortedMap map = database.GetMap("m");
            map.Put("before"u8, "v"u8);
            ulong durable = database.DurableSequence;
            _disk.Faults = FaultPlan.Matching(
                call => IsLog(call, DiskOperation.Sync), Fault.Error(Errors.InputOutput, FailedSync.MarksClean), forEver: true);
            CommitOutcomeUnknownException unknown = Assert.Throws<CommitOutcomeUnknownException>(() => map.Put("during"u8, "v"u8));
            Assert.IsType<StorageException>(unknown.InnerException);
            _disk.Faults = null;

            // It is never tried again on the same file: a second sync would report a success that is none.
            Assert.Throws<DatabaseReadOnlyException>(() => map.Put("after"u8, default));
            Assert.Throws<DatabaseReadOnlyException>(() => map.Put("after"u8, default, Durability.None));
            Assert.Equal(durable, database.DurableSequence);
            Assert.True(map.Contains("before"u8));
            Assert.False(map.Contains("during"u8));
        }

        using Database reopened = Open(Durability.Synced);
        Assert.True(reopened.GetMap("m").Contains("before"u8));
        reopened.GetMap("m").Put("after"u8, default);
    }

    [Fact]
    public void A_failed_write_of_the_log_leaves_the_outcome_open()
    {
        using Database database = Open(Durability.Buffered);
        SortedMap map = database.GetMap("m");
        map.Put("before"u8, "v"u8);
        _disk.Faults = FaultPlan.Matching(call => IsLog(call, DiskOperation.Write), Fault.ShortWrite(Errors.InputOutput, 10));
        Assert.Throws<CommitOutcomeUnknownException>(() => map.Put("during"u8, "v"u8, Durability.Synced));
        _disk.Faults = null;
        Assert.Throws<DatabaseReadOnlyException>(() => map.Put("after"u8, default));
        Assert.True(map.Contains("before"u8));
        Assert.False(map.Contains("during"u8));
    }

    [Fact]
    public void A_full_disk_refuses_writes_and_takes_them_again_once_there_is_room()
    {
        var written = new Dictionary<int, byte[]>();
        using (Database database = Open(Durability.Buffered))
        {
            SortedMap map = database.GetMap("m");
            Fill(map, written, 0, 200);
            _disk.CapacityBytes = 0;
            StorageException? refusal = null;
            int next = 200;
            while (refusal is null && next < 20_000)
            {
                byte[] value = [.. BitConverter.GetBytes(next), .. new byte[200]];
                refusal = (StorageException?)Record.Exception(() => map.Put(BitConverter.GetBytes(next), value));
                if (refusal is null) written[next++] = value;
            }

            Assert.NotNull(refusal);
            Assert.Equal(Errors.NoSpace, refusal.ErrorCode);
            Check(map, written);
            Assert.False(map.Contains(BitConverter.GetBytes(next)));

            // Until the next try of the flush writers are told what the last one met.
            _disk.CapacityBytes = long.MaxValue;
            Assert.True(SpinWait.SpinUntil(() => Record.Exception(database.Flush) is null, TimeSpan.FromSeconds(30)));
            Fill(map, written, next, 200);
            database.Compact();
            Check(map, written);
            Assert.True(database.Verify().IsSound);
        }

        using Database reopened = Open(Durability.Buffered);
        Check(reopened.GetMap("m"), written);
    }

    [Fact]
    public void A_flush_that_fails_is_tried_again()
    {
        using Database database = Open(Durability.Buffered);
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, "v"u8);
        _disk.Faults = FaultPlan.Matching(call => IsTable(call, DiskOperation.Write), Fault.Error(Errors.InputOutput));
        Assert.Throws<StorageException>(database.Flush);
        Assert.True(SpinWait.SpinUntil(() => database.GetStatistics().FrozenMemtables == 0, TimeSpan.FromSeconds(20)));
        database.WaitForUpkeep();
        Assert.Equal("v"u8.ToArray(), map.Get("k"u8));
        Assert.Single(_disk.ListAllFiles(), path => path.EndsWith(".table", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_flush_or_compaction_that_finds_no_memory_is_tried_again_and_writing_goes_on(bool isCompaction)
    {
        using Database database = Open(Durability.Buffered);
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, "v"u8);
        if (isCompaction) database.Flush();
        int refusals = 0;
        _disk.Faults = call =>
        {
            if (!IsTable(call, DiskOperation.Write) || Interlocked.Increment(ref refusals) > 1) return null;
            throw new MemoryBudgetException("No memory, this once.");
        };
        if (isCompaction) Record.Exception(() => database.Compact());
        else Assert.Throws<MemoryBudgetException>(database.Flush);
        map.Put("next"u8, "v"u8);
        Assert.True(SpinWait.SpinUntil(() => Record.Exception(() => database.Compact()) is null, TimeSpan.FromSeconds(20)));
        Assert.InRange(refusals, 2, int.MaxValue);
        Assert.Equal("v"u8.ToArray(), map.Get("k"u8));
        Assert.Equal("v"u8.ToArray(), map.Get("next"u8));
        map.Put("last"u8, "v"u8);
    }

    [Fact]
    public void A_damaged_table_is_reported_where_it_is_read_and_all_else_goes_on()
    {
        string damaged;
        using (Database database = Open(Durability.Buffered))
        {
            SortedMap map = database.GetMap("m");
            var written = new Dictionary<int, byte[]>();
            Fill(map, written, 0, 3000);
            database.Compact();
            damaged = "data/" + database.GetStatistics().Levels.SelectMany(level => level.Tables).Last().FileName;
            database.Close();
        }

        const int ZeroedBytes = 300;
        _disk.Zero(damaged, offset: 0, ZeroedBytes);
        using (Database database = Open(Durability.Buffered))
        {
            SortedMap map = database.GetMap("m");
            int unreadable = 0;
            for (int i = 0; i < 3000; i++)
            {
                try
                {
                    Assert.Equal(i, BitConverter.ToInt32(map.Get(BitConverter.GetBytes(i))));
                }
                catch (CorruptDataException damage)
                {
                    unreadable++;
                    Assert.Equal(damaged, damage.Path);

                    // More than one block may stand there: where tables end is the compaction's timing.
                    Assert.InRange(damage.Offset, 0, ZeroedBytes - 1);
                }
            }

            Assert.InRange(unreadable, 1, 100);
            Assert.Throws<CorruptDataException>(() => { foreach (Entry _ in map.All()) { } });
            Assert.Throws<CorruptDataException>(() => { foreach (Entry _ in map.All(Direction.Descending)) { } });
            VerifyReport report = database.Verify();
            Assert.False(report.IsSound);
            Assert.Equal(damaged, Assert.Single(report.Damages).Path);

            map.Put("new"u8, "v"u8);
            database.Flush();
            Assert.Equal("v"u8.ToArray(), map.Get("new"u8));
            database.Close();
        }
    }

    [Fact]
    public void A_compaction_that_a_damaged_table_blocks_says_so_each_time()
    {
        using Database database = Open(Durability.Buffered);
        SortedMap map = database.GetMap("m");
        var written = new Dictionary<int, byte[]>();
        Fill(map, written, 0, 500);
        database.Compact();
        string damaged = "data/" + database.GetStatistics().Levels.SelectMany(level => level.Tables).First().FileName;
        _disk.Zero(damaged, offset: 0, count: 300);
        Fill(map, written, 0, 500);
        for (int i = 0; i < 3; i++) Assert.Equal(damaged, Assert.Throws<CorruptDataException>(() => database.Compact()).Path);
        map.Put("after"u8, "v"u8);
        Assert.Equal("v"u8.ToArray(), map.Get("after"u8));
    }

    [Fact]
    public void The_tables_of_an_edit_that_failed_go_once_the_next_edit_settles_that()
    {
        using Database database = Open(Durability.Buffered);
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, "v"u8);
        _disk.Faults = FaultPlan.Matching(
            call => call.Operation == DiskOperation.Write && call.Path.Contains("MANIFEST", StringComparison.Ordinal),
            Fault.Error(Errors.NoSpace));
        Assert.Equal(Errors.NoSpace, Assert.Throws<StorageException>(database.Flush).ErrorCode);
        database.Flush();
        database.WaitForUpkeep();
        Assert.Equal("v"u8.ToArray(), map.Get("k"u8));
        Assert.Single(_disk.ListAllFiles(), path => path.EndsWith(".table", StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_table_or_a_damaged_manifest_fails_the_open_with_the_file()
    {
        using (Database database = Open(Durability.Buffered))
        {
            database.GetMap("m").Put("k"u8, "v"u8);
            database.Flush();
            database.Close();
        }

        string table = _disk.ListAllFiles().Single(path => path.EndsWith(".table", StringComparison.Ordinal));
        byte[] bytes = _disk.ReadAll(table);
        _disk.Remove(table);
        Assert.Equal(table, Assert.Throws<CorruptDataException>(() => Open(Durability.Buffered)).Path);
        _disk.WriteAll(table, bytes);

        string manifest = _disk.ListAllFiles().Single(path => path.Contains("MANIFEST", StringComparison.Ordinal));
        _disk.FlipBit(manifest, 8 * 20);
        Assert.Equal(manifest, Assert.Throws<CorruptDataException>(() => Open(Durability.Buffered)).Path);
        Assert.Equal(0, _disk.OpenFileCount);
    }

    private Database Open(Durability durability) => (OptionSet.Tiny with { Durability = durability }).Open(_disk, _pool);

    private static bool IsLog(DiskCall call, DiskOperation operation) =>
        call.Operation == operation && call.Path.EndsWith(".log", StringComparison.Ordinal);

    private static bool IsTable(DiskCall call, DiskOperation operation) =>
        call.Operation == operation && call.Path.EndsWith(".table", StringComparison.Ordinal);

    private static void Fill(SortedMap map, Dictionary<int, byte[]> written, int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            byte[] value = [.. BitConverter.GetBytes(i), .. new byte[200]];
            map.Put(BitConverter.GetBytes(i), value);
            written[i] = value;
        }
    }

    private static void Check(SortedMap map, Dictionary<int, byte[]> written)
    {
        foreach ((int key, byte[] value) in written) Assert.Equal(value, map.Get(BitConverter.GetBytes(key)));
        int count = 0;
        foreach (Entry _ in map.All()) count++;
        Assert.Equal(written.Count, count);
    }
}
