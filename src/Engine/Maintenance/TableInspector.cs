using Varve.Bytes;
using Varve.Entries;
using Varve.Files;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>Reads a table from its footer to its blocks, each by itself: a damaged one hides only what it leads to.</summary>
internal sealed unsafe class TableInspector : IDisposable
{
    private readonly string _path;
    private readonly InspectedEntryAction? _onEntry;
    private readonly IFile _file;
    private readonly long _fileBytes;
    private readonly ProblemList _problems = new();
    private readonly List<BlockInspection> _blocks = [];

    /// <summary>With the padding that blocks in memory have.</summary>
    private readonly byte[] _decompressed = new byte[TableFormat.PayloadBytesMax + TableFormat.FramePaddingBytes];
    private byte[] _stored = [];
    private byte[] _index = [];
    private byte[] _value = [];
    private byte[] _previousKey = [];
    private ulong _previousTrailer;
    private ulong _salt;
    private long _entries;
    private long _tombstones;
    private long _separateValues;

    public TableInspector(IFileSystem files, string path, InspectedEntryAction? onEntry)
    {
        _path = path;
        _onEntry = onEntry;
        _file = files.Open(path, FileOpening.Read);
        _fileBytes = _file.Length;
    }

    public TableInspection Run(CancellationToken cancellation)
    {
        TableProperties? properties = null;
        bool hasFooter = TryReadFooter(out TableFooter footer);
        if (hasFooter)
        {
            _salt = footer.Salt;
            properties = ReadProperties(footer.Properties);
            if (ReadTopIndex(footer.TopIndex) is { } top) ReadPartitions(top, cancellation);
            if (properties is not null && _problems.Problems.Count == 0) CheckCounts(properties);
        }

        return new TableInspection
        {
            Path = _path,
            Bytes = _fileBytes,
            DatabaseId = hasFooter ? footer.DatabaseId.ToString() : null,
            IsCompressed = footer.IsCompressed,
            Summary = properties is null ? null : Describe(properties),
            Blocks = _blocks,
            Entries = _entries,
            Tombstones = _tombstones,
            SeparateValues = _separateValues,
            Problems = _problems.Problems,
        };
    }

    /// <summary>What is wrong with the last bytes of a table; null when nothing is.</summary>
    public static string? FindFooterProblem(IFileSystem files, string path)
    {
        using var inspector = new TableInspector(files, path, onEntry: null);
        inspector.TryReadFooter(out _);
        return inspector._problems.Problems.Count > 0 ? inspector._problems.Problems[0].Detail : null;
    }

    public void Dispose() => _file.Dispose();

    private bool TryReadFooter(out TableFooter footer)
    {
        footer = default;
        Span<byte> bytes = stackalloc byte[TableFooter.SizeBytes];
        long offset = _fileBytes - TableFooter.SizeBytes;
        if (offset < 0 || _file.Read(bytes, offset) != bytes.Length)
        {
            _problems.Add(0, $"{_fileBytes} bytes, shorter than a footer");
            return false;
        }

        if (TableFooter.Read(bytes, offset, out footer) is not { } problem) return true;
        _problems.Add(offset, problem);

        // One that points outside the file is readable all the same.
        return footer != default;
    }

    private TableProperties? ReadProperties(FileRange range)
    {
        if (ReadWhole(TableBlockKind.Properties, range) is not { } payload) return null;
        if (TableProperties.TryDecode(payload, out TableProperties properties)) return properties;
        _problems.Add(range.Offset, "the properties cannot be decoded");
        return null;
    }

    private TopIndex? ReadTopIndex(FileRange range)
    {
        if (ReadWhole(TableBlockKind.TopIndex, range) is not { } payload) return null;
        if (TopIndex.TryDecode(payload, _fileBytes, out TopIndex? top)) return top;
        _problems.Add(range.Offset, "the top index cannot be decoded");
        return null;
    }

    private byte[]? ReadWhole(TableBlockKind kind, FileRange range)
    {
        if (!range.IsWithin(_fileBytes)) return null;
        byte[] stored = new byte[range.Bytes];
        int payloadBytes = stored.Length - BlockTrailer.SizeBytes;
        bool isSound = _file.Read(stored, range.Offset) == stored.Length
            && BlockTrailer.TryRead(stored, _salt, range.Offset, out BlockCompression compression, out _)
            && compression == BlockCompression.None;
        _blocks.Add(new BlockInspection(kind, range.Offset, range.Bytes, isSound ? payloadBytes : 0, 0, isSound));
        if (isSound) return stored[..payloadBytes];
        _problems.Add(range.Offset, $"the checksum of the {NameOf(kind)} is wrong");
        return null;
    }

    private void ReadPartitions(TopIndex top, CancellationToken cancellation)
    {
        for (int partition = 0; partition < top.Count; partition++)
        {
            TablePartition parts = top[partition];
            if (parts.Filter != default) ReadBlock(TableBlockKind.Filter, parts.Filter, out _);
            if (!ReadBlock(TableBlockKind.Index, parts.Index, out Span<byte> index)) continue;
            if (!IndexPartition.IsWellFormed(index, _fileBytes))
            {
                _problems.Add(parts.Index.Offset, "the index is not well formed");
                continue;
            }

            // Data blocks are read over the same buffers.
            if (_index.Length < index.Length) _index = new byte[TableFormat.PayloadBytesMax];
            index.CopyTo(_index);
            fixed (byte* start = _index)
            {
                int count = IndexPartition.Count(start);
                if (count != parts.BlockCount)
                    _problems.Add(parts.Index.Offset, $"the index knows {count} blocks, the top index {parts.BlockCount}");
                for (int block = 0; block < count; block++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    ReadData(IndexPartition.LocationAt(start, block));
                }
            }
        }
    }

