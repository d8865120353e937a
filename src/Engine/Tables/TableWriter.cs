using Varve.Bytes;
using Varve.Diagnostics;
using Varve.Entries;
using Varve.Files;

namespace Varve.Tables;

/// <summary>Writes one table from entries given in entry order. Owns the file. One thread.</summary>
internal sealed class TableWriter : IDisposable
{
    private readonly IFile _file;
    private readonly TableFormatOptions _options;
    private readonly DatabaseId _databaseId;
    private readonly ulong _salt;
    private readonly TableOutput _output;
    private readonly BlockBuilder _builder = new();
    private readonly BlockEncoder _encoder;
    private readonly PartitionBuilder _partition;
    private readonly TableProperties _properties = new();
    private readonly ExpiryTally _expiries = new();
    private readonly byte[] _lastKey = new byte[TableFormat.KeyBytesMax];
    private int _lastKeyLength;
    private bool _isDisposed;

    public TableWriter(IFile file, TableFormatOptions options, DatabaseId databaseId, long number, ulong salt)
    {
        Invariant.Holds(options.BlockBytes is > 0 and <= TableFormat.RawPayloadBytesMax);
        Invariant.Holds(options.FilterBitsPerKey is >= 0 and <= 64);
        _file = file;
        _options = options;
        _databaseId = databaseId;
        Number = number;
        _salt = salt;
        _output = new TableOutput(file);
        _encoder = new BlockEncoder(options);
        _partition = new PartitionBuilder(_output, salt, options.FilterBitsPerKey);
        _properties.FilterBitsPerKey = (ulong)options.FilterBitsPerKey;
    }

    public long Number { get; }

    public long EntryCount => (long)_properties.EntryCount;

    /// <summary>See <see cref="TableProperties.SequenceFloor"/>.</summary>
    public ulong SequenceFloor
    {
        init => _properties.SequenceFloor = value;
    }

    /// <summary>The last key added; valid until the next.</summary>
    public ReadOnlySpan<byte> LastKey => _lastKey.AsSpan(0, _lastKeyLength);

    /// <summary>What the file would have if it were finished now, roughly.</summary>
    public long EstimatedFileBytes => _output.Position + _encoder.EstimateStoredBytes(_builder.PayloadBytes) + _partition.PendingBytes;

    /// <summary>Adds the next entry; keys ascend, versions of one key descend.</summary>
    public void Add(ReadOnlySpan<byte> key, ulong trailer, scoped ReadOnlySpan<byte> value)
    {
        Invariant.Holds(key.Length <= TableFormat.KeyBytesMax && value.Length <= SeparateValue.ValueBytesMax);
        Invariant.Holds(!SeparateValue.IsSeparate(trailer) && Trailer.Kind(trailer) != EntryKind.RangeTombstone);
        int prefixBytes = Expiry.PrefixBytesOf(trailer);
        Invariant.Holds(value.Length >= prefixBytes);
        Invariant.Holds(EntryCount == 0 || EntryOrder.Compare(LastKey, _properties.LargestTrailer, key, trailer) < 0);
        Count(key, trailer, value.Length - prefixBytes);
        if (prefixBytes > 0) _expiries.Add(Expiry.Read(value));

        Span<byte> handle = stackalloc byte[SeparateValue.HandleBytesMax];
        if (value.Length - prefixBytes > TableFormat.InlineValueBytesMax)
        {
            // The expiry stays with the entry: whether it has come is known without the value.
            value[..prefixBytes].CopyTo(handle);
            value = handle[..(prefixBytes + SeparateValue.Write(_output, value[prefixBytes..], _salt, handle[prefixBytes..]))];
            trailer |= (byte)EntryKind.Separate;
        }

        int entryBytes = DataBlock.EntryBytes(key.Length, value.Length);
        while (_builder.Count > 0 && _builder.PayloadBytesWith(entryBytes) > _encoder.PayloadBytesTarget) CutBlock();
        _builder.Add(key, trailer, value, KeyHash.Compute(key));
    }

