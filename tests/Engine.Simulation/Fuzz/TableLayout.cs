using Varve.Bytes;
using Varve.Entries;
using Varve.Tables;

namespace Varve.Simulation;

/// <summary>Where the blocks and the large values of a sound table stand.</summary>
internal sealed record TableLayout(ulong Salt, IReadOnlyList<FileRange> Blocks, IReadOnlyList<FileRange> Values)
{
    public static unsafe TableLayout Read(byte[] file)
    {
        long end = file.Length - TableFooter.SizeBytes;
        if (TableFooter.Read(file.AsSpan((int)end), end, out TableFooter footer) is { } wrong) throw new InvalidOperationException(wrong);
        var blocks = new List<FileRange> { footer.TopIndex, footer.Properties };
        var values = new List<FileRange>();
        if (footer.RangeTombstones != default) blocks.Add(footer.RangeTombstones);
        byte[] topBytes = file[(int)footer.TopIndex.Offset..(int)(footer.TopIndex.Offset + footer.TopIndex.Bytes - BlockTrailer.SizeBytes)];
        if (!TopIndex.TryDecode(topBytes, file.Length, out TopIndex? top)) throw new InvalidOperationException("No top index.");
        for (int partition = 0; partition < top!.Count; partition++)
        {
            BlockLocation index = top[partition].Index;
            blocks.Add(new FileRange(index.Offset, index.StoredBytes));
            BlockLocation filter = top[partition].Filter;
            if (filter.StoredBytes > 0) blocks.Add(new FileRange(filter.Offset, filter.StoredBytes));
            fixed (byte* start = file)
            {
                for (int block = 0; block < top[partition].BlockCount; block++)
                {
                    BlockLocation data = IndexPartition.LocationAt(start + index.Offset, block);
                    blocks.Add(new FileRange(data.Offset, data.StoredBytes));
                    AddValues(file, data, values);
                }
            }
        }

        return new TableLayout(footer.Salt, blocks, values);
    }

    private static unsafe void AddValues(byte[] file, BlockLocation location, List<FileRange> values)
    {
        ReadOnlySpan<byte> stored = file.AsSpan((int)location.Offset, location.StoredBytes);
        byte[] payload = stored[..^BlockTrailer.SizeBytes].ToArray();
        if (location.IsCompressed)
        {
            byte[] raw = new byte[BitConverter.ToUInt32(stored[^BlockTrailer.SizeBytes..]) >> 8];
            if (!Lz4Block.TryDecompress(payload, raw)) throw new InvalidOperationException("A block does not decompress.");
            payload = raw;
        }

        fixed (byte* block = payload)
        {
            for (int i = 0; i < DataBlock.Count(block); i++)
            {
                DataBlock.DecodeAt(block, i, out BlockEntry entry);
                if (!SeparateValue.IsSeparate(entry.Trailer)) continue;
                ReadOnlySpan<byte> handle = new ReadOnlySpan<byte>(entry.Value, entry.ValueLength)[Expiry.PrefixBytesOf(entry.Trailer)..];
                if (SeparateValue.TryReadHandle(handle, file.Length, out long offset, out int valueBytes))
                    values.Add(new FileRange(offset, valueBytes));
            }
        }
    }
}
