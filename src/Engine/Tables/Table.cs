using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Varve.Diagnostics;
using Varve.Native;

namespace Varve.Tables;

/// <summary>
/// One table file that some <c>LevelMap</c> holds. Cheap to make: the file is opened on first use. Counted references keep it
/// alive; the last release tells the store, which deletes the file if the table is obsolete. Whoever reads holds a reference.
/// Safe for concurrent use.
/// </summary>
internal sealed unsafe partial class Table : Entries.IValueSource
{
    private readonly TableStore _store;
    private int _references;
    private volatile bool _isObsolete;

    internal Table(TableInfo info, TableStore store)
    {
        Info = info;
        _store = store;
    }

    public TableInfo Info { get; }

    /// <summary>Its range tombstones; read with the table's end when they are first asked for.</summary>
    public Entries.RangeTombstones Ranges => Info.RangeTombstoneCount == 0 ? Entries.RangeTombstones.Empty : Opened.Ranges;

    /// <summary>Its range tombstones if that takes no reading; else null.</summary>
    public Entries.RangeTombstones? LoadedRanges =>
        Info.RangeTombstoneCount == 0 ? Entries.RangeTombstones.Empty : Volatile.Read(ref _opened)?.Ranges;

    public string FilePath => _store.PathOf(Info.Number);

    /// <summary>True once no current level map holds the table: its file goes with the last reference.</summary>
    public bool IsObsolete => _isObsolete;

    public void MarkObsolete() => _isObsolete = true;

    public void AddReference() => Interlocked.Increment(ref _references);

    public void Release()
    {
        int left = Interlocked.Decrement(ref _references);
        Invariant.Holds(left >= 0);
        if (left == 0) _store.OnUnreferenced(this);
    }

    /// <summary>
    /// The newest version of the key at or before the sequence, tombstones included; false when the table has none. The value is
    /// pinned: dispose it.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="keyHash">Its <see cref="Bytes.KeyHash"/>.</param>
    /// <param name="sequence">Newer entries are not seen.</param>
    /// <param name="value">What was found.</param>
    /// <exception cref="CorruptDataException">A block on the way is damaged.</exception>
    public bool TryGet(ReadOnlySpan<byte> key, ulong keyHash, ulong sequence, out TableValue value)
    {
        OpenedTable opened = Opened;
        int partition = opened.Top.Find(key);
        if (partition < opened.Top.Count && MayContain(opened, partition, keyHash))
            return TryGetFrom(opened, partition, key, keyHash, sequence, out value);
        value = default;
        return false;
    }

    /// <summary>
    /// The first step of a lookup: finds where the filter tells of the key, and asks memory for it. False when the table does not have the
    /// key for certain.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="head">Its <see cref="IndexPartition.HeadOf"/>.</param>
    /// <param name="keyHash">Its <see cref="Bytes.KeyHash"/>.</param>
    /// <param name="probe">For the second step, the lookup that takes a probe.</param>
    public bool AskFilter(ReadOnlySpan<byte> key, ulong head, ulong keyHash, out FilterProbe probe)
    {
        OpenedTable? opened = Volatile.Read(ref _opened);
        if (opened is null)
        {
            probe = new FilterProbe(this, opened: null, partition: 0, line: null, FilterProbe.NotSought);
            return true;
        }

        int partition = opened.Top.Find(key, head);
        if (partition == opened.Top.Count)
        {
            probe = default;
            return false;
        }

        byte* filter = (byte*)Volatile.Read(ref opened.Resident[(2 * partition) + 1]);
        byte* line = filter == null ? null : BlockedBloom.LineOf(filter, FilterLines(opened.Top[partition].Filter), keyHash);
        int block = line != null && opened.MostlyHolds ? Approach(opened, partition, key) : FilterProbe.NotSought;
        probe = new FilterProbe(this, opened, partition, line, block);
        return true;
    }

