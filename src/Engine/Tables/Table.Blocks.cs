using Varve.Bytes;
using Varve.Entries;
using Varve.Native;

namespace Varve.Tables;

/// <summary>What a block is checked as.</summary>
internal enum BlockKind
{
    Data,
    Index,
    Filter,
}

/// <summary>What is known of a table once its end was read. Immutable, but for the partitions that become resident.</summary>
internal sealed class OpenedTable(TopIndex top, RangeTombstones ranges, long fileBytes, ulong trailerShift)
{
    private const int AnswersMax = 8;
    private const ulong CountedAnswers = 0xFUL << 36;

    private int _answers;

    /// <summary>Bytes of <see cref="Resident"/>, padding included.</summary>
    public long ResidentBytes;

    public TopIndex Top { get; } = top;

    public RangeTombstones Ranges { get; } = ranges;

    public long FileBytes { get; } = fileBytes;

    /// <summary>
    /// What is added to each stored trailer: 0, but the sequence (in its place) of an ingested table, which was not known when the
    /// entries were written.
    /// </summary>
    public ulong TrailerShift { get; } = trailerShift;

    /// <summary>
    /// The stored trailer at which a seek begins; 0, behind all entries of the key, where the trailer is older than the table.
    /// </summary>
    public ulong ToStored(ulong trailer) => trailer > TrailerShift ? trailer - TrailerShift : 0;

    /// <summary>Ordinals in the cache: data blocks, then an index and a filter per partition.</summary>
    public CacheSlots Slots { get; } = new(top.BlockCount + (2 * top.Count));

    /// <summary>Addresses of the index and filter partitions that are kept outside the cache's frames; 0 where none is.</summary>
    public nint[] Resident { get; } = new nint[2 * top.Count];

    /// <summary>True when of late its filters have mostly let keys pass. Races make it slightly wrong.</summary>
    public bool MostlyHolds => Volatile.Read(ref _answers) > 0;

    /// <summary>A filter has answered. One answer of 16 counts, or threads would fight for the counter.</summary>
    public void CountAnswer(ulong keyHash, bool passed)
    {
        if ((keyHash & CountedAnswers) != 0) return;
        int answers = Volatile.Read(ref _answers);
        if (passed && answers < AnswersMax) Volatile.Write(ref _answers, answers + 1);
        else if (!passed && answers > -AnswersMax) Volatile.Write(ref _answers, answers - 1);
    }

    public int IndexOrdinal(int partition) => Top.BlockCount + (2 * partition);

    public int FilterOrdinal(int partition) => IndexOrdinal(partition) + 1;
}

// How blocks come into memory: opening the file, reading, checking, caching.
internal sealed unsafe partial class Table
{
    /// <summary>Compressed blocks are read here first. One per thread that reads tables.</summary>
    [ThreadStatic]
    private static byte[]? t_stored;

    private OpenedTable? _opened;

    internal OpenedTable Opened => Volatile.Read(ref _opened) ?? Open();

    /// <summary>Fills the destination from the file.</summary>
    /// <exception cref="CorruptDataException">The file ends before.</exception>
    internal void ReadExactly(Span<byte> destination, long offset)
    {
        using OpenFiles.FileLease lease = _store.OpenFiles.Lease(Info.Number);
        if (lease.File.Read(destination, offset) != destination.Length)
            ThrowCorrupt(offset, $"the file ends within {destination.Length} bytes from here");
        _store.CountRead(destination.Length);
    }

    internal void CountCursorBytes(long change) => _store.Cache.CountCursorBytes(change);

    internal BlockPin PinIndex(OpenedTable opened, int partition) =>
        PinPartition(opened, opened.IndexOrdinal(partition), opened.Top[partition].Index, BlockKind.Index);

    /// <summary>Reads and checks an index partition into memory of the caller's own, past the cache.</summary>
    internal void ReadIndex(OpenedTable opened, int partition, NativeBuffer destination)
    {
        BlockLocation location = opened.Top[partition].Index;
        if (location.IsCompressed || location.StoredBytes > destination.Bytes)
            ThrowCorrupt(location.Offset, $"an index partition of {location.StoredBytes} bytes cannot be");
        ReadPayload(destination.Address, location, BlockKind.Index, opened.Top[partition].BlockCount);
    }

    internal BlockPin PinData(OpenedTable opened, int partition, byte* index, int block)
    {
        int ordinal = opened.Top[partition].BlockFirst + block;
        if (_store.Cache.TryPin(opened.Slots, ordinal, out FramePin pin)) return new BlockPin(_store.Cache, pin);
        AskForNeighbours(opened, partition, block);
        return ReadIntoCache(opened, ordinal, IndexPartition.LocationAt(index, block), BlockKind.Data, indexBlocks: 0);
    }

