using Varve.Bytes;
using Varve.Entries;
using Varve.Tables;
using Varve.Tests.House;

namespace Varve.Tests.Tables;

public class TableCursorTests
{
    public static TheoryData<string, bool> Kinds
    {
        get
        {
            var kinds = new TheoryData<string, bool>();
            foreach (string set in (string[])["raw", "lz4", "tiny blocks"])
            {
                kinds.Add(set, false);
                kinds.Add(set, true);
            }

            return kinds;
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Scans_show_all_entries_in_order_in_both_directions(string set, bool isForeground)
    {
        for (int seed = 1; seed <= 2; seed++)
        {
            using var fixture = new TableFixture();
            List<TestEntry> entries = TableFixture.MakeEntries(new Random(seed), 1500, largeValues: 6);
            Table table = fixture.Write(entries, TableTests.OptionsOf(set));
            using (EntryCursor cursor = table.CreateCursor(PurposeOf(isForeground)))
            {
                int index = 0;
                for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next()) AssertShows(cursor, entries, index++, seed);
                Assert.Equal(entries.Count, index);
                for (cursor.SeekToLast(); cursor.IsValid; cursor.Previous()) AssertShows(cursor, entries, --index, seed);
                Assert.Equal(0, index);
            }

            table.Release();
            Assert.Equal(0, fixture.Cache.CountPinned());
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Seeks_and_turns_land_where_a_sorted_list_says(string set, bool isForeground)
    {
        for (int seed = 1; seed <= 2; seed++)
        {
            var random = new Random(seed);
            using var fixture = new TableFixture();
            List<TestEntry> entries = TableFixture.MakeEntries(random, 600, largeValues: 3);
            Table table = fixture.Write(entries, TableTests.OptionsOf(set));
            using (EntryCursor cursor = table.CreateCursor(PurposeOf(isForeground)))
            {
                for (int i = 0; i < 600; i++) SeekAndWander(cursor, entries, random, seed);
            }

            table.Release();
        }
    }

    [Fact]
    public void A_long_chain_of_versions_spans_blocks_and_partitions()
    {
        using var fixture = new TableFixture();
        var entries = new List<TestEntry> { TableFixture.Put("a", 1, "x") };
        byte[] key = new byte[4000];
        for (ulong sequence = 9000; sequence > 0; sequence--) entries.Add(new TestEntry(key, Trailer.Pack(sequence, EntryKind.Value), []));
        entries.Sort(TableFixture.Order);
        Table table = fixture.Write(entries, new TableFormatOptions { Compress = true });
        using EntryCursor cursor = table.CreateCursor(CursorPurpose.Foreground);
        foreach (ulong sequence in (ulong[])[1, 2, 500, 4400, 8999, 9000])
        {
            Assert.True(table.TryGet(key, KeyHash.Compute(key), sequence, out TableValue value));
            Assert.Equal(sequence, Trailer.Sequence(value.Trailer));
            value.Dispose();
            cursor.SeekForPrevious(key, Trailer.Pack(sequence, EntryKind.Value));
            AssertShows(cursor, entries, 9000 - (int)sequence, 0);
        }

        Assert.False(table.TryGet(key, KeyHash.Compute(key), 0, out _));
        cursor.Seek(key, Trailer.Oldest);
        Assert.Equal("a"u8.ToArray(), cursor.KeySpan.ToArray());
        table.Verify(null, CancellationToken.None);
    }

    [Fact]
    public void Moving_allocates_nothing()
    {
        using var fixture = new TableFixture();
        Table table = fixture.Write(TableFixture.MakeEntries(new Random(2), 3000));
        using EntryCursor cursor = table.CreateCursor(CursorPurpose.Foreground);
        for (cursor.SeekToFirst(); cursor.IsValid;) cursor.Next();
        Assert.Equal(0, Allocated.By(() =>
        {
            for (cursor.SeekToFirst(); cursor.IsValid;) cursor.Next();
            for (cursor.SeekToLast(); cursor.IsValid;) cursor.Previous();
        }));
    }

    private static void SeekAndWander(EntryCursor cursor, List<TestEntry> entries, Random random, int seed)
    {
        TestEntry target = random.Next(3) == 0
            ? new TestEntry(TableFixture.MakeKey(random, []), (ulong)random.NextInt64(1 << 28), [])
            : entries[random.Next(entries.Count)] with { Trailer = random.Next(2) == 0 ? Trailer.Newest : Trailer.Oldest };
        if (random.Next(3) == 0) target = entries[random.Next(entries.Count)];
        int index = entries.BinarySearch(target, TableFixture.Order);
        bool isExact = index >= 0;
        if (!isExact) index = ~index;
        if (random.Next(2) == 0)
        {
            cursor.Seek(target.Key, target.Trailer);
        }
        else
        {
            cursor.SeekForPrevious(target.Key, target.Trailer);
            if (!isExact) index--;
        }

        for (int step = random.Next(12); ; step--)
        {
            Assert.True(cursor.IsValid == (index >= 0 && index < entries.Count), $"seed {seed}, index {index}");
            if (!cursor.IsValid || step == 0) return;
            AssertShows(cursor, entries, index, seed);
            if (random.Next(2) == 0)
            {
                cursor.Next();
                index++;
            }
            else
            {
                cursor.Previous();
                index--;
            }
        }
    }

    private static void AssertShows(EntryCursor cursor, List<TestEntry> entries, int index, int seed)
    {
        Assert.True(index >= 0 && index < entries.Count, $"seed {seed}: the cursor goes on at index {index}");
        TestEntry expected = entries[index];
        bool same = cursor.Trailer == expected.Trailer
            && cursor.KeySpan.SequenceEqual(expected.Key)
            && cursor.GetValue().SequenceEqual(expected.Value);
        Assert.True(
            same,
            $"seed {seed}: entry {index} is {Convert.ToHexString(cursor.KeySpan)}, expected {Convert.ToHexString(expected.Key)}");
    }

    private static CursorPurpose PurposeOf(bool isForeground) => isForeground ? CursorPurpose.Foreground : CursorPurpose.Compaction;
}
