using Varve.Entries;
using Varve.Tables;

namespace Varve.Tests.Tables;

public sealed class RangeTombstoneBlockTests
{
    [Fact]
    public void A_block_reads_back_as_it_was()
    {
        Assert.True(RangeTombstoneBlock.TryDecode(RangeTombstoneBlock.Encode(Mixed()), out RangeTombstones? read));
        Assert.Equal(Show(Mixed()), Show(read!));
        Assert.True(RangeTombstoneBlock.TryDecode([], out read));
        Assert.True(read!.IsEmpty);
    }

    [Fact]
    public void Many_deletes_of_one_range_hold_its_bounds_once_and_fit_a_table()
    {
        byte[] start = new byte[TableFormat.KeyBytesMax];
        byte[] end = [.. start];
        end[^1] = 1;
        var deletes = new List<RangeTombstone>();
        for (ulong sequence = 1; sequence <= 1_000; sequence++) deletes.Add(new RangeTombstone(start, end, sequence));
        RangeTombstones ranges = RangeTombstones.Build(deletes, default);
        Assert.InRange(RangeTombstoneBlock.Encode(ranges).Length, 1, ranges.Bytes + 32);
        using var fixture = new TableFixture();
        using TableWriter writer = fixture.Store.CreateWriter(1, TableFormatOptions.Default, direct: false);
        Table table = fixture.Store.Make(writer.Finish(ranges));
        table.AddReference();
        table.Verify(null, default);
        Assert.Equal(Show(ranges), Show(table.Ranges));
        table.Release();
    }

    [Fact]
    public void A_damaged_block_is_refused_or_still_in_order_and_never_throws()
    {
        byte[] encoded = RangeTombstoneBlock.Encode(Mixed());
        for (int i = 0; i < encoded.Length; i++)
        {
            Assert.True(!RangeTombstoneBlock.TryDecode(encoded.AsSpan(0, i), out RangeTombstones? cut) || cut.Count < Mixed().Count);
            foreach (byte value in (byte[])[0, 1, 0x7F, 0x80, 0xFF])
            {
                byte[] damaged = [.. encoded];
                damaged[i] = value;
                if (!RangeTombstoneBlock.TryDecode(damaged, out RangeTombstones? read)) continue;
                byte[] end = [];
                foreach (RangeFragment fragment in read.Fragments)
                {
                    Assert.True(end.AsSpan().SequenceCompareTo(fragment.Start) <= 0);
                    Assert.True(fragment.Start.AsSpan().SequenceCompareTo(fragment.End) < 0);
                    end = fragment.End;
                }
            }
        }
    }

    [Fact]
    public void A_table_of_range_tombstones_only_has_their_bounds_and_no_entries()
    {
        using var fixture = new TableFixture();
        using TableWriter writer = fixture.Store.CreateWriter(1, TableFormatOptions.Default, direct: false);
        TableInfo info = writer.Finish(Mixed());
        Assert.Equal((0L, (long)Mixed().Count), (info.EntryCount, info.RangeTombstoneCount));
        Assert.Equal((5UL, 1UL << 40), (info.SmallestSequence, info.LargestSequence));
        Assert.True(info.SmallestKey.Length == 0 && info.IsLargestExclusive);
        Table table = fixture.Store.Make(info);
        table.AddReference();
        table.Verify(null, default);
        Assert.Equal(Show(Mixed()), Show(table.Ranges));
        using (EntryCursor cursor = table.CreateCursor(CursorPurpose.Foreground))
        {
            cursor.SeekToFirst();
            Assert.False(cursor.IsValid);
            cursor.SeekToLast();
            Assert.False(cursor.IsValid);
            cursor.Seek("a"u8, Trailer.Newest);
            Assert.False(cursor.IsValid);
            cursor.SeekForPrevious("z"u8, Trailer.Newest);
            Assert.False(cursor.IsValid);
        }

        Assert.False(table.TryGet("a"u8, 1, 100, out _));
        table.Release();
    }

    [Theory]
    [InlineData("b", "c", "b", "c")]
    [InlineData("a", "c", "a", "c")]
    [InlineData("b", "z", "b", "z!")]
    [InlineData("a", "z", "a", "z!")]
    [InlineData("bb", "c", "b", "c")]
    [InlineData("bb", "cc", "b", "cc!")]
    public void Bounds_hold_entries_and_tombstones_and_say_when_the_largest_key_is_outside(
        string start, string end, string smallest, string largest)
    {
        using var fixture = new TableFixture();
        using TableWriter writer = fixture.Store.CreateWriter(1, TableFormatOptions.Default, direct: false);
        foreach (TestEntry entry in (TestEntry[])[TableFixture.Put("b", 5, "1"), TableFixture.Put("c", 6, "2")])
            writer.Add(entry.Key, entry.Trailer, entry.Value);
        var tombstone = new RangeTombstone(TableFixture.Encode(start), TableFixture.Encode(end), 9);
        TableInfo info = writer.Finish(RangeTombstones.Build([tombstone], default));
        Assert.Equal(TableFixture.Encode(smallest), info.SmallestKey);
        Assert.Equal(TableFixture.Encode(largest.TrimEnd('!')), info.LargestKey);
        Assert.Equal(largest.EndsWith('!'), info.IsLargestExclusive);
        Assert.Equal(!largest.EndsWith('!'), info.MayHold(info.LargestKey));
        Assert.True(info.MayHold(info.SmallestKey) && info.EndsBefore(TableFixture.Encode(end + "0")));
        Table table = fixture.Store.Make(info);
        table.AddReference();
        table.Verify(null, default);
        Assert.Throws<CorruptDataException>(() => Verify(fixture, info with { RangeTombstoneCount = 2 }));
        Assert.Throws<CorruptDataException>(() => Verify(fixture, info with { RangeTombstoneCount = 0 }));
        Assert.Throws<CorruptDataException>(() => Verify(fixture, info with { LargestKey = TableFixture.Encode("zz") }));
        Assert.Throws<CorruptDataException>(() => Verify(fixture, info with { SmallestTrailer = 77 }));
        table.Release();
    }

    private static void Verify(TableFixture fixture, TableInfo info)
    {
        Table table = fixture.Store.Make(info);
        table.AddReference();
        try
        {
            table.Verify(null, default);
        }
        finally
        {
            table.Release();
        }
    }

    private static RangeTombstones Mixed() => RangeTombstones.Build(
        [new([], "b"u8.ToArray(), 5), new("a"u8.ToArray(), "cc"u8.ToArray(), 9),
         new("m"u8.ToArray(), "n"u8.ToArray(), 1UL << 40)], default);

    private static string Show(RangeTombstones ranges) => string.Join(", ", ranges.Fragments.ToArray().Select(fragment =>
        $"{Convert.ToHexString(fragment.Start)}-{Convert.ToHexString(fragment.End)} {string.Join('/', fragment.Sequences)}"));
}
