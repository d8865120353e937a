using System.Buffers;
using Varve.Native;

namespace Varve.Tests.Api;

public sealed class LargeValueTests
{
    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();

    [Theory]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(300_000)]
    [InlineData(1 << 20)]
    public void A_large_value_is_the_same_from_memory_from_tables_and_after_a_kill(int bytes)
    {
        byte[] value = Bytes(bytes);
        using (Database database = Open())
        {
            SortedMap map = database.GetMap("first of its map");
            ulong first = map.Put("k"u8, value);
            Assert.Equal(first + 1, map.Put("small"u8, "v"u8));
            map.Put(""u8, value, Durability.Synced);
            Assert.Equal(value, map.Get("k"u8));
        }

        // The disk as it was before the clean close is what a kill leaves; here the log is replayed from a copy.
        for (int pass = 0; pass < 2; pass++)
        {
            using Database database = Open();
            SortedMap map = database.GetMap("first of its map");
            Assert.Equal(value, map.Get("k"u8));
            Assert.Equal(value, map.Get(""u8));
            Assert.Equal("v"u8.ToArray(), map.Get("small"u8));
            database.Compact();
            Assert.True(database.Verify().IsSound);
        }
    }

    [Fact]
    public void A_large_value_survives_the_kill_that_follows_its_acknowledgement()
    {
        byte[] value = Bytes(200_000);
        SimulatedDisk left;
        using (Database database = Open())
        {
            SortedMap map = database.GetMap("m");
            map.Put("before"u8, "v"u8);
            map.Put("k"u8, value, Durability.Synced);
            left = _disk.Fork().Crash(CrashMode.KeepNothing);
        }

        using Database recovered = OptionSet.Tiny.Open(left, _pool);
        Assert.Equal(value, recovered.GetMap("m").Get("k"u8));
        Assert.Equal("v"u8.ToArray(), recovered.GetMap("m").Get("before"u8));
    }

    [Fact]
    public void A_value_comes_from_a_stream_or_from_pieces()
    {
        byte[] value = Bytes(500_000);
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        map.Put("stream"u8, new Trickle(value), value.Length);
        map.PutPieces("pieces"u8, Pieces(value));
        map.PutPieces("single"u8, new ReadOnlySequence<byte>(value));
        map.Put("empty"u8, Stream.Null, 0);
        foreach (string key in (string[])["stream", "pieces", "single"])
            Assert.Equal(value, map.Get(System.Text.Encoding.UTF8.GetBytes(key)));
        Assert.Equal([], map.Get("empty"u8)!);
    }

    [Fact]
    public void A_stream_that_ends_early_writes_nothing_and_leaves_the_batch_as_it_was()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        Assert.Throws<EndOfStreamException>(() => map.Put("k"u8, new MemoryStream(new byte[10]), 11));
        Assert.Null(map.Get("k"u8));
        Assert.Throws<ArgumentException>(() => map.Put("k"u8, Stream.Null, database.Limits.ValueBytesMax + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => map.Put("k"u8, Stream.Null, -1));
        using WriteBatch batch = database.CreateBatch();
        batch.Put(map, "a"u8, "1"u8);
        Assert.Throws<EndOfStreamException>(() => batch.Put(map, "k"u8, new MemoryStream(new byte[10]), 11));
        batch.Put(map, "b"u8, "2"u8);
        database.Write(batch);
        Assert.Equal(2, Count(map));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(16_384)]
    [InlineData(16_385)]
    [InlineData(65_536)]
    [InlineData(200_001)]
    public void A_value_is_read_as_a_stream_from_memory_and_from_tables(int bytes)
    {
        byte[] value = Bytes(bytes);
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, value);
        map.Put("gone"u8, value);
        map.Delete("gone"u8);
        for (int pass = 0; pass < 2; pass++)
        {
            Assert.Null(map.OpenValue("gone"u8));
            Assert.Null(map.OpenValue("absent"u8));
            using Stream stream = map.OpenValue("k"u8)!;
            Assert.Equal(bytes, stream.Length);
            var copy = new MemoryStream();
            stream.CopyTo(copy);
            Assert.Equal(value, copy.ToArray());
            var random = new Random(bytes);
            for (int i = 0; i < 20 && bytes > 0; i++)
            {
                int from = random.Next(bytes);
                stream.Position = from;
                byte[] part = new byte[random.Next(1, bytes - from + 1)];
                stream.ReadExactly(part);
                Assert.Equal(value[from..(from + part.Length)], part);
            }

            stream.Seek(0, SeekOrigin.End);
            Assert.Equal(-1, stream.ReadByte());
            Assert.False(stream.CanWrite);
            database.Compact();
        }
    }

    [Fact]
    public void An_open_stream_keeps_its_moment_through_overwrites_and_compaction()
    {
        byte[] value = Bytes(300_000);
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, value);
        using Stream inMemory = map.OpenValue("k"u8)!;
        database.Compact();
        using Stream inTable = map.OpenValue("k"u8)!;
        map.Put("k"u8, "new"u8);
        database.Compact();
        foreach (Stream stream in (Stream[])[inMemory, inTable])
        {
            byte[] read = new byte[value.Length];
            stream.ReadExactly(read);
            Assert.Equal(value, read);
            stream.Dispose();
            Assert.Throws<ObjectDisposedException>(() => stream.ReadByte());
        }
    }

    [Fact]
    public void Damage_is_reported_when_the_stream_comes_to_it()
    {
        byte[] value = Bytes(300_000);
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        map.Put("k"u8, value);
        database.Compact();
        string table = _disk.ListAllFiles()
            .Where(path => path.EndsWith(".table", StringComparison.Ordinal))
            .MaxBy(path => _disk.ReadAll(path).Length)!;
        _disk.FlipBit(table, 8L * 180_000);
        using Stream stream = map.OpenValue("k"u8)!;
        byte[] sound = new byte[100_000];
        stream.ReadExactly(sound);
        Assert.Equal(value[..sound.Length], sound);
        var damage = Assert.Throws<CorruptDataException>(() => stream.CopyTo(Stream.Null));
        Assert.Equal(table, damage.Path);
        stream.Position = 250_000;
        Assert.Equal(value[250_000], stream.ReadByte());
    }

    [Fact]
    public void A_batch_of_megabytes_grows_without_the_managed_heap_and_is_written_whole()
    {
        using Database database = Open();
        SortedMap map = database.GetMap("m");
        using WriteBatch batch = database.CreateBatch();
        batch.Put(map, "warm"u8, new byte[600_000]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        byte[] value = Bytes(50_000);
        for (byte i = 0; i < 24; i++) batch.Put(map, [i], value);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 400_000);
        for (int round = 0; round < 2; round++)
        {
            database.Write(batch);
            for (byte i = 0; i < 24; i++) Assert.Equal(value, map.Get([i]));
        }

        batch.Clear();
        batch.Put(map, "after"u8, "v"u8);
        database.Write(batch);
        Assert.Equal(26, Count(map));
    }

    private static byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        new Random(count).NextBytes(bytes);
        return bytes;
    }

    private static int Count(SortedMap map)
    {
        int count = 0;
        foreach (Entry _ in map.All()) count++;
        return count;
    }

    private static ReadOnlySequence<byte> Pieces(byte[] value)
    {
        Segment? first = null;
        Segment? last = null;
        for (int start = 0; start < value.Length; start += 70_001)
        {
            var piece = new Segment(value.AsMemory(start, Math.Min(70_001, value.Length - start)), last);
            first ??= piece;
            last = piece;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private Database Open() => OptionSet.Tiny.Open(_disk, _pool);

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? before)
        {
            Memory = memory;
            if (before is null) return;
            RunningIndex = before.RunningIndex + before.Memory.Length;
            before.Next = this;
        }
    }

    /// <summary>Gives a few bytes at a time.</summary>
    private sealed class Trickle(byte[] content) : MemoryStream(content)
    {
        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 7_777)]);
    }
}
