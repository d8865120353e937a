using System.Buffers.Binary;
using Varve.Native;

namespace Varve.Tests.Api;

/// <summary>Keys alone, estimates, leases.</summary>
public sealed class RangeReadTests
{
    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();

    [Fact]
    public void Keys_alone_are_those_of_the_entries_and_read_no_large_value()
    {
        using Database database = OptionSet.All[^1].Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 500; i++) map.Put(Key(i), new byte[i % 10 == 0 ? 40_000 : 30]);
        database.Compact();
        for (int i = 0; i < 500; i += 7) map.Delete(Key(i));
        long largest = 0;
        _disk.Faults = call =>
        {
            if (call.Operation == DiskOperation.Read && call.Bytes is 40_000) largest = call.Bytes;
            return null;
        };
        foreach (Direction direction in Enum.GetValues<Direction>())
        {
            var keys = new List<byte[]>();
            foreach (ReadOnlySpan<byte> key in map.Range(Key(10), Key(400), direction, limit: 300).Keys) keys.Add(key.ToArray());
            Assert.Equal(0, largest);
            var expected = new List<byte[]>();
            foreach (Entry entry in map.Range(Key(10), Key(400), direction, limit: 300)) expected.Add(entry.Key.ToArray());
            Assert.Equal(expected, keys);
            Assert.Equal(300, keys.Count);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Estimates_are_right_to_a_block_at_each_end_once_compacted(bool compresses)
    {
        const int Count = 40_000;
        const int EntriesOfBlockMax = 32 * 1024 / 36;
        using Database database = (OptionSet.All[^1] with { Compress = compresses }).Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        SortedMap beside = database.GetMap("beside");
        for (int i = 0; i < Count; i++) map.Put(Key(i), new byte[20]);
        for (int i = 0; i < 3_000; i++) beside.Put(Key(i), new byte[20]);
        Assert.InRange(map.EstimateCount(), Count * 0.8, Count * 1.2);
        database.Compact();
        var random = new Random(5);
        for (int round = 0; round < 50; round++)
        {
            int start = random.Next(Count);
            int end = random.Next(Count);
            if (start > end) (start, end) = (end, start);
            long estimate = map.EstimateCount(Key(start), Key(end));
            Assert.InRange(estimate, end - start - (2 * EntriesOfBlockMax), end - start + (2 * EntriesOfBlockMax));
        }

        Assert.InRange(map.EstimateCount(), Count - (2 * EntriesOfBlockMax), Count + (2 * EntriesOfBlockMax));
        Assert.Equal(0, map.EstimateCount(Key(9), Key(9)));
        Assert.Equal(0, map.EstimateBytes(Key(9), Key(3)));
        long all = map.EstimateBytes();
        long half = map.EstimateBytes(Key(0), Key(Count / 2));
        Assert.InRange(half, all * 0.4, all * 0.6);
        Assert.InRange(all + beside.EstimateBytes(), database.GetStatistics().TableBytes * 0.8, database.GetStatistics().TableBytes * 1.1);
        Assert.Equal(0, database.GetMap("empty").EstimateCount());
    }

    [Fact]
    public void An_estimate_reads_no_data_block()
    {
        OptionSet options = OptionSet.All[^1] with { Compress = false };
        using (Database filled = options.Open(_disk, _pool))
        {
            SortedMap map = filled.GetMap("m");
            for (int i = 0; i < 20_000; i++) map.Put(Key(i), new byte[20]);
            filled.Compact();
        }

        using Database database = options.Open(_disk, _pool);
        long bytes = 0;
        _disk.Faults = call =>
        {
            if (call.Operation == DiskOperation.Read) bytes += call.Bytes;
            return null;
        };
        Assert.InRange(database.GetMap("m").EstimateCount(Key(5_000), Key(15_000)), 9_500, 10_500);
        Assert.InRange(bytes, 0, 64 << 10);
    }

    [Fact]
    public void A_memtable_is_counted_exactly_while_small_and_by_its_shape_when_large()
    {
        using Database database = (OptionSet.All[^1] with { MemtableBytes = 8 << 20 }).Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 50_000; i++) map.Put(Key(i), new byte[20]);
        Assert.Equal(1_000, map.EstimateCount(Key(2_000), Key(3_000)));
        Assert.InRange(map.EstimateCount(Key(10_000), Key(40_000)), 24_000, 36_000);
        Assert.InRange(map.EstimateCount(), 49_000, 51_000);
        for (int i = 0; i < 500; i++) map.Delete(Key(2_000 + i));
        Assert.Equal(0, map.EstimateCount(Key(2_000), Key(3_000)));
    }

    [Fact]
    public void A_lease_keeps_its_bytes_through_overwrites_flushes_and_eviction()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 4_000; i++) map.Put(Key(i), new byte[400]);
        byte[] wanted = [.. Enumerable.Range(0, 300).Select(i => (byte)i)];
        map.Put(Key(77), wanted);
        using (ValueLease fresh = map.Lease(Key(77)))
        {
            database.Compact();
            using ValueLease stored = map.Lease(Key(77));
            map.Put(Key(77), "other"u8);
            for (int i = 0; i < 4_000; i++) if (i != 77) map.Put(Key(i), new byte[401]);
            database.Compact();
            foreach (Entry _ in map.All())
            {
            }

            Assert.True(fresh.Value.SequenceEqual(wanted));
            Assert.True(stored.Value.SequenceEqual(wanted));
            using ValueLease newer = map.Lease(Key(77));
            Assert.True(newer.Value.SequenceEqual("other"u8));
        }

        using ValueLease absent = map.Lease("absent"u8);
        Assert.False(absent.IsFound);
        Assert.True(absent.Value.IsEmpty);
    }

    [Fact]
    public void Leases_count_towards_the_bound_of_pins()
    {
        using Database database = (OptionSet.All[^1] with { Compress = false }).Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < 4_000; i++) map.Put(Key(i), new byte[1_500]);
        database.Compact();
        int held = Hold(map, 0);
        long quarterBytes = database.GetStatistics().CacheCapacityBytes / 4;
        Assert.InRange(held * 4096L, quarterBytes, quarterBytes + 8192);

        // All are given back.
        Assert.Equal(held, Hold(map, 0));
        using ValueLease lease = map.Lease(Key(1));
        Assert.True(lease.IsFound);
    }

    [Fact]
    public void A_lease_that_outlives_the_database_is_harmless()
    {
        Database database = OptionSet.Tiny.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        map.Put(Key(1), "v"u8);
        map.Put(Key(2), new byte[30_000]);
        database.Compact();
        ValueLease lease = map.Lease(Key(1));
        ValueLease large = map.Lease(Key(2));
        database.Close();
        Assert.True(lease.Value.SequenceEqual("v"u8));
        Assert.Equal(30_000, large.Value.Length);
        large.Dispose();
        lease.Dispose();
        lease.Dispose();
        Assert.Equal(0, _disk.OpenFileCount);
    }

    /// <summary>Leases of different blocks, one in the other, until one is refused.</summary>
    private static int Hold(SortedMap map, int held)
    {
        ValueLease lease;
        try
        {
            lease = map.Lease(Key(held * 2));
        }
        catch (MemoryBudgetException)
        {
            return held;
        }

        try
        {
            return Hold(map, held + 1);
        }
        finally
        {
            lease.Dispose();
        }
    }

    private static byte[] Key(int number)
    {
        byte[] key = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32BigEndian(key, number);
        return key;
    }
}
