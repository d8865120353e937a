using Varve.Entries;
using Varve.Memory;
using Varve.Native;

namespace Varve.Tests.Memory;

public sealed unsafe class MemTableTests : IDisposable
{
    private const long CapacityBytes = 8L << 20;

    private readonly MemTable _table = new(RegionPool.Shared, CapacityBytes);

    public void Dispose() => _table.Release();

    [Fact]
    public void An_empty_table_has_no_key_and_no_entry()
    {
        Assert.False(_table.TryGet([], Trailer.SequenceMax, out _));
        Assert.False(_table.TryGet("a"u8, Trailer.SequenceMax, out _));
        using EntryCursor cursor = _table.CreateCursor(Trailer.SequenceMax);
        cursor.SeekToFirst();
        Assert.False(cursor.IsValid);
        cursor.SeekToLast();
        Assert.False(cursor.IsValid);
        cursor.Seek("a"u8, Trailer.Newest);
        Assert.False(cursor.IsValid);
        cursor.SeekForPrevious("a"u8, Trailer.Oldest);
        Assert.False(cursor.IsValid);
    }

    [Fact]
    public void Gets_at_any_sequence_answer_as_the_model()
    {
        foreach (KeyShape shape in KeyShape.All)
        {
            for (int seed = 1; seed <= 3; seed++)
            {
                var random = new Random(seed);
                var table = new MemTable(RegionPool.Shared, CapacityBytes);
                var model = new MemTableModel();
                for (ulong sequence = 1; sequence <= 1_000; sequence++) InsertRandom(table, model, shape, random, sequence);

                List<byte[]> keys = [.. model.Keys];
                for (int i = 0; i < 3_000; i++)
                {
                    byte[] key = i % 2 == 0 ? keys[random.Next(keys.Count)] : shape.Next(random);
                    ulong sequence = (ulong)random.Next(1_100);
                    ModelEntry? expected = model.Find(key, sequence);
                    bool found = table.TryGet(key, sequence, out MemEntry entry);
                    string where = $"{shape}, seed {seed}, get {i}";
                    Assert.True(found == expected is not null, where);
                    if (expected is null) continue;
                    Assert.True(expected.Trailer == entry.Trailer, where);
                    Assert.True(entry.ValueSpan.SequenceEqual(expected.Value), where);
                }

                table.Release();
            }
        }
    }

    [Fact]
    public void A_value_of_the_largest_size_comes_back_whole()
    {
        byte[] value = new byte[MemTable.ValueBytesMax];
        new Random(1).NextBytes(value);
        var table = new MemTable(RegionPool.Shared, 1 << 20);
        Assert.True(table.HasRoomFor(1, MemTable.KeyBytesMax, value.Length));
        byte[] key = new byte[MemTable.KeyBytesMax];
        table.Insert(key, Trailer.Pack(1, EntryKind.Value), value);
        Assert.True(table.TryGet(key, 1, out MemEntry entry));
        Assert.True(entry.ValueSpan.SequenceEqual(value));
        Assert.True(table.IsFull);
        table.Release();
    }

    [Fact]
    public void Counters_add_up()
    {
        _table.Insert("one"u8, Trailer.Pack(5, EntryKind.Value), "first"u8);
        _table.Insert("two"u8, Trailer.Pack(6, EntryKind.Tombstone), default);
        _table.Insert("one"u8, Trailer.Pack(9, EntryKind.Value), default);
        Assert.Equal(3, _table.EntryCount);
        Assert.Equal(1, _table.TombstoneCount);
        Assert.Equal(5UL, _table.FirstSequence);
        Assert.Equal(9UL, _table.LastSequence);
        Assert.Equal(3 + 5 + 3 + 3, _table.ContentBytes);
        Assert.Equal(CapacityBytes, _table.CapacityBytes);
        Assert.False(_table.IsFull);
    }

    [Fact]
    public void Used_bytes_cover_content_and_nodes_and_say_when_the_table_is_full()
    {
        byte[] value = new byte[1_000];
        ulong sequence = 0;
        while (!_table.IsFull)
        {
            Assert.True(_table.UsedBytes < CapacityBytes);
            Assert.True(_table.HasRoomFor(1, 16, value.Length));
            _table.Insert(KeyShape.BigEndian(++sequence * 0x9E3779B97F4A7C15UL), Trailer.Pack(sequence, EntryKind.Value), value);
            Assert.True(_table.UsedBytes >= _table.ContentBytes + (20 * _table.EntryCount));
        }

        Assert.InRange(_table.EntryCount, CapacityBytes / 1_150, CapacityBytes / 1_036);
    }

