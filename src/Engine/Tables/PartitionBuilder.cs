using System.Runtime.InteropServices;

namespace Varve.Tables;

/// <summary>
/// Collects index and filter of a run of data blocks, and writes both behind the run when one of them is full. One thread.
/// </summary>
internal sealed class PartitionBuilder : IDisposable
{
    private readonly TableOutput _output;
    private readonly ulong _salt;
    private readonly int _filterBitsPerKey;
    private readonly int _keyCountMax;
    private readonly IndexPartitionBuilder _index = new();
    private readonly TopIndexBuilder _top = new();
    private readonly NativeBuffer _stored = new(TableFormat.StoredBytesMax);
    private readonly NativeBuffer? _hashes;
    private int _hashCount;

    /// <summary>The last block written: its separator is known only when the next block begins.</summary>
    private readonly byte[] _pendingKey = new byte[TableFormat.KeyBytesMax];
    private int _pendingKeyLength;
    private BlockLocation _pendingLocation;
    private bool _hasPending;

    public PartitionBuilder(TableOutput output, ulong salt, int filterBitsPerKey)
    {
        _output = output;
        _salt = salt;
        _filterBitsPerKey = filterBitsPerKey;
        _keyCountMax = int.MaxValue;
        if (filterBitsPerKey == 0) return;
        // One block's keys must fit whatever the option says.
        _keyCountMax = Math.Max(BlockedBloom.KeyCountMax(filterBitsPerKey), TableFormat.GatheredPayloadBytesMax / DataBlock.EntryBytesMin);
        _hashes = new NativeBuffer(_keyCountMax * sizeof(ulong));
    }

    /// <summary>Bytes that index and filter of the open run would take, roughly.</summary>
    public long PendingBytes => (_index.Count * 32L) + ((long)_hashCount * _filterBitsPerKey / 8);

    /// <summary>
    /// A block of the builder's first <paramref name="count"/> entries will be written next; ends the run if it has no room for it.
    /// </summary>
    public void StartBlock(BlockBuilder builder, int count)
    {
        FlushPending(builder.KeyAt(0));
        bool hasRoom = _index.HasRoomFor(builder.KeyAt(count - 1).Length) && _hashCount + count <= _keyCountMax;
        if (!hasRoom && _index.Count > 0) WritePartition();
        if (_hashes is null) return;
        Span<ulong> hashes = MemoryMarshal.Cast<byte, ulong>(_hashes.Span);
        for (int i = 0; i < count; i++)
        {
            // Versions of one key stand side by side.
            if (_hashCount == 0 || hashes[_hashCount - 1] != builder.HashAt(i)) hashes[_hashCount++] = builder.HashAt(i);
        }
    }

    /// <summary>The block was written.</summary>
    public void EndBlock(ReadOnlySpan<byte> lastKey, BlockLocation location)
    {
        lastKey.CopyTo(_pendingKey);
        _pendingKeyLength = lastKey.Length;
        _pendingLocation = location;
        _hasPending = true;
    }

    /// <summary>Writes the last partition; returns the top index.</summary>
    public byte[] Finish()
    {
        // A table of range tombstones only has no blocks.
        if (!_hasPending) return _top.Encode();
        _index.Add(_pendingKey.AsSpan(0, _pendingKeyLength), _pendingLocation);
        WritePartition();
        return _top.Encode();
    }

    public void Dispose()
    {
        _index.Dispose();
        _stored.Dispose();
        _hashes?.Dispose();
    }

    /// <summary>
    /// The shortest key at or behind <paramref name="last"/> and before <paramref name="next"/>; may change the bytes of last.
    /// Where both are one key, whose versions go on, that key.
    /// </summary>
    internal static ReadOnlySpan<byte> SeparatorBetween(Span<byte> last, ReadOnlySpan<byte> next)
    {
        int common = last.CommonPrefixLength(next);
        if (common >= last.Length - 1) return last;
        if (next.Length > common + 1) return next[..(common + 1)];
        for (int i = common + 1; i < last.Length - 1; i++)
        {
            if (last[i] == byte.MaxValue) continue;
            last[i]++;
            return last[..(i + 1)];
        }

        return last;
    }

    private void FlushPending(ReadOnlySpan<byte> nextKey)
    {
        if (!_hasPending) return;
        _index.Add(SeparatorBetween(_pendingKey.AsSpan(0, _pendingKeyLength), nextKey), _pendingLocation);
        _hasPending = false;
    }

    private void WritePartition()
    {
        BlockLocation filter = WriteFilter();
        int blockCount = _index.Count;
        ReadOnlySpan<byte> separator = _index.LastSeparator;
        BlockLocation index = WriteStored(_index.Encode(_stored.Span));
        _top.Add(blockCount, index, filter, separator);
        _hashCount = 0;
    }

    private BlockLocation WriteFilter()
    {
        if (_hashes is null) return default;
        Span<byte> lines = _stored.Span[..(BlockedBloom.LineCount(_hashCount, _filterBitsPerKey) * BlockedBloom.LineBytes)];
        lines.Clear();
        foreach (ulong hash in MemoryMarshal.Cast<byte, ulong>(_hashes.Span)[.._hashCount]) BlockedBloom.Add(lines, hash);
        return WriteStored(lines.Length);
    }

    private BlockLocation WriteStored(int payloadBytes)
    {
        Span<byte> stored = _stored.Span[..(payloadBytes + BlockTrailer.SizeBytes)];
        long offset = _output.Position;
        BlockTrailer.Write(stored, BlockCompression.None, payloadBytes, _salt, offset);
        _output.Write(stored);
        return new BlockLocation(offset, stored.Length, IsCompressed: false);
    }
}
