using Varve.Bytes;
using Varve.Entries;
using Varve.Tables;

namespace Varve.Maintenance;

// The partitions of the table, its data blocks and large values.
internal sealed unsafe partial class TableInspector
{
    private readonly ExpiryTally _expiries = new();

    /// <summary>With the padding that blocks in memory have.</summary>
    private readonly byte[] _decompressed = new byte[TableFormat.PayloadBytesMax + TableFormat.FramePaddingBytes];
    private readonly byte[] _previousKey = new byte[TableFormat.KeyBytesMax];
    private int _previousKeyBytes;
    private byte[] _stored = [];
    private byte[] _index = [];
    private byte[] _filter = [];
    private byte[] _value = [];
    private ulong _previousTrailer;
    private byte[] _smallestKey = [];
    private ulong _smallestTrailer;
    private ulong _smallestSequence = ulong.MaxValue;
    private ulong _largestSequence;
    private long _entries;
    private long _tombstones;
    private long _separateValues;

    /// <summary>Whether an entry that index or filter do not lead to was found in the partition.</summary>
    private bool _isMisled;

    private ReadOnlySpan<byte> PreviousKey => _previousKey.AsSpan(0, _previousKeyBytes);

    private void ReadPartitions(TopIndex top, CancellationToken cancellation)
    {
        for (int partition = 0; partition < top.Count; partition++)
        {
            byte[]? before = partition == 0 ? null : top.SeparatorAt(partition - 1).ToArray();
            ReadPartition(top[partition], before, top.SeparatorAt(partition).ToArray(), cancellation);
        }
    }

    /// <summary>
    /// Without a top index: partitions are looked for in the whole file; each tells where its blocks are. What no partition covers is lost.
    /// </summary>
    private void ReadFoundPartitions(long damagedAt, CancellationToken cancellation)
    {
        byte[]? before = null;
        foreach (FoundPartition found in PartitionScan.Run(_file, _fileBytes, _salt, cancellation))
        {
            var parts = new TablePartition(0, found.BlockCount, found.Location, Filter: default);
            if (found.FollowsGap) Lose(before, found.FirstSeparator, found.PreviousEnd, "an index may be missing");
            ReadPartition(parts, before, found.LastSeparator, cancellation);
            before = found.LastSeparator;
        }

        Lose(before, null, damagedAt, "the top index cannot be read");
    }

    private void ReadPartition(TablePartition parts, byte[]? before, byte[] last, CancellationToken cancellation)
    {
        _isMisled = false;
        bool hasFilter = parts.Filter != default && ReadBlock(TableBlockKind.Filter, parts.Filter, out Span<byte> filter)
            && KeepFilter(filter);
        if (!ReadBlock(TableBlockKind.Index, parts.Index, out Span<byte> index) || !IndexPartition.IsWellFormed(index, _fileBytes))
        {
            if (index.Length > 0) _problems.Add(parts.Index.Offset, "the index is not well formed");
            Lose(before, last, parts.Index.Offset, "an index is damaged");
            return;
        }

        // Data blocks are read over the same buffers.
        if (_index.Length < index.Length) _index = new byte[TableFormat.PayloadBytesMax + TableFormat.FramePaddingBytes];
        index.CopyTo(_index);
        ReadBlocks(parts, before, hasFilter, cancellation);
    }

    private bool KeepFilter(ReadOnlySpan<byte> filter)
    {
        if (_filter.Length < filter.Length) _filter = new byte[TableFormat.PayloadBytesMax];
        filter.CopyTo(_filter);
        return true;
    }

