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
}