    /// <summary>
    /// Writes what is left, makes the file's content durable and closes it. Its name is durable once the directory is synced.
    /// </summary>
    /// <param name="ranges">The table's range tombstones.</param>
    /// <returns>What the manifest is to say of the table. At least one entry or range tombstone is in it.</returns>
    public TableInfo Finish(RangeTombstones? ranges = null)
    {
        ranges ??= RangeTombstones.Empty;
        Invariant.Holds(EntryCount > 0 || !ranges.IsEmpty);
        while (_builder.Count > 0) CutBlock();
        byte[] encodedTopIndex = _partition.Finish();
        FileRange rangeTombstones = ranges.IsEmpty ? default : WriteMeta(RangeTombstoneBlock.Encode(ranges));
        FileRange topIndex = WriteMeta(encodedTopIndex);
        _properties.LargestKey = LastKey.ToArray();
        _properties.Expiries = _expiries.Summarize(EntryCount);
        if (!ranges.IsEmpty) Count(ranges);
        FileRange properties = WriteMeta(_properties.Encode());
        Span<byte> footer = stackalloc byte[TableFooter.SizeBytes];
        new TableFooter(_databaseId, _salt, _options.Compress, topIndex, properties, rangeTombstones).Write(footer, _output.Position);
        _output.Write(footer);
        _output.Finish();
        TableInfo info = _properties.ToInfo(Number, _salt, _output.Position, _output.Checksum, _options.Compress);
        Dispose();
        return info;
    }

    /// <summary>Closes the file, finished or not; an unfinished file is to be deleted by the caller.</summary>
    public void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        _output.Dispose();
        _builder.Dispose();
        _encoder.Dispose();
        _partition.Dispose();
        _file.Dispose();
    }

    private void Count(ReadOnlySpan<byte> key, ulong trailer, int valueBytes)
    {
        if (EntryCount == 0)
        {
            _properties.SmallestKey = key.ToArray();
            _properties.SmallestTrailer = trailer;
        }

        key.CopyTo(_lastKey);
        _lastKeyLength = key.Length;
        _properties.LargestTrailer = trailer;
        _properties.EntryCount++;
        if (Trailer.IsTombstone(trailer)) _properties.TombstoneCount++;
        _properties.ContentBytes += (ulong)(key.Length + valueBytes);
        ulong sequence = Trailer.Sequence(trailer);
        _properties.SmallestSequence = Math.Min(_properties.SmallestSequence, sequence);
        _properties.LargestSequence = Math.Max(_properties.LargestSequence, sequence);
    }

    private void Count(RangeTombstones ranges)
    {
        byte[] start = ranges.Fragments[0].Start;
        byte[] end = ranges.Fragments[^1].End;
        if (EntryCount == 0 || EntryOrder.Compare(start, Trailer.Newest, _properties.SmallestKey, _properties.SmallestTrailer) < 0)
        {
            _properties.SmallestKey = start;
            _properties.SmallestTrailer = Trailer.Newest;
        }

        if (EntryCount == 0 || EntryOrder.Compare(end, Trailer.Newest, _properties.LargestKey, _properties.LargestTrailer) > 0)
        {
            _properties.LargestKey = end;
            _properties.LargestTrailer = Trailer.Newest;
        }

        _properties.RangeTombstoneCount = (ulong)ranges.Count;
        _properties.SmallestSequence = Math.Min(_properties.SmallestSequence, ranges.SmallestSequence);
        _properties.LargestSequence = Math.Max(_properties.LargestSequence, ranges.LargestSequence);
    }

    /// <summary>Writes a block of the first gathered entries: all of them, or as many as fit.</summary>
    private void CutBlock()
    {
        EncodedBlock block = _encoder.Encode(_builder);
        _partition.StartBlock(_builder, block.EntryCount);
        PadFor(block);
        long offset = _output.Position;
        Span<byte> stored = _encoder.Stored(block);
        BlockTrailer.Write(stored, block.Compression, block.RawBytes, _salt, offset);
        _output.Write(stored);
        var location = new BlockLocation(offset, stored.Length, block.Compression != BlockCompression.None);
        _partition.EndBlock(_builder.KeyAt(block.EntryCount - 1), location);
        _builder.RemoveFirst(block.EntryCount);
    }

    /// <summary>Keeps a block that fits into a page within one page of the file, where that is worth its padding.</summary>
    private void PadFor(EncodedBlock block)
    {
        int storedBytes = block.PayloadBytes + BlockTrailer.SizeBytes;
        int pageBytesLeft = TableFormat.PageBytes - (int)(_output.Position & (TableFormat.PageBytes - 1));
        if (storedBytes <= pageBytesLeft || storedBytes > TableFormat.PageBytes) return;
        if (block.Compression != BlockCompression.None || pageBytesLeft <= TableFormat.RawPaddingBytesMax) _output.PadToPage();
    }

    private FileRange WriteMeta(byte[] payload)
    {
        Invariant.Holds(payload.Length < 1 << 24);
        byte[] stored = new byte[payload.Length + BlockTrailer.SizeBytes];
        payload.CopyTo(stored.AsSpan());
        long offset = _output.Position;
        BlockTrailer.Write(stored, BlockCompression.None, payload.Length, _salt, offset);
        _output.Write(stored);
        return new FileRange(offset, stored.Length);
    }
}
