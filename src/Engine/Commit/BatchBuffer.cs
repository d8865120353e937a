using System.Buffers;
using System.Runtime.CompilerServices;
using Varve.Bytes;
using Varve.Diagnostics;
using Varve.Entries;
using Varve.Native;

namespace Varve.Commit;

/// <summary>
/// The operations of one batch in the form in which the log keeps them, so that a commit copies bytes and encodes nothing.
/// </summary>
/// <remarks>
/// <code>
/// batch     := operation*                               (docs/formats/batch.md)
/// operation := kind:u8 | keyBytes:varint | key [ | valueBytes:varint | value ]     no value where kind is Tombstone
/// </code>
/// The n-th operation of a batch has the batch's first sequence + n; the log's frame states first sequence and count.
/// <para>
/// A batch that outgrows a megabyte moves to a region of native memory with room for the largest batch: it grows there without being
/// copied, and takes memory only for what is in it. A single large value is not copied at all, see <see cref="AddBorrowedPut"/>.
/// </para>
/// </remarks>
internal sealed unsafe class BatchBuffer : IDisposable
{
    /// <summary>From this length on a single put lends its value instead of copying it.</summary>
    public const int BorrowedBytesMin = 64 << 10;

    private const int BytesMin = 1024;

    /// <summary>A longer array than this is not kept for the next batch.</summary>
    private const int KeptBytesMax = 1 << 20;

    private readonly RegionPool? _pool;
    private readonly long _regionBytes;
    private BatchRegion? _region;
    private byte* _lastValue;
    private int _lastValueBytes;

    private readonly List<MapIdentity> _unrecordedMaps = [];
    private readonly List<MapIdentity> _otherMaps = [];
    private MapIdentity? _firstMap;
    private MapIdentity? _lastMap;
    private byte[] _bytes = [];
    private int _length;

    /// <summary>A small batch, in managed memory whatever its size.</summary>
    public BatchBuffer()
    {
    }

    /// <param name="pool">Where a large batch's memory comes from.</param>
    /// <param name="bytesMax">The most that a batch may take.</param>
    public BatchBuffer(RegionPool pool, long bytesMax)
    {
        _pool = pool;
        _regionBytes = Math.Min(bytesMax + KeptBytesMax, int.MaxValue);
    }

    public int Count { get; private set; }

    /// <summary>Bytes of the batch as the log has it.</summary>
    public int Length => _length + _lastValueBytes;

    /// <summary>Sum of the full keys' bytes.</summary>
    public long KeyBytes { get; private set; }

    public long ValueBytes { get; private set; }

    /// <summary>The operations; without <see cref="LastValue"/>.</summary>
    public ReadOnlySpan<byte> Span => Bytes[.._length];

    /// <summary>The last operation's value where it was lent; it follows <see cref="Span"/> in the log. Otherwise empty.</summary>
    public ReadOnlySpan<byte> LastValue => new(_lastValue, _lastValueBytes);

    /// <summary>Range deletes among the operations.</summary>
    public int RangeCount { get; private set; }

    /// <summary>Bytes of their bounds.</summary>
    public long RangeBytes { get; private set; }

    /// <summary>The map that this batch drops; null: none.</summary>
    public MapIdentity? DroppedMap { get; private set; }

    /// <summary>Maps of this batch whose names the catalogue did not hold when they were added.</summary>
    public IReadOnlyList<MapIdentity> UnrecordedMaps => _unrecordedMaps;

    /// <summary>True when the batch deletes no range, drops no map and brings no name.</summary>
    public bool HasEntriesOnly => RangeCount == 0 && DroppedMap is null && _unrecordedMaps.Count == 0;

    /// <summary>A map of the batch that was dropped, or is in the list of those about to be; null: none.</summary>
    public MapIdentity? FindDropped(List<MapIdentity> droppedNow)
    {
        if (_firstMap is null || IsDropped(_firstMap, droppedNow)) return _firstMap;
        foreach (MapIdentity map in _otherMaps)
        {
            if (IsDropped(map, droppedNow)) return map;
        }

        return null;
    }

    public void AddPut(MapIdentity map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        int keyBytes = map.Prefix.Length + key.Length;
        Span<byte> room = Reserve(1 + 2 * Varint.BytesMax + keyBytes + value.Length);
        int length = WriteHead(room, EntryKind.Value, map, key, keyBytes);
        length += Varint.Write(room[length..], (uint)value.Length);
        value.CopyTo(room[length..]);
        Added(map, keyBytes, value.Length, length + value.Length);
    }