    private void ReadData(BlockLocation location)
    {
        if (!ReadBlock(TableBlockKind.Data, location, out Span<byte> block)) return;
        if (!DataBlock.IsWellFormed(block))
        {
            _blocks[^1] = _blocks[^1] with { IsSound = false };
            _problems.Add(location.Offset, "the entries of the block are not well formed");
            return;
        }

        fixed (byte* start = block)
        {
            int count = DataBlock.Count(start);
            _blocks[^1] = _blocks[^1] with { Entries = count };
            for (int i = 0; i < count; i++)
            {
                // SAFETY: IsWellFormed has found each entry within the block.
                DataBlock.DecodeAt(start, i, out BlockEntry entry);
                Enter(entry, location.Offset);
            }
        }
    }

    private void Enter(BlockEntry entry, long blockOffset)
    {
        ulong trailer = SeparateValue.WithoutFlag(entry.Trailer);
        if (_entries > 0 && EntryOrder.Compare(_previousKey, _previousTrailer, entry.KeySpan, trailer) >= 0)
            _problems.Add(blockOffset, $"the entry of sequence {Trailer.Sequence(trailer)} is not behind the one before it");
        if (!entry.KeySpan.SequenceEqual(_previousKey)) _previousKey = entry.KeySpan.ToArray();
        _previousTrailer = trailer;
        _entries++;
        if (Trailer.IsTombstone(trailer)) _tombstones++;

        ReadOnlySpan<byte> value = new(entry.Value, entry.ValueLength);
        if (SeparateValue.IsSeparate(entry.Trailer)) value = ReadValue(value, blockOffset);
        ulong sequence = Trailer.Sequence(trailer);
        if (InspectedEntries.TryDescribe(entry.KeySpan, sequence, Trailer.Kind(trailer), value, out InspectedEntry described))
            _onEntry?.Invoke(described);
        else _problems.Add(blockOffset, $"the entry of sequence {sequence} has a key without a map");
    }

    private ReadOnlySpan<byte> ReadValue(ReadOnlySpan<byte> handle, long blockOffset)
    {
        _separateValues++;
        if (!SeparateValue.TryReadHandle(handle, _fileBytes, out long offset, out int valueBytes))
        {
            _problems.Add(blockOffset, "the place of a value cannot be read, or lies outside the file");
            return default;
        }

        int headerBytes = SeparateValue.HeaderBytes(valueBytes);
        if (_value.Length < headerBytes + valueBytes) _value = new byte[headerBytes + valueBytes];
        Span<byte> whole = _value.AsSpan(0, headerBytes + valueBytes);
        long damagedAt = offset;
        bool isSound = _file.Read(whole, offset) == whole.Length
            && SeparateValue.Check(whole[..headerBytes], whole[headerBytes..], _salt, offset, out damagedAt);
        if (isSound) return whole[headerBytes..];
        _problems.Add(damagedAt, $"a value of {valueBytes} bytes is damaged here");
        return default;
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
        bool isSound = _file.Read(stored, location.Offset) == stored.Length
            && BlockTrailer.TryRead(stored, _salt, location.Offset, out BlockCompression compression, out rawBytes)
            && TryDecompress(stored[..^BlockTrailer.SizeBytes], compression, rawBytes);
        _blocks.Add(new BlockInspection(kind, location.Offset, location.StoredBytes, isSound ? rawBytes : 0, 0, isSound));
        if (!isSound)
        {
            _problems.Add(location.Offset, $"the checksum of a {NameOf(kind)} is wrong");
            return false;
        }

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

    private void CheckCounts(TableProperties properties)
    {
        if ((ulong)_entries == properties.EntryCount && (ulong)_tombstones == properties.TombstoneCount) return;
        string stated = $"the properties say {properties.EntryCount} and {properties.TombstoneCount}";
        _problems.Add(0, $"{_entries} entries and {_tombstones} tombstones, {stated}");
    }

    private static TableSummary Describe(TableProperties properties) => new()
    {
        Entries = (long)properties.EntryCount,
        Tombstones = (long)properties.TombstoneCount,
        ContentBytes = (long)properties.ContentBytes,
        SmallestKey = InspectedKey.Of(properties.SmallestKey),
        LargestKey = InspectedKey.Of(properties.LargestKey),
        SmallestSequence = properties.SmallestSequence,
        LargestSequence = properties.LargestSequence,
        FilterBitsPerKey = (long)properties.FilterBitsPerKey,
    };

    private static string NameOf(TableBlockKind kind) => kind switch
    {
        TableBlockKind.Data => "data block",
        TableBlockKind.Index => "index",
        TableBlockKind.Filter => "filter",
        TableBlockKind.TopIndex => "top index",
        _ => "properties",
    };
}
