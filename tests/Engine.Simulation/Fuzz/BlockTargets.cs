using System.Globalization;
using System.Text;
using Varve.Bytes;
using Varve.Entries;
using Varve.Tables;

namespace Varve.Simulation;

/// <summary>A table with every kind of block, for the targets that begin with its parts.</summary>
internal sealed class SampleTable
{
    private static readonly Lazy<SampleTable> s_raw = new(static () => new SampleTable());

    private SampleTable()
    {
        var disk = new SimulatedDisk();
        disk.CreateDirectory("data");
        using var cache = new BlockCache(new Native.RegionPool(), 1 << 20);
        using var store = new TableStore(disk, "data", new DatabaseId(1, 2), cache, 4, new SeededRandom(1));
        using TableWriter writer = store.CreateWriter(1, new TableFormatOptions { BlockBytes = 700 }, direct: false);
        for (int i = 0; i < 120; i++)
        {
            byte[] key = Encoding.ASCII.GetBytes("key " + (i / 2).ToString("d4", CultureInfo.InvariantCulture));
            EntryKind kind = i % 11 == 5 ? EntryKind.Tombstone : i % 7 == 3 ? EntryKind.Value | EntryKind.Expiring : EntryKind.Value;
            byte[] value = kind == EntryKind.Tombstone ? [] : i == 40 ? new byte[70_000] : new byte[8 + i];
            writer.Add(key, Trailer.Pack((ulong)(1_000 - i), kind), value);
        }

        RangeTombstone[] ranges = [new([.. "key 0003"u8], [.. "key 0009"u8], 7), new([.. "key 0005"u8], [.. "key 0050"u8], 9)];
        Info = writer.Finish(RangeTombstones.Build([.. ranges], [Trailer.SequenceMax]));
        File = disk.ReadAll(store.PathOf(1));
        Layout = TableLayout.Read(File);
    }

    public static SampleTable Raw => s_raw.Value;

    public TableInfo Info { get; }

    public byte[] File { get; }

    public TableLayout Layout { get; }

    /// <summary>The payload of the n-th block that the layout lists.</summary>
    public byte[] PayloadAt(int index)
    {
        FileRange block = Layout.Blocks[index];
        return File[(int)block.Offset..(int)(block.Offset + block.Bytes - BlockTrailer.SizeBytes)];
    }

    /// <summary>Payloads that a check takes: those of its kind, as the kinds differ.</summary>
    public List<byte[]> PayloadsWhere(Func<byte[], bool> isOfKind) =>
        [.. Enumerable.Range(0, Layout.Blocks.Count).Select(PayloadAt).Where(isOfKind)];
}

/// <summary>A data block that is found to be well formed can be read in every way without leaving it.</summary>
internal sealed unsafe class DataBlockTarget() : FuzzTarget("data-block")
{
    public override int SlackBytes => TableFormat.FramePaddingBytes;

