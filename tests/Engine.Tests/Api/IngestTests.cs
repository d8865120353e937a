using System.Text;
using Varve.Levels;
using Varve.Native;
using Varve.Reading;

namespace Varve.Tests.Api;

public sealed class IngestTests
{
    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();

    [Fact]
    public void Sorted_entries_are_there_at_one_sequence_and_after_a_reopen()
    {
        using (Database database = Open())
        {
            SortedMap map = database.GetMap("m");
            ulong before = map.Put("zz"u8, "old"u8);
            using Snapshot snapshot = database.CreateSnapshot();
            ulong sequence = database.Ingest(map, Entries(0, 3_000));
            Assert.True(sequence > before);
            Assert.Equal(sequence, database.LatestSequence);
            Assert.True(database.DurableSequence >= sequence);
            Check(database, 0, 3_000);
            Assert.Equal(1, CountOf(map.All(snapshot: snapshot)));
            Assert.True(map.Contains("zz"u8));
            Assert.True(database.Verify().IsSound);
        }

        using Database reopened = Open();
        Check(reopened, 0, 3_000);
        Assert.True(reopened.Verify().IsSound);
        reopened.Compact();
        Check(reopened, 0, 3_000);
        Assert.True(reopened.Verify().IsSound);
    }

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
    public void An_ingest_wins_over_what_was_written_before_it_and_loses_to_what_comes_after()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        for (int round = 0; round < 4; round++)
        {
            for (int i = 0; i < 40; i++) map.Put(Key(i * 3), Encoding.UTF8.GetBytes($"put {round}"));
            if (round % 2 == 0) database.Flush();
            using Snapshot before = database.CreateSnapshot();
            byte[] value = Encoding.UTF8.GetBytes($"ingested {round}");
            database.Ingest(map, Enumerable.Range(0, 60).Select(i => Pair(Key(i * 2), value)));
            map.Put(Key(0), "after"u8);
            map.Delete(Key(2));
            for (int pass = 0; pass < 2; pass++)
            {
                Assert.Equal("after"u8.ToArray(), map.Get(Key(0)));
                Assert.Null(map.Get(Key(2)));
                for (int i = 2; i < 60; i++) Assert.Equal(value, map.Get(Key(i * 2)));
                Assert.Equal($"put {round}", Encoding.UTF8.GetString(map.Get(Key(3))!));
                Assert.Equal($"put {round}", Encoding.UTF8.GetString(map.Get(Key(6), before)!));
                Assert.Equal(Read(map.All()).Select(entry => Convert.ToHexString(entry.Key)).Reverse(),
                    Read(map.All(Direction.Descending)).Select(entry => Convert.ToHexString(entry.Key)));
                if (round == 3) database.Compact();
            }

            Assert.True(database.Verify().IsSound);
        }
    }

    [Fact]
    public void Gets_of_many_keys_and_awaited_ones_know_at_which_sequence_the_entries_came()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        map.Put(Key(1), "old"u8);
        map.DeleteRange(Key(0), Key(9));
        using Snapshot before = database.CreateSnapshot();
        database.Ingest(map, Entries(0, 10));
        map.DeleteRange(Key(5), Key(6));
        Snapshot?[] moments = [before, null];
        foreach (Snapshot? moment in moments)
        {
            // Read once, the entries are in memory.
            for (int i = 0; i < 10; i++) map.Get(Key(i));
            byte[]?[] values = map.GetMany([.. Enumerable.Range(0, 10).Select(Key)], moment);
            for (int i = 0; i < 10; i++)
            {
                byte[]? expected = moment is null && i != 5 ? Encoding.UTF8.GetBytes($"value {i}") : null;
                Assert.Equal(expected, values[i]);
                Assert.Equal(expected, map.GetAsync(Key(i), moment).AsTask().Result);
            }
        }
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
    public void Tables_come_to_the_deepest_level_that_no_newer_table_forbids()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        map.Put("a"u8, "the map's name is recorded"u8);
        database.Compact();
        database.Ingest(map, Entries(0, 500));
        Assert.Equal(0, TablesOn(database, 0));
        int bottom = TablesOn(database, LevelMap.BottomLevel);
        Assert.True(bottom > 1);

        // Beside them: the bottom again. Over them: the level above.
        database.Ingest(map, Entries(1_000, 1_500));
        Assert.True(TablesOn(database, LevelMap.BottomLevel) > bottom);
        bottom = TablesOn(database, LevelMap.BottomLevel);
        database.Ingest(map, Entries(100, 110));
        Assert.Equal(bottom, TablesOn(database, LevelMap.BottomLevel));
        Assert.Equal(1, TablesOn(database, LevelMap.BottomLevel - 1));
    }

    [Fact]
    public void A_key_that_does_not_ascend_is_named_with_its_position_and_the_writer_goes_on()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        using IngestWriter ingest = database.CreateIngest();
        ingest.Add(map, "b"u8, "1"u8);
        var same = Assert.Throws<ArgumentException>(() => ingest.Add(map, "b"u8, "2"u8));
        Assert.Contains("Entry 1 ", same.Message, StringComparison.Ordinal);
        Assert.Contains("'b' is the same as", same.Message, StringComparison.Ordinal);
        var before = Assert.Throws<ArgumentException>(() => ingest.Add(map, "a\n"u8, "2"u8));
        Assert.Contains("'a\\x0a' comes before", before.Message, StringComparison.Ordinal);
        ingest.Add(map, "c"u8, "3"u8);
        ingest.Commit();
        Assert.Equal(["b", "c"], Read(map.All()).Select(entry => Encoding.UTF8.GetString(entry.Key)));
        Assert.Throws<ObjectDisposedException>(() => ingest.Add(map, "d"u8, default));
    }

    [Fact]
    public void Several_maps_are_ingested_together_each_in_one_run()
    {
        using Database database = Open();
        SortedMap first = database.GetMap("first");
        SortedMap second = database.GetMap("second");
        using (IngestWriter ingest = database.CreateIngest())
        {
            ingest.Add(second, "a"u8, "2"u8);
            ingest.Add(first, ""u8, "1"u8);
            ingest.Add(first, "b"u8, "1"u8);
            Assert.Throws<ArgumentException>(() => ingest.Add(second, "b"u8, "2"u8));
            Assert.Empty(database.ListMaps());
            ingest.Commit();
        }

        Assert.Equal(["first", "second"], database.ListMaps());
        database.Dispose();
        using Database reopened = Open();
        Assert.Equal(["first", "second"], reopened.ListMaps());
        Assert.Equal("1"u8.ToArray(), reopened.GetMap("first").Get(""u8));
        Assert.Equal("2"u8.ToArray(), reopened.GetMap("second").Get("a"u8));
    }

    [Fact]
    public void Nothing_to_ingest_is_no_write()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        ulong latest = map.Put("k"u8, "v"u8);
        Assert.Equal(latest, database.Ingest(map, []));
        Assert.Equal(latest, database.LatestSequence);
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
    public void Large_values_and_long_keys_come_through()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        byte[] longKey = new byte[Limits.KeyBytesMax];
        byte[] large = new byte[300_000];
        new Random(5).NextBytes(large);
        database.Ingest(map, [Pair([], large), Pair(longKey, large[..20_000])]);
        for (int pass = 0; pass < 2; pass++)
        {
            Assert.Equal(large, map.Get([]));
            Assert.Equal(large[..20_000], map.Get(longKey));
            Assert.Equal([300_000, 20_000], Read(map.All()).Select(entry => entry.Value.Length));
            database.Compact();
        }

        using IngestWriter ingest = database.CreateIngest();
        Assert.Throws<ArgumentException>(() => ingest.Add(map, new byte[Limits.KeyBytesMax + 1], default));
        Assert.Throws<ArgumentException>(() => ingest.Add(map, default, new byte[database.Limits.ValueBytesMax + 1]));
    }

    [Fact]
    public void A_cursor_that_was_open_before_does_not_see_the_ingest_and_one_opened_after_does()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 100; i++) map.Put(Key(i), "old"u8);
        using Cursor open = map.CreateCursor();
        Assert.True(open.Seek(Key(10)));
        database.Ingest(map, Enumerable.Range(0, 200).Select(i => Pair(Key(i), "new"u8.ToArray())));
        int count = 0;
        for (bool isValid = open.SeekToFirst(); isValid; isValid = open.Next(), count++)
            Assert.Equal("old"u8.ToArray(), open.Value.ToArray());
        Assert.Equal(100, count);
        for (bool isValid = open.SeekToLast(); isValid; isValid = open.Previous(), count--)
            Assert.Equal("old"u8.ToArray(), open.Value.ToArray());
        Assert.Equal(0, count);
        Assert.Equal(200, Read(map.All()).Count(entry => entry.Value.AsSpan().SequenceEqual("new"u8)));
    }

    [Fact]
    public void Writers_beside_ingests_lose_nothing_whatever_the_order()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        SortedMap other = database.GetMap("other");
        var writer = new Thread(() =>
        {
            for (int i = 0; i < 4_000; i++) other.Put(Key(i), BitConverter.GetBytes(i), Durability.None);
        });
        writer.Start();
        for (int round = 0; round < 12; round++)
        {
            byte[] value = [(byte)round];
            using Snapshot before = database.CreateSnapshot();
            database.Ingest(map, Enumerable.Range(0, 300).Select(i => Pair(Key(i), value)));
            Assert.Equal(300, Read(map.All()).Count(entry => entry.Value[0] == round));
            Assert.Equal(round == 0 ? 0 : 300, Read(map.All(snapshot: before)).Count(entry => entry.Value[0] == round - 1));
        }

        writer.Join();
        Assert.Equal(4_000, CountOf(other.All()));
        database.WaitForUpkeep();
        Assert.True(database.Verify().IsSound);
        database.Dispose();
        using Database reopened = Open();
        Assert.Equal(300, Read(reopened.GetMap("m").All()).Count(entry => entry.Value[0] == 11));
        Assert.Equal(4_000, CountOf(reopened.GetMap("other").All()));
    }

    [Fact]
    public void A_full_disk_ends_an_ingest_without_a_trace_and_the_next_one_succeeds()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, "v"u8);
        database.Flush();
        database.WaitForUpkeep();
        IReadOnlyList<string> files = Tables();
        _disk.CapacityBytes = 0;
        Assert.Throws<StorageException>(() => database.Ingest(map, Entries(0, 50_000)));
        Assert.Equal(files, Tables());
        _disk.CapacityBytes = long.MaxValue;
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
            SortedMap map = database.GetMap("m");
            map.Put("k"u8, "v"u8);
            database.Flush();
            database.WaitForUpkeep();
            bool hasFailed = false;
            _disk.Faults = call =>
            {
                bool isEdit = call.Operation == DiskOperation.Write && call.Path.Contains("MANIFEST", StringComparison.Ordinal);
                if (hasFailed || !isEdit) return null;
                hasFailed = true;
                return Fault.Error(errorCode);
            };
            Assert.Throws<StorageException>(() => database.Ingest(map, Entries(0, 500)));
            _disk.Faults = null;
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
            SortedMap map = database.GetMap("m");
            map.Put("k"u8, "v"u8);
            database.Flush();
            database.WaitForUpkeep();
            _disk.Faults = call => call.Operation == DiskOperation.Sync && call.Path.Contains("MANIFEST", StringComparison.Ordinal)
                ? Fault.Error(Errors.InputOutput, FailedSync.MarksClean)
                : null;
            Assert.Throws<CommitOutcomeUnknownException>(() => database.Ingest(map, Entries(0, 500)));
            _disk.Faults = null;
            Assert.Equal(1, CountOf(map.All()));
            Assert.Throws<DatabaseReadOnlyException>(() => map.Put("after"u8, "v"u8));
        }

        using Database reopened = Open();
        Assert.True(CountOf(reopened.GetMap("m").All()) is 1 or 501);
        Assert.True(reopened.Verify().IsSound);
    }

    [Fact]
    public void Every_flipped_bit_of_an_ingested_table_is_found()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        database.Ingest(map, Entries(0, 10));
        string path = Tables()[^1];
        byte[] bytes = _disk.ReadAll(path);
        for (int offset = 0; offset < bytes.Length; offset += 97)
        {
            _disk.FlipBit(path, offset * 8L);
            Assert.False(database.Verify().IsSound, $"a bit flipped at {offset}");
            _disk.FlipBit(path, offset * 8L);
        }

        Assert.True(database.Verify().IsSound);
    }

    private static int TablesOn(Database database, int level)
    {
        ReadView view = database.Views.Pin();
        try
        {
            return view.Levels.Tables(level).Length;
        }
        finally
        {
            view.Release();
        }
    }

    private static byte[] Key(int number) => Encoding.UTF8.GetBytes($"key {number:D6}");

    private static KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Pair(byte[] key, byte[] value) => new(key, value);

    private static IEnumerable<KeyValuePair<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> Entries(int first, int end)
    {
        for (int i = first; i < end; i++) yield return Pair(Key(i), Encoding.UTF8.GetBytes($"value {i}"));
    }

    private static void Check(Database database, int first, int end)
    {
        SortedMap map = database.GetMap("m");
        for (int i = first; i < end; i++) Assert.Equal($"value {i}", Encoding.UTF8.GetString(map.Get(Key(i)) ?? []));
        Assert.Equal(end - first, CountOf(map.Prefix("key"u8)));
        Assert.Equal(end - first, CountOf(map.Prefix("key"u8, Direction.Descending)));
    }

    private static int CountOf(EntryRange range) => Read(range).Count;

    private static List<KeyValuePair<byte[], byte[]>> Read(EntryRange range)
    {
        var entries = new List<KeyValuePair<byte[], byte[]>>();
        foreach (Entry entry in range) entries.Add(new(entry.Key.ToArray(), entry.Value.ToArray()));
        return entries;
    }

    private Database Open() => OptionSet.Tiny.Open(_disk, _pool);

    private List<string> Tables() => [.. _disk.ListAllFiles().Where(path => path.EndsWith(".table", StringComparison.Ordinal))];

    private sealed class LastProgress : IProgress<IngestProgress>
    {
        public IngestProgress Last { get; private set; }

        public void Report(IngestProgress value) => Last = value;
    }
}
