using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Varve.Bytes;
using Varve.Entries;

namespace Varve.Tables;

/// <summary>
/// All entries of a table, in both directions alike. Separate values are read on demand, into a buffer of the cursor's own: what it
/// shows is never a handle.
/// </summary>
internal sealed unsafe class TableCursor : EntryCursor
{
    /// <summary>A larger buffer is given back when the cursor leaves the value it was for.</summary>
    private const int KeptValueBytesMax = 1 << 20;

    /// <summary>How far before the entry shown memory is asked for on a walk backward.</summary>
    private const int EntriesAhead = 6;

    /// <summary>
    /// How far behind the entry shown on a walk forward: processors foresee it by themselves, but not its beginning in each block.
    /// </summary>
    private const int BytesAhead = 384;

    private const int CacheLineBytes = 64;

    private readonly BlockFeed _feed;
    private Table _table;
    private OpenedTable _opened;
    private ulong _trailerShift;

    /// <summary>The partition whose index is at hand; -1 for none.</summary>
    private int _partition = -1;
    private byte* _index;
    private int _block;
    private byte* _data;
    private byte* _fingerprints;
    private ushort* _offsets;
    private int _entryCount;
    private int _entry;
    private NativeBuffer? _separate;
    private long _separateOffset;
    private bool _isDisposed;

    public TableCursor(Table table, OpenedTable opened, BlockFeed feed)
    {
        _table = table;
        _opened = opened;
        _feed = feed;
        _trailerShift = opened.TrailerShift;
    }

    /// <summary>True when the indexes lead a search for the shown key to the block the cursor stands in; for verification.</summary>
    public bool IsWhereIndexLeads() => _opened.Top.Find(KeySpan) == _partition && IndexPartition.Find(_index, KeySpan) == _block;

    /// <summary>Leaves its table for another, nowhere in it yet, without new memory. False when what it reads with cannot.</summary>
    public bool TryMoveTo(Table table)
    {
        OpenedTable opened = table.Opened;
        if (!_feed.TryMoveTo(table, opened)) return false;
        IsValid = false;
        _table = table;
        _opened = opened;
        _trailerShift = opened.TrailerShift;
        _partition = -1;
        _data = null;
        _entryCount = 0;
        _entry = 0;
        _separate?.Dispose();
        _separate = null;
        return true;
    }

    public override void SeekToFirst()
    {
        IsValid = false;
        if (_opened.Top.Count == 0) return;
        LoadPartition(0);
        LoadBlock(0);
        Show(0);
    }

    public override void SeekToLast()
    {
        IsValid = false;
        if (_opened.Top.Count == 0) return;
        LoadPartition(_opened.Top.Count - 1);
        LoadBlock(_opened.Top[_partition].BlockCount - 1);
        Show(_entryCount - 1);
    }

    public override void Seek(ReadOnlySpan<byte> key, ulong trailer)
    {
        IsValid = false;
        if (!TryLoadBlockOf(key)) return;

        trailer = _opened.ToStored(trailer);
        int exact = DataBlock.FirstOfKey(_data, key, FingerprintOf(key), trailer);
        if (exact >= 0)
        {
            Show(exact);
            return;
        }

        // All entries of the block may come before: the key falls behind its last one, or older versions go on in the next blocks.
        int entry = DataBlock.LowerBound(_data, key, trailer);
        while (entry == _entryCount)
        {
            if (!TryLoadNextBlock()) return;
            entry = DataBlock.LowerBound(_data, key, trailer);
        }

        Show(entry);
    }

    public override void SeekForPrevious(ReadOnlySpan<byte> key, ulong trailer)
    {
        IsValid = false;
        if (!TryLoadBlockOf(key))
        {
            SeekToLast();
            return;
        }

        trailer = _opened.ToStored(trailer);
        int exact = DataBlock.LastOfKey(_data, key, FingerprintOf(key), trailer);
        if (exact >= 0)
        {
            Show(exact);
            return;
        }

        // Only versions of the key itself are looked for in the next blocks: what else is there comes behind it.
        int entry = DataBlock.LowerBound(_data, key, trailer);
        while (entry == _entryCount && DataBlock.EndsWith(_data, key))
        {
            if (!TryLoadNextBlock())
            {
                SeekToLast();
                return;
            }

            entry = DataBlock.LowerBound(_data, key, trailer);
        }

        if (entry == _entryCount || !IsAt(entry, key, trailer)) entry--;
        if (entry >= 0) Show(entry);
        else MoveToPreviousBlock();
    }