    /// <summary>
    /// Finds the block that would have the key, and asks memory for it, without waiting for the filter: the two waits become one. Where the
    /// filter mostly says no, it would be work for nothing.
    /// </summary>
    private int Approach(OpenedTable opened, int partition, ReadOnlySpan<byte> key)
    {
        byte* index = (byte*)Volatile.Read(ref opened.Resident[2 * partition]);
        if (index == null) return FilterProbe.NotSought;
        ref readonly TablePartition blocks = ref opened.Top[partition];
        int block = IndexPartition.Find(index, key);
        if (block < blocks.BlockCount) _store.Cache.TryPrefetch(opened.Slots, blocks.BlockFirst + block);
        return block;
    }

    /// <summary>The second step, where <see cref="FilterProbe.MayContain"/> says yes.</summary>
    public bool TryGet(in FilterProbe probe, ReadOnlySpan<byte> key, ulong keyHash, ulong sequence, out TableValue value) =>
        probe.Line == null
            ? TryGet(key, keyHash, sequence, out value)
            : TryGetInMemory(probe, key, keyHash, sequence, out value);

    /// <summary>The usual lookup: index in memory of the table's own, block in the cache, all versions in one block.</summary>
    private bool TryGetInMemory(in FilterProbe probe, ReadOnlySpan<byte> key, ulong keyHash, ulong sequence, out TableValue value)
    {
        OpenedTable opened = probe.Opened!;
        ref readonly TablePartition blocks = ref opened.Top[probe.Partition];
        int block = probe.Block;
        if (block == FilterProbe.NotSought)
        {
            byte* index = (byte*)Volatile.Read(ref opened.Resident[2 * probe.Partition]);
            block = index == null ? blocks.BlockCount : IndexPartition.Find(index, key);
        }

        if (block < blocks.BlockCount && _store.Cache.TryPin(opened.Slots, blocks.BlockFirst + block, out FramePin pin))
        {
            ulong trailerMax = opened.ToStored(Entries.Trailer.SeekAt(sequence));
            if (DataBlock.TryFind(pin.Data, key, (byte)(keyHash >> 56), trailerMax, out BlockEntry entry))
            {
                Take(opened, entry, pin, out value);
                return true;
            }

            bool goesOn = DataBlock.EndsWith(pin.Data, key);
            Unpin(pin);
            if (!goesOn)
            {
                value = default;
                return false;
            }
        }

        return TryGetFrom(opened, probe.Partition, key, keyHash, sequence, out value);
    }

    private bool TryGetFrom(
        OpenedTable opened, int first, ReadOnlySpan<byte> key, ulong keyHash, ulong sequence, out TableValue value)
    {
        ulong trailerMax = opened.ToStored(Entries.Trailer.SeekAt(sequence));

        // Older versions of a key may go on in the next block, even in the next partition: then its first block has the key too.
        for (int partition = first; trailerMax > 0 && partition < opened.Top.Count; partition++)
        {
            using BlockPin index = PinIndex(opened, partition);
            int count = opened.Top[partition].BlockCount;
            for (int block = IndexPartition.Find(index.Data, key); block < count; block++)
            {
                BlockPin data = PinData(opened, partition, index.Data, block);
                if (DataBlock.TryFind(data.Data, key, (byte)(keyHash >> 56), trailerMax, out BlockEntry entry))
                {
                    Take(opened, entry, data.Frame, out value);
                    return true;
                }

                bool goesOn = DataBlock.EndsWith(data.Data, key);
                data.Dispose();
                if (goesOn) continue;
                value = default;
                return false;
            }
        }

        value = default;
        return false;
    }

    /// <summary>Reads a separate value straight into the destination, which has room for all of it.</summary>
    public void ReadSeparate(in TableValue value, Span<byte> destination) =>
        ReadValue(value.SeparateOffset, destination[..value.ValueLength]);

    /// <summary>Reads a separate value piece by piece. The caller's reference to the table outlives it.</summary>
    public SeparateValueReader OpenSeparate(in TableValue value)
    {
        byte[] header = new byte[SeparateValue.HeaderBytes(value.ValueLength)];
        ReadExactly(header, value.SeparateOffset);
        return new SeparateValueReader(this, header, value.SeparateOffset, value.ValueLength);
    }

    /// <summary>Reads a separate value whose length is that of the destination.</summary>
    public void ReadValue(long offset, Span<byte> destination)
    {
        Span<byte> header = stackalloc byte[SeparateValue.HeaderBytesMax];
        header = header[..SeparateValue.HeaderBytes(destination.Length)];
        ReadExactly(header, offset);
        ReadExactly(destination, offset + header.Length);
        if (!SeparateValue.Check(header, destination, Info.Salt, offset, out long damagedAt))
            ThrowCorrupt(damagedAt, "a large value's length or checksum is wrong");
    }

