namespace Varve.Tests.Feed;

/// <summary>How far back a feed can go: what is kept, across opens too, and what is not.</summary>
public sealed class ChangeHistoryTests
{
    private readonly FeedHouse _house = new();

    private IEnumerable<string> Slots =>
        _house.Disk.ListAllFiles().Where(path => path.EndsWith(".log", StringComparison.Ordinal));

    private int LogFiles => Slots.Count();

    private long LogBytes => Slots.Sum(path => _house.Disk.ReadAll(path).Length);

    [Fact]
    public void Flushed_segments_are_kept_up_to_the_bound_and_recycled_beyond()
    {
        _house.Options = _house.Options with { ChangeHistoryBytes = 128 << 10 };
        using Database database = _house.Open(Durability.Synced);
        int written = 0;
        for (int round = 0; round < 30; round++)
        {
            FeedHouse.Put(database, written, 50);
            written += 50;
            database.Flush();
            DatabaseStatistics figures = database.GetStatistics();
            Assert.InRange(figures.ChangeHistoryBytes, 0, 128 << 10);

            // History, live segments, spares.
            Assert.InRange(LogFiles, 1, 8 + 8);
            if (round < 5) Assert.Equal(0UL, database.OldestChangeSequence);
            int known = Math.Max(0, written - 250);
            ulong position = known == 0 ? 0 : (ulong)known + FeedHouse.NameCount;
            FeedHouse.AssertNumbers(FeedHouse.Read(database, position), known, written - known);
        }

        Assert.True(database.OldestChangeSequence > 0);
        ChangeHistoryLostException lost = Assert.Throws<ChangeHistoryLostException>(() => FeedHouse.Read(database));
        Assert.Equal((0UL, database.OldestChangeSequence), (lost.AfterSequence, lost.OldestSequence));
        List<ChangeBatch> rest = FeedHouse.Read(database, lost.OldestSequence);
        Assert.Equal(lost.OldestSequence + 1, rest[0].Sequence);
        FeedHouse.AssertNumbers(rest, written - rest.Count, rest.Count);
    }