    public override void Next()
    {
        int entry = _entry + 1;
        if (entry < _entryCount) Show(entry);
        else MoveToNextBlock();
    }

    public override void Previous()
    {
        int entry = _entry - 1;
        if (entry < 0)
        {
            MoveToPreviousBlock();
            return;
        }

        if (Sse.IsSupported) Sse.Prefetch0(_data + _offsets[Math.Max(0, entry - EntriesAhead)]);
        Show(entry);
    }

    /// <summary>Keys with other fingerprints are others: one comparison of bytes in most cases.</summary>
    public override bool IsSurelyNewest => _entry > 0 && _fingerprints[_entry - 1] != _fingerprints[_entry];

    public override bool TryLeaveKey()
    {
        int entry = _entry + 1;
        if (entry >= _entryCount || _fingerprints[entry] == _fingerprints[_entry]) return false;
        Show(entry);
        return true;
    }

    public override bool TryStepForward(in StepBounds bounds)
    {
        int entry = _entry + 1;
        if (entry >= _entryCount || _fingerprints[entry] == _fingerprints[_entry] || _separate is not null) return false;
        byte* position = _data + _offsets[entry];
        if (Sse.IsSupported)
        {
            Sse.Prefetch0(position + BytesAhead);
            Sse.Prefetch0(position + BytesAhead + CacheLineBytes);
        }

        DataBlock.Decode(position, out BlockEntry next);
        if (!bounds.IsShownForward(next.Key, next.KeyLength, next.Trailer + _trailerShift)) return false;
        ShowPlain(entry, next);
        return true;
    }

    public override bool TryStepBackward(in StepBounds bounds)
    {
        int entry = _entry - 1;
        if (entry <= 0 || _fingerprints[entry] == _fingerprints[_entry] || _fingerprints[entry] == _fingerprints[entry - 1]) return false;
        if (_separate is not null) return false;
        if (Sse.IsSupported) Sse.Prefetch0(_data + _offsets[Math.Max(0, entry - EntriesAhead)]);
        DataBlock.Decode(_data + _offsets[entry], out BlockEntry previous);
        if (!bounds.IsShownBackward(previous.Key, previous.KeyLength, previous.Trailer + _trailerShift)) return false;
        ShowPlain(entry, previous);
        return true;
    }

    /// <summary>All of an entry whose value stands with it, while the cursor holds no separate one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void ShowPlain(int entry, in BlockEntry shown)
    {
        _entry = entry;
        Key = shown.Key;
        KeyLength = shown.KeyLength;
        Trailer = shown.Trailer + _trailerShift;
        Value = shown.Value;
        ValueLength = shown.ValueLength;
        IsValueElsewhere = false;
    }

    public override bool SkipForward(ReadOnlySpan<byte> end, ulong cover)
    {
        if (_table.Info.LargestSequence >= cover) return false;
        Seek(end, Entries.Trailer.Newest);
        return true;
    }

    public override bool SkipBackward(ReadOnlySpan<byte> start, ulong cover)
    {
        if (_table.Info.LargestSequence >= cover) return false;
        SeekForPrevious(start, Entries.Trailer.Newest);
        return true;
    }