    /// <summary>
    /// Brings those of a neighbourhood of blocks into the cache that it lacks: all for a walk, else as far as the system has them in
    /// memory and the cache has unused room.
    /// </summary>
    internal void ReadNeighbours(OpenedTable opened, int partition, int first, WalkDirection walk, byte[] buffer)
    {
        using BlockPin index = PinIndex(opened, partition);
        ref readonly TablePartition blocks = ref opened.Top[partition];
        int end = Math.Min(first + NeighbourReads.BlocksTogether, blocks.BlockCount);
        while (first < end && _store.Cache.ProbablyHolds(opened.Slots, blocks.BlockFirst + first)) first++;
        if (first == end) return;

        long start = IndexPartition.LocationAt(index.Data, first).Offset;
        BlockLocation last = IndexPartition.LocationAt(index.Data, end - 1);
        long wanted = Math.Clamp(last.Offset + last.StoredBytes - start, 0, buffer.Length);
        int bytes = ReadNeighbourhood(buffer.AsSpan(0, (int)wanted), start, walk);
        for (int i = first; i < end; i++)
        {
            if (walk == WalkDirection.None && !_store.Cache.HasUnusedRoom) return;
            int block = walk == WalkDirection.Forward ? first + end - 1 - i : i;
            int ordinal = blocks.BlockFirst + block;
            BlockLocation location = IndexPartition.LocationAt(index.Data, block);

            // Blocks stand one behind the other, but only the index says where.
            long offset = location.Offset - start;
            if (offset < 0 || offset + location.StoredBytes > bytes || _store.Cache.ProbablyHolds(opened.Slots, ordinal)) continue;
            DecodeIntoCache(opened, ordinal, location, buffer.AsSpan((int)offset, location.StoredBytes)).Dispose();
        }
    }

    /// <summary>A get or seek had to read a block.</summary>
    internal void AskForNeighbours(OpenedTable opened, int partition, int block) =>
        _store.Neighbours?.OnRead(this, opened, partition, block);

    /// <summary>A walk had to read the first block of a neighbourhood.</summary>
    internal void AskAhead(OpenedTable opened, int partition, int block, bool isBackward) =>
        _store.Neighbours?.OnWalk(this, opened, partition, block, isBackward);

    private int ReadNeighbourhood(Span<byte> destination, long offset, WalkDirection walk)
    {
        using OpenFiles.FileLease lease = _store.OpenFiles.Lease(Info.Number);
        int bytes = walk == WalkDirection.None ? lease.File.ReadCached(destination, offset) : lease.File.Read(destination, offset);
        _store.CountRead(bytes);
        return bytes;
    }

    internal bool TryPinCached(OpenedTable opened, int ordinal, out BlockPin pin)
    {
        bool isCached = _store.Cache.TryPin(opened.Slots, ordinal, out FramePin frame);
        pin = isCached ? new BlockPin(_store.Cache, frame) : default;
        return isCached;
    }

    /// <summary>A walk is likely to come to the block: if there is one and the cache has it, its head is asked for.</summary>
    internal void PrefetchCached(OpenedTable opened, int ordinal)
    {
        if ((uint)ordinal < (uint)opened.Top.BlockCount) _store.Cache.TryPrefetch(opened.Slots, ordinal);
    }

    /// <summary>Checks a stored block as it stands in the file; the payload is its beginning, compressed or not.</summary>
    internal int CheckStored(ReadOnlySpan<byte> stored, BlockLocation location)
    {
        if (!BlockTrailer.TryRead(stored, Info.Salt, location.Offset, out BlockCompression compression, out int rawBytes))
            ThrowCorrupt(location.Offset, $"the checksum of a block of {stored.Length} bytes is wrong");
        if (compression == BlockCompression.None == location.IsCompressed)
            ThrowCorrupt(location.Offset, "a block is compressed otherwise than its index says");
        return rawBytes;
    }

    /// <summary>Checks a payload's structure, on which all later reads of it rely.</summary>
    internal void CheckPayload(ReadOnlySpan<byte> payload, BlockKind kind, BlockLocation location)
    {
        bool isWellFormed = kind switch
        {
            BlockKind.Data => DataBlock.IsWellFormed(payload),
            BlockKind.Index => IndexPartition.IsWellFormed(payload, Info.FileBytes),
            _ => payload.Length % BlockedBloom.LineBytes == 0,
        };
        if (!isWellFormed) ThrowCorrupt(location.Offset, $"a block ({kind}) is malformed behind a right checksum");
    }