    [Fact]
    public void Without_history_a_feed_lives_on_what_recovery_needs()
    {
        _house.Options = _house.Options with { ChangeHistoryBytes = 0 };
        using (Database database = _house.Open(Durability.Synced))
        {
            FeedHouse.Put(database, 0, 20);
            FeedHouse.AssertNumbers(FeedHouse.Read(database), 0, 20);
            FeedHouse.Put(database, 20, 400);
            database.Flush();
            Assert.Throws<ChangeHistoryLostException>(() => FeedHouse.Read(database));
            Assert.Equal(0, database.GetStatistics().ChangeHistoryBytes);
            database.Close();
        }

        using Database reopened = _house.Open(Durability.Synced);
        Assert.Equal(420 + FeedHouse.NameCount, reopened.OldestChangeSequence);
        Assert.Empty(FeedHouse.Read(reopened, 420 + FeedHouse.NameCount));
        FeedHouse.Put(reopened, 420, 1);
        FeedHouse.AssertNumbers(FeedHouse.Read(reopened, 420 + FeedHouse.NameCount), 420, 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void After_a_sync_that_threw_pages_away_the_feed_ends_with_what_was_synced(bool includeNotDurable)
    {
        using Database database = _house.Open();
        FeedHouse.Put(database, 0, 3);
        database.Sync();
        FeedHouse.Put(database, 3, 5);
        _house.Disk.Faults = FaultPlan.Matching(
            static call => call.Operation == DiskOperation.Sync && call.Path.EndsWith(".log", StringComparison.Ordinal),
            Fault.Error(Errors.InputOutput, FailedSync.DropsUnsynced),
            forEver: true);
        Assert.Throws<CommitOutcomeUnknownException>(database.Sync);
        _house.Disk.Faults = null;
        FeedHouse.AssertNumbers(FeedHouse.Read(database, 0, new ChangeFeedOptions { IncludeNotDurable = includeNotDurable }), 0, 3);
    }

    [Theory]
    [InlineData(null)]
    [InlineData(CrashMode.KeepAll)]
    [InlineData(CrashMode.KeepNothing)]
    [InlineData(CrashMode.Random)]
    internal void Every_synced_batch_is_in_the_feed_of_later_opens(CrashMode? crash)
    {
        int written = 0;
        ulong middle = 0;
        for (int open = 0; open < 6; open++)
        {
            Database database = _house.Open(Durability.Synced);
            FeedHouse.AssertNumbers(FeedHouse.Read(database), 0, written);
            FeedHouse.Put(database, written, 30 + open);
            written += 30 + open;
            if (open == 2) middle = database.LatestSequence;
            if (open % 2 == 0) database.Flush();
            if (crash is null) database.Close();
            else _house.Crash(crash.Value, open);
            database.Dispose();
        }

        using Database last = _house.Open(Durability.Synced);
        Assert.Equal(0UL, last.OldestChangeSequence);
        FeedHouse.AssertNumbers(FeedHouse.Read(last), 0, written);
        FeedHouse.AssertNumbers(FeedHouse.Read(last, middle), 93, written - 93);
        Assert.Empty(FeedHouse.Read(last, last.LatestSequence));
    }

    [Fact]
    public void An_open_that_writes_nothing_leaves_no_trace_in_the_history()
    {
        using (Database database = _house.Open(Durability.Synced)) FeedHouse.Put(database, 0, 10);
        for (int open = 0; open < 10; open++)
        {
            Database idle = _house.Open(Durability.Synced);
            if (open % 2 == 0) idle.Close();
            else _house.Crash(CrashMode.KeepNothing, open);
            idle.Dispose();
        }

        using Database last = _house.Open(Durability.Synced);
        FeedHouse.AssertNumbers(FeedHouse.Read(last), 0, 10);
        Assert.InRange(LogFiles, 2, 3);

        // The position behind the last batch goes on, far as sequences have jumped.
        Assert.Empty(FeedHouse.Read(last, 10 + FeedHouse.NameCount));
        Assert.True(last.LatestSequence > 1UL << 32);
    }

    [Fact]
    public void Many_short_opens_stay_within_the_bound_and_keep_the_newest()
    {
        _house.Options = _house.Options with { ChangeHistoryBytes = 100 << 10 };
        for (int open = 0; open < 40; open++)
        {
            using Database database = _house.Open(Durability.Synced);
            FeedHouse.Put(database, open, 1);

            // A short era keeps what it used of its slot, not the slot.
            Assert.InRange(LogBytes, 0, (100 << 10) + 3 * (16 << 10));
            Assert.InRange(database.GetStatistics().ChangeHistoryBytes, 0, 100 << 10);
        }

        using Database last = _house.Open(Durability.Synced);
        List<ChangeBatch> kept = FeedHouse.Read(last, last.OldestChangeSequence);
        Assert.InRange(kept.Count, 10, 39);
        FeedHouse.AssertNumbers(kept, 40 - kept.Count, kept.Count);
    }

    [Fact]
    public void A_smaller_bound_at_the_next_open_keeps_less()
    {
        using (Database database = _house.Open(Durability.Synced)) FeedHouse.Put(database, 0, 500);
        _house.Options = _house.Options with { ChangeHistoryBytes = 40 << 10 };
        using (Database database = _house.Open(Durability.Synced))
        {
            Assert.InRange(database.GetStatistics().ChangeHistoryBytes, 1, 40 << 10);
            List<ChangeBatch> kept = FeedHouse.Read(database, database.OldestChangeSequence);
            FeedHouse.AssertNumbers(kept, 500 - kept.Count, kept.Count);
        }

        _house.Options = _house.Options with { ChangeHistoryBytes = 0 };
        using (Database database = _house.Open(Durability.Synced)) Assert.Equal(database.LatestSequence, database.OldestChangeSequence);
    }

    [Fact]
    public void A_read_only_open_shows_the_history_and_ends()
    {
        using (Database database = _house.Open(Durability.Synced)) FeedHouse.Put(database, 0, 100);
        Database killed = _house.Open(Durability.Buffered);
        FeedHouse.Put(killed, 100, 12);
        killed.Sync();
        FeedHouse.Put(killed, 112, 8);
        _house.Crash(CrashMode.KeepAll);
        killed.Dispose();

        // Whatever the option says: what is there is shown.
        _house.Options = _house.Options with { ChangeHistoryBytes = 0 };
        IReadOnlyList<string> files = _house.Disk.ListAllFiles();
        using (Database reading = _house.Open(isReadOnly: true))
        {
            Assert.Equal(0UL, reading.OldestChangeSequence);
            FeedHouse.AssertNumbers(FeedHouse.Read(reading), 0, 120);
            List<ChangeBatch> awaited = reading.ReadChanges(0).ToBlockingEnumerable().ToList();
            FeedHouse.AssertNumbers(awaited, 0, 120);
        }

        Assert.Equal(files, _house.Disk.ListAllFiles());
    }

    [Fact]
    public void What_a_power_cut_took_from_the_log_but_not_from_the_tables_is_told_and_not_passed_over()
    {
        Database database = _house.Open();
        FeedHouse.Put(database, 0, 30);
        database.Sync();
        FeedHouse.Put(database, 30, 10);
        database.Flush();
        _house.Crash(CrashMode.KeepNothing);
        database.Dispose();

        using Database reopened = _house.Open();
        Assert.NotNull(reopened.GetMap("m").Get(FeedHouse.KeyOf(39)));
        ChangeHistoryLostException lost = Assert.Throws<ChangeHistoryLostException>(() => FeedHouse.Read(reopened, 20));
        Assert.Equal(40 + FeedHouse.NameCount, lost.OldestSequence);
        Assert.Empty(FeedHouse.Read(reopened, lost.OldestSequence));
    }

    [Fact]
    public void Damage_in_the_history_ends_it_there_and_hurts_nothing_else()
    {
        using (Database database = _house.Open(Durability.Synced)) FeedHouse.Put(database, 0, 300);
        using (Database database = _house.Open(Durability.Synced)) FeedHouse.Put(database, 300, 10);
        _house.Disk.FlipBit("data/0002.log", 6000 * 8);

        using Database reopened = _house.Open(Durability.Synced);
        ChangeHistoryLostException lost = Assert.Throws<ChangeHistoryLostException>(() => FeedHouse.Read(reopened));
        CorruptDataException cause = Assert.IsType<CorruptDataException>(lost.InnerException);
        Assert.Equal("data/0002.log", cause.Path);
        Assert.Equal(lost.OldestSequence, reopened.OldestChangeSequence);
        List<ChangeBatch> rest = FeedHouse.Read(reopened, lost.OldestSequence);
        Assert.InRange(rest.Count, 100, 299);
        FeedHouse.AssertNumbers(rest, 310 - rest.Count, rest.Count);
        Assert.True(reopened.Verify().IsSound);
        FeedHouse.Put(reopened, 310, 200);
        reopened.Flush();
    }

    [Fact]
    public void A_damaged_header_in_the_history_is_a_gap_before_which_nothing_counts()
    {
        using (Database database = _house.Open(Durability.Synced)) FeedHouse.Put(database, 0, 300);
        using (Database database = _house.Open(Durability.Synced)) FeedHouse.Put(database, 300, 10);
        _house.Disk.FlipBit("data/0002.log", 40 * 8);
        using Database reopened = _house.Open(Durability.Synced);
        List<ChangeBatch> rest = FeedHouse.Read(reopened, reopened.OldestChangeSequence);
        Assert.InRange(rest.Count, 100, 299);
        FeedHouse.AssertNumbers(rest, 310 - rest.Count, rest.Count);
    }

    [Fact]
    public void A_full_disk_takes_the_history_before_it_refuses_a_write()
    {
        _house.Options = _house.Options with { MemtableBytes = 1 << 20 };
        using Database database = _house.Open();
        FeedHouse.Put(database, 0, 1000);
        database.Flush();
        long history = database.GetStatistics().ChangeHistoryBytes;
        Assert.True(history > 200 << 10, $"{history} bytes of history");
        _house.Disk.CapacityBytes = 0;
        FeedHouse.Put(database, 1000, (int)(history / 2 / 400));
        Assert.InRange(database.GetStatistics().ChangeHistoryBytes, 0, history - 1);
        Assert.Throws<ChangeHistoryLostException>(() => FeedHouse.Read(database));
        database.Sync();
        List<ChangeBatch> rest = FeedHouse.Read(database, database.OldestChangeSequence);
        Assert.Equal(database.LatestSequence, rest[^1].Sequence);
    }

    [Fact]
    public void A_full_disk_takes_the_history_for_a_flush()
    {
        using Database database = _house.Open();
        FeedHouse.Put(database, 0, 500);
        database.Flush();
        Assert.True(database.GetStatistics().ChangeHistoryBytes > 0);
        _house.Disk.CapacityBytes = 0;
        Record.Exception(() => FeedHouse.Put(database, 500, 20));
        Record.Exception(database.Flush);
        Assert.True(SpinWait.SpinUntil(() => database.GetStatistics().ChangeHistoryBytes == 0, TimeSpan.FromSeconds(30)));
        _house.Disk.CapacityBytes = long.MaxValue;
    }

    /// <summary>What was flushed is in tables; a system that drops what a failed sync did not write takes it from the log.</summary>
    [Fact]
    public void A_log_whose_sync_failed_shows_what_it_had_synced()
    {
        using Database database = _house.Open();
        FeedHouse.Put(database, 0, 10);
        database.Sync();
        FeedHouse.Put(database, 10, 20);
        database.Flush();
        _house.Disk.Faults = FaultPlan.Matching(
            call => call.Operation == DiskOperation.Sync && call.Path.EndsWith(".log", StringComparison.Ordinal),
            Fault.Error(Errors.InputOutput, FailedSync.DropsUnsynced),
            forEver: true);
        Assert.Throws<CommitOutcomeUnknownException>(() => database.GetMap("m").Put("last"u8, "1"u8, Durability.Synced));
        _house.Disk.Faults = null;
        FeedHouse.AssertNumbers(FeedHouse.Read(database), 0, 10);
    }
}
