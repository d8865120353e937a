using System.Buffers;
using System.Runtime.CompilerServices;
using Varve.Bytes;
using Varve.Entries;

namespace Varve.Commit;

/// <summary>
/// The operations of one batch in the form in which the log keeps them, so that a commit copies bytes and encodes nothing.
/// </summary>
/// <remarks>
/// <code>
/// batch     := operation*                               (docs/formats/batch.md)
/// operation := kind:u8 | keyBytes:varint | key [ | valueBytes:varint | value ]     value where kind is Value, expiring or not
/// </code>
/// The n-th operation of a batch has the batch's first sequence + n; the log's frame states first sequence and count.
/// </remarks>
internal sealed class BatchBuffer : IDisposable
{
    private const int BytesMin = 1024;

    /// <summary>A longer array than this is not kept for the next batch.</summary>
    private const int KeptBytesMax = 1 << 20;

    private readonly List<MapIdentity> _unrecordedMaps = [];
    private byte[] _bytes = [];
    private int _length;

    public int Count { get; private set; }

    public int Length => _length;

    /// <summary>Sum of the full keys' bytes.</summary>
    public long KeyBytes { get; private set; }

    public long ValueBytes { get; private set; }

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, _length);

    /// <summary>Maps of this batch whose names the catalogue did not hold when they were added.</summary>
    public IReadOnlyList<MapIdentity> UnrecordedMaps => _unrecordedMaps;

    public void AddPut(MapIdentity map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        int keyBytes = map.Prefix.Length + key.Length;
        Span<byte> room = Reserve(1 + 2 * Varint.BytesMax + keyBytes + value.Length);
        int length = WriteHead(room, EntryKind.Value, map, key, keyBytes);
        length += Varint.Write(room[length..], (uint)value.Length);
        value.CopyTo(room[length..]);
        Added(map, keyBytes, value.Length, length + value.Length);
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

    /// <summary>Adds all operations of another batch behind those of this one.</summary>
    public void AddAll(BatchBuffer other)
    {
        other.Span.CopyTo(Reserve(other.Length));
        _length += other.Length;
        Count += other.Count;
        KeyBytes += other.KeyBytes;
        ValueBytes += other.ValueBytes;
    }

    public void Clear()
    {
        if (_bytes.Length > KeptBytesMax) Dispose();
        _unrecordedMaps.Clear();
        _length = 0;
        Count = 0;
        KeyBytes = 0;
        ValueBytes = 0;
    }

    public void Dispose()
    {
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }

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
        if (!map.IsRecorded && !_unrecordedMaps.Contains(map)) _unrecordedMaps.Add(map);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Span<byte> Reserve(int bytes)
    {
        if (_bytes.Length - _length < bytes) Grow(bytes);
        return _bytes.AsSpan(_length);
    }

    private void Grow(int bytes)
    {
        long wanted = Math.Max(Math.Max(BytesMin, _length + (long)bytes), Math.Min(2L * _bytes.Length, Array.MaxLength));
        byte[] grown = ArrayPool<byte>.Shared.Rent((int)Math.Min(wanted, Array.MaxLength));
        Span.CopyTo(grown);
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = grown;
    }
}
