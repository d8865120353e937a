using System.Collections.Concurrent;
using Varve.Bytes;
using Varve.Entries;
using Varve.Files;
using Varve.Tables;
using Varve.Tests.House;

namespace Varve.Tests.Tables;

public class TableTests
{
    public static TheoryData<string> OptionSets => ["raw", "lz4", "tiny blocks", "no filter", "direct"];

    [Theory]
    [MemberData(nameof(OptionSets))]
    public void Every_version_of_every_key_is_found_and_nothing_else(string set)
    {
        for (int seed = 1; seed <= 2; seed++)
        {
            var random = new Random(seed);
            using var fixture = new TableFixture();
            List<TestEntry> entries = TableFixture.MakeEntries(random, 900, largeValues: 4);
            Table table = fixture.Write(entries, OptionsOf(set), direct: set == "direct");
            foreach (TestEntry entry in entries) AssertGet(table, entry.Key, Trailer.Sequence(entry.Trailer), entry, seed);
            for (int i = 0; i < 1000; i++)
            {
                byte[] key = random.Next(2) == 0 ? entries[random.Next(entries.Count)].Key : TableFixture.MakeKey(random, []);
                ulong sequence = (ulong)random.NextInt64(1 << 20);
                AssertGet(table, key, sequence, Expect(entries, key, sequence), seed);
            }

            table.Verify(null, CancellationToken.None);
            table.Release();
            Assert.Equal(0, fixture.Cache.CountPinned());
        }
    }

    [Fact]
    public void Info_states_what_was_written()
    {
        using var fixture = new TableFixture();
        TestEntry deleted = new(TableFixture.Encode("b"), Trailer.Pack(9, EntryKind.Tombstone), []);
        Table table = fixture.Write(
            [TableFixture.Put("a", 5, "one"), deleted, TableFixture.Put("b", 3, "two"), TableFixture.Put("c", 7, "")]);
        TableInfo info = table.Info;
        Assert.Equal("a"u8.ToArray(), info.SmallestKey);
        Assert.Equal("c"u8.ToArray(), info.LargestKey);
        Assert.Equal(Trailer.Pack(5, EntryKind.Value), info.SmallestTrailer);
        Assert.Equal(Trailer.Pack(7, EntryKind.Value), info.LargestTrailer);
        Assert.Equal((4L, 1L, 10L), (info.EntryCount, info.TombstoneCount, info.ContentBytes));
        Assert.Equal((3UL, 9UL), (info.SmallestSequence, info.LargestSequence));
        Assert.Equal(fixture.File.Length, info.FileBytes);
        Assert.Equal(Crc32C.Compute(fixture.File), info.FileChecksum);
        table.Release();
    }

    [Fact]
    public void Direct_output_is_padded_and_cut_to_the_same_bytes()
    {
        List<TestEntry> entries = TableFixture.MakeEntries(new Random(5), 3000, largeValues: 3);
        using var fixture = new TableFixture();
        using (TableWriter buffered = WriterOf(fixture.Disk.Open("a", FileOpening.CreateNew)))
        using (TableWriter direct = WriterOf(fixture.Disk.Open("b", FileOpening.CreateNewDirect)))
        {
            foreach (TestEntry entry in entries)
            {
                buffered.Add(entry.Key, entry.Trailer, entry.Value);
                direct.Add(entry.Key, entry.Trailer, entry.Value);
            }

            buffered.Finish();
            direct.Finish();
        }

        byte[] content = fixture.Disk.ReadAll("a");
        Assert.True(content.Length > 2 << 20);
        Assert.Equal(content, fixture.Disk.ReadAll("b"));

        static TableWriter WriterOf(IFile file) => new(file, TableFormatOptions.Default, TableFixture.Id, 1, 77);
    }

    [Fact]
    public void The_writer_refuses_entries_out_of_order()
    {
        using var fixture = new TableFixture();
        using TableWriter writer = fixture.Store.CreateWriter(1, TableFormatOptions.Default, direct: false);
        writer.Add("b"u8, Trailer.Pack(4, EntryKind.Value), default);
        Assert.Throws<InvariantViolatedException>(() => writer.Add("a"u8, Trailer.Pack(9, EntryKind.Value), default));
        Assert.Throws<InvariantViolatedException>(() => writer.Add("b"u8, Trailer.Pack(4, EntryKind.Value), default));
        Assert.Throws<InvariantViolatedException>(() => writer.Add("b"u8, Trailer.Pack(5, EntryKind.Value), default));
        writer.Add("b"u8, Trailer.Pack(3, EntryKind.Value), default);
    }

