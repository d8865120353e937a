using System.Globalization;
using Varve.Native;

namespace Varve.Tests.Api;

/// <summary>Gets and scans that nobody's thread waits for.</summary>
public sealed class AsyncReadTests
{
    private const int Count = 2_000;

    private readonly SimulatedDisk _disk = new();
    private readonly RegionPool _pool = new();

    [Fact]
    public async Task What_is_in_memory_comes_at_once_and_the_rest_later()
    {
        using (Database database = OptionSet.Tiny.Open(_disk, _pool)) Fill(database);
        using Database reopened = OptionSet.Tiny.Open(_disk, _pool);
        SortedMap map = reopened.GetMap("m");
        ValueTask<byte[]?> first = map.GetAsync(Key(7));
        Assert.Equal(Value(7), await first);
        ValueTask<byte[]?> again = map.GetAsync(Key(7));
        Assert.True(again.IsCompletedSuccessfully);
        Assert.Equal(Value(7), await again);
        map.Put(Key(8), "in the memtable"u8);
        ValueTask<byte[]?> fresh = map.GetAsync(Key(8));
        Assert.True(fresh.IsCompletedSuccessfully);
        Assert.Equal("in the memtable"u8.ToArray(), await fresh);
        Assert.Null(await map.GetAsync("absent"u8.ToArray()));
        Assert.Equal(20_000, (await map.GetAsync("large"u8.ToArray()))!.Length);
        Task<byte[]?>[] many = [.. Enumerable.Range(0, Count).Select(i => map.GetAsync(Key(i)).AsTask())];
        for (int i = 0; i < Count; i++) if (i != 8) Assert.Equal(Value(i), await many[i]);
    }

    [Theory]
    [InlineData(Direction.Ascending)]
    [InlineData(Direction.Descending)]
    public async Task A_scans_first_page_comes_at_once_where_it_begins_in_memory(Direction direction)
    {
        // Small blocks: what the open itself reads is in others.
        OptionSet options = OptionSet.Tiny with { BlockBytes = 256, Compress = false };
        using (Database database = options.Open(_disk, _pool)) Fill(database);
        using Database reopened = options.Open(_disk, _pool);
        SortedMap map = reopened.GetMap("m");
        int[] keys = [.. Enumerable.Range(1_000, 20)];
        if (direction == Direction.Descending) Array.Reverse(keys);
        int reads = 0;
        _disk.Faults = call =>
        {
            bool isOfTable = call.Operation == DiskOperation.Read && call.Path.EndsWith(".table", StringComparison.Ordinal);
            if (isOfTable) Interlocked.Increment(ref reads);
            return null;
        };
        for (int round = 0; round < 2; round++)
        {
            reads = 0;
            await using IAsyncEnumerator<EntryPage> pages =
                map.ScanAsync(Key(1_000), Key(1_020), direction).GetAsyncEnumerator();
            ValueTask<bool> first = pages.MoveNextAsync();
            Assert.True(round == 0 || first.IsCompletedSuccessfully);
            Assert.True(await first);
            Assert.Equal(round == 0, reads > 0);
            Assert.Equal(keys.Select(Key), pages.Current.Select(entry => entry.Key.ToArray()));
            Assert.False(await pages.MoveNextAsync());
        }

        // From the memtable too, beside tables that have nothing of it.
        map.Put("zero"u8, "fresh"u8);
        await using IAsyncEnumerator<EntryPage> fresh = map.ScanPrefixAsync("z"u8.ToArray(), direction).GetAsyncEnumerator();
        ValueTask<bool> found = fresh.MoveNextAsync();
        Assert.True(found.IsCompletedSuccessfully);
        Assert.True(await found);
        Assert.Equal("fresh"u8.ToArray(), fresh.Current[0].Value.ToArray());
    }