    public override void Dispose()
    {
        if (_isDisposed) return;
        _isDisposed = true;
        IsValid = false;
        _feed.Dispose();
        _separate?.Dispose();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte FingerprintOf(ReadOnlySpan<byte> key) => (byte)(KeyHash.Compute(key) >> 56);

    /// <summary>The trailer is one as it is stored, without the flag of separate values.</summary>
    private bool IsAt(int entry, ReadOnlySpan<byte> key, ulong trailer)
    {
        DataBlock.DecodeAt(_data, entry, out BlockEntry found);
        return SeparateValue.WithoutFlag(found.Trailer) == trailer && found.KeySpan.SequenceEqual(key);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Show(int entry)
    {
        DataBlock.Decode(_data + _offsets[entry], out BlockEntry shown);
        ShowPlain(entry, shown);
        if (SeparateValue.IsSeparate(shown.Trailer) || _separate is not null) ShowSeparate();
        IsValid = true;
    }

    /// <summary>Shows the length of a separate value, and lets go of a large one that the cursor has left.</summary>
    private void ShowSeparate()
    {
        if (_separate is not null && _separate.Bytes > KeptValueBytesMax)
        {
            _separate.Dispose();
            _separate = null;
        }

        if (!SeparateValue.IsSeparate(Trailer)) return;
        IsValid = false;
        int prefixBytes = Entries.Expiry.PrefixBytesOf(Trailer);
        ReadOnlySpan<byte> handle = new ReadOnlySpan<byte>(Value, ValueLength)[prefixBytes..];
        if (!SeparateValue.TryReadHandle(handle, _opened.FileBytes, out _separateOffset, out int valueBytes))
            _table.ThrowCorrupt(0, "the handle of a large value is malformed");
        Trailer = SeparateValue.WithoutFlag(Trailer);
        if (prefixBytes == 0) Value = null;
        ValueLength = prefixBytes + valueBytes;
        IsValueElsewhere = true;
    }

    /// <summary>Read when it is asked for: damage to it fails nobody who only passes by.</summary>
    public override void LoadValue()
    {
        if (!IsValueElsewhere) return;
        if (_separate is null || _separate.Bytes < ValueLength)
        {
            _separate?.Dispose();
            _separate = new NativeBuffer(ValueLength);
        }

        int prefixBytes = Entries.Expiry.PrefixBytesOf(Trailer);
        Span<byte> stored = _separate.Span[..ValueLength];
        new ReadOnlySpan<byte>(Value, prefixBytes).CopyTo(stored);
        _table.ReadValue(_separateOffset, stored[prefixBytes..]);
        Value = _separate.Address;
        IsValueElsewhere = false;
    }

    public override ValuePlace GetValuePlace() =>
        new(_table, _separateOffset, ValueLength - Entries.Expiry.PrefixBytesOf(Trailer));

    /// <summary>Loads the first block that may hold the key or what follows it; false when all of the table comes before the key.</summary>
    private bool TryLoadBlockOf(ReadOnlySpan<byte> key)
    {
        int partition = _opened.Top.Find(key);
        if (partition == _opened.Top.Count) return false;
        LoadPartition(partition);
        int block = IndexPartition.Find(_index, key);
        if (block == _opened.Top[partition].BlockCount)
            _table.ThrowCorrupt(_opened.Top[partition].Index.Offset, "the top index disagrees with a partition");
        LoadBlock(block);
        return true;
    }

    private void MoveToNextBlock()
    {
        IsValid = false;
        if (TryLoadNextBlock()) Show(0);
    }

    private void MoveToPreviousBlock()
    {
        IsValid = false;
        if (_block > 0)
        {
            LoadBlock(_block - 1);
        }
        else
        {
            if (_partition == 0)
            {
                _feed.Unload();
                return;
            }

            LoadPartition(_partition - 1);
            LoadBlock(_opened.Top[_partition].BlockCount - 1);
        }

        for (int entry = _entryCount - 1; Sse.IsSupported && entry >= 0 && entry >= _entryCount - EntriesAhead; entry--)
            Sse.Prefetch0(_data + _offsets[entry]);
        Show(_entryCount - 1);
    }

    private bool TryLoadNextBlock()
    {
        if (_block + 1 < _opened.Top[_partition].BlockCount)
        {
            LoadBlock(_block + 1);
            return true;
        }

        if (_partition + 1 == _opened.Top.Count)
        {
            _feed.Unload();
            return false;
        }

        LoadPartition(_partition + 1);
        LoadBlock(0);
        return true;
    }

    private void LoadPartition(int partition)
    {
        if (partition == _partition) return;
        _partition = -1;
        _index = _feed.LoadIndex(partition);
        _partition = partition;
    }

    private void LoadBlock(int block)
    {
        // The block before may be gone once the load begins; if it fails, nothing of it can be decoded.
        _data = null;
        _entryCount = 0;
        _entry = 0;
        _data = _feed.Load(_partition, _index, block);
        _block = block;
        _entryCount = DataBlock.Count(_data);
        _fingerprints = _data + DataBlock.FingerprintsOffset;
        _offsets = (ushort*)(_data + DataBlock.OffsetsOffset(_entryCount));
    }
}