    private void ReadBlocks(TablePartition parts, byte[]? before, bool hasFilter, CancellationToken cancellation)
    {
        int filterLines = hasFilter ? (parts.Filter.StoredBytes - BlockTrailer.SizeBytes) / BlockedBloom.LineBytes : 0;
        fixed (byte* index = _index)
        fixed (byte* filter = _filter)
        {
            int count = IndexPartition.Count(index);
            if (count != parts.BlockCount)
                _problems.Add(parts.Index.Offset, $"the index knows {count} blocks, the top index {parts.BlockCount}");
            for (int block = 0; block < count; block++)
            {
                cancellation.ThrowIfCancellationRequested();
                BlockLocation location = IndexPartition.LocationAt(index, block);
                if (!ReadData(location, index, block, filter, filterLines))
                {
                    byte[]? first = block == 0 ? before : IndexPartition.SeparatorAt(index, block - 1);
                    Lose(first, IndexPartition.SeparatorAt(index, block), location.Offset, "a data block is damaged");
                }

                Progress?.Report(Math.Min(_fileBytes, location.Offset + location.StoredBytes));
            }
        }
    }

    private bool ReadData(BlockLocation location, byte* index, int block, byte* filter, int filterLines)
    {
        if (!ReadBlock(TableBlockKind.Data, location, out Span<byte> payload)) return false;
        if (!DataBlock.IsWellFormed(payload))
        {
            _blocks[^1] = _blocks[^1] with { IsSound = false };
            _problems.Add(location.Offset, "the entries of the block are not well formed");
            return false;
        }

        fixed (byte* start = payload)
        {
            int count = DataBlock.Count(start);
            _blocks[^1] = _blocks[^1] with { Entries = count };
            for (int i = 0; i < count; i++)
            {
                // SAFETY: IsWellFormed has found each entry within the block.
                DataBlock.DecodeAt(start, i, out BlockEntry entry);
                CheckFindable(entry, location.Offset, index, block, filter, filterLines);
                Enter(entry, location.Offset);
            }
        }

        return true;
    }

    /// <summary>Index and filter lead to the entry: a get finds what a scan shows. Called before the entry is the previous one.</summary>
    private void CheckFindable(in BlockEntry entry, long blockOffset, byte* index, int block, byte* filter, int filterLines)
    {
        ReadOnlySpan<byte> key = entry.KeySpan;
        bool isNewKey = _entries == 0 || !key.SequenceEqual(PreviousKey);
        if (_isMisled || !isNewKey) return;
        if (IndexPartition.Find(index, key) != block) _problems.Add(blockOffset, "the index does not lead to an entry of the block");
        else if (filterLines > 0 && !BlockedBloom.MayContain(filter, filterLines, KeyHash.Compute(key)))
            _problems.Add(blockOffset, "the filter denies a key of the block");
        else return;
        _isMisled = true;
    }

    private void Enter(in BlockEntry entry, long blockOffset)
    {
        ulong trailer = SeparateValue.WithoutFlag(entry.Trailer);
        if (entry.KeyLength > TableFormat.KeyBytesMax)
        {
            _problems.Add(blockOffset, $"a key has {entry.KeyLength} bytes");
            return;
        }

        bool isInOrder = _entries == 0 || EntryOrder.Compare(PreviousKey, _previousTrailer, entry.KeySpan, trailer) < 0;
        if (!isInOrder) _problems.Add(blockOffset, $"the entry of sequence {Trailer.Sequence(trailer)} is not behind the one before it");
        Count(entry, trailer);

        int prefixBytes = Expiry.PrefixBytesOf(trailer);
        bool isWhole = true;
        ReadOnlySpan<byte> value = new(entry.Value, entry.ValueLength);
        if (SeparateValue.IsSeparate(entry.Trailer)) isWhole = TryReadValue(value, prefixBytes, blockOffset, out value);
        if (!isWhole) Lose(entry.KeySpan.ToArray(), entry.KeySpan.ToArray(), blockOffset, "a large value is damaged");
        ulong sequence = Trailer.Sequence(trailer);
        if (!InspectedEntries.TryDescribe(entry.KeySpan, sequence, Trailer.Kind(trailer), value, out InspectedEntry described))
        {
            _problems.Add(blockOffset, $"the entry of sequence {sequence} has a key without a map");
            return;
        }

        if (isWhole && isInOrder) OnStored?.Invoke(entry.KeySpan, trailer, value);
        _onEntry?.Invoke(described);
    }

