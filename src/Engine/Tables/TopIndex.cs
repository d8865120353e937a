using System.Buffers.Binary;
using Varve.Bytes;

namespace Varve.Tables;

/// <summary>One partition of a table: a run of data blocks with its index and filter.</summary>
/// <param name="BlockFirst">The number of its first data block within the table.</param>
/// <param name="BlockCount">How many data blocks it covers.</param>
/// <param name="Index">Where its index partition stands.</param>
/// <param name="Filter">Where its filter partition stands; empty (0 bytes) when the table has none.</param>
internal readonly record struct TablePartition(int BlockFirst, int BlockCount, BlockLocation Index, BlockLocation Filter);

/// <summary>The partitions of an open table, kept in memory; none where it holds nothing but range tombstones. Immutable.</summary>
/// <remarks>
/// <code>
/// topIndex := partitions:varint | (blocks:varint | index:location | filter:location | separatorBytes:varint | separator)*
/// </code>
/// </remarks>
internal sealed unsafe class TopIndex
{
    /// <summary>Two locations, the count of blocks and an empty separator.</summary>
    private const int PartitionBytesMin = (2 * sizeof(ulong)) + 2;

    private readonly byte[] _encoded;
    private readonly int[] _separatorStarts;
    private readonly int[] _separatorEnds;
    private readonly TablePartition[] _partitions;

    /// <summary>
    /// See <see cref="IndexPartition.HeadOf"/>: separators are read only where their heads tie with the key's. With what a search may read
    /// behind the last.
    /// </summary>
    private readonly ulong[] _heads;

    private TopIndex(byte[] encoded, int[] separatorStarts, int[] separatorEnds, TablePartition[] partitions, int blockCount)
    {
        _encoded = encoded;
        _separatorStarts = separatorStarts;
        _separatorEnds = separatorEnds;
        _partitions = partitions;
        BlockCount = blockCount;
        _heads = new ulong[partitions.Length + IndexPartition.HeadsReadBehind];
        for (int i = 0; i < partitions.Length; i++) _heads[i] = IndexPartition.HeadOf(SeparatorAt(i));
    }

    /// <summary>Data blocks of the table.</summary>
    public int BlockCount { get; }

    public int Count => _partitions.Length;

    public ref readonly TablePartition this[int partition] => ref _partitions[partition];

    /// <summary>The first partition whose last separator is not below the key; <see cref="Count"/> when all are.</summary>
    public int Find(ReadOnlySpan<byte> key) => Find(key, IndexPartition.HeadOf(key));

    /// <summary>As <see cref="Find(ReadOnlySpan{byte})"/>, with the key's head.</summary>
    public int Find(ReadOnlySpan<byte> key, ulong head)
    {
        int low;
        fixed (ulong* heads = _heads) low = IndexPartition.CountBelow(heads, Count, head);
        while (low < Count && _heads[low] == head && SeparatorAt(low).SequenceCompareTo(key) < 0) low++;
        return low;
    }

    /// <summary>A key at or behind all keys of the partition, and before those of the next one but its own versions.</summary>
    public ReadOnlySpan<byte> SeparatorAt(int partition) =>
        _encoded.AsSpan(_separatorStarts[partition], _separatorEnds[partition] - _separatorStarts[partition]);

    /// <summary>False when anything does not fit; nothing is allocated from a number that was not bounded.</summary>
    public static bool TryDecode(byte[] encoded, long fileBytes, out TopIndex? index)
    {
        index = null;
        ReadOnlySpan<byte> source = encoded;
        if (!Varint.TryRead(source, out ulong count, out int position)) return false;
        if (count > (ulong)(source.Length / PartitionBytesMin)) return false;
        int[] starts = new int[count];
        int[] ends = new int[count];
        var partitions = new TablePartition[count];
        long blockCount = 0;
        for (int i = 0; i < partitions.Length; i++)
        {
            if (!Varint.TryRead(source[position..], out ulong blocks, out int length)) return false;
            position += length;
            if (blocks is 0 or > IndexPartition.CountMax || source.Length - position < 2 * sizeof(ulong)) return false;
            BlockLocation indexLocation = BlockLocation.Unpack(BinaryPrimitives.ReadUInt64LittleEndian(source[position..]));
            position += sizeof(ulong);
            BlockLocation filterLocation = BlockLocation.Unpack(BinaryPrimitives.ReadUInt64LittleEndian(source[position..]));
            position += sizeof(ulong);
            if (!indexLocation.IsWithin(fileBytes) || indexLocation.IsCompressed) return false;
            if (filterLocation != default && !IsFilter(filterLocation, fileBytes)) return false;
            if (!Varint.TryRead(source[position..], out ulong separatorBytes, out length)) return false;
            position += length;
            if (separatorBytes > (ulong)(source.Length - position)) return false;
            starts[i] = position;
            position += (int)separatorBytes;
            ends[i] = position;
            if (i > 0 && source[starts[i - 1]..ends[i - 1]].SequenceCompareTo(source[starts[i]..ends[i]]) > 0) return false;
            partitions[i] = new TablePartition((int)blockCount, (int)blocks, indexLocation, filterLocation);
            blockCount += (long)blocks;
            if (blockCount > fileBytes / BlockTrailer.SizeBytes || blockCount > int.MaxValue) return false;
        }

        if (position != source.Length) return false;
        index = new TopIndex(encoded, starts, ends, partitions, (int)blockCount);
        return true;
    }

    private static bool IsFilter(BlockLocation location, long fileBytes) =>
        location.IsWithin(fileBytes)
        && !location.IsCompressed
        && (location.StoredBytes - BlockTrailer.SizeBytes) % BlockedBloom.LineBytes == 0;
}

/// <summary>Gathers the top index while a table is written.</summary>
internal sealed class TopIndexBuilder
{
    private readonly MemoryStream _partitions = new();
    private int _count;

    public void Add(int blockCount, BlockLocation index, BlockLocation filter, ReadOnlySpan<byte> separator)
    {
        Span<byte> fields = stackalloc byte[(2 * Varint.BytesMax) + (2 * sizeof(ulong))];
        int length = Varint.Write(fields, (uint)blockCount);
        BinaryPrimitives.WriteUInt64LittleEndian(fields[length..], index.Pack());
        BinaryPrimitives.WriteUInt64LittleEndian(fields[(length + sizeof(ulong))..], filter.Pack());
        length += 2 * sizeof(ulong);
        length += Varint.Write(fields[length..], (uint)separator.Length);
        _partitions.Write(fields[..length]);
        _partitions.Write(separator);
        _count++;
    }

    public byte[] Encode()
    {
        byte[] encoded = new byte[Varint.Size((uint)_count) + (int)_partitions.Length];
        int length = Varint.Write(encoded, (uint)_count);
        _partitions.GetBuffer().AsSpan(0, (int)_partitions.Length).CopyTo(encoded.AsSpan(length));
        return encoded;
    }
}