    /// <summary>Decompresses a checked data block and checks the result.</summary>
    internal void Decompress(ReadOnlySpan<byte> stored, Span<byte> payload, BlockLocation location)
    {
        if (!Lz4Block.TryDecompress(stored[..^BlockTrailer.SizeBytes], payload))
            ThrowCorrupt(location.Offset, "a block does not decompress to its size");
        CheckPayload(payload, BlockKind.Data, location);
    }

    /// <summary>Brings a stored data block that was read elsewhere into the cache.</summary>
    internal BlockPin DecodeIntoCache(OpenedTable opened, int ordinal, BlockLocation location, ReadOnlySpan<byte> stored)
    {
        int rawBytes = CheckStored(stored, location);
        FramePin pin = _store.Cache.Reserve(rawBytes);
        try
        {
            if (location.IsCompressed)
            {
                Decompress(stored, pin.Span[..rawBytes], location);
            }
            else
            {
                stored[..rawBytes].CopyTo(pin.Span);
                CheckPayload(pin.Span[..rawBytes], BlockKind.Data, location);
            }

            _store.Cache.Publish(opened.Slots, ordinal, pin, FramePriority.Normal);
            return new BlockPin(_store.Cache, pin);
        }
        catch
        {
            _store.Cache.Unpin(pin);
            throw;
        }
    }

    private BlockPin ReadIntoCache(OpenedTable opened, int ordinal, BlockLocation location, BlockKind kind, int indexBlocks)
    {
        if (location.IsCompressed)
        {
            t_stored ??= new byte[TableFormat.StoredBytesMax];
            Span<byte> stored = t_stored.AsSpan(0, location.StoredBytes);
            ReadExactly(stored, location.Offset);
            return DecodeIntoCache(opened, ordinal, location, stored);
        }

        FramePin pin = _store.Cache.Reserve(location.StoredBytes - BlockTrailer.SizeBytes);
        try
        {
            ReadPayload(pin.Data, location, kind, indexBlocks);
            _store.Cache.Publish(opened.Slots, ordinal, pin, kind == BlockKind.Data ? FramePriority.Normal : FramePriority.High);
            return new BlockPin(_store.Cache, pin);
        }
        catch
        {
            _store.Cache.Unpin(pin);
            throw;
        }
    }

    /// <summary>Reads and checks a raw block in place.</summary>
    private void ReadPayload(byte* destination, BlockLocation location, BlockKind kind, int indexBlocks)
    {
        // SAFETY: behind every payload are 64 bytes of padding, in which the stored block's trailer of 8 bytes finds room.
        var stored = new Span<byte>(destination, location.StoredBytes);
        ReadExactly(stored, location.Offset);
        int payloadBytes = CheckStored(stored, location);
        CheckPayload(stored[..payloadBytes], kind, location);
        if (kind == BlockKind.Index && IndexPartition.Count(destination) != indexBlocks)
            ThrowCorrupt(location.Offset, "an index partition covers another number of blocks than the top index says");
    }

    /// <summary>Index and filter: kept for the table's life while the cache grants it, else cached with priority.</summary>
    private BlockPin PinPartition(OpenedTable opened, int ordinal, BlockLocation location, BlockKind kind)
    {
        ref nint resident = ref opened.Resident[ordinal - opened.Top.BlockCount];
        nint address = Volatile.Read(ref resident);
        if (address != 0) return new BlockPin((byte*)address);
        if (_store.Cache.TryPin(opened.Slots, ordinal, out FramePin pin)) return new BlockPin(_store.Cache, pin);

        int indexBlocks = opened.Top[(ordinal - opened.Top.BlockCount) / 2].BlockCount;
        return TryMakeResident(opened, ref resident, location, kind, indexBlocks, out BlockPin kept)
            ? kept
            : ReadIntoCache(opened, ordinal, location, kind, indexBlocks);
    }

