using Varve.Entries;

namespace Varve.Tables;

/// <summary>Where a cursor gets its index partitions and data blocks from. One thread.</summary>
internal abstract unsafe class BlockFeed : IDisposable
{
    /// <summary>The index of a partition, checked; it stays as it is until the next call.</summary>
    public abstract byte* LoadIndex(int partition);

    /// <summary>A block of the partition whose index is given, checked, with padding; it stays as it is until the next call.</summary>
    public abstract byte* Load(int partition, byte* index, int block);

    /// <summary>Lets go of the data block.</summary>
    public abstract void Unload();

    public abstract void Dispose();
}

/// <summary>
/// Blocks through the cache, pinned while the cursor stands on them and counted there as a cursor's. A cursor that walks over blocks the
/// cache lacks, in either direction, reads ahead in a window of its own.
/// </summary>
internal sealed unsafe class CachedBlockFeed(Table table, OpenedTable opened) : BlockFeed
{
    private const int ReadAheadBytes = 128 << 10;

    /// <summary>Neighbouring blocks in a row before reading ahead: a seek with a few moves should not pay for it.</summary>
    private const int StepsBeforeReadAhead = 4;

    private BlockPin _index;
    private BlockPin _block;
    private long _countedBytes;
    private ReadWindow? _window;
    private int _ordinal = -2;
    private int _stepCount;

    public override byte* LoadIndex(int partition)
    {
        _index.Dispose();
        try
        {
            _index = table.PinIndex(opened, partition);
        }
        finally
        {
            CountPins();
        }

        return _index.Data;
    }

    public override byte* Load(int partition, byte* index, int block)
    {
        _block.Dispose();
        int ordinal = opened.Top[partition].BlockFirst + block;
        _stepCount = ordinal == _ordinal + 1 || ordinal == _ordinal - 1 ? _stepCount + 1 : 0;
        bool isBackward = ordinal < _ordinal;
        _ordinal = ordinal;
        try
        {
            if (_stepCount < StepsBeforeReadAhead) _block = table.PinData(opened, partition, index, block);
            else if (!table.TryPinCached(opened, ordinal, out _block)) _block = LoadAhead(ordinal, index, block, isBackward);
        }
        finally
        {
            CountPins();
        }

        if (_stepCount > 0) table.PrefetchCached(opened, isBackward ? ordinal - 1 : ordinal + 1);

        return _block.Data;
    }

    public override void Unload()
    {
        _block.Dispose();
        CountPins();
    }

    public override void Dispose()
    {
        _index.Dispose();
        Unload();
        _window?.Dispose();
    }

    /// <summary>Raw blocks all have frames of one size, so that a walk over them leaves the count alone.</summary>
    private void CountPins()
    {
        long bytes = _index.FrameBytes + _block.FrameBytes;
        if (bytes == _countedBytes) return;
        table.CountCursorBytes(bytes - _countedBytes);
        _countedBytes = bytes;
    }

    private BlockPin LoadAhead(int ordinal, byte* index, int block, bool isBackward)
    {
        _window ??= new ReadWindow(table, ReadAheadBytes);
        ReadOnlySpan<byte> stored = _window.Read(index, block, isBackward);
        return table.DecodeIntoCache(opened, ordinal, IndexPartition.LocationAt(index, block), stored);
    }
}

/// <summary>
/// Blocks read once in large pieces into memory of the cursor's own. It takes nothing of the cache, so that no pins of others can stop a
/// compaction.
/// </summary>
internal sealed unsafe class StreamingBlockFeed(Table table, OpenedTable opened) : BlockFeed
{
    private const int WindowBytes = 512 << 10;

    private readonly ReadWindow _window = new(table, WindowBytes);
    private readonly NativeBuffer _index = new(TableFormat.StoredBytesMax);
    private readonly byte[] _lastKey = new byte[TableFormat.KeyBytesMax];
    private NativeBuffer? _decompressed;
    private int _ordinal = -1;
    private int _lastKeyBytes;
    private ulong _lastTrailer;

    public override byte* LoadIndex(int partition)
    {
        table.ReadIndex(opened, partition, _index);
        return _index.Address;
    }

    public override byte* Load(int partition, byte* index, int block)
    {
        int ordinal = opened.Top[partition].BlockFirst + block;
        bool isNext = ordinal == _ordinal + 1;
        bool isBackward = ordinal < _ordinal;
        _ordinal = ordinal;
        BlockLocation location = IndexPartition.LocationAt(index, block);
        byte* payload = Read(index, block, location, isBackward);
        CheckOrder(payload, location, isNext && ordinal > 0);
        return payload;
    }