    public override IReadOnlyList<byte[]> Seeds { get; } = SampleTable.Raw.PayloadsWhere(static payload => DataBlock.IsWellFormed(payload));

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (!DataBlock.IsWellFormed(input)) return;
        fixed (byte* block = input)
        {
            int count = DataBlock.Count(block);
            int entryBytes = DataBlock.EntriesOffset(count);
            for (int i = 0; i < count; i++)
            {
                DataBlock.DecodeAt(block, i, out BlockEntry entry);
                int measured = DataBlock.EntryBytes(entry.KeyLength, entry.ValueLength);
                bool isWithin = entry.Key >= block && entry.Value + entry.ValueLength <= block + input.Length;
                if (!isWithin) throw new HistoryViolationException($"entry {i} of {count} leaves the block");
                entryBytes += measured;
                bool hasExpiry = Expiry.PrefixBytesOf(entry.Trailer) <= entry.ValueLength;
                if (!hasExpiry) throw new HistoryViolationException($"entry {i} has no expiry");
                Touch(entry.KeySpan, new ReadOnlySpan<byte>(entry.Value, entry.ValueLength));
                Search(block, entry.KeySpan, entry.Trailer, count);
            }

            if (entryBytes > input.Length)
                throw new HistoryViolationException($"{count} entries take {entryBytes} of {input.Length} bytes");
            Search(block, [], ulong.MaxValue, count);
            Search(block, "zzz"u8, 0, count);
        }
    }

    private static void Search(byte* block, ReadOnlySpan<byte> key, ulong trailer, int count)
    {
        byte fingerprint = (byte)(KeyHash.Compute(key) >> 56);
        DataBlock.PrefetchMatch(block, fingerprint);
        if (DataBlock.TryFind(block, key, fingerprint, trailer, out BlockEntry found) && !found.KeySpan.SequenceEqual(key))
            throw new HistoryViolationException("a search finds another key");
        DataBlock.EndsWith(block, key);
        if (DataBlock.LowerBound(block, key, trailer) is var place && (place < 0 || place > count))
            throw new HistoryViolationException($"a search ends at {place} of {count}");
    }

    private static void Touch(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        _ = Crc32C.Append(Crc32C.Compute(key), value);
    }
}

/// <summary>An index partition that is found to be well formed finds a block, or none, for every key.</summary>
internal sealed unsafe class IndexTarget() : FuzzTarget("index")
{
    private static readonly long FileBytes = SampleTable.Raw.File.Length;

    public override int SlackBytes => TableFormat.FramePaddingBytes;

    public override IReadOnlyList<byte[]> Seeds { get; } =
        SampleTable.Raw.PayloadsWhere(static payload => IndexPartition.IsWellFormed(payload, FileBytes));

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (!IndexPartition.IsWellFormed(input, FileBytes)) return;
        fixed (byte* partition = input)
        {
            int count = IndexPartition.Count(partition);
            for (int i = 0; i < count; i++)
            {
                if (!IndexPartition.LocationAt(partition, i).IsWithin(FileBytes))
                    throw new HistoryViolationException($"block {i} is outside the file");
            }

            int before = 0;
            for (int i = 0; i <= 70; i++)
            {
                byte[] key = i == 0 ? [] : Encoding.ASCII.GetBytes("key " + (i - 1).ToString("d4", CultureInfo.InvariantCulture));
                int found = IndexPartition.Find(partition, key);
                if (found < before || found > count)
                    throw new HistoryViolationException($"key {i} is in block {found} of {count}, one before it in {before}");
                before = found;
            }
        }
    }
}

/// <summary>Top index, properties, range tombstones and footer: what is read means the same when it is written again.</summary>
internal sealed class TableMetaTarget() : FuzzTarget("table-meta")
{
    private static readonly SampleTable Sample = SampleTable.Raw;

    public override IReadOnlyList<byte[]> Seeds { get; } =
    [
        [0, .. Sample.PayloadAt(0)],
        [1, .. Sample.PayloadAt(1)],
        [2, .. Sample.PayloadAt(2)],
        [3, .. Sample.File[^TableFooter.SizeBytes..]],
        [4, .. SampleHandle()],
    ];