    private void Count(in BlockEntry entry, ulong trailer)
    {
        if (_entries == 0)
        {
            _smallestKey = entry.KeySpan.ToArray();
            _smallestTrailer = trailer;
        }

        entry.KeySpan.CopyTo(_previousKey);
        _previousKeyBytes = entry.KeyLength;
        _previousTrailer = trailer;
        _entries++;
        if (Trailer.IsTombstone(trailer)) _tombstones++;
        if (Expiry.IsExpiring(trailer)) _expiries.Add(Expiry.Read(new ReadOnlySpan<byte>(entry.Value, entry.ValueLength)));
        _smallestSequence = Math.Min(_smallestSequence, Trailer.Sequence(trailer));
        _largestSequence = Math.Max(_largestSequence, Trailer.Sequence(trailer));
    }

    /// <summary>The value that a handle leads to, with the expiry that stands before the handle.</summary>
    private bool TryReadValue(ReadOnlySpan<byte> stored, int prefixBytes, long blockOffset, out ReadOnlySpan<byte> value)
    {
        _separateValues++;
        value = default;
        if (!SeparateValue.TryReadHandle(stored[prefixBytes..], _fileBytes, out long offset, out int valueBytes))
        {
            _problems.Add(blockOffset, "the place of a value cannot be read, or lies outside the file");
            return false;
        }

        // The expiry is put where the header ends, once that was used.
        int headerBytes = SeparateValue.HeaderBytes(valueBytes);
        int start = prefixBytes;
        if (_value.Length < start + headerBytes + valueBytes) _value = new byte[start + headerBytes + valueBytes];
        Span<byte> whole = _value.AsSpan(start, headerBytes + valueBytes);
        long damagedAt = offset;
        bool isSound = _file.Read(whole, offset) == whole.Length
            && SeparateValue.Check(whole[..headerBytes], whole[headerBytes..], _salt, offset, out damagedAt);
        if (!isSound)
        {
            _problems.Add(damagedAt, $"a value of {valueBytes} bytes is damaged here");
            return false;
        }

        stored[..prefixBytes].CopyTo(_value.AsSpan(headerBytes));
        value = _value.AsSpan(headerBytes, prefixBytes + valueBytes);
        return true;
    }

    /// <summary>The payload of a block with a bounded size; valid until the next one is read.</summary>
    private bool ReadBlock(TableBlockKind kind, BlockLocation location, out Span<byte> payload)
    {
        payload = default;
        int rawBytes = 0;
        if (!location.IsWithin(_fileBytes))
        {
            _problems.Add(location.Offset, $"a {NameOf(kind)} lies outside the file");
            return false;
        }

        if (_stored.Length == 0) _stored = new byte[TableFormat.StoredBytesMax];
        Span<byte> stored = _stored.AsSpan(0, location.StoredBytes);
        BlockCompression compression = BlockCompression.None;
        bool isSound = _file.Read(stored, location.Offset) == stored.Length
            && BlockTrailer.TryRead(stored, _salt, location.Offset, out compression, out rawBytes)
            && TryDecompress(stored[..^BlockTrailer.SizeBytes], compression, rawBytes);
        _blocks.Add(new BlockInspection(kind, location.Offset, location.StoredBytes, isSound ? rawBytes : 0, 0, isSound));
        if (!isSound)
        {
            _problems.Add(location.Offset, $"the checksum of a {NameOf(kind)} is wrong");
            return false;
        }

        if (compression == BlockCompression.None == location.IsCompressed)
            _problems.Add(location.Offset, $"a {NameOf(kind)} is compressed otherwise than its index says");
        payload = _decompressed.AsSpan(0, rawBytes);
        return true;
    }

    private bool TryDecompress(ReadOnlySpan<byte> stored, BlockCompression compression, int rawBytes)
    {
        if (rawBytes > TableFormat.PayloadBytesMax) return false;
        Span<byte> destination = _decompressed.AsSpan(0, rawBytes);
        if (compression == BlockCompression.Lz4) return Lz4Block.TryDecompress(stored, destination);
        stored.CopyTo(destination);
        return true;
    }
}
