using Varve.Bytes;
using Varve.Entries;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Tests.Tables;

/// <summary>A damaged table gives an error or the right answer, never another one.</summary>
public class TableDamageTests
{
    [Fact]
    public void Every_flipped_byte_is_found_by_verification_and_gives_no_wrong_answer()
    {
        foreach (bool compress in (bool[])[false, true])
        {
            using var fixture = new TableFixture();
            List<TestEntry> entries = SmallContent();
            using TableWriter writer = fixture.Store.CreateWriter(1, new TableFormatOptions { Compress = compress }, direct: false);
            foreach (TestEntry entry in entries) writer.Add(entry.Key, entry.Trailer, entry.Value);
            TableInfo info = writer.Finish();
            byte[] sound = fixture.File;
            for (int position = 0; position < sound.Length; position += position < 17_000 ? 499 : position < sound.Length - 700 ? 7 : 1)
            {
                fixture.File = Flip(sound, position);
                AssertRightOrCorrupt(fixture, info, entries, $"byte {position}");
                AssertCorrupt(fixture, info, table => table.Verify(null, CancellationToken.None));
            }
        }
    }

    [Fact]
    public void Every_cut_and_every_foreign_tail_is_found()
    {
        using var fixture = new TableFixture();
        TableInfo info = WriteSmall(fixture, number: 1);
        byte[] sound = fixture.File;
        for (int length = 0; length < sound.Length; length += length < sound.Length - 200 ? 211 : 1)
        {
            fixture.File = sound[..length];
            AssertCorrupt(fixture, info, Get);
        }

        fixture.File = [.. sound, 0];
        AssertCorrupt(fixture, info, Get);
    }

    [Fact]
    public void Stale_foreign_and_swapped_content_is_found()
    {
        using var fixture = new TableFixture();
        TableInfo info = WriteSmall(fixture, number: 1);
        WriteSmall(fixture, number: 2);
        byte[] sound = fixture.File;
        byte[] stale = fixture.Disk.ReadAll(fixture.Store.PathOf(2));
        Assert.Equal(sound.Length, stale.Length);

        fixture.File = stale;
        AssertCorrupt(fixture, info, Get);

        // A page of a table with the same content and another salt.
        fixture.File = [.. stale[..20_000], .. sound[20_000..]];
        AssertRightOrCorrupt(fixture, info, SmallContent(), "stale page");
        AssertCorrupt(fixture, info, table => table.Verify(null, CancellationToken.None));

        using var other = new TableStore(fixture.Disk, "data", new DatabaseId(1, 2), fixture.Cache, 4, RandomSource.System);
        fixture.File = sound;
        Table foreign = other.Make(info);
        foreign.AddReference();
        Assert.Throws<CorruptDataException>(() => Get(foreign));
    }

    [Fact]
    public void Crafted_blocks_with_right_checksums_give_a_typed_error_at_worst()
    {
        for (int seed = 1; seed <= 300; seed++)
        {
            var random = new Random(seed);
            using var fixture = new TableFixture(BlockCache.CapacityBytesMin);
            TableInfo info = WriteSmall(fixture, number: 1);
            fixture.File = Craft(fixture.File, info, random);
            Table table = fixture.Store.Make(info);
            table.AddReference();
            try
            {
                ReadAll(table);
            }
            catch (CorruptDataException)
            {
            }

            table.Release();
            Assert.True(fixture.Cache.CountPinned() == 0, $"seed {seed}: a pin is left");
        }
    }

    [Fact]
    public void An_unpinned_cache_and_no_open_file_remain_after_an_error()
    {
        using var fixture = new TableFixture();
        TableInfo info = WriteSmall(fixture, number: 1);
        fixture.File = Flip(fixture.File, 20_100);
        AssertCorrupt(fixture, info, ReadAll);
        Assert.Equal(0, fixture.Cache.CountPinned());
        Assert.Equal(0, fixture.Cache.GetStatistics().PrivateBytes);
    }

    /// <summary>A compaction would write what it is given: entries out of order, or outside the bounds it chose the table by.</summary>
    [Theory]
    [InlineData("k0050", "k0049")]
    [InlineData("k0050", "k0052")]
    [InlineData("k0149", "k9999")]
    [InlineData("k0000", "A0000")]
    public void A_compaction_finds_entries_out_of_order_under_a_right_checksum(string key, string changed)
    {
        using var fixture = new TableFixture();
        TableInfo info = WriteSmall(fixture, number: 1);
        byte[] file = fixture.File;
        int at = file.AsSpan().IndexOf(TableFixture.Encode(key));
        if (key == "k0000") info = info with { SmallestKey = TableFixture.Encode("a") };
        TableLayout layout = TableLayout.Read(file);
        FileRange block = layout.Blocks.Single(block => block.Offset <= at && at < block.Offset + block.Bytes);
        TableFixture.Encode(changed).CopyTo(file.AsSpan(at));
        Sealing.SealTable(file, layout);
        fixture.File = file;
        Table table = fixture.Store.Make(info);
        table.AddReference();
        using (EntryCursor cursor = table.CreateCursor(CursorPurpose.Compaction))
        {
            var error = Assert.Throws<CorruptDataException>(() =>
            {
                for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next()) continue;
            });
            Assert.InRange(error.Offset, block.Offset, file.Length);
        }