    public override void Seal(Span<byte> input)
    {
        if (input.Length != TableFooter.SizeBytes + 1 || input[0] % 5 != 3) return;
        Sealing.SealFooter(input[1..], Sample.File.Length - TableFooter.SizeBytes);
    }

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (input.IsEmpty) return;
        ReadOnlySpan<byte> content = input[1..];
        switch (input[0] % 5)
        {
            case 0:
                CheckTopIndex(content);
                break;
            case 1:
                CheckProperties(content);
                break;
            case 2:
                CheckRanges(content);
                break;
            case 3:
                CheckFooter(content);
                break;
            default:
                CheckHandle(content);
                break;
        }
    }

    private static byte[] SampleHandle()
    {
        byte[] handle = new byte[2 * Varint.BytesMax];
        int bytes = Varint.Write(handle, (ulong)Sample.Layout.Values[0].Offset);
        return handle[..(bytes + Varint.Write(handle.AsSpan(bytes), (ulong)Sample.Layout.Values[0].Bytes))];
    }

    private static void CheckTopIndex(ReadOnlySpan<byte> content)
    {
        if (!TopIndex.TryDecode(content.ToArray(), Sample.File.Length, out TopIndex? top)) return;
        int blocks = 0;
        for (int i = 0; i < top!.Count; i++)
        {
            if (top[i].BlockFirst != blocks) throw new HistoryViolationException($"partition {i} begins with block {top[i].BlockFirst}");
            blocks += top[i].BlockCount;
            if (!top[i].Index.IsWithin(Sample.File.Length)) throw new HistoryViolationException($"index {i} is outside the file");
        }

        if (top.BlockCount != blocks) throw new HistoryViolationException($"{blocks} blocks, the whole has {top.BlockCount}");
        int found = top.Find("key 0020"u8);
        if (found < 0 || found > top.Count) throw new HistoryViolationException("a search leaves it");
    }

    private static void CheckProperties(ReadOnlySpan<byte> content)
    {
        if (!TableProperties.TryDecode(content, out TableProperties properties)) return;
        byte[] written = properties.Encode();
        if (!TableProperties.TryDecode(written, out TableProperties again) || !again.Encode().AsSpan().SequenceEqual(written))
            throw new HistoryViolationException("properties are others when they are written again");
    }

    private static void CheckRanges(ReadOnlySpan<byte> content)
    {
        if (!RangeTombstoneBlock.TryDecode(content, out RangeTombstones? ranges)) return;
        byte[] written = RangeTombstoneBlock.Encode(ranges);
        if (!RangeTombstoneBlock.TryDecode(written, out RangeTombstones? again) || again.Count != ranges.Count)
            throw new HistoryViolationException("range tombstones are others when they are written again");
        foreach (RangeFragment fragment in ranges.Fragments)
        {
            if (ranges.NewestCovering(fragment.Start, Trailer.SequenceMax) != fragment.Sequences[0])
                throw new HistoryViolationException("a fragment does not cover its start");
        }
    }

    private static void CheckFooter(ReadOnlySpan<byte> content)
    {
        if (content.Length != TableFooter.SizeBytes) return;
        long offset = Sample.File.Length - TableFooter.SizeBytes;
        if (TableFooter.Read(content, offset, out TableFooter footer) is not null) return;
        bool isWithin = footer.TopIndex.IsWithin(offset) && footer.Properties.IsWithin(offset);
        if (!isWithin) throw new HistoryViolationException("the footer points outside the file");
        Span<byte> written = stackalloc byte[TableFooter.SizeBytes];
        footer.Write(written, offset);
        if (TableFooter.Read(written, offset, out TableFooter again) is not null || again != footer)
            throw new HistoryViolationException("the footer is another when it is written again");
    }

    private static void CheckHandle(ReadOnlySpan<byte> content)
    {
        if (!SeparateValue.TryReadHandle(content, Sample.File.Length, out long offset, out int valueBytes)) return;
        long end = offset + SeparateValue.HeaderBytes(valueBytes) + valueBytes;
        bool isWithin = offset >= 0 && valueBytes >= 0 && end <= Sample.File.Length;
        if (!isWithin) throw new HistoryViolationException("a handle points outside the file");
        ReadOnlySpan<byte> stored = Sample.File.AsSpan((int)offset);
        int headerBytes = SeparateValue.HeaderBytes(valueBytes);
        bool isRight = SeparateValue.Check(
            stored[..headerBytes], stored.Slice(headerBytes, valueBytes), Sample.Layout.Salt, offset, out long damagedAt);
        if (isRight && valueBytes > 0 && !Sample.Layout.Values.Contains(new FileRange(offset, valueBytes)))
            throw new HistoryViolationException($"{valueBytes} bytes at {offset} pass for a value, which they are not");
        if (damagedAt < offset || damagedAt > end) throw new HistoryViolationException($"damage at {damagedAt} of a value at {offset}");
    }
}
