using System.Text;
using Varve.Levels;

namespace Varve.Tests.Api;

public sealed class IngestTests : IngestHarness
{
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
}