    [Fact]
    public async Task A_get_at_a_snapshot_outlives_the_snapshot()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool);
        Fill(database);
        SortedMap map = database.GetMap("m");
        Task<byte[]?>[] reads;
        using (Snapshot snapshot = database.CreateSnapshot())
        {
            for (int i = 0; i < Count; i++) map.Delete(Key(i));
            database.Compact();
            reads = [.. Enumerable.Range(0, Count).Select(i => map.GetAsync(Key(i), snapshot).AsTask())];
        }

        database.Compact();
        for (int i = 0; i < Count; i++) Assert.Equal(Value(i), await reads[i]);
    }

    [Fact]
    public async Task A_cancelled_get_ends_at_once_and_keeps_nothing()
    {
        using (Database database = OptionSet.Tiny.Open(_disk, _pool)) Fill(database);
        using Database reopened = OptionSet.Tiny.Open(_disk, _pool);
        SortedMap map = reopened.GetMap("m");
        using var gate = new ManualResetEventSlim();
        using var reached = new ManualResetEventSlim();
        _disk.Faults = call =>
        {
            if (call.Operation == DiskOperation.Read && call.Path.EndsWith(".table", StringComparison.Ordinal))
            {
                reached.Set();
                gate.Wait();
            }

            return null;
        };
        using var source = new CancellationTokenSource();
        Task<byte[]?> read = map.GetAsync(Key(5), cancellation: source.Token).AsTask();
        reached.Wait();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read);
        gate.Set();
        _disk.Faults = null;
        Assert.True(map.GetAsync(Key(5), cancellation: source.Token).IsCanceled);
        Assert.Equal(Value(5), await map.GetAsync(Key(5)));
        reopened.Close();
        Assert.Equal(0, _disk.OpenFileCount);
    }

    [Fact]
    public async Task Close_lets_reads_under_way_end_and_refuses_later_ones()
    {
        using (Database database = OptionSet.Tiny.Open(_disk, _pool)) Fill(database);
        for (int round = 0; round < 20; round++)
        {
            Database database = OptionSet.Tiny.Open(_disk, _pool);
            SortedMap map = database.GetMap("m");
            Task<byte[]?>[] reads = [.. Enumerable.Range(0, 100).Select(i => map.GetAsync(Key(i * 20)).AsTask())];
            database.Close();
            for (int i = 0; i < reads.Length; i++) Assert.Equal(Value(i * 20), await reads[i]);
            await Assert.ThrowsAsync<ObjectDisposedException>(async () => await map.GetAsync(Key(1)));
            Assert.Throws<ObjectDisposedException>(() => map.Lease(Key(1)).Dispose());
            Assert.Equal(0, _disk.OpenFileCount);
        }
    }

    [Fact]
    public async Task Pages_hold_the_entries_of_a_scan_in_order_both_ways()
    {
        foreach (OptionSet options in OptionSet.All)
        {
            var disk = new SimulatedDisk();
            using (Database filled = options.Open(disk, _pool)) Fill(filled);
            using Database database = options.Open(disk, _pool);
            SortedMap map = database.GetMap("m");
            for (int i = 0; i < Count; i += 50) map.Put(Key(i), Value(i));
            foreach (Direction direction in Enum.GetValues<Direction>())
            {
                await CheckPages(map, [], [], direction, long.MaxValue, 1 << 10);
                await CheckPages(map, [], [], direction, long.MaxValue, SortedMap.PageBytesDefault);
                await CheckPages(map, Key(100), Key(900), direction, long.MaxValue, 4 << 10);
                await CheckPages(map, Key(100), [], direction, limit: 77, 2 << 10);
                await CheckPages(map, Key(900), Key(100), direction, long.MaxValue, 4 << 10);
                await CheckPages(map, [], [], direction, limit: 0, 4 << 10);
            }

            int count = 0;
            await foreach (EntryPage page in map.ScanPrefixAsync("key 0001"u8.ToArray(), Direction.Descending, pageBytes: 1 << 10))
            {
                foreach (PageEntry entry in page) Assert.Equal(Key(199 - count++), entry.Key.ToArray());
            }

            Assert.Equal(100, count);
        }
    }

    [Fact]
    public async Task A_scan_shows_its_moment_and_its_pages_stay()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool);
        Fill(database);
        SortedMap map = database.GetMap("m");
        var pages = new List<EntryPage>();
        await foreach (EntryPage page in map.ScanAsync("key"u8.ToArray(), "l"u8.ToArray(), pageBytes: 1 << 10))
        {
            pages.Add(page);
            for (int i = 0; i < 20; i++) map.Put(Key(pages.Count * 20 + i), "changed"u8);
            if (pages.Count % 20 == 0) database.Compact();
        }

        int count = 0;
        foreach (EntryPage page in pages)
        {
            foreach ((ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value) in page)
            {
                Assert.Equal(Key(count), key.ToArray());
                Assert.Equal(Value(count++), value.ToArray());
            }
        }

        Assert.Equal(Count, count);
    }

    [Fact]
    public async Task A_scan_that_is_left_or_cancelled_keeps_nothing()
    {
        using Database database = OptionSet.Tiny.Open(_disk, _pool);
        Fill(database);
        SortedMap map = database.GetMap("m");
        await foreach (EntryPage _ in map.ScanAsync(pageBytes: 1 << 10)) break;
        using var source = new CancellationTokenSource();
        int pages = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (EntryPage _ in map.ScanAsync(pageBytes: 1 << 10, cancellation: source.Token))
            {
                if (++pages == 3) await source.CancelAsync();
            }
        });
        Assert.InRange(pages, 3, 4);
        Assert.Equal(0, database.GetStatistics().OpenSnapshots);
        Assert.Throws<ArgumentOutOfRangeException>(() => map.ScanAsync(pageBytes: 1023));
        Assert.Throws<ArgumentOutOfRangeException>(() => map.ScanAsync(pageBytes: (16 << 20) + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => map.ScanAsync(limit: -1));
        Assert.Throws<ArgumentException>(() => map.ScanAsync(new byte[20_000]));
    }

    [Fact]
    public async Task Close_ends_a_scan_under_way_with_an_exception()
    {
        using (Database filled = OptionSet.Tiny.Open(_disk, _pool)) Fill(filled);
        Database database = OptionSet.Tiny.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            await foreach (EntryPage _ in map.ScanAsync(pageBytes: 1 << 10)) database.Close();
        });
        Assert.Equal(0, _disk.OpenFileCount);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () =>
        {
            await foreach (EntryPage _ in map.ScanAsync()) Assert.Fail("a page");
        });
    }

    [Fact]
    public async Task Damage_ends_a_scan_behind_the_entries_before_it()
    {
        OptionSet options = OptionSet.All[^1] with { Compress = false };
        using (Database filled = options.Open(_disk, _pool)) Fill(filled);
        string path = _disk.ListAllFiles().First(path => path.EndsWith(".table", StringComparison.Ordinal)
            && _disk.ReadAll(path).AsSpan().IndexOf(Key(Count / 2)) >= 0);
        _disk.FlipBit(path, 8L * _disk.ReadAll(path).AsSpan().IndexOf(Key(Count / 2)));
        using Database database = options.Open(_disk, _pool);
        SortedMap map = database.GetMap("m");
        int count = 0;
        await Assert.ThrowsAsync<CorruptDataException>(async () =>
        {
            await foreach (EntryPage page in map.ScanAsync("key"u8.ToArray()))
            {
                foreach (PageEntry entry in page) Assert.Equal(Key(count++), entry.Key.ToArray());
            }
        });
        Assert.InRange(count, Count / 4, Count / 2);
        int before = 0;
        Assert.Throws<CorruptDataException>(() => { foreach (Entry _ in map.Range("key"u8, default)) before++; });
        Assert.Equal(before, count);
    }

    private static async Task CheckPages(SortedMap map, byte[] start, byte[] end, Direction direction, long limit, int pageBytes)
    {
        var expected = new List<(byte[] Key, byte[] Value)>();
        foreach (Entry entry in map.Range(start, end, direction, limit)) expected.Add((entry.Key.ToArray(), entry.Value.ToArray()));
        int count = 0;
        await foreach (EntryPage page in map.ScanAsync(start, end, direction, limit, pageBytes))
        {
            Assert.NotEmpty(page);
            int bytes = 0;
            foreach (PageEntry entry in page)
            {
                Assert.Equal(expected[count].Key, entry.Key.ToArray());
                Assert.Equal(expected[count++].Value, entry.Value.ToArray());
                bytes += entry.Key.Length + entry.Value.Length;
            }

            Assert.True(bytes <= pageBytes || page.Count == 1, $"{bytes} bytes in a page of {pageBytes}");
        }

        Assert.Equal(expected.Count, count);
    }

    private static void Fill(Database database)
    {
        SortedMap map = database.GetMap("m");
        for (int i = 0; i < Count; i++) map.Put(Key(i), Value(i));
        map.Put("large"u8, new byte[20_000]);
        database.Compact();
    }

    private static byte[] Key(int number) =>
        System.Text.Encoding.UTF8.GetBytes("key " + number.ToString("D6", CultureInfo.InvariantCulture));

    private static byte[] Value(int number) => [.. BitConverter.GetBytes(number), .. new byte[number % 30]];
}