    private bool TryMakeResident(
        OpenedTable opened, ref nint resident, BlockLocation location, BlockKind kind, int indexBlocks, out BlockPin pin)
    {
        pin = default;
        long bytes = location.StoredBytes - BlockTrailer.SizeBytes + TableFormat.FramePaddingBytes;
        if (location.IsCompressed || !_store.Cache.TryReserveResident(bytes)) return false;
        byte* loaded = null;
        bool isKept = false;
        try
        {
            loaded = NativeBytes.Allocate(bytes, BlockedBloom.LineBytes);
            ReadPayload(loaded, location, kind, indexBlocks);
            nint winner = Interlocked.CompareExchange(ref resident, (nint)loaded, 0);
            isKept = winner == 0;
            pin = new BlockPin(isKept ? loaded : (byte*)winner);
            return true;
        }
        finally
        {
            if (isKept)
            {
                Interlocked.Add(ref opened.ResidentBytes, bytes);
            }
            else
            {
                // Damaged, or another thread was first and its copy stays.
                NativeBytes.Free(loaded);
                _store.Cache.ReleaseResident(bytes);
            }
        }
    }

    private OpenedTable Open()
    {
        if (Info.FileBytes < TableFooter.SizeBytes) ThrowCorrupt(0, $"a table of {Info.FileBytes} bytes is too short");
        long fileBytes = LengthOfFile();
        if (fileBytes != Info.FileBytes) ThrowCorrupt(0, $"the file has {fileBytes} bytes, the manifest says {Info.FileBytes}");
        TableFooter footer = ReadFooter();
        if (!TopIndex.TryDecode(ReadMeta(footer.TopIndex), fileBytes, out TopIndex? top) || top is null)
        {
            ThrowCorrupt(footer.TopIndex.Offset, "the top index is malformed");
        }

        if (!TableProperties.TryDecode(ReadMeta(footer.Properties), out TableProperties properties))
            ThrowCorrupt(footer.Properties.Offset, "the properties are malformed");
        if (properties.EntryCount != (ulong)Info.EntryCount)
            ThrowCorrupt(footer.Properties.Offset, $"the table has {properties.EntryCount} entries, the manifest says {Info.EntryCount}");

        var opened = new OpenedTable(top, ReadRanges(footer.RangeTombstones), fileBytes, TrailerShiftOf(footer, properties));
        return Interlocked.CompareExchange(ref _opened, opened, null) ?? opened;
    }

    private RangeTombstones ReadRanges(FileRange range)
    {
        RangeTombstones? ranges = RangeTombstones.Empty;
        if (range != default && !RangeTombstoneBlock.TryDecode(ReadMeta(range), out ranges))
            ThrowCorrupt(range.Offset, "the range tombstones are malformed");
        if (ranges!.Count != Info.RangeTombstoneCount)
            ThrowCorrupt(range.Offset, $"the table has {ranges.Count} range tombstones, the manifest says {Info.RangeTombstoneCount}");
        return ranges;
    }

    /// <summary>Entries of sequence 0 were ingested: the manifest says at which sequence.</summary>
    private ulong TrailerShiftOf(in TableFooter footer, TableProperties properties)
    {
        if (properties.LargestSequence > 0) return 0;
        if (Info.SmallestSequence != Info.LargestSequence)
            ThrowCorrupt(footer.Properties.Offset, "the table was ingested, but the manifest gives it more than one sequence");
        return Entries.Trailer.Pack(Info.LargestSequence, 0);
    }

    private long LengthOfFile()
    {
        using OpenFiles.FileLease lease = _store.OpenFiles.Lease(Info.Number);
        return lease.File.Length;
    }

    private TableFooter ReadFooter()
    {
        Span<byte> bytes = stackalloc byte[TableFooter.SizeBytes];
        long offset = Info.FileBytes - TableFooter.SizeBytes;
        ReadExactly(bytes, offset);
        string? wrong = TableFooter.Read(bytes, offset, out TableFooter footer);
        if (wrong is not null) ThrowCorrupt(offset, wrong);
        if (footer.DatabaseId != _store.DatabaseId)
            ThrowCorrupt(offset, $"the table belongs to database {footer.DatabaseId}, this one is {_store.DatabaseId}");
        if (footer.Salt != Info.Salt) ThrowCorrupt(offset, "the table's salt is not the manifest's: a stale or misplaced file");
        return footer;
    }

    /// <summary>
    /// Top index, properties, range tombstones: the footer says that they lie within the file, which bounds their length.
    /// </summary>
    private byte[] ReadMeta(FileRange range)
    {
        byte[] stored = new byte[range.Bytes];
        ReadExactly(stored, range.Offset);
        bool isSound = BlockTrailer.TryRead(stored, Info.Salt, range.Offset, out BlockCompression compression, out _);
        if (!isSound || compression != BlockCompression.None)
            ThrowCorrupt(range.Offset, $"the checksum of a block of {range.Bytes} bytes is wrong");
        return stored[..^BlockTrailer.SizeBytes];
    }
}
