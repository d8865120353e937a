using Varve.Bytes;
using Varve.Entries;
using Varve.Tables;

namespace Varve.Tests.Tables;

/// <summary>What cursors take of the cache: counted exactly, and nothing by those that read for upkeep.</summary>
public sealed class CursorPinTests
{
    [Fact]
    public void A_cursor_counts_the_frames_it_stands_on_and_gives_them_up_at_the_end_and_with_its_dispose()
    {
        using var fixture = new TableFixture();
        Table table = fixture.Write(Entries(500));
        using (EntryCursor cursor = table.CreateCursor(CursorPurpose.Foreground))
        {
            Assert.Equal(0, fixture.Cache.CursorBytes);
            cursor.SeekToFirst();
            Assert.Equal(4096, fixture.Cache.CursorBytes);
            while (cursor.IsValid)
            {
                Assert.Equal(4096, fixture.Cache.CursorBytes);
                cursor.Next();
            }

            Assert.Equal(0, fixture.Cache.CursorBytes);
            cursor.SeekToLast();
            Assert.Equal(4096, fixture.Cache.CursorBytes);
        }

        Assert.Equal(0, fixture.Cache.CursorBytes);
        using (EntryCursor streaming = table.CreateCursor(CursorPurpose.Compaction))
        {
            streaming.SeekToFirst();
            Assert.Equal(0, fixture.Cache.CursorBytes);
        }

        table.Release();
    }

    [Fact]
    public void Gets_are_not_counted()
    {
        using var fixture = new TableFixture();
        Table table = fixture.Write(Entries(500));
        Assert.True(table.TryGet("k0100"u8, KeyHash.Compute("k0100"u8), Trailer.SequenceMax, out TableValue value));
        Assert.NotEqual(0, fixture.Cache.CountPinned());
        Assert.Equal(0, fixture.Cache.CursorBytes);
        value.Dispose();
        table.Release();
    }

    [Fact]
    public void A_move_that_throws_counts_what_is_still_pinned()
    {
        using var fixture = new TableFixture();
        Table table = fixture.Write(Entries(500));
        byte[] file = fixture.File;
        file[file.AsSpan().IndexOf("k0250"u8)] ^= 1;
        fixture.File = file;
        using EntryCursor cursor = table.CreateCursor(CursorPurpose.Foreground);
        cursor.SeekToFirst();
        Assert.Throws<CorruptDataException>(() => { while (cursor.IsValid) cursor.Next(); });
        Assert.Equal(0, fixture.Cache.CursorBytes);
        Assert.Equal(0, fixture.Cache.CountPinned());
        cursor.SeekToLast();
        Assert.Equal(4096, fixture.Cache.CursorBytes);
        cursor.Dispose();
        table.Release();
    }

    [Theory]
    [InlineData("raw")]
    [InlineData("lz4")]
    [InlineData("tiny blocks")]
    public void Random_walks_of_many_cursors_on_changing_threads_leave_no_count(string set)
    {
        for (int seed = 1; seed <= 3; seed++)
        {
            var random = new Random(seed);
            using var fixture = new TableFixture(BlockCache.CapacityBytesMin * 4);
            List<TestEntry> entries = TableFixture.MakeEntries(random, 2_000, largeValues: 2);
            Table table = fixture.Write(entries, TableTests.OptionsOf(set));
            EntryCursor[] cursors = [.. Enumerable.Range(0, 4).Select(_ => table.CreateCursor(CursorPurpose.Foreground))];
            for (int round = 0; round < 8; round++)
            {
                int salt = random.Next();
                var thread = new Thread(() => Wander(cursors, entries, new Random(salt)));
                thread.Start();
                thread.Join();
                long frames = fixture.Cache.CountPinned() + fixture.Cache.GetStatistics().PrivateBytes;
                Assert.True(frames == 0 == (fixture.Cache.CursorBytes == 0), $"seed {seed}, round {round}");
                Assert.InRange(fixture.Cache.CursorBytes, 0, cursors.Length * (128L << 10));
            }

            foreach (EntryCursor cursor in cursors) cursor.Dispose();
            Assert.True(fixture.Cache.CursorBytes == 0, $"seed {seed}: {fixture.Cache.CursorBytes} bytes are left");
            table.Release();
        }
    }

    [Fact]
    public void A_compaction_reads_on_while_others_have_all_of_the_cache_pinned()
    {
        using var fixture = new TableFixture(BlockCache.CapacityBytesMin);
        List<TestEntry> entries = TableFixture.MakeEntries(new Random(1), 2_000, largeValues: 2);
        Table table = fixture.Write(entries, new TableFormatOptions { Compress = true });
        List<FramePin> pins = BlockCacheContent.ReserveUntilRefused(fixture.Cache, 4_000);
        using (EntryCursor cursor = table.CreateCursor(CursorPurpose.Compaction))
        {
            int read = 0;
            for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
            {
                Assert.True(cursor.GetValue().SequenceEqual(entries[read].Value), $"entry {read}");
                read++;
            }

            Assert.Equal(entries.Count, read);
            for (cursor.SeekToLast(); cursor.IsValid; cursor.Previous()) read--;
            Assert.Equal(0, read);
        }

        using (EntryCursor foreground = table.CreateCursor(CursorPurpose.Foreground))
            Assert.Throws<MemoryBudgetException>(foreground.SeekToFirst);
        foreach (FramePin pin in pins) fixture.Cache.Unpin(pin);
        table.Release();
        Assert.Equal(0, fixture.Cache.CursorBytes);
    }

    private static IEnumerable<TestEntry> Entries(int count) =>
        Enumerable.Range(0, count).Select(i => TableFixture.Put($"k{i:d4}", 1, new string('v', 50)));

    private static void Wander(EntryCursor[] cursors, List<TestEntry> entries, Random random)
    {
        for (int i = 0; i < 200; i++)
        {
            EntryCursor cursor = cursors[random.Next(cursors.Length)];
            if (!cursor.IsValid || random.Next(4) == 0)
            {
                TestEntry target = entries[random.Next(entries.Count)];
                if (random.Next(2) == 0) cursor.Seek(target.Key, target.Trailer);
                else cursor.SeekForPrevious(target.Key, target.Trailer);
            }

            for (int step = random.Next(100); cursor.IsValid && step > 0; step--)
            {
                if (i % 2 == 0) cursor.Next();
                else cursor.Previous();
            }
        }
    }
}