    [Fact]
    public void A_long_chain_of_versions_fills_the_table()
    {
        for (ulong sequence = 1; sequence <= MemTable.ChainLengthMax; sequence++)
        {
            _table.Insert("hot"u8, Trailer.Pack(sequence, EntryKind.Value), default);
        }

        Assert.False(_table.IsFull);
        _table.Insert("hot"u8, Trailer.Pack(MemTable.ChainLengthMax + 1, EntryKind.Value), default);
        Assert.True(_table.IsFull);
    }

    [Fact]
    public void A_chain_longer_than_its_counter_keeps_all_versions()
    {
        const int Versions = 70_000;
        for (ulong sequence = 1; sequence <= Versions; sequence++)
        {
            _table.Insert("hot"u8, Trailer.Pack(sequence, EntryKind.Value), default);
        }

        Assert.True(_table.IsFull);
        Assert.True(_table.TryGet("hot"u8, 1, out MemEntry oldest));
        Assert.Equal(1UL, Trailer.Sequence(oldest.Trailer));
    }

    [Fact]
    public void Insert_refuses_a_sequence_that_goes_back_and_a_version_twice()
    {
        _table.Insert("a"u8, Trailer.Pack(5, EntryKind.Value), default);
        Assert.Throws<InvariantViolatedException>(() => _table.Insert("b"u8, Trailer.Pack(4, EntryKind.Value), default));
        Assert.Throws<InvariantViolatedException>(() => _table.Insert("a"u8, Trailer.Pack(5, EntryKind.Value), default));
        Assert.True(_table.TryGet("a"u8, 5, out _));
        Assert.False(_table.TryGet("b"u8, 5, out _));
    }

    [Fact]
    public void The_last_release_gives_the_memory_back()
    {
        var table = new MemTable(RegionPool.Shared, CapacityBytes);
        table.AddReference();
        table.Release();
        table.Insert("a"u8, Trailer.Pack(1, EntryKind.Value), default);
        Assert.True(table.TryGet("a"u8, 1, out _));
        table.Release();
        Assert.Throws<InvariantViolatedException>(table.Release);
        Assert.Throws<InvariantViolatedException>(table.AddReference);
    }

    [Fact]
    public void A_table_in_recycled_memory_starts_empty()
    {
        for (int round = 0; round < 3; round++)
        {
            var table = new MemTable(RegionPool.Shared, CapacityBytes);
            Assert.False(table.TryGet(KeyShape.BigEndian(3), Trailer.SequenceMax, out _));
            var model = new MemTableModel();
            for (ulong sequence = 1; sequence <= 600; sequence++)
            {
                model.InsertBoth(table, [(byte)(sequence % 200), (byte)round], Trailer.Pack(sequence, EntryKind.Value), []);
            }

            CursorWalk.CheckWhole(table.CreateCursor(600), model.AsOf(600), $"round {round}");
            table.Release();
        }
    }

    [Fact]
    public void Insert_get_and_moves_allocate_nothing()
    {
        byte[] key = KeyShape.BigEndian(0);
        using EntryCursor cursor = _table.CreateCursor(Trailer.SequenceMax);
        Work(1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Work(2);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Work(ulong round)
        {
            for (int i = 0; i < 1_000; i++)
            {
                key[^1] = (byte)i;
                key[3] = (byte)(i >> 4);
                _table.Insert(key, Trailer.Pack((round * 1_000) + (ulong)i, EntryKind.Value), key);
                _table.TryGet(key, Trailer.SequenceMax, out _);
            }

            cursor.Seek(key, Trailer.Newest);
            for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next()) { }
            for (cursor.SeekToLast(); cursor.IsValid; cursor.Previous()) { }
        }
    }

    internal static void InsertRandom(MemTable table, MemTableModel model, KeyShape shape, Random random, ulong sequence)
    {
        EntryKind kind = random.Next(5) == 0 ? EntryKind.Tombstone : EntryKind.Value;
        byte[] value = kind == EntryKind.Tombstone ? [] : new byte[random.Next(30)];
        random.NextBytes(value);
        model.InsertBoth(table, shape.Next(random), Trailer.Pack(sequence, kind), value);
    }
}
