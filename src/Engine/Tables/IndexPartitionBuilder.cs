using System.Buffers.Binary;

namespace Varve.Tables;

/// <summary>Gathers the separators and locations of a run of data blocks. One thread.</summary>
internal sealed class IndexPartitionBuilder : IDisposable
{
    private readonly NativeBuffer _separators = new(TableFormat.PayloadBytesMax);
    private readonly int[] _starts = new int[IndexPartition.CountMax + 1];
    private readonly ulong[] _locations = new ulong[IndexPartition.CountMax];

    public int Count { get; private set; }

    public ReadOnlySpan<byte> LastSeparator => SeparatorAt(Count - 1);

    /// <summary>True when one more separator of this length surely fits.</summary>
    public bool HasRoomFor(int separatorBytes) =>
        Count < IndexPartition.CountMax
        && IndexPartition.SeparatorsOffset(Count + 1) + _starts[Count] + separatorBytes <= TableFormat.PayloadBytesMax;

    public void Add(ReadOnlySpan<byte> separator, BlockLocation location)
    {
        separator.CopyTo(_separators.Span[_starts[Count]..]);
        _locations[Count] = location.Pack();
        Count++;
        _starts[Count] = _starts[Count - 1] + separator.Length;
    }

    /// <summary>Writes the partition and empties the builder; returns the payload's bytes.</summary>
    public int Encode(Span<byte> destination)
    {
        // Separators are sorted, so what the first and the last have in common all have in common.
        int prefixBytes = SeparatorAt(0).CommonPrefixLength(LastSeparator);
        Span<byte> heads = destination[IndexPartition.HeadsOffset..];
        Span<byte> locations = destination[IndexPartition.LocationsOffset(Count)..];
        Span<byte> ends = destination[IndexPartition.EndsOffset(Count)..];
        Span<byte> separators = destination[IndexPartition.SeparatorsOffset(Count)..];
        BinaryPrimitives.WriteUInt16LittleEndian(destination, checked((ushort)Count));
        BinaryPrimitives.WriteUInt16LittleEndian(destination[sizeof(ushort)..], checked((ushort)prefixBytes));
        BinaryPrimitives.WriteUInt32LittleEndian(destination[sizeof(uint)..], 0);
        SeparatorAt(0)[..prefixBytes].CopyTo(separators);
        int end = prefixBytes;
        for (int i = 0; i < Count; i++)
        {
            ReadOnlySpan<byte> suffix = SeparatorAt(i)[prefixBytes..];
            suffix.CopyTo(separators[end..]);
            end += suffix.Length;
            BinaryPrimitives.WriteUInt64LittleEndian(heads[(i * sizeof(ulong))..], IndexPartition.HeadOf(suffix));
            BinaryPrimitives.WriteUInt64LittleEndian(locations[(i * sizeof(ulong))..], _locations[i]);
            BinaryPrimitives.WriteUInt16LittleEndian(ends[(i * sizeof(ushort))..], checked((ushort)end));
        }

        int bytes = IndexPartition.SeparatorsOffset(Count) + end;
        Count = 0;
        return bytes;
    }

    public void Dispose() => _separators.Dispose();

    private ReadOnlySpan<byte> SeparatorAt(int index) => _separators.Span[_starts[index].._starts[index + 1]];
}
