namespace Varve.Tables;

// How much of a table lies before a key, by its indexes: no data block is read.
internal sealed unsafe partial class Table
{
    /// <summary>
    /// About the shares, 0 to 1, of the table's blocks and of its bytes before the key. Right to half a block either way.
    /// </summary>
    /// <exception cref="CorruptDataException">The index is damaged.</exception>
    public (double Blocks, double Bytes) EstimateShareBefore(ReadOnlySpan<byte> key)
    {
        OpenedTable opened = Opened;
        int partition = opened.Top.Find(key);
        if (partition == opened.Top.Count) return (1, 1);
        using BlockPin index = PinIndex(opened, partition);
        int block = IndexPartition.Find(index.Data, key);
        if (block >= opened.Top[partition].BlockCount) return (1, 1);

        // The key falls into this block: about half of the block comes before it.
        BlockLocation location = IndexPartition.LocationAt(index.Data, block);
        double blocks = (opened.Top[partition].BlockFirst + block + 0.5) / opened.Top.BlockCount;
        double bytes = (location.Offset + location.StoredBytes / 2.0) / opened.FileBytes;
        return (blocks, bytes);
    }

    /// <summary>About the share of the table that one block is.</summary>
    public double EstimateBlockShare() => 1.0 / Opened.Top.BlockCount;

    /// <summary>
    /// Adds keys between which lie about so many bytes of the table, in order, each with the bytes that lie before it and behind the one
    /// before. Reads the indexes past the cache.
    /// </summary>
    /// <exception cref="CorruptDataException">An index is damaged.</exception>
    public void SampleKeys(long bytesBetween, List<KeySample> samples)
    {
        OpenedTable opened = Opened;
        using var index = new NativeBuffer(TableFormat.StoredBytesMax);
        long sampledEnd = 0;
        for (int partition = 0; partition < opened.Top.Count; partition++)
        {
            ReadIndex(opened, partition, index);
            int count = opened.Top[partition].BlockCount;
            for (int block = 0; block < count; block++)
            {
                long end = IndexPartition.LocationAt(index.Address, block).End;
                if (end - sampledEnd < bytesBetween) continue;
                samples.Add(new KeySample(IndexPartition.SeparatorAt(index.Address, block), end - sampledEnd));
                sampledEnd = end;
            }
        }
    }
}

/// <summary>A key at or behind a block's last one, and how many bytes of its table it stands for.</summary>
internal readonly record struct KeySample(byte[] Key, long Bytes);
