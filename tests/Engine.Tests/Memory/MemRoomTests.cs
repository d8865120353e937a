using Varve.Entries;
using Varve.Memory;
using Varve.Native;

namespace Varve.Tests.Memory;

public sealed unsafe class MemRoomTests
{
    [Fact]
    public void Nodes_never_take_more_than_either_bound()
    {
        foreach (KeyShape shape in KeyShape.All)
        {
            for (int seed = 1; seed <= 3; seed++) CheckBounds(1_500, new Random(seed), shape.Next, $"{shape}, seed {seed}");
        }
    }

    [Fact]
    public void Nodes_made_large_and_then_split_as_often_as_they_can_stay_within_the_bounds()
    {
        // A prefix of full length, children until the node is of the largest kind, then a split at each byte of the prefix, the
        // first byte first: each split copies the node and leaves it a prefix that is one byte shorter.
        int step = 0;
        byte[] Next(Random random)
        {
            const int StepsPerNode = 49 + RadixNode.PrefixBytesMax;
            byte[] key = new byte[2 + RadixNode.PrefixBytesMax + 1];
            key[0] = (byte)(step / StepsPerNode >> 8);
            key[1] = (byte)(step / StepsPerNode);
            int phase = step++ % StepsPerNode;
            if (phase < 49) key[^1] = (byte)phase;
            else key[2 + phase - 49] = 1;
            return key;
        }

        long nodeBytes = CheckBounds(60_000, new Random(1), Next, "large and split");
        // The bound is close: this is nearly the worst that there is.
        Assert.InRange(nodeBytes / 60_000, 250, 340);
    }

    [Fact]
    public void A_table_takes_what_it_said_it_had_room_for()
    {
        for (int seed = 1; seed <= 6; seed++)
        {
            var random = new Random(seed);
            KeyShape shape = KeyShape.All[(seed + 4) % KeyShape.All.Count];
            var table = new MemTable(RegionPool.Shared, 1 << 20);
            byte[] value = new byte[4 << 20];
            ulong sequence = 0;
            int valueBytesMax = value.Length;
            // Large values first, then ever smaller ones, until the table says no to an entry without a value.
            while (true)
            {
                byte[][] keys = [.. Enumerable.Range(0, random.Next(1, 20)).Select(_ => shape.Next(random))];
                int valueBytes = random.Next(valueBytesMax + 1);
                if (table.HasRoomFor(keys.Length, keys.Sum(key => (long)key.Length), (long)keys.Length * valueBytes))
                {
                    foreach (byte[] key in keys) table.Insert(key, Trailer.Pack(++sequence, EntryKind.Value), value.AsSpan(0, valueBytes));
                }
                else if (valueBytesMax == 0)
                {
                    break;
                }
                else
                {
                    valueBytesMax /= 2;
                }
            }

            long reservedBytes = (2 * table.CapacityBytes) + MemTable.ValueBytesMax;
            Assert.True(
                table.UsedBytes > reservedBytes - (1 << 20),
                $"{shape}, seed {seed}: {table.UsedBytes} of {reservedBytes} bytes used");
            table.Release();
        }
    }

    [Fact]
    public void A_table_made_for_a_batch_has_room_for_it()
    {
        foreach ((int entryCount, long keyBytes, long valueBytes) in ((int, long, long)[])
            [(1, 0, 0), (1, MemTable.KeyBytesMax, MemTable.ValueBytesMax), (1_000_000, 16_000_000, 100_000_000), (5_000, 80_000_000, 0)])
        {
            var table = new MemTable(RegionPool.Shared, capacityBytes: 1, MemTable.RoomBytesFor(entryCount, keyBytes, valueBytes));
            Assert.True(table.HasRoomFor(entryCount, keyBytes, valueBytes), $"{entryCount} entries");
            table.Release();
        }
    }

    private static long CheckBounds(int entryCount, Random random, Func<Random, byte[]> nextKey, string where)
    {
        var arena = new MemArena(RegionPool.Shared, 64 << 20, 64 << 20);
        var tree = new RadixTree(arena);
        long keyBytes = 0;
        for (int i = 1; i <= entryCount; i++)
        {
            byte[] key = nextKey(random);
            keyBytes += key.Length;
            uint reference = arena.TakeRecord(sizeof(MemRecord) + key.Length);
            MemRecord* record = arena.Record(reference);
            record->Trailer = Trailer.Pack((ulong)i, EntryKind.Value);
            record->ValueLength = 0;
            record->KeyLength = (ushort)key.Length;
            key.CopyTo(new Span<byte>(MemRecord.Key(record), key.Length));

            long before = arena.NodeBytes;
            tree.Insert(reference, tree.Top);
            Assert.True(arena.NodeBytes - before <= MemRoom.NodeBytesMaxFromNow(1, key.Length), $"{where}, entry {i}");
            Assert.True(arena.NodeBytes <= MemRoom.NodeBytesMax(i, keyBytes), $"{where}, entry {i}");
        }

        long nodeBytes = arena.NodeBytes;
        arena.Return();
        return nodeBytes;
    }
}