    /// <summary>
    /// Adds a put whose value is read where it stands: the caller keeps it there, pinned and unchanged, until the batch is committed and
    /// cleared. Nothing can be added behind it.
    /// </summary>
    public void AddBorrowedPut(MapIdentity map, ReadOnlySpan<byte> key, byte* value, int valueBytes)
    {
        int keyBytes = map.Prefix.Length + key.Length;
        Span<byte> room = Reserve(1 + 2 * Varint.BytesMax + keyBytes);
        int length = WriteHead(room, EntryKind.Value, map, key, keyBytes);
        length += Varint.Write(room[length..], (uint)valueBytes);
        Added(map, keyBytes, valueBytes, length);
        _lastValue = value;
        _lastValueBytes = valueBytes;
    }

    /// <summary>Adds a put whose value comes from a stream; when that fails or ends early, the batch is as before.</summary>
    /// <exception cref="EndOfStreamException">The stream has fewer bytes.</exception>
    public void AddPut(MapIdentity map, ReadOnlySpan<byte> key, Stream value, int valueBytes)
    {
        int keyBytes = map.Prefix.Length + key.Length;
        Span<byte> room = Reserve(1 + 2 * Varint.BytesMax + keyBytes + valueBytes);
        int length = WriteHead(room, EntryKind.Value, map, key, keyBytes);
        length += Varint.Write(room[length..], (uint)valueBytes);
        value.ReadExactly(room.Slice(length, valueBytes));
        Added(map, keyBytes, valueBytes, length + valueBytes);
    }

    /// <summary>Adds a put whose value stands in several pieces.</summary>
    public void AddPut(MapIdentity map, ReadOnlySpan<byte> key, in ReadOnlySequence<byte> value)
    {
        int keyBytes = map.Prefix.Length + key.Length;
        int valueBytes = (int)value.Length;
        Span<byte> room = Reserve(1 + 2 * Varint.BytesMax + keyBytes + valueBytes);
        int length = WriteHead(room, EntryKind.Value, map, key, keyBytes);
        length += Varint.Write(room[length..], (uint)valueBytes);
        value.CopyTo(room[length..]);
        Added(map, keyBytes, valueBytes, length + valueBytes);
    }

    /// <summary>A put that ends by itself.</summary>
    /// <param name="map">The map.</param>
    /// <param name="key">The user's key.</param>
    /// <param name="value">The user's value.</param>
    /// <param name="expiry">Milliseconds since 1970 UTC from which the entry is absent.</param>
    public void AddExpiringPut(MapIdentity map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, ulong expiry)
    {
        int keyBytes = map.Prefix.Length + key.Length;
        int valueBytes = Expiry.PrefixBytes + value.Length;
        Span<byte> room = Reserve(1 + 2 * Varint.BytesMax + keyBytes + valueBytes);
        int length = WriteHead(room, EntryKind.Value | EntryKind.Expiring, map, key, keyBytes);
        length += Varint.Write(room[length..], (uint)valueBytes);
        Expiry.Write(room[length..], expiry);
        value.CopyTo(room[(length + Expiry.PrefixBytes)..]);
        Added(map, keyBytes, valueBytes, length + valueBytes);
    }

    public void AddDelete(MapIdentity map, ReadOnlySpan<byte> key)
    {
        int keyBytes = map.Prefix.Length + key.Length;
        Span<byte> room = Reserve(1 + Varint.BytesMax + keyBytes);
        Added(map, keyBytes, valueBytes: 0, WriteHead(room, EntryKind.Tombstone, map, key, keyBytes));
    }

    /// <summary>Notes that tables were ingested with these keys of the map, the first and the last one both inside.</summary>
    public void AddIngest(MapIdentity map, ReadOnlySpan<byte> firstFullKey, ReadOnlySpan<byte> lastFullKey)
    {
        Span<byte> room = Reserve(1 + 2 * Varint.BytesMax + firstFullKey.Length + lastFullKey.Length);
        int length = WriteHead(room, EntryKind.Ingest, map, firstFullKey[map.Prefix.Length..], firstFullKey.Length);
        length += Varint.Write(room[length..], (uint)lastFullKey.Length);
        lastFullKey.CopyTo(room[length..]);
        Added(map, firstFullKey.Length, lastFullKey.Length, length + lastFullKey.Length);
    }