    private byte* Read(byte* index, int block, BlockLocation location, bool isBackward)
    {
        ReadOnlySpan<byte> stored = _window.Read(index, block, isBackward);
        int rawBytes = table.CheckStored(stored, location);
        if (!location.IsCompressed)
        {
            table.CheckPayload(stored[..rawBytes], BlockKind.Data, location);
            // SAFETY: the window does not move, and ends with padding.
            fixed (byte* payload = stored) return payload;
        }

        _decompressed ??= new NativeBuffer(TableFormat.PayloadBytesMax);
        table.Decompress(stored, _decompressed.Span[..rawBytes], location);
        return _decompressed.Address;
    }

    /// <summary>
    /// What a compaction writes must be in order and within the bounds by which its inputs were chosen: an input that is not is damaged.
    /// </summary>
    private void CheckOrder(byte* block, BlockLocation location, bool isNext)
    {
        int count = DataBlock.Count(block);
        DataBlock.DecodeAt(block, 0, out BlockEntry previous);
        bool isInOrder = previous.KeySpan.SequenceCompareTo(table.Info.SmallestKey) >= 0
            && (!isNext || IsBefore(_lastKey.AsSpan(0, _lastKeyBytes), _lastTrailer, previous));
        for (int i = 1; isInOrder && i < count; i++)
        {
            DataBlock.DecodeAt(block, i, out BlockEntry entry);
            isInOrder = IsBefore(previous.KeySpan, previous.Trailer, entry);
            previous = entry;
        }

        isInOrder &= previous.KeyLength <= _lastKey.Length && previous.KeySpan.SequenceCompareTo(table.Info.LargestKey) <= 0;
        if (!isInOrder) table.ThrowCorrupt(location.Offset, "a block's entries are not in order, or not within the table's bounds");
        previous.KeySpan.CopyTo(_lastKey);
        (_lastKeyBytes, _lastTrailer) = (previous.KeyLength, previous.Trailer);
    }

    // The flag of a separate value stands below the sequence and does not count.
    private static bool IsBefore(ReadOnlySpan<byte> key, ulong trailer, in BlockEntry entry) =>
        EntryOrder.Compare(key, SeparateValue.WithoutFlag(trailer), entry.KeySpan, SeparateValue.WithoutFlag(entry.Trailer)) < 0;

    public override void Unload()
    {
    }

    public override void Dispose()
    {
        _window.Dispose();
        _index.Dispose();
        _decompressed?.Dispose();
    }
}

/// <summary>A piece of a table file in memory: neighbouring blocks, read together. One thread.</summary>
internal sealed unsafe class ReadWindow(Table table, int windowBytes) : IDisposable
{
    /// <summary>What may stand between two blocks (a partition) without ending the window; a large value does.</summary>
    private const int GapBytesMax = 16 << 10;

    private readonly NativeBuffer _buffer = new(windowBytes);
    private long _start;
    private long _end;

    /// <summary>The stored block; unless it is here, it is read with those that follow it in the direction of the walk.</summary>
    public ReadOnlySpan<byte> Read(byte* index, int block, bool isBackward)
    {
        BlockLocation location = IndexPartition.LocationAt(index, block);
        if (location.Offset < _start || location.End > _end) Fill(index, block, isBackward);
        return _buffer.Span.Slice((int)(location.Offset - _start), location.StoredBytes);
    }

    public void Dispose() => _buffer.Dispose();

    private void Fill(byte* index, int block, bool isBackward)
    {
        BlockLocation location = IndexPartition.LocationAt(index, block);
        long start = location.Offset;
        long end = location.End;
        if (isBackward)
        {
            while (--block >= 0)
            {
                BlockLocation before = IndexPartition.LocationAt(index, block);
                if (before.End > start || start - before.End > GapBytesMax || end - before.Offset > _buffer.Bytes) break;
                start = before.Offset;
            }
        }
        else
        {
            for (int count = IndexPartition.Count(index); ++block < count;)
            {
                BlockLocation next = IndexPartition.LocationAt(index, block);
                if (next.Offset < end || next.Offset - end > GapBytesMax || next.End - start > _buffer.Bytes) break;
                end = next.End;
            }
        }

        // Nothing is here while reading fails.
        _start = 0;
        _end = 0;
        table.ReadExactly(_buffer.Span[..(int)(end - start)], start);
        _start = start;
        _end = end;
    }
}
