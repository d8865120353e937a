using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Varve.Bytes;
using Varve.Entries;

namespace Varve.Tables;

/// <summary>The range tombstones of a table as bytes. Decoding never throws.</summary>
/// <remarks>
/// <code>
/// rangeTombstones := fragment*                                                              (docs/formats/table.md)
/// fragment        := startBytes:varint | start | endBytes:varint | end | count:varint | trailer:u64 × count
/// </code>
/// By start; the trailers of a fragment descend. Its bounds stand there once: there may be a delete for each of many snapshots.
/// </remarks>
internal static class RangeTombstoneBlock
{
    public static byte[] Encode(RangeTombstones ranges)
    {
        var encoded = new ArrayBufferWriter<byte>();
        foreach (RangeFragment fragment in ranges.Fragments)
        {
            WriteKey(encoded, fragment.Start);
            WriteKey(encoded, fragment.End);
            encoded.Advance(Varint.Write(encoded.GetSpan(Varint.BytesMax), (uint)fragment.Sequences.Length));
            foreach (ulong sequence in fragment.Sequences)
            {
                ulong trailer = Trailer.Pack(sequence, EntryKind.RangeTombstone);
                BinaryPrimitives.WriteUInt64LittleEndian(encoded.GetSpan(sizeof(ulong)), trailer);
                encoded.Advance(sizeof(ulong));
            }
        }

        return encoded.WrittenSpan.ToArray();
    }

    /// <summary>False when anything does not fit or is out of order; nothing is allocated from a number that was not bounded.</summary>
    public static bool TryDecode(ReadOnlySpan<byte> source, [NotNullWhen(true)] out RangeTombstones? ranges)
    {
        ranges = null;
        var reader = new SpanReader(source);
        var fragments = new List<RangeFragment>();
        byte[] end = [];
        while (!reader.IsAtEnd)
        {
            if (!TryReadKey(ref reader, out ReadOnlySpan<byte> start) || start.SequenceCompareTo(end) < 0) return false;
            if (!TryReadKey(ref reader, out ReadOnlySpan<byte> nextEnd) || start.SequenceCompareTo(nextEnd) >= 0) return false;
            end = nextEnd.ToArray();
            if (!TryReadSequences(ref reader, out ulong[]? sequences)) return false;
            fragments.Add(new RangeFragment(start.ToArray(), end, sequences));
        }

        ranges = new RangeTombstones([.. fragments]);
        return true;
    }

    private static bool TryReadSequences(ref SpanReader reader, [NotNullWhen(true)] out ulong[]? sequences)
    {
        sequences = null;
        if (!reader.TryReadVarint(out ulong count) || count == 0 || count > (ulong)reader.RemainingBytes / sizeof(ulong)) return false;
        ulong[] read = new ulong[count];
        for (int i = 0; i < read.Length; i++)
        {
            if (!reader.TryReadUInt64(out ulong trailer) || Trailer.Kind(trailer) != EntryKind.RangeTombstone) return false;
            read[i] = Trailer.Sequence(trailer);
            if (i > 0 && read[i] >= read[i - 1]) return false;
        }

        sequences = read;
        return true;
    }

    private static bool TryReadKey(ref SpanReader reader, out ReadOnlySpan<byte> key) =>
        reader.TryReadLengthPrefixed(out key) && key.Length <= TableFormat.KeyBytesMax;

    private static void WriteKey(ArrayBufferWriter<byte> destination, ReadOnlySpan<byte> key)
    {
        destination.Advance(Varint.Write(destination.GetSpan(Varint.BytesMax), (uint)key.Length));
        destination.Write(key);
    }
}