    /// <summary>Deletes the keys of a map from <paramref name="start"/> (a user key) to <paramref name="fullEnd"/> (a full key).</summary>
    public void AddDeleteRange(MapIdentity map, ReadOnlySpan<byte> start, ReadOnlySpan<byte> fullEnd)
    {
        int keyBytes = map.Prefix.Length + start.Length;
        Span<byte> room = Reserve(1 + 2 * Varint.BytesMax + keyBytes + fullEnd.Length);
        int length = WriteHead(room, EntryKind.RangeTombstone, map, start, keyBytes);
        length += Varint.Write(room[length..], (uint)fullEnd.Length);
        fullEnd.CopyTo(room[length..]);
        Added(map, keyBytes, fullEnd.Length, length + fullEnd.Length);
        RangeCount++;
        RangeBytes += keyBytes + fullEnd.Length;
    }

    /// <summary>Deletes all keys of a map and its record in the catalogue. A batch of its own.</summary>
    public void AddDrop(MapIdentity map, MapIdentity catalogue, ReadOnlySpan<byte> name)
    {
        AddDeleteRange(map, [], map.PrefixEnd);
        AddDelete(catalogue, name);
        DroppedMap = map;
    }

    /// <summary>Has the map's name recorded with the batch, also where no operation uses the map.</summary>
    public void AddMap(MapIdentity map)
    {
        if (ReferenceEquals(map, _lastMap)) return;
        _lastMap = map;
        if (!map.IsRecorded && !_unrecordedMaps.Contains(map)) _unrecordedMaps.Add(map);
        if (_firstMap is null) _firstMap = map;
        else if (!ReferenceEquals(map, _firstMap) && !_otherMaps.Contains(map)) _otherMaps.Add(map);
    }

    /// <summary>Adds all operations of another batch behind those of this one.</summary>
    public void AddAll(BatchBuffer other)
    {
        other.Span.CopyTo(Reserve(other._length));
        _length += other._length;
        _lastValue = other._lastValue;
        _lastValueBytes = other._lastValueBytes;
        Count += other.Count;
        KeyBytes += other.KeyBytes;
        ValueBytes += other.ValueBytes;
        RangeCount += other.RangeCount;
        RangeBytes += other.RangeBytes;
        DroppedMap ??= other.DroppedMap;
    }

    public void Clear()
    {
        if (_region is not null || _bytes.Length > KeptBytesMax) Dispose();
        if (_unrecordedMaps.Count > 0) _unrecordedMaps.Clear();
        if (_otherMaps.Count > 0) _otherMaps.Clear();
        _firstMap = null;
        _lastMap = null;
        DroppedMap = null;
        RangeCount = 0;
        RangeBytes = 0;
        _length = 0;
        _lastValue = null;
        _lastValueBytes = 0;
        Count = 0;
        KeyBytes = 0;
        ValueBytes = 0;
    }

    /// <summary>Gives the memory back; what is in the batch is lost.</summary>
    public void Dispose()
    {
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _region?.Return();
        _region = null;
    }

    private Span<byte> Bytes => _region is null ? _bytes : new Span<byte>(_region.Address, (int)_regionBytes);

    private static bool IsDropped(MapIdentity map, List<MapIdentity> droppedNow) => map.IsDropped || droppedNow.Contains(map);

    private static int WriteHead(Span<byte> room, EntryKind kind, MapIdentity map, ReadOnlySpan<byte> key, int keyBytes)
    {
        room[0] = (byte)kind;
        int length = 1 + Varint.Write(room[1..], (uint)keyBytes);
        map.Prefix.CopyTo(room[length..]);
        length += map.Prefix.Length;
        key.CopyTo(room[length..]);
        return length + key.Length;
    }

    private void Added(MapIdentity map, int keyBytes, int valueBytes, int operationBytes)
    {
        _length += operationBytes;
        Count++;
        KeyBytes += keyBytes;
        ValueBytes += valueBytes;
        AddMap(map);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Reserve(int bytes)
    {
        Invariant.Holds(_lastValueBytes == 0);
        Span<byte> all = Bytes;
        if (all.Length - _length < bytes)
        {
            Grow(bytes);
            all = Bytes;
        }

        return all[_length..];
    }

    private void Grow(int bytes)
    {
        long wanted = Math.Max(Math.Max(BytesMin, _length + (long)bytes), Math.Min(2L * _bytes.Length, Array.MaxLength));
        if (wanted > KeptBytesMax && _pool is not null && _region is null && _length + (long)bytes <= _regionBytes)
        {
            MoveToRegion();
            return;
        }

        byte[] grown = ArrayPool<byte>.Shared.Rent((int)Math.Min(wanted, Array.MaxLength));
        Span.CopyTo(grown);
        Dispose();
        _bytes = grown;
    }

    private void MoveToRegion()
    {
        var region = new BatchRegion(_pool!, _regionBytes);
        Span.CopyTo(new Span<byte>(region.Address, _length));
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
        _region = region;
    }
}
