using System.Runtime.CompilerServices;
using Varve.Diagnostics;
using Varve.Entries;
using Varve.Native;

namespace Varve.Memory;

/// <summary>
/// The newest writes, sorted, in memory: a radix tree in one region of the pool. One thread at a time inserts; any number of
/// threads read beside it without waiting. Sequences decide what a reader sees: it reads at one whose writes are all inserted.
/// </summary>
/// <remarks>
/// Whoever reads holds a reference on the table, also for as long as it uses a cursor or a value; the last release gives the
/// memory back. Counters are written by the inserting thread; other threads may see them a little late.
/// </remarks>
internal sealed unsafe class MemTable
{
    public const int KeyBytesMax = (16 << 10) + 10;

    /// <summary>64 MiB, and an expiry before it.</summary>
    public const int ValueBytesMax = (64 << 20) + Expiry.PrefixBytes;

    /// <summary>A chain of versions is walked on every read of an old one: a longer chain fills the table before its time.</summary>
    public const int ChainLengthMax = 4096;

    /// <summary>Range deletes are searched by every read: more of them fill the table before its time.</summary>
    public const int RangeFragmentsMax = 1024;

    /// <summary>The same for deletes that lie above each other.</summary>
    public const int RangeTombstonesMax = 2048;

    /// <summary>The same for the bytes of their bounds.</summary>
    public const int RangeBytesMax = 1 << 20;

    /// <summary>So many range deletes at once want a table without any: each may cut all that are there.</summary>
    public const int RangesAtOnceMax = 256;

    /// <summary>From this many deleted keys on a table that holds mostly those is full: scans have to pass over them.</summary>
    public const int TombstonesMax = 128 << 10;

    private readonly MemArena _arena;
    private readonly RadixTree _tree;
    private RangeTombstones _ranges = RangeTombstones.Empty;
    private long _keyBytes;
    private int _chainLengthMost;
    private int _references = 1;

    /// <summary>Makes an empty table with one reference.</summary>
    /// <param name="pool">Where its memory comes from.</param>
    /// <param name="capacityBytes">When the table counts as full.</param>
    /// <param name="roomBytes">
    /// What must fit at least, as <see cref="RoomBytesFor"/> says: for a batch that is larger than a memtable.
    /// </param>
    /// <remarks>Reserved, not touched, is the larger of twice the capacity and the room, and a largest entry.</remarks>
    public MemTable(RegionPool pool, long capacityBytes, long roomBytes = 0)
    {
        Invariant.Holds(capacityBytes > 0 && Math.Max(2 * capacityBytes, roomBytes) <= RoomBytesMax);
        CapacityBytes = capacityBytes;
        long reservedBytes = Math.Max(2 * capacityBytes, roomBytes) + MemRoom.BytesMax(1, KeyBytesMax, ValueBytesMax);
        _arena = new MemArena(pool, reservedBytes, expectedBytes: capacityBytes);
        _tree = new RadixTree(_arena);
    }

    /// <summary>About 16 GiB: what references reach.</summary>
    public static long RoomBytesMax => MemArena.ReservedBytesMax - MemRoom.BytesMax(1, KeyBytesMax, ValueBytesMax);

    public long CapacityBytes { get; }

    /// <summary>Memory in use by entries, nodes and range deletes.</summary>
    public long UsedBytes => _arena.UsedBytes + Volatile.Read(ref _ranges).Bytes;

