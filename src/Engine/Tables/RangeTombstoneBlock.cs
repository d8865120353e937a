using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Varve.Bytes;
using Varve.Entries;

namespace Varve.Tables;

/// <summary>The range tombstones of a table as bytes. Decoding never throws.</summary>
/// <remarks>
/// <code>
/// rangeTombstones := (startBytes:varint | start | endBytes:varint | end | trailer:u64)*     (docs/formats/table.md)
/// </code>
/// By start; those of one fragment stand together, the newest first.
/// </remarks>
internal static class RangeTombstoneBlock
{
    public static byte[] Encode(RangeTombstones ranges)
    {
        var encoded = new ArrayBufferWriter<byte>();
        foreach (RangeFragment fragment in ranges.Fragments)
        {
            foreach (ulong sequence in fragment.Sequences)
            {
                WriteKey(encoded, fragment.Start);
                WriteKey(encoded, fragment.End);
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
        var sequences = new List<ulong>();
        byte[] start = [];
        byte[] end = [];
        while (!reader.IsAtEnd)
        {
            if (!TryReadKey(ref reader, out ReadOnlySpan<byte> nextStart)) return false;
            if (!TryReadKey(ref reader, out ReadOnlySpan<byte> nextEnd)) return false;
            if (!reader.TryReadUInt64(out ulong trailer) || Trailer.Kind(trailer) != EntryKind.RangeTombstone) return false;
            ulong sequence = Trailer.Sequence(trailer);
            if (sequences.Count > 0 && nextStart.SequenceEqual(start) && nextEnd.SequenceEqual(end))
            {
                if (sequence >= sequences[^1]) return false;
                sequences.Add(sequence);
                continue;
            }

            if (sequences.Count > 0) fragments.Add(new RangeFragment(start, end, [.. sequences]));
            if (nextStart.SequenceCompareTo(end) < 0 || nextStart.SequenceCompareTo(nextEnd) >= 0) return false;
            start = nextStart.ToArray();
            end = nextEnd.ToArray();
            sequences.Clear();
            sequences.Add(sequence);
        }

        if (sequences.Count > 0) fragments.Add(new RangeFragment(start, end, [.. sequences]));
        ranges = new RangeTombstones([.. fragments]);
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
