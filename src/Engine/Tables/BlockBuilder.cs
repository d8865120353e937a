using System.Buffers.Binary;
using Varve.Bytes;
using Varve.Diagnostics;

namespace Varve.Tables;

/// <summary>Gathers entries and lays the first of them out as a data block. One thread.</summary>
internal sealed class BlockBuilder : IDisposable
{
    /// <summary>One gathered block and one entry of the largest size behind it.</summary>
    private const int EntriesBytesMax = 2 * TableFormat.PayloadBytesMax;
    private const int CountMax = (TableFormat.GatheredPayloadBytesMax / DataBlock.EntryBytesMin) + 1;

    private readonly NativeBuffer _entries = new(EntriesBytesMax);
    private readonly int[] _starts = new int[CountMax + 1];
    private readonly ulong[] _hashes = new ulong[CountMax];

    public int Count { get; private set; }

    /// <summary>Payload bytes of a block of all entries.</summary>
    public int PayloadBytes => PayloadBytesOf(Count);

    /// <summary>Payload bytes of a block of all entries and one more.</summary>
    public int PayloadBytesWith(int entryBytes) => DataBlock.EntriesOffset(Count + 1) + _starts[Count] + entryBytes;

    public void Add(ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> value, ulong keyHash)
    {
        Invariant.Holds(Count < CountMax);
        Span<byte> destination = _entries.Span[_starts[Count]..];
        int length = Varint.Write(destination, (uint)key.Length);
        length += Varint.Write(destination[length..], (uint)value.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[length..], trailer);
        length += sizeof(ulong);
        key.CopyTo(destination[length..]);
        length += key.Length;
        value.CopyTo(destination[length..]);
        length += value.Length;
        _hashes[Count] = keyHash;
        Count++;
        _starts[Count] = _starts[Count - 1] + length;
    }

    /// <summary>How many of the first entries make a payload of at most this size; at least one.</summary>
    public int CountFitting(int payloadBytesMax)
    {
        int low = 1;
        int high = Count;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            if (PayloadBytesOf(middle) <= payloadBytesMax) low = middle;
            else high = middle - 1;
        }

        return low;
    }

    /// <summary>Writes the block of the first <paramref name="count"/> entries; returns its bytes.</summary>
    public int Encode(int count, Span<byte> destination)
    {
        int entriesOffset = DataBlock.EntriesOffset(count);
        Span<byte> fingerprints = destination[DataBlock.FingerprintsOffset..];
        Span<byte> offsets = destination[DataBlock.OffsetsOffset(count)..];
        destination[DataBlock.OffsetsOffset(count) - 1] = 0;
        BinaryPrimitives.WriteUInt16LittleEndian(destination, checked((ushort)count));
        for (int i = 0; i < count; i++)
        {
            fingerprints[i] = (byte)(_hashes[i] >> 56);
            BinaryPrimitives.WriteUInt16LittleEndian(offsets[(i * sizeof(ushort))..], checked((ushort)(entriesOffset + _starts[i])));
        }

        _entries.Span[.._starts[count]].CopyTo(destination[entriesOffset..]);
        return entriesOffset + _starts[count];
    }

    public void RemoveFirst(int count)
    {
        int removedBytes = _starts[count];
        _entries.Span[removedBytes.._starts[Count]].CopyTo(_entries.Span);
        Array.Copy(_hashes, count, _hashes, 0, Count - count);
        for (int i = count; i <= Count; i++) _starts[i - count] = _starts[i] - removedBytes;
        Count -= count;
    }

    public ulong HashAt(int index) => _hashes[index];

    public ReadOnlySpan<byte> KeyAt(int index)
    {
        ReadOnlySpan<byte> entry = _entries.Span[_starts[index].._starts[index + 1]];
        bool read = Varint.TryRead(entry, out ulong keyBytes, out int keyPrefix);
        read &= Varint.TryRead(entry[keyPrefix..], out _, out int valuePrefix);
        Invariant.Holds(read);
        return entry.Slice(keyPrefix + valuePrefix + sizeof(ulong), (int)keyBytes);
    }

    public void Dispose() => _entries.Dispose();

    private int PayloadBytesOf(int count) => DataBlock.EntriesOffset(count) + _starts[count];
}