    /// <summary>True when the table is to be flushed. It may still have room.</summary>
    public bool IsFull
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        get => UsedBytes >= CapacityBytes
            || _chainLengthMost > ChainLengthMax
            || (TombstoneCount >= TombstonesMax && TombstoneCount > EntryCount / 2)
            || _ranges.Fragments.Length >= RangeFragmentsMax
            || _ranges.Count >= RangeTombstonesMax
            || _ranges.Bytes >= RangeBytesMax;
    }

    /// <summary>True when nothing was written to it, neither entries nor range deletes.</summary>
    public bool IsEmpty => EntryCount == 0 && !HasRanges;

    /// <summary>The range deletes up to now. A reader takes the list after its sequence, and then has all that it sees.</summary>
    public RangeTombstones Ranges => Volatile.Read(ref _ranges);

    public bool HasRanges => !ReferenceEquals(Volatile.Read(ref _ranges), RangeTombstones.Empty);

    public long EntryCount { get; private set; }

    public long TombstoneCount { get; private set; }

    /// <summary>Sequence of the first entry or range delete; 0 while the table is empty.</summary>
    public ulong FirstSequence { get; private set; }

    /// <summary>Sequence of the last entry or range delete; 0 while the table is empty.</summary>
    public ulong LastSequence { get; private set; }

    /// <summary>Key and value bytes as they were given.</summary>
    public long ContentBytes { get; private set; }

    /// <summary>The room with which a new table takes entries of these totals, whatever their keys are.</summary>
    public static long RoomBytesFor(long entryCount, long keyBytes, long valueBytes) => MemRoom.BytesMax(entryCount, keyBytes, valueBytes);

    /// <summary>What entries of these totals take without the nodes of the tree, which depend on their keys.</summary>
    public static long RecordBytesFor(long entryCount, long keyBytes, long valueBytes) =>
        MemRoom.RecordBytesMax(entryCount, keyBytes, valueBytes);

    /// <summary>True when so many range deletes may be added at once.</summary>
    public bool TakesRanges(int count) => count <= RangesAtOnceMax || !HasRanges;

    /// <summary>True when inserts with these totals cannot run out of space, whatever the keys are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public bool HasRoomFor(int entryCount, long keyBytes, long valueBytes)
    {
        long nodeFreeBytes = _arena.FreeBytes - MemRoom.RecordBytesMax(entryCount, keyBytes, valueBytes);
        return MemRoom.ChunkBytesMax(MemRoom.NodeBytesMaxFromNow(entryCount, keyBytes)) <= nodeFreeBytes
            || MemRoom.ChunkBytesMax(
                MemRoom.NodeBytesMax(EntryCount + entryCount, _keyBytes + keyBytes) - _arena.NodeBytes) <= nodeFreeBytes;
    }

    /// <summary>
    /// Asks the processor for memory that the insert of the key will read, best a little before it: that insert is the next one, and takes
    /// the place that this returns.
    /// </summary>
    public RadixPlace Approach(ReadOnlySpan<byte> key) => _tree.Approach(key);

    /// <summary>Adds an entry. Sequences never go back, and grow within a key; <see cref="HasRoomFor"/> said that there is room.</summary>
    /// <remarks>Compiled optimized at once: a replay inserts hundreds of thousands in the first moments of a process.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Insert(ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> value) => InsertFrom(_tree.Top, key, trailer, value);

    /// <summary>The same at the key's place, which <see cref="Approach"/> gave after the last insert.</summary>
    public void Insert(RadixPlace place, ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> value) =>
        InsertFrom(place, key, trailer, value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void InsertFrom(RadixPlace place, ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> value)
    {
        ulong sequence = Trailer.Sequence(trailer);
        Invariant.Holds(key.Length <= KeyBytesMax);
        Invariant.Holds(sequence >= LastSequence);
        uint reference = _arena.TakeRecord((long)sizeof(MemRecord) + key.Length + value.Length);
        MemRecord* record = _arena.Record(reference);
        record->Trailer = trailer;
        record->KeyLength = (ushort)key.Length;
        record->ValueLength = value.Length;
        // SAFETY: TakeRecord has checked head, key and value together against the reservation.
        key.CopyTo(new Span<byte>(MemRecord.Key(record), key.Length));
        value.CopyTo(new Span<byte>(MemRecord.Value(record), value.Length));
        _tree.Insert(reference, place);

        if (record->ChainLength > _chainLengthMost) _chainLengthMost = record->ChainLength;
        if (FirstSequence == 0) FirstSequence = sequence;
        LastSequence = sequence;
        EntryCount++;
        if (Trailer.IsTombstone(trailer)) TombstoneCount++;
        _keyBytes += key.Length;
        ContentBytes += key.Length + value.Length;
    }

    /// <summary>
    /// Adds the range deletes of one commit or replayed record, whose entries have been inserted. Nobody reads in the middle of a
    /// commit: of those that overlap the newest counts.
    /// </summary>
    public void AddRanges(List<RangeTombstone> ranges)
    {
        foreach (RangeTombstone range in ranges)
        {
            FirstSequence = FirstSequence == 0 ? range.Sequence : Math.Min(FirstSequence, range.Sequence);
            LastSequence = Math.Max(LastSequence, range.Sequence);
        }

        // The usual case is one, which costs a copy of the list.
        if (ranges.Count > 0) Volatile.Write(ref _ranges, ranges.Count == 1 ? _ranges.With(ranges[0]) : WithNewest(ranges));
    }

    private RangeTombstones WithNewest(List<RangeTombstone> ranges)
    {
        RangeTombstones added = RangeTombstones.Build(ranges, [Trailer.SequenceMax]);
        if (!HasRanges) return added;
        var pieces = new List<RangeTombstone>(added.Count);
        added.CopyTo(pieces);
        return _ranges.With(pieces);
    }

    /// <summary>The newest version of the key that is not younger than the sequence; it may be a tombstone.</summary>
    public bool TryGet(ReadOnlySpan<byte> key, ulong sequence, out MemEntry entry)
    {
        return TryGetVersion(_tree.Find(key), sequence, out entry);
    }

    /// <summary>Begins the lookup of <see cref="TryGet"/> in steps; false when the table is empty.</summary>
    public bool BeginProbe(ReadOnlySpan<byte> key, out MemProbe probe) => _tree.BeginProbe(key, out probe);

    /// <summary>
    /// The next step, best taken when what it reads has come near: true once the lookup has ended, with the version or without one.
    /// </summary>
    public bool StepProbe(ReadOnlySpan<byte> key, ulong sequence, ref MemProbe probe, out bool isFound, out MemEntry entry)
    {
        bool hasEnded = _tree.StepProbe(key, ref probe, out MemRecord* record);
        isFound = TryGetVersion(record, sequence, out entry);
        return hasEnded;
    }

    private bool TryGetVersion(MemRecord* record, ulong sequence, out MemEntry entry)
    {
        ulong trailerMax = Trailer.SeekAt(sequence);
        while (record != null)
        {
            if (record->Trailer <= trailerMax)
            {
                entry = new MemEntry(record->Trailer, MemRecord.Value(record), record->ValueLength);
                return true;
            }

            record = record->Older == 0 ? null : _arena.Record(record->Older);
        }

        entry = default;
        return false;
    }

    /// <summary>
    /// About the share of the keys, 0 to 1, that come before the key: the children of a node of the tree are taken as equally heavy.
    /// </summary>
    public double EstimateShareBefore(ReadOnlySpan<byte> key) => _tree.EstimateShareBefore(key);

    /// <summary>A cursor over the table as of the sequence: one version a key, tombstones included.</summary>
    public EntryCursor CreateCursor(ulong sequence) => new MemCursor(_tree, sequence, this);

    /// <summary>A cursor over all versions, newest first within a key.</summary>
    public EntryCursor CreateVersionCursor() => new MemVersionCursor(_tree);

    /// <summary>The caller already holds a reference, itself or through somebody who does.</summary>
    public void AddReference()
    {
        int references = Interlocked.Increment(ref _references);
        Invariant.Holds(references > 1);
    }

    public void Release()
    {
        int left = Interlocked.Decrement(ref _references);
        Invariant.Holds(left >= 0);
        if (left == 0) _arena.Return();
    }
}