        table.Release();
    }

    /// <summary>Changes bytes of a random block, or of footer, top index or properties, and makes the checksum right again.</summary>
    private static byte[] Craft(byte[] sound, TableInfo info, Random random)
    {
        byte[] file = [.. sound];
        long footerOffset = file.Length - TableFooter.SizeBytes;
        TableFooter.Read(file.AsSpan((int)footerOffset), footerOffset, out TableFooter footer);
        byte[] encoded = file[(int)footer.TopIndex.Offset..(int)(footer.TopIndex.Offset + footer.TopIndex.Bytes - BlockTrailer.SizeBytes)];
        TopIndex.TryDecode(encoded, file.Length, out TopIndex? top);
        BlockLocation index = top![0].Index;
        (long offset, int bytes) = random.Next(5) switch
        {
            0 => (footer.TopIndex.Offset, (int)footer.TopIndex.Bytes),
            1 => (footer.Properties.Offset, (int)footer.Properties.Bytes),
            2 => (index.Offset, index.StoredBytes),
            3 => (top[0].Filter.Offset, top[0].Filter.StoredBytes),
            _ => DataBlockOf(file, index, random),
        };
        Span<byte> stored = file.AsSpan((int)offset, bytes);
        int payloadBytes = bytes - BlockTrailer.SizeBytes;
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            int position = random.Next(2) == 0 ? random.Next(payloadBytes) : random.Next(Math.Min(payloadBytes, 64));
            stored[position] = random.Next(3) switch { 0 => 0xFF, 1 => 0, _ => (byte)random.Next(256) };
        }

        BlockTrailer.Write(stored, BlockCompression.None, payloadBytes, info.Salt, offset);
        return file;
    }

    private static unsafe (long Offset, int Bytes) DataBlockOf(byte[] file, BlockLocation index, Random random)
    {
        fixed (byte* partition = &file[index.Offset])
        {
            BlockLocation location = IndexPartition.LocationAt(partition, random.Next(IndexPartition.Count(partition)));
            return (location.Offset, location.StoredBytes);
        }
    }

    private static void AssertRightOrCorrupt(TableFixture fixture, TableInfo info, List<TestEntry> entries, string damage)
    {
        Table table = fixture.Store.Make(info);
        table.AddReference();
        try
        {
            List<TestEntry> read = ReadAll(table);
            bool same = read.Count == entries.Count
                && read.Zip(entries).All(pair => pair.First.Key.AsSpan().SequenceEqual(pair.Second.Key)
                    && pair.First.Trailer == pair.Second.Trailer && pair.First.Value.AsSpan().SequenceEqual(pair.Second.Value));
            Assert.True(same, $"{damage}: a scan gives wrong entries");
        }
        catch (CorruptDataException)
        {
        }

        try
        {
            foreach (TestEntry entry in entries)
            {
                bool isFound = table.TryGet(entry.Key, KeyHash.Compute(entry.Key), Trailer.SequenceMax, out TableValue value);
                Assert.True(isFound, $"{damage}: a get misses");
                value.Dispose();
            }
        }
        catch (CorruptDataException)
        {
        }

        table.Release();
    }

    private static void AssertCorrupt(TableFixture fixture, TableInfo info, Action<Table> read)
    {
        Table table = fixture.Store.Make(info);
        table.AddReference();
        CorruptDataException error = Assert.Throws<CorruptDataException>(() => read(table));
        Assert.Equal(fixture.Store.PathOf(1), error.Path);
        table.Release();
    }

    private static void AssertCorrupt(TableFixture fixture, TableInfo info, Func<Table, List<TestEntry>> read) =>
        AssertCorrupt(fixture, info, table => { read(table); });

    private static void Get(Table table)
    {
        if (table.TryGet("k0001"u8, KeyHash.Compute("k0001"u8), Trailer.SequenceMax, out TableValue value)) value.Dispose();
    }

    private static List<TestEntry> ReadAll(Table table)
    {
        var read = new List<TestEntry>();
        using EntryCursor cursor = table.CreateCursor(CursorPurpose.Foreground);
        for (cursor.SeekToFirst(); cursor.IsValid; cursor.Next())
            read.Add(new TestEntry(cursor.KeySpan.ToArray(), cursor.Trailer, cursor.GetValue().ToArray()));
        foreach (TestEntry entry in read)
        {
            cursor.Seek(entry.Key, entry.Trailer);
            if (table.TryGet(entry.Key, KeyHash.Compute(entry.Key), Trailer.SequenceMax, out TableValue value)) value.Dispose();
        }

        return read;
    }

    private static byte[] Flip(byte[] sound, int position)
    {
        byte[] damaged = [.. sound];
        damaged[position] ^= (byte)(1 << (position & 7));
        return damaged;
    }

    private static TableInfo WriteSmall(TableFixture fixture, long number)
    {
        using TableWriter writer = fixture.Store.CreateWriter(number, TableFormatOptions.Default, direct: false);
        foreach (TestEntry entry in SmallContent()) writer.Add(entry.Key, entry.Trailer, entry.Value);
        return writer.Finish();
    }

    /// <summary>A large value first, then three blocks' worth of small ones.</summary>
    private static List<TestEntry> SmallContent()
    {
        byte[] large = new byte[17_000];
        new Random(1).NextBytes(large);
        var entries = new List<TestEntry> { new("a"u8.ToArray(), Trailer.Pack(1, EntryKind.Value), large) };
        for (int i = 0; i < 150; i++)
        {
            string value = $"value {i} of the small table, long enough to be worth a block";
            entries.Add(TableFixture.Put($"k{i:d4}", (ulong)i + 2, value));
        }

        return entries;
    }
}
