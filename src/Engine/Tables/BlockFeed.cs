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

    /// <summary>Goes on with another table, in the memory it has; false when it cannot, and stays with its own.</summary>
    public virtual bool TryMoveTo(Table other, OpenedTable otherOpened) => false;

    public abstract void Dispose();
}

/// <summary>
/// Blocks through the cache, pinned while the cursor stands on them and counted there as a cursor's. A cursor that walks over blocks the
/// cache lacks, in either direction, reads ahead in a window of its own, and has another thread decode what comes later.
/// </summary>
internal sealed unsafe class CachedBlockFeed : BlockFeed
{
    /// <summary>
    /// The first read of several blocks, of a walk that has come to its second block; each further one is twice as long.
    /// </summary>
    private const int ReadAheadBytesMin = 8 << 10;

    private const int ReadAheadBytesMax = 128 << 10;

    /// <summary>Neighbouring blocks in a row before another thread is asked: a seek with a few moves should not pay for it.</summary>
    private const int StepsBeforeHelp = 4;

    /// <summary>No block is its neighbour.</summary>
    private const int NowhereNear = -2;

    private Table _table;
    private OpenedTable _opened;
    private BlockPin _index;
    private BlockPin _block;
    private long _countedBytes;
    private ReadWindow? _window;
    private int _ordinal = NowhereNear;
    private int _stepCount;
    private int _neighbourhood = -1;

    public CachedBlockFeed(Table table, OpenedTable opened)
    {
        _table = table;
        _opened = opened;
    }

    public override byte* LoadIndex(int partition)
    {
        _index.Dispose();
        try
        {
            _index = _table.PinIndex(_opened, partition);
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
        int ordinal = _opened.Top[partition].BlockFirst + block;
        _stepCount = ordinal == _ordinal + 1 || ordinal == _ordinal - 1 ? _stepCount + 1 : 0;
        bool isBackward = ordinal < _ordinal;
        _ordinal = ordinal;
        try
        {
            if (_stepCount == 0) _block = _table.PinData(_opened, partition, index, block);
            else if (!_table.TryPinCached(_opened, ordinal, out _block)) _block = LoadAhead(partition, index, block, isBackward);
        }
        finally
        {
            CountPins();
        }

        if (_stepCount > 0) _table.PrefetchCached(_opened, isBackward ? ordinal - 1 : ordinal + 1);

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

    public override bool TryMoveTo(Table other, OpenedTable otherOpened)
    {
        _index.Dispose();
        Unload();
        _window?.MoveTo(other);
        _table = other;
        _opened = otherOpened;
        _ordinal = NowhereNear;
        _stepCount = 0;
        _neighbourhood = -1;
        return true;
    }

    /// <summary>Raw blocks all have frames of one size, so that a walk over them leaves the count alone.</summary>
    private void CountPins()
    {
        long bytes = _index.FrameBytes + _block.FrameBytes;
        if (bytes == _countedBytes) return;
        _table.CountCursorBytes(bytes - _countedBytes);
        _countedBytes = bytes;
    }

    private BlockPin LoadAhead(int partition, byte* index, int block, bool isBackward)
    {
        int neighbourhood = block / NeighbourReads.BlocksTogether;
        if (_stepCount < StepsBeforeHelp)
        {
            _table.AskForNeighbours(_opened, partition, block);
        }
        else if (neighbourhood != _neighbourhood)
        {
            _neighbourhood = neighbourhood;
            _table.AskAhead(_opened, partition, block, isBackward);
        }

        _window ??= new ReadWindow(_table, ReadAheadBytesMax);
        if (_stepCount == 1) _window.NextBytes = ReadAheadBytesMin;
        ReadOnlySpan<byte> stored = _window.Read(index, block, isBackward);
        int ordinal = _opened.Top[partition].BlockFirst + block;
        return _table.DecodeIntoCache(_opened, ordinal, IndexPartition.LocationAt(index, block), stored);
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
internal sealed unsafe class ReadWindow : IDisposable
{
    /// <summary>What may stand between two blocks (a partition) without ending the window; a large value does.</summary>
    private const int GapBytesMax = 16 << 10;

    private readonly NativeBuffer _buffer;
    private Table _table;
    private long _start;
    private long _end;

    public ReadWindow(Table table, int bytesMax)
    {
        _table = table;
        _buffer = new NativeBuffer(bytesMax);
        NextBytes = bytesMax;
    }

    /// <summary>How long the next read may be; it doubles with each, up to the window's length.</summary>
    public int NextBytes { get; set; }

    /// <summary>The stored block; unless it is here, it is read with those that follow it in the direction of the walk.</summary>
    public ReadOnlySpan<byte> Read(byte* index, int block, bool isBackward)
    {
        BlockLocation location = IndexPartition.LocationAt(index, block);
        if (location.Offset < _start || location.End > _end) Fill(index, block, isBackward);
        return _buffer.Span.Slice((int)(location.Offset - _start), location.StoredBytes);
    }

    /// <summary>Goes on with another table; nothing is here.</summary>
    public void MoveTo(Table table)
    {
        _table = table;
        _start = 0;
        _end = 0;
    }

    public void Dispose() => _buffer.Dispose();

    private void Fill(byte* index, int block, bool isBackward)
    {
        BlockLocation location = IndexPartition.LocationAt(index, block);
        long start = location.Offset;
        long end = location.End;
        int bytesMax = NextBytes;
        NextBytes = Math.Min(2 * NextBytes, _buffer.Bytes);
        if (isBackward)
        {
            while (--block >= 0)
            {
                BlockLocation before = IndexPartition.LocationAt(index, block);
                if (before.End > start || start - before.End > GapBytesMax || end - before.Offset > bytesMax) break;
                start = before.Offset;
            }
        }
        else
        {
            for (int count = IndexPartition.Count(index); ++block < count;)
            {
                BlockLocation next = IndexPartition.LocationAt(index, block);
                if (next.Offset < end || next.Offset - end > GapBytesMax || next.End - start > bytesMax) break;
                end = next.End;
            }
        }

        // Nothing is here while reading fails.
        _start = 0;
        _end = 0;
        _table.ReadExactly(_buffer.Span[..(int)(end - start)], start);
        _start = start;
        _end = end;
    }
}