    [Fact]
    public void Tables_are_written_past_the_page_cache_once_they_are_many()
    {
        using var fixture = new TableFixture(directWritesFromBytes: 1);
        List<TestEntry> entries = TableFixture.MakeEntries(new Random(3), 500);
        bool isAligned = true;
        fixture.Disk.Faults = call =>
        {
            if (call.Operation == DiskOperation.Write) isAligned &= call.Bytes % fixture.Disk.DirectWriteAlignment == 0;
            return null;
        };
        Table first = fixture.Write(entries, number: 1, direct: true);
        Assert.False(isAligned);
        isAligned = true;
        Table second = fixture.Write(entries, number: 2, direct: true);
        Assert.True(isAligned);
        first.Release();
        second.Release();
        isAligned = true;
        fixture.Write(entries, number: 3, direct: true).Release();
        Assert.False(isAligned);
    }

    [Fact]
    public void A_get_of_a_cached_block_allocates_nothing()
    {
        using var fixture = new TableFixture();
        List<TestEntry> entries = TableFixture.MakeEntries(new Random(3), 500);
        Table table = fixture.Write(entries);
        foreach (TestEntry entry in entries) AssertGet(table, entry.Key, Trailer.Sequence(entry.Trailer), entry, 3);
        Assert.Equal(0, Allocated.By(() =>
        {
            foreach (TestEntry entry in entries)
            {
                table.TryGet(entry.Key, KeyHash.Compute(entry.Key), Trailer.SequenceMax, out TableValue value);
                value.Dispose();
            }
        }));
        table.Release();
    }

    [Fact]
    public void A_cache_far_too_small_for_the_table_still_gives_every_entry()
    {
        using var fixture = new TableFixture(BlockCache.CapacityBytesMin);
        List<TestEntry> entries = TableFixture.MakeEntries(new Random(11), 2000);
        Table table = fixture.Write(entries, new TableFormatOptions { Compress = true });
        foreach (TestEntry entry in entries) AssertGet(table, entry.Key, Trailer.Sequence(entry.Trailer), entry, 11);
        table.Release();
    }

    [Fact]
    public void Threads_that_open_read_and_evict_at_once_see_every_entry()
    {
        // Smaller than the table; large enough for what three threads pin at once.
        using var fixture = new TableFixture(1 << 20, openFilesMax: 1);
        List<TestEntry> entries = TableFixture.MakeEntries(new Random(21), 1000, largeValues: 2);
        for (int round = 0; round < 3; round++)
        {
            Table table = fixture.Write(entries, OptionsOf(round == 0 ? "raw" : "lz4"), number: round + 1);
            var failures = new ConcurrentQueue<Exception>();
            Thread[] threads = [.. Enumerable.Range(0, 3).Select(seed => new Thread(() => ReadAtRandom(table, entries, seed, failures)))];
            foreach (Thread thread in threads) thread.Start();
            foreach (Thread thread in threads) thread.Join();
            Assert.Empty(failures);
            table.Release();
            Assert.Equal(0, fixture.Cache.CountPinned());
            Assert.Equal(0, fixture.Cache.GetStatistics().ResidentBytes);
        }
    }

    [Fact]
    public void Verification_finds_an_entry_count_or_a_border_that_the_manifest_does_not_state()
    {
        using var fixture = new TableFixture();
        Table table = fixture.Write([TableFixture.Put("a", 1, "x"), TableFixture.Put("b", 2, "y")]);
        TableInfo info = table.Info;
        table.Verify(null, CancellationToken.None);
        foreach (TableInfo wrong in (TableInfo[])
            [
                info with { EntryCount = 3 }, info with { TombstoneCount = 1 }, info with { SmallestKey = [] },
                info with { LargestKey = [99] }, info with { LargestTrailer = 5 }, info with { FileChecksum = 5 },
                info with { Salt = 5 }, info with { FileBytes = 5 },
            ])
        {
            Table stated = fixture.Store.Make(wrong);
            Assert.Throws<CorruptDataException>(() => stated.Verify(null, CancellationToken.None));
        }

        table.Release();
    }

    [Fact]
    public void An_obsolete_table_is_deletable_once_its_last_reference_goes()
    {
        using var fixture = new TableFixture();
        Table table = fixture.Write([TableFixture.Put("a", 1, "x")]);
        AssertGet(table, "a"u8.ToArray(), 1, TableFixture.Put("a", 1, "x"), 0);
        table.AddReference();
        table.MarkObsolete();
        table.Release();
        Assert.Empty(fixture.Store.TakeDeletable());
        table.Release();
        Assert.Equal([1L], fixture.Store.TakeDeletable());
        Assert.Empty(fixture.Store.TakeDeletable());
        fixture.Store.Delete(1);
        Assert.False(fixture.Disk.FileExists(fixture.Store.PathOf(1)));
        Assert.Equal(0, fixture.Store.OpenFiles.OpenCount);
        Assert.Equal(0, fixture.Cache.GetStatistics().ResidentBytes);
    }

