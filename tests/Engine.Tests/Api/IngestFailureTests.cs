namespace Varve.Tests.Api;

/// <summary>Ingests that do not happen, and damage of what they wrote.</summary>
public sealed class IngestFailureTests : IngestHarness
{
    [Fact]
    public void Nothing_of_an_ingest_is_seen_before_its_commit_and_nothing_left_when_it_is_given_up()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, "v"u8);
        database.Flush();
        IReadOnlyList<string> files = Tables();
        using (IngestWriter ingest = database.CreateIngest())
        {
            foreach ((ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) in Entries(0, 2_000)) ingest.Add(map, key.Span, value.Span);
            Assert.True(Tables().Count > files.Count);
            Assert.Equal(1, CountOf(map.All()));
        }

        Assert.Equal(files, Tables());
        Assert.Equal(1, CountOf(map.All()));
    }

    [Fact]
    public void An_ingest_into_a_dropped_map_is_refused_and_writing_goes_on()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, "v"u8);
        using (IngestWriter ingest = database.CreateIngest())
        {
            ingest.Add(map, Key(0), "lost"u8);
            database.DropMap("m");
            Assert.Throws<MapDroppedException>(() => ingest.Commit());
        }

        map = database.GetMap("m");
        map.Put("k"u8, "new"u8);
        database.Ingest(map, Entries(0, 3));
        Assert.Equal(4, CountOf(map.All()));
    }

    [Fact]
    public void Cancelling_leaves_nothing_and_progress_is_told()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        using var cancellation = new CancellationTokenSource();
        IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> entries = Entries(0, 5_000).Select((entry, i) =>
        {
            if (i == 4_500) cancellation.Cancel();
            return entry;
        });
        var progress = new LastProgress();
        Assert.Throws<OperationCanceledException>(() => database.Ingest(map, entries, progress, cancellation.Token));
        Assert.Equal(4_096, progress.Last.Entries);
        Assert.Empty(Tables());
        Assert.Empty(Read(map.All()));
        Assert.Throws<OperationCanceledException>(() =>
        {
            using IngestWriter ingest = database.CreateIngest();
            ingest.Add(map, "k"u8, "v"u8);
            ingest.Commit(cancellation.Token);
        });
        Assert.Empty(Tables());
    }

    [Fact]
    public void A_fullDisk_ends_an_ingest_without_a_trace_and_the_next_one_succeeds()
    {
        using Database database = Open();
        SortedMap map = MapWithOneFlushed(database);
        IReadOnlyList<string> files = Tables();
        Disk.CapacityBytes = 0;
        Assert.Throws<StorageException>(() => database.Ingest(map, Entries(0, 50_000)));
        Assert.Equal(files, Tables());
        Disk.CapacityBytes = long.MaxValue;
        database.Ingest(map, Entries(0, 1_000));
        Check(database, 0, 1_000);
        map.Put("after"u8, "v"u8);
    }

    [Theory]
    [InlineData(Errors.InputOutput)]
    [InlineData(Errors.NoSpace)]
    public void An_edit_that_fails_is_settled_and_the_ingest_did_not_happen(int errorCode)
    {
        using (Database database = Open())
        {
            SortedMap map = MapWithOneFlushed(database);
            FailManifest(DiskOperation.Write, Fault.Error(errorCode), forEver: false);
            Assert.Throws<StorageException>(() => database.Ingest(map, Entries(0, 500)));
            Disk.Faults = null;
            Assert.Equal(1, CountOf(map.All()));
            map.Put("after"u8, "v"u8);
            database.Flush();
            database.Ingest(map, Entries(500, 600));
        }

        using Database reopened = Open();
        Assert.Equal(102, CountOf(reopened.GetMap("m").All()));
        Assert.True(reopened.Verify().IsSound);
    }

    [Fact]
    public void A_failed_sync_of_the_manifest_leaves_the_outcome_open_and_stops_writing()
    {
        using (Database database = Open())
        {
            SortedMap map = MapWithOneFlushed(database);
            FailManifest(DiskOperation.Sync, Fault.Error(Errors.InputOutput, FailedSync.MarksClean));
            Assert.Throws<CommitOutcomeUnknownException>(() => database.Ingest(map, Entries(0, 500)));
            Disk.Faults = null;
            Assert.Equal(1, CountOf(map.All()));
            Assert.Throws<DatabaseReadOnlyException>(() => map.Put("after"u8, "v"u8));
        }

        using Database reopened = Open();
        Assert.True(CountOf(reopened.GetMap("m").All()) is 1 or 501);
        Assert.True(reopened.Verify().IsSound);
    }

    [Fact]
    public void Until_it_is_durable_what_became_of_an_ingest_nothing_is_logged_and_then_writing_goes_on()
    {
        using (Database database = Open())
        {
            SortedMap map = MapWithOneFlushed(database);
            FailManifest(DiskOperation.Write, Fault.Error(Errors.NoSpace));
            Assert.Throws<CommitOutcomeUnknownException>(() => database.Ingest(map, Entries(0, 500)));
            Assert.Throws<StorageException>(() => map.Put("refused"u8, "v"u8));
            Disk.Faults = null;
            map.Put("after"u8, "v"u8, Durability.Synced);
            map.Put("later"u8, "v"u8, Durability.Synced);
            Assert.Equal(3, CountOf(map.All()));
        }

        using Database reopened = Open();
        Assert.Equal(3, CountOf(reopened.GetMap("m").All()));
        Assert.True(reopened.Verify().IsSound);
    }

    [Fact]
    public void An_ingest_whose_edit_was_not_synced_is_not_called_durable_and_a_power_cut_may_take_it()
    {
        SimulatedDisk found;
        using (Database database = Open())
        {
            SortedMap map = database.GetMap("m");
            ulong written = map.Put("k"u8, "v"u8);
            database.Flush();
            database.WaitForUpkeep();
            Disk.Faults = call => call.Operation == DiskOperation.Sync && call.Path.Contains("MANIFEST", StringComparison.Ordinal)
                ? Fault.Error(Errors.InputOutput, FailedSync.LeavesDirty)
                : null;
            Assert.Throws<CommitOutcomeUnknownException>(() => database.Ingest(map, Entries(0, 500)));
            Disk.Faults = null;
            Assert.Equal(written, database.DurableSequence);
            found = Disk.Fork().Crash(CrashMode.KeepNothing);
        }

        using Database reopened = OptionSet.Tiny.Open(found, Pool);
        Assert.Equal(1, CountOf(reopened.GetMap("m").All()));
    }

    [Fact]
    public void Every_flipped_bit_of_an_ingested_table_is_found()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        database.Ingest(map, Entries(0, 10));
        string path = Tables()[^1];
        byte[] bytes = Disk.ReadAll(path);
        for (int offset = 0; offset < bytes.Length; offset += 97)
        {
            Disk.FlipBit(path, offset * 8L);
            Assert.False(database.Verify().IsSound, $"a bit flipped at {offset}");
            Disk.FlipBit(path, offset * 8L);
        }

        Assert.True(database.Verify().IsSound);
    }

    private static SortedMap MapWithOneFlushed(Database database)
    {
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, "v"u8);
        database.Flush();
        database.WaitForUpkeep();
        return map;
    }

    private void FailManifest(DiskOperation operation, Fault fault, bool forEver = true) => Disk.Faults = FaultPlan.Matching(
        call => call.Operation == operation && call.Path.Contains("MANIFEST", StringComparison.Ordinal), fault, forEver: forEver);
}
