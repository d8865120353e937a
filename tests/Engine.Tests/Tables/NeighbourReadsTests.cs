using Varve.Bytes;
using Varve.Entries;
using Varve.Tables;

namespace Varve.Tests.Tables;

public sealed class NeighbourReadsTests
{
    private const int EntryCount = 60_000;
    private const int GetCount = 400;

    /// <summary>Of about 1,400; without the neighbours it would be most of them.</summary>
    private const int BlocksReadAtMost = 400;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Random_gets_bring_the_neighbours_of_what_they_read(bool compress)
    {
        using var fixture = new TableFixture(cacheBytes: 32 << 20, readsNeighbours: true);
        Table table = Write(fixture, compress);
        var random = new Random(1);
        for (int i = 0; i < GetCount; i++) Get(table, random.Next(EntryCount));
        Assert.True(
            SpinWait.SpinUntil(() => fixture.Store.ReadBytes > table.Info.FileBytes * 4 / 5, Patience),
            $"{fixture.Store.ReadBytes} of {table.Info.FileBytes} bytes were read");
        fixture.Store.Neighbours!.Stop();

        // Every entry is what was written, and few of them come from blocks that are read only now.
        long before = fixture.Cache.GetStatistics().Misses;
        for (int i = 0; i < EntryCount; i++) Get(table, i);
        Assert.InRange(fixture.Cache.GetStatistics().Misses - before, 0, BlocksReadAtMost);
        table.Release();
    }

    [Fact]
    public void A_cache_without_room_gets_nothing_that_nobody_asked_for()
    {
        using var fixture = new TableFixture(BlockCache.CapacityBytesMin, readsNeighbours: true);
        Table table = Write(fixture, compress: false);
        for (int i = 0; i < EntryCount; i += 100) Get(table, i);
        Assert.False(fixture.Cache.HasUnusedRoom);
        fixture.Store.Neighbours!.Stop();

        long before = fixture.Store.ReadBytes;
        using (var another = new TableFixture(BlockCache.CapacityBytesMin))
        {
            Table same = Write(another, compress: false);
            for (int i = 0; i < EntryCount; i += 100) Get(same, i);
            Assert.InRange(before, another.Store.ReadBytes, another.Store.ReadBytes + (512 << 10));
            same.Release();
        }

        table.Release();
    }

    [Fact]
    public void Damage_in_a_neighbour_is_told_to_whoever_asks_for_it_alone()
    {
        using var fixture = new TableFixture(cacheBytes: 32 << 20, readsNeighbours: true);
        Table table = Write(fixture, compress: false);
        byte[] file = fixture.File;
        file[file.Length / 2] ^= 1;
        fixture.File = file;
        int damaged = 0;
        for (int i = 0; i < EntryCount; i++)
        {
            try
            {
                Get(table, i);
            }
            catch (CorruptDataException)
            {
                damaged++;
            }
        }

        Assert.InRange(damaged, 1, 400);
        fixture.Store.Neighbours!.Stop();
        table.Release();
    }

    [Fact]
    public void What_waits_when_it_stops_keeps_no_table()
    {
        using var fixture = new TableFixture(cacheBytes: 32 << 20, readsNeighbours: true);
        Table table = Write(fixture, compress: true);
        for (int i = 0; i < EntryCount; i += 50) Get(table, i);
        fixture.Store.Neighbours!.Stop();
        fixture.Store.Neighbours!.Stop();
        Get(table, 1);
        table.MarkObsolete();
        table.Release();
        Assert.Equal([1L], fixture.Store.TakeDeletable());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_walk_finds_blocks_ahead_of_it_in_the_cache(bool isBackward)
    {
        // A fifth of the table: each walk has to read all of it again.
        const long CacheBytes = 1 << 20;
        using var alone = new TableFixture(CacheBytes);
        using var helped = new TableFixture(CacheBytes, readsNeighbours: true);
        Table read = Write(alone, compress: false);
        Table readBesideIt = Write(helped, compress: false);
        CountMisses(alone, read, isBackward);
        long expected = CountMisses(alone, read, isBackward) - NeighbourReads.BlocksTogether;
        long misses = 0;
        bool isHelped = SpinWait.SpinUntil(() => (misses = CountMisses(helped, readBesideIt, isBackward)) <= expected, Patience);
        Assert.True(isHelped, $"the last walk missed {misses} blocks, at most {expected} would show the thread's work");
        helped.Store.Neighbours!.Stop();
        read.Release();
        readBesideIt.Release();
    }

    /// <summary>What a walk over the whole table does not find in the cache; every entry must be what was written.</summary>
    private static long CountMisses(TableFixture fixture, Table table, bool isBackward)
    {
        long before = fixture.Cache.GetStatistics().Misses;
        using TableCursor cursor = table.CreateCursor(CursorPurpose.Foreground);
        if (isBackward) cursor.SeekToLast();
        else cursor.SeekToFirst();
        for (int i = 0; i < EntryCount; i++)
        {
            Assert.Equal($"key{(isBackward ? EntryCount - 1 - i : i):D8}", System.Text.Encoding.UTF8.GetString(cursor.KeySpan));
            if (isBackward) cursor.Previous();
            else cursor.Next();
        }

        Assert.False(cursor.IsValid);
        return fixture.Cache.GetStatistics().Misses - before;
    }

    private static Table Write(TableFixture fixture, bool compress) =>
        fixture.Write(
            Enumerable.Range(0, EntryCount).Select(i => TableFixture.Put($"key{i:D8}", 1, $"value {i} {new string('v', i % 90)}")),
            new TableFormatOptions { Compress = compress });

    private static void Get(Table table, int number)
    {
        byte[] key = TableFixture.Encode($"key{number:D8}");
        Assert.True(table.TryGet(key, KeyHash.Compute(key), Trailer.SequenceMax, out TableValue value), $"key {number}");
        using (value)
        {
            string text = System.Text.Encoding.UTF8.GetString(new FoundValue(value).Span);
            Assert.StartsWith($"value {number} ", text, StringComparison.Ordinal);
        }
    }

    private readonly unsafe ref struct FoundValue(in TableValue value)
    {
        public ReadOnlySpan<byte> Span { get; } = new(value.Value, value.ValueLength);
    }
}
