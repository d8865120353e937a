using System.Globalization;
using System.Text;
using Varve.Native;

namespace Varve.Tests.Api;

public sealed class RangeDeleteTests
{
    private readonly RegionPool _pool = new();

    [Fact]
    public void A_range_goes_from_its_start_to_before_its_end()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        SortedMap map = Fill(database, "m", "a", "b", "c", "d");
        map.DeleteRange("b"u8, "d"u8);
        Assert.Equal("ad", Keys(map));
        Assert.False(map.Contains("b"u8));
        Assert.True(map.Contains("d"u8));
        map.DeleteRange([], "b"u8);
        Assert.Equal("d", Keys(map));
        map.DeleteRange("c"u8, []);
        Assert.Equal("", Keys(map));
    }

    [Fact]
    public void An_empty_range_is_no_write_and_a_turned_one_an_error()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        SortedMap map = Fill(database, "m", "a");
        ulong latest = database.LatestSequence;
        Assert.Equal(latest, map.DeleteRange("a"u8, "a"u8));
        Assert.Throws<ArgumentException>(() => map.DeleteRange("b"u8, "a"u8));
        Assert.Throws<ArgumentException>(() => map.DeleteRange("a"u8, new byte[Limits.KeyBytesMax + 1]));
        Assert.Throws<ArgumentException>(() => map.DeletePrefix(new byte[Limits.KeyBytesMax + 1]));
        using WriteBatch batch = database.CreateBatch();
        batch.DeleteRange(map, "a"u8, "a"u8);
        Assert.Throws<ArgumentException>(() => batch.DeleteRange(map, "b"u8, "a"u8));
        Assert.Equal(0, batch.Count);
        Assert.Equal(latest, database.LatestSequence);
    }

    [Fact]
    public void Within_a_batch_the_order_counts()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        SortedMap map = Fill(database, "m", "a", "z");
        using WriteBatch batch = database.CreateBatch();
        batch.Put(map, "b"u8, "1"u8);
        batch.DeletePrefix(map, "b"u8);
        batch.DeleteRange(map, "a"u8, "c"u8);
        batch.Put(map, "bb"u8, "2"u8);
        database.Write(batch);
        foreach (Action upkeep in (Action[])[() => { }, database.Flush, () => database.Compact()])
        {
            upkeep();
            Assert.Equal("bbz", Keys(map));
            Assert.True(map.Get("b"u8) is null && map.Get("bb"u8) is not null);
        }
    }

    [Fact]
    public void Other_maps_keep_what_they_have()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        SortedMap[] maps = [Fill(database, "a", "k"), Fill(database, "b", "k"), Fill(database, "c", "k")];
        maps[1].DeleteRange([], []);
        Assert.Equal("k//k", string.Join('/', maps.Select(Keys)));
        maps[0].DeletePrefix([]);
        Assert.Equal("//k", string.Join('/', maps.Select(Keys)));
    }

    [Fact]
    public void Snapshots_and_cursors_taken_before_see_what_was_deleted_through_flush_and_compaction()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        SortedMap map = Fill(database, "m", "a", "b", "c");
        using Snapshot before = database.CreateSnapshot();
        using Cursor cursor = map.CreateCursor();
        map.DeleteRange("b"u8, []);
        using Snapshot after = database.CreateSnapshot();
        map.Put("b"u8, "again"u8);
        foreach (Action upkeep in (Action[])[() => { }, database.Flush, () => database.Compact()])
        {
            upkeep();
            Assert.Equal(("abc", "a", "ab"), (Keys(map, before), Keys(map, after), Keys(map)));
            Assert.True(map.Contains("c"u8, before) && !map.Contains("c"u8, after) && !map.Contains("b"u8, after));
            Assert.True(cursor.SeekToLast() && cursor.Key.SequenceEqual("c"u8));
        }
    }

    [Fact]
    public void A_delete_survives_a_kill_and_a_close()
    {
        var disk = new SimulatedDisk();
        Database database = OptionSet.Tiny.Open(disk, _pool);
        SortedMap map = Fill(database, "m", "a", "b", "c");
        database.Flush();
        map.DeleteRange("b"u8, "c"u8);
        SimulatedDisk survivor = disk.Crash(CrashMode.KeepAll);
        database.Dispose();
        database = OptionSet.Tiny.Open(survivor, _pool);
        Assert.Equal("ac", Keys(database.GetMap("m")));
        Assert.True(database.Verify().IsSound);
        database.GetMap("m").DeleteRange("c"u8, "d"u8);
        database.Close();
        using Database again = OptionSet.Tiny.Open(survivor, _pool);
        Assert.Equal("a", Keys(again.GetMap("m")));
    }

    [Fact]
    public void A_deleted_range_costs_a_scan_nothing_for_what_lies_in_it()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 20_000; i++) map.Put(Key(i), new byte[20]);
        database.Compact();
        using Snapshot keepsAll = database.CreateSnapshot();
        map.DeleteRange(Key(10), Key(19_990));
        for (int i = 5_000; i < 5_010; i++) map.Put(Key(i), "new"u8);
        long before = database.GetStatistics().CacheHits + database.GetStatistics().CacheMisses;
        Assert.Equal(30, Count(map, Direction.Ascending));
        Assert.Equal(30, Count(map, Direction.Descending));
        long blocks = database.GetStatistics().CacheHits + database.GetStatistics().CacheMisses - before;
        Assert.True(blocks < 200, $"two scans over 30 entries of 20,000 asked for {blocks} blocks");
        Assert.Equal(20_000, Count(map, Direction.Ascending, keepsAll));
    }

    [Fact]
    public void Tables_that_are_deleted_as_a_whole_go_without_being_read()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 20_000; i++) map.Put(Key(i), new byte[20]);
        database.Compact();
        DatabaseStatistics full = database.GetStatistics();
        Snapshot keepsAll = database.CreateSnapshot();
        map.DeleteRange(Key(10), Key(19_990));
        database.Flush();
        database.WaitForUpkeep();
        Assert.Equal(20_000, Count(map, Direction.Ascending, keepsAll));
        keepsAll.Dispose();
        map.Put(Key(30_000), []);
        database.Flush();
        database.WaitForUpkeep();
        DatabaseStatistics left = database.GetStatistics();
        Assert.True(left.TableBytes < full.TableBytes / 5, $"{left.TableBytes} of {full.TableBytes} bytes left");
        Assert.True(left.TableDrops > 10, $"{left.TableDrops} tables went unread");
        long read = left.CompactionReadBytes - full.CompactionReadBytes;
        Assert.True(read < full.TableBytes / 5, $"{read} of {full.TableBytes} bytes were read");
        Assert.Equal(21, Count(map, Direction.Ascending));
        Assert.True(database.Verify().IsSound);
    }

    [Fact]
    public void Compaction_leaves_nothing_of_what_was_deleted_nor_of_the_delete()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 5_000; i++) map.Put(Key(i), new byte[20]);
        map.DeleteRange(Key(1), Key(5_000));
        database.Compact();
        Assert.Equal(1, Count(map, Direction.Ascending));
        DatabaseStatistics statistics = database.GetStatistics();
        Assert.Equal(3, statistics.Levels.Sum(level => level.Entries));
        Assert.True(statistics.TableBytes < 10_000, $"{statistics.TableBytes} bytes");
    }

    [Fact]
    public void Many_range_deletes_fill_the_memtable_before_they_slow_down_reads()
    {
        using Database database = OptionSet.All[^1].Open(new SimulatedDisk(), _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 3_000; i++)
        {
            map.Put(Key(i), [1]);
            map.DeleteRange(Key(i), Key(i + 1));
            map.Put(Key(i), [2]);
        }

        // A full memtable is flushed by another thread.
        Assert.True(SpinWait.SpinUntil(() => database.GetStatistics().Flushes > 0, TimeSpan.FromSeconds(30)));
        using (WriteBatch batch = database.CreateBatch())
        {
            for (int i = 0; i < 3_000; i += 2) batch.DeleteRange(map, Key(i), Key(i + 1));
            database.Write(batch);
        }

        for (int i = 0; i < 3_000; i++) Assert.Equal(i % 2 == 1, map.Contains(Key(i)));
        database.Compact();
        Assert.Equal(1_500, Count(map, Direction.Descending));
        Assert.True(database.Verify().IsSound);
    }

    [Fact]
    public void A_batch_says_when_its_bounds_are_too_many()
    {
        using Database database = OptionSet.Tiny.Open(new SimulatedDisk(), _pool);
        SortedMap map = database.GetMap("m");
        using WriteBatch batch = database.CreateBatch();
        byte[] end = new byte[Limits.KeyBytesMax];
        Assert.Throws<ArgumentException>(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                end[0] = (byte)(i >> 8);
                end[1] = (byte)i;
                batch.DeleteRange(map, [], end);
            }
        });
        int count = batch.Count;
        Assert.True(count is > 10 and < 1_000);
        database.Write(batch);
        database.Flush();
        Assert.True(database.Verify().IsSound);
    }

    internal static byte[] Key(int number) => Encoding.UTF8.GetBytes(number.ToString("D8", CultureInfo.InvariantCulture));

    internal static SortedMap Fill(Database database, string name, params string[] keys)
    {
        SortedMap map = database.GetMap(name);
        foreach (string key in keys) map.Put(Encoding.UTF8.GetBytes(key), "value"u8);
        return map;
    }

    internal static string Keys(SortedMap map) => Keys(map, snapshot: null);

    internal static string Keys(SortedMap map, Snapshot? snapshot)
    {
        var ascending = new List<string>();
        var descending = new List<string>();
        foreach (Entry entry in map.All(snapshot: snapshot)) ascending.Add(Encoding.UTF8.GetString(entry.Key));
        foreach (Entry entry in map.All(Direction.Descending, snapshot: snapshot)) descending.Insert(0, Encoding.UTF8.GetString(entry.Key));
        Assert.Equal(ascending, descending);
        return string.Concat(ascending);
    }

    private static int Count(SortedMap map, Direction direction, Snapshot? snapshot = null)
    {
        int count = 0;
        foreach (Entry _ in map.All(direction, snapshot: snapshot)) count++;
        return count;
    }
}
