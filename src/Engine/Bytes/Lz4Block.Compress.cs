using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Varve.Diagnostics;

namespace Varve.Bytes;

internal static unsafe partial class Lz4Block
{
    private const int SmallSourceBytesMax = 4 * 1024;
    private const int MediumSourceBytesMax = 16 * 1024;

    /// <summary>After so many positions without a match the search takes one more byte a step, so that noise passes quickly.</summary>
    private const int SearchPatienceBits = 4;

    /// <summary>
    /// The bytes written, or 0 when the destination is too small. The source is at most <see cref="SourceBytesMax"/> long.
    /// </summary>
    [SkipLocalsInit]
    public static int Compress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        Invariant.Holds(source.Length <= SourceBytesMax);

        // Clearing the table costs more than its finds gain when it is large for the source.
        int tableBits = source.Length <= SmallSourceBytesMax ? 11 : source.Length <= MediumSourceBytesMax ? 12 : 13;
        ushort* table = stackalloc ushort[1 << tableBits];
        new Span<ushort>(table, 1 << tableBits).Clear();
        fixed (byte* input = source)
        fixed (byte* output = destination)
        {
            byte* outputEnd = output + destination.Length;
            byte* anchor = input;
            byte* written = output;
            if (source.Length > MatchStartBytesMin)
            {
                written = WriteSequences(ref anchor, source.Length, output, outputEnd, table, 32 - tableBits);
                if (written == null) return 0;
            }

            written = WriteLastLiterals(anchor, (int)(input + source.Length - anchor), written, outputEnd);
            return written == null ? 0 : (int)(written - output);
        }
    }

    /// <summary>
    /// Everything up to the last match. The anchor is where the literals begin that no sequence holds yet: first the start of the
    /// source, in the end the start of the last literals. Gives the end of what is written, null when it does not fit.
    /// </summary>
    /// <remarks>
    /// The table holds the latest position of each hash of four bytes; what a position holds is compared before it counts. Cleared,
    /// all entries name the first position, so that the search begins at the second.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static byte* WriteSequences(ref byte* anchor, int sourceBytes, byte* output, byte* outputEnd, ushort* table, int hashShift)
    {
        // SAFETY: positions go up to 12 bytes before the end and matches are counted up to 5 before it, so that reads of 4 and 8 bytes
        // stay inside; matches lie before the position. WriteSequence bounds the output.
        byte* start = anchor;
        byte* end = start + sourceBytes;
        byte* matchStartLimit = end - MatchStartBytesMin;
        byte* literals = start;
        byte* position = start + 1;
        while (true)
        {
            byte* match;
            int steps = 1 << SearchPatienceBits;
            while (true)
            {
                if (position > matchStartLimit)
                {
                    anchor = literals;
                    return output;
                }

                uint hash = Hash(position, hashShift);
                match = start + table[hash];
                table[hash] = (ushort)(position - start);
                if (Read32(match) == Read32(position)) break;
                position += steps++ >> SearchPatienceBits;
            }

            while (position > literals && match > start && position[-1] == match[-1])
            {
                position--;
                match--;
            }

            while (true)
            {
                int matchBytes = MatchBytesMin + CountEqual(position + MatchBytesMin, match + MatchBytesMin, end - LastLiteralBytes);
                output = WriteSequence(literals, end, position, (int)(position - match), matchBytes, output, outputEnd);
                if (output == null) return null;
                position += matchBytes;
                literals = position;
                if (position > matchStartLimit) break;

                // A position inside the match often finds more than its start would; then the very next bytes are tried first.
                table[Hash(position - 2, hashShift)] = (ushort)(position - 2 - start);
                uint hash = Hash(position, hashShift);
                match = start + table[hash];
                table[hash] = (ushort)(position - start);
                if (Read32(match) != Read32(position)) break;
            }

            // Harmless behind the limit: the search ends there, and the literals begin before.
            position++;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* WriteSequence(
        byte* literals, byte* sourceEnd, byte* position, int offset, int matchBytes, byte* output, byte* outputEnd)
    {
        int literalBytes = (int)(position - literals);
        int moreMatchBytes = matchBytes - MatchBytesMin;
        int bytes = 1 + MoreLengthBytes(literalBytes) + literalBytes + sizeof(ushort) + MoreLengthBytes(moreMatchBytes);

        // SAFETY: the exact size of the sequence is compared with the room that is left.
        if (bytes > outputEnd - output) return null;
        *output++ = (byte)(Math.Min(literalBytes, HalfTokenMax) << 4 | Math.Min(moreMatchBytes, HalfTokenMax));
        if (literalBytes >= HalfTokenMax) output = WriteMoreLength(literalBytes, output);

        // SAFETY: sixteen bytes at once only where both sides have so many.
        if (literalBytes <= 16 && sourceEnd - literals >= 16 && outputEnd - output >= 16) Vector128.Load(literals).Store(output);
        else Unsafe.CopyBlockUnaligned(output, literals, (uint)literalBytes);
        output += literalBytes;
        Unsafe.WriteUnaligned(output, (ushort)offset);
        output += sizeof(ushort);
        return moreMatchBytes >= HalfTokenMax ? WriteMoreLength(moreMatchBytes, output) : output;
    }

    /// <summary>The literals behind the last match, which every block ends with. Null when they do not fit.</summary>
    private static byte* WriteLastLiterals(byte* literals, int literalBytes, byte* output, byte* outputEnd)
    {
        if (1 + MoreLengthBytes(literalBytes) + literalBytes > outputEnd - output) return null;
        *output++ = (byte)(Math.Min(literalBytes, HalfTokenMax) << 4);
        if (literalBytes >= HalfTokenMax) output = WriteMoreLength(literalBytes, output);
        Unsafe.CopyBlockUnaligned(output, literals, (uint)literalBytes);
        return output + literalBytes;
    }

    private static byte* WriteMoreLength(int length, byte* output)
    {
        for (length -= HalfTokenMax; length >= 255; length -= 255) *output++ = 255;
        *output++ = (byte)length;
        return output;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(byte* position, int hashShift) => Read32(position) * 2_654_435_761u >> hashShift;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int MoreLengthBytes(int length) => length < HalfTokenMax ? 0 : 1 + (length - HalfTokenMax) / 255;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Read32(byte* position) => Unsafe.ReadUnaligned<uint>(position);

    /// <summary>How many bytes are equal, up to the limit of the first pointer; the second lies before the first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int CountEqual(byte* input, byte* match, byte* inputLimit)
    {
        byte* start = input;
        while (inputLimit - input >= sizeof(ulong))
        {
            ulong difference = Unsafe.ReadUnaligned<ulong>(input) ^ Unsafe.ReadUnaligned<ulong>(match);
            if (difference != 0) return (int)(input - start) + (BitOperations.TrailingZeroCount(difference) >> 3);
            input += sizeof(ulong);
            match += sizeof(ulong);
        }

        while (input < inputLimit && *input == *match)
        {
            input++;
            match++;
        }

        return (int)(input - start);
    }
}