    /// <summary>A cursor over all versions of all keys. The caller's reference to the table outlives it.</summary>
    public TableCursor CreateCursor(CursorPurpose purpose)
    {
        OpenedTable opened = Opened;
        BlockFeed feed = purpose == CursorPurpose.Foreground
            ? new CachedBlockFeed(this, opened)
            : new StreamingBlockFeed(this, opened);
        return new TableCursor(this, opened, feed);
    }

    [DoesNotReturn]
    internal void ThrowCorrupt(long offset, string detail)
    {
        var damage = new CorruptDataException(_store.PathOf(Info.Number), offset, detail);
        _store.Events.ReportDamage(damage);
        throw damage;
    }

    private bool MayContain(OpenedTable opened, int partition, ulong keyHash)
    {
        BlockLocation location = opened.Top[partition].Filter;
        if (location.StoredBytes == 0) return true;
        using BlockPin filter = PinPartition(opened, opened.FilterOrdinal(partition), location, BlockKind.Filter);
        return BlockedBloom.MayContain(filter.Data, FilterLines(location), keyHash);
    }

    /// <summary>Gives a found entry out, with the pin that keeps it where it is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Take(OpenedTable opened, in BlockEntry entry, in FramePin pin, out TableValue value)
    {
        ulong trailer = entry.Trailer + opened.TrailerShift;
        const ulong Flags = (ulong)(Entries.EntryKind.Separate | Entries.EntryKind.Expiring);
        if ((trailer & Flags) == 0)
        {
            value = new TableValue { Table = this, Pin = pin, Trailer = trailer, Value = entry.Value, ValueLength = entry.ValueLength };
        }
        else
        {
            value = ToValue(opened, entry, trailer, pin);
        }
    }

    private TableValue ToValue(OpenedTable opened, in BlockEntry entry, ulong trailer, FramePin pin)
    {
        // SAFETY: a loaded block is well formed, so an expiring entry has the bytes of its expiry.
        int prefixBytes = Entries.Expiry.PrefixBytesOf(trailer);
        var stored = new ReadOnlySpan<byte>(entry.Value, entry.ValueLength);
        ulong expiry = prefixBytes > 0 ? Entries.Expiry.Read(stored) : 0;
        if (!SeparateValue.IsSeparate(trailer))
        {
            return new TableValue
            {
                Table = this,
                Pin = pin,
                Trailer = trailer,
                Expiry = expiry,
                Value = entry.Value + prefixBytes,
                ValueLength = entry.ValueLength - prefixBytes,
            };
        }

        ReadOnlySpan<byte> handle = stored[prefixBytes..];
        bool isSound = SeparateValue.TryReadHandle(handle, opened.FileBytes, out long offset, out int valueBytes);
        Unpin(pin);
        if (!isSound) ThrowCorrupt(0, "the handle of a large value is malformed");
        return new TableValue
        {
            Table = this,
            Trailer = SeparateValue.WithoutFlag(trailer),
            Expiry = expiry,
            ValueLength = valueBytes,
            SeparateOffset = offset,
        };
    }

    internal void Unpin(in FramePin pin) => _store.Cache.Unpin(pin);

    /// <summary>Frees what the table keeps in memory; nobody reads it any more. It can be opened again.</summary>
    internal void CloseUnreferenced()
    {
        OpenedTable? opened = Interlocked.Exchange(ref _opened, null);
        if (opened is null) return;
        _store.Cache.Forget(opened.Slots);
        foreach (nint resident in opened.Resident) NativeBytes.Free((void*)resident);
        if (opened.ResidentBytes > 0) _store.Cache.ReleaseResident(opened.ResidentBytes);
    }
}

/// <summary>What a cursor is for.</summary>
internal enum CursorPurpose
{
    /// <summary>A user's scan: blocks go through the cache.</summary>
    Foreground,

    /// <summary>Reads all of a table once: large reads of its own, past the cache.</summary>
    Compaction,
}
