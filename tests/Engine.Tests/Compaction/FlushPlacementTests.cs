using System.Buffers.Binary;
using Varve.Compaction;
using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;
using Varve.Tests.Api;

namespace Varve.Tests.Compaction;

public sealed class FlushPlacementTests
{
    private readonly SimulatedDisk _disk = new();

    [Fact]
    public void Keys_in_order_are_written_once_and_compressed_at_the_bottom()
    {
        using Database database = OptionSet.Tiny.Open(_disk, new RegionPool());
        SortedMap map = database.GetMap("m");
        for (int round = 0; round < 3; round++)
        {
            for (int i = 0; i < 50; i++) map.Put(Key(round * 50 + i), new byte[100]);
            database.Flush();
        }

        database.WaitForUpkeep();
        DatabaseStatistics statistics = database.GetStatistics();
        Assert.Equal(3, statistics.Flushes);
        Assert.Empty(statistics.Levels[0].Tables);
        Assert.Equal(0, statistics.TableMoves);
        Assert.All(statistics.Levels[LevelMap.BottomLevel].Tables, table => Assert.True(table.IsCompressed));
        Assert.Equal(3, statistics.Levels[LevelMap.BottomLevel].Tables.Count);
        for (int i = 0; i < 150; i++) Assert.Equal(100, map.Get(Key(i))!.Length);
    }

    [Fact]
    public void A_flush_above_older_entries_comes_to_level_0()
    {
        using Database database = OptionSet.Tiny.Open(_disk, new RegionPool());
        SortedMap map = database.GetMap("m");
        map.Put(Key(1), new byte[100]);
        map.Put(Key(9), new byte[100]);
        database.Flush();
        map.Put(Key(5), new byte[100]);
        database.Flush();
        Assert.Single(database.GetStatistics().Levels[0].Tables);
        Assert.Equal(100, map.Get(Key(5))!.Length);
    }

    [Fact]
    public void A_flush_with_range_deletes_comes_to_level_0()
    {
        using Database database = OptionSet.Tiny.Open(_disk, new RegionPool());
        SortedMap map = database.GetMap("m");
        database.Flush();
        map.Put(Key(1), new byte[100]);
        map.DeleteRange(Key(3), Key(4));
        database.Flush();
        Assert.Single(database.GetStatistics().Levels[0].Tables);
    }

    [Fact]
    public void A_memtable_that_newer_keys_lie_within_comes_to_level_0()
    {
        var pool = new RegionPool();
        var options = new CompactionOptions { MemtableBytes = 64 << 10, TableBytes = 16 << 10 };
        using var full = new Tables(pool, 10, 20);
        using var large = new Tables(pool, Enumerable.Range(10, 390));
        using var within = new Tables(pool, 15);
        using var behind = new Tables(pool, 9, 21);
        using var none = new Tables(pool);
        Assert.Equal(LevelMap.BottomLevel, LevelFor(full, behind));
        Assert.Equal(LevelMap.BottomLevel, LevelFor(full, none));
        Assert.Equal(0, LevelFor(full, within));
        Assert.Equal(0, LevelFor(full, none, behind));
        Assert.Equal(0, LevelFor(none, behind));
        Assert.Equal(0, LevelFor(large, none));

        int LevelFor(Tables frozen, Tables active, params Tables[] newer)
        {
            var levels = LevelMap.CreateEmpty();
            MemTable[] all = [.. newer.Select(tables => tables.Table), frozen.Table];
            var view = new ReadView(active.Table, all, levels);
            int level = FlushPlacement.LevelFor(frozen.Table, view, options);
            view.Close();
            levels.Release();
            return level;
        }
    }

    [Fact]
    public void Deletes_that_hide_nothing_leave_nothing_behind()
    {
        using Database database = OptionSet.Tiny.Open(_disk, new RegionPool());
        SortedMap map = database.GetMap("m");
        map.Put(Key(1), new byte[100]);
        database.Flush();
        for (int i = 10; i < 20; i++) map.Put(Key(i), new byte[100]);
        for (int i = 10; i < 20; i++) map.Delete(Key(i));
        database.Flush();
        Assert.Equal(1, database.GetStatistics().Levels.Sum(level => level.Tables.Count));
        Assert.Null(map.Get(Key(13)));
    }

    [Fact]
    public void A_snapshot_keeps_what_a_flush_to_the_bottom_would_drop()
    {
        using Database database = OptionSet.Tiny.Open(_disk, new RegionPool());
        SortedMap map = database.GetMap("m");
        database.Flush();
        map.Put(Key(1), new byte[100]);
        using Snapshot snapshot = database.CreateSnapshot();
        map.Put(Key(1), new byte[50]);
        map.Delete(Key(1));
        database.Flush();
        Assert.Null(map.Get(Key(1)));
        Assert.Equal(100, map.Get(Key(1), snapshot)!.Length);
    }

    /// <summary>A memtable with an entry of 100 bytes for each key.</summary>
    private sealed class Tables : IDisposable
    {
        public Tables(RegionPool pool, params IEnumerable<int> keys)
        {
            Table = new MemTable(pool, 64 << 10);
            ulong sequence = 0;
            foreach (int key in keys) Table.Insert(Key(key), Trailer.Pack(++sequence, EntryKind.Value), new byte[100]);
        }

        public MemTable Table { get; }

        public void Dispose() => Table.Release();
    }

    private static byte[] Key(int number)
    {
        byte[] key = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(key, number);
        return key;
    }
}