    [Fact]
    public void Compressed_blocks_fill_a_page_and_never_cross_one()
    {
        using var fixture = new TableFixture();
        Table raw = fixture.Write(HalfCompressible(20_000), number: 2);
        Table table = fixture.Write(HalfCompressible(20_000), new TableFormatOptions { Compress = true });
        Assert.True(table.Info.FileBytes < raw.Info.FileBytes * 0.65, $"{table.Info.FileBytes} bytes of {raw.Info.FileBytes}");
        table.Verify(null, CancellationToken.None);
        foreach (BlockLocation location in Locations(fixture.File))
            Assert.True(location.Offset / 4096 == (location.End - 1) / 4096, $"{location} crosses a page");
        table.Release();
        raw.Release();
    }

    private static void ReadAtRandom(
        Table table, List<TestEntry> entries, int seed, ConcurrentQueue<Exception> failures)
    {
        try
        {
            var random = new Random(seed);
            using EntryCursor cursor = table.CreateCursor(CursorPurpose.Foreground);
            for (int i = 0; i < 800; i++)
            {
                TestEntry entry = entries[random.Next(entries.Count)];
                AssertGet(table, entry.Key, Trailer.Sequence(entry.Trailer), entry, seed);
                cursor.Seek(entry.Key, entry.Trailer);
                Assert.True(cursor.IsValid && cursor.GetValue().SequenceEqual(entry.Value), $"seed {seed}: seek {i}");
            }
        }
        catch (Exception failure)
        {
            failures.Enqueue(failure);
        }
    }

    internal static TableFormatOptions OptionsOf(string set) => set switch
    {
        "lz4" => new TableFormatOptions { Compress = true },
        "tiny blocks" => new TableFormatOptions { BlockBytes = 100 },
        "no filter" => new TableFormatOptions { FilterBitsPerKey = 0 },
        _ => TableFormatOptions.Default,
    };

    private static IEnumerable<TestEntry> HalfCompressible(int count)
    {
        var random = new Random(1);
        for (int i = 0; i < count; i++)
        {
            byte[] value = new byte[100];
            random.NextBytes(value.AsSpan(0, 50));
            yield return new TestEntry(TableFixture.Encode($"{i:d16}"), Trailer.Pack((ulong)i + 1, EntryKind.Value), value);
        }
    }

    /// <summary>The data blocks, found by the index partitions of the file.</summary>
    private static unsafe List<BlockLocation> Locations(byte[] file)
    {
        long footerOffset = file.Length - TableFooter.SizeBytes;
        Assert.Null(TableFooter.Read(file.AsSpan((int)footerOffset), footerOffset, out TableFooter footer));
        byte[] encoded = file[(int)footer.TopIndex.Offset..(int)(footer.TopIndex.Offset + footer.TopIndex.Bytes - BlockTrailer.SizeBytes)];
        Assert.True(TopIndex.TryDecode(encoded, file.Length, out TopIndex? top));
        var locations = new List<BlockLocation>();
        for (int partition = 0; partition < top!.Count; partition++)
        {
            fixed (byte* index = &file[top[partition].Index.Offset])
            {
                for (int block = 0; block < top[partition].BlockCount; block++) locations.Add(IndexPartition.LocationAt(index, block));
            }
        }

        return locations;
    }

    private static TestEntry? Expect(List<TestEntry> entries, byte[] key, ulong sequence)
    {
        int index = entries.BinarySearch(new TestEntry(key, Trailer.SeekAt(sequence), []), TableFixture.Order);
        if (index < 0) index = ~index;
        return index < entries.Count && entries[index].Key.AsSpan().SequenceEqual(key) ? entries[index] : null;
    }

    private static unsafe void AssertGet(Table table, byte[] key, ulong sequence, TestEntry? expected, int seed)
    {
        bool found = table.TryGet(key, KeyHash.Compute(key), sequence, out TableValue value);
        Assert.True(found == (expected is not null), $"seed {seed}: key {Convert.ToHexString(key)} at {sequence}");
        if (expected is null) return;
        byte[] bytes = new byte[value.ValueLength];
        if (value.IsSeparate) table.ReadSeparate(value, bytes);
        else new ReadOnlySpan<byte>(value.Value, value.ValueLength).CopyTo(bytes);
        bool isRight = value.Trailer == expected.Trailer && bytes.AsSpan().SequenceEqual(expected.Value);
        Assert.True(isRight, $"seed {seed}: value of {Convert.ToHexString(key)}");
        value.Dispose();
    }
}
