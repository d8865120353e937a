using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Varve.Bytes;

internal static unsafe partial class Lz4Block
{
    /// <summary>A short sequence reads at most 14 literals and the offset, 16 bytes at once first.</summary>
    private const int ShortSequenceInputBytes = 16;

    /// <summary>A short sequence writes at most 14 literals and 18 bytes of match.</summary>
    private const int ShortSequenceOutputBytes = 32;

    /// <summary>A wide copy may write so many bytes behind its end.</summary>
    private const int WideCopySlackBytes = 32;

    /// <summary>
    /// True only when the source is one whole block that fills the destination exactly. Never reads or writes outside of the spans,
    /// whatever the source holds; a failure leaves anything in the destination.
    /// </summary>
    public static bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        fixed (byte* input = source)
        fixed (byte* output = destination)
        {
            return TryDecompress(input, input + source.Length, output, output + destination.Length);
        }
    }

    // Optimized from the first call on: a process that has just started decompresses everything it reads, and would run the loop as it
    // is compiled first, ten times slower, until it was seen to be hot.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryDecompress(byte* input, byte* inputEnd, byte* outputStart, byte* outputEnd)
    {
        byte* output = outputStart;
        while (input < inputEnd)
        {
            int token = *input++;
            int literalBytes = token >> 4;
            int matchBytes = token & HalfTokenMax;

            // SAFETY: 16 bytes are left to read and 32 to write; a short sequence takes no more, and no block ends inside one, because
            // the offset lies within the 16 bytes.
            if (literalBytes != HalfTokenMax
                && inputEnd - input >= ShortSequenceInputBytes
                && outputEnd - output >= ShortSequenceOutputBytes)
            {
                Vector128.Load(input).Store(output);
                input += literalBytes;
                output += literalBytes;
                int nearOffset = Unsafe.ReadUnaligned<ushort>(input);

                // SAFETY: the offset reaches back to what has been written. From 8 on a copy of 8 bytes reads nothing that it writes.
                if (matchBytes != HalfTokenMax && nearOffset >= sizeof(ulong) && nearOffset <= output - outputStart)
                {
                    byte* near = output - nearOffset;
                    Copy8(near, output);
                    Copy8(near + 8, output + 8);
                    Unsafe.WriteUnaligned(output + 16, Unsafe.ReadUnaligned<ushort>(near + 16));
                    input += sizeof(ushort);
                    output += matchBytes + MatchBytesMin;
                    continue;
                }
            }
            else
            {
                if (literalBytes == HalfTokenMax && !TryReadMoreLength(ref input, inputEnd, ref literalBytes)) return false;

                // SAFETY: the literals are inside both spans from here on.
                if (literalBytes > inputEnd - input || literalBytes > outputEnd - output) return false;
                CopyLiterals(input, inputEnd, output, outputEnd, literalBytes);
                input += literalBytes;
                output += literalBytes;
                if (input == inputEnd) return output == outputEnd;
                if (inputEnd - input < sizeof(ushort)) return false;
            }

            int offset = Unsafe.ReadUnaligned<ushort>(input);
            input += sizeof(ushort);
            if (matchBytes == HalfTokenMax && !TryReadMoreLength(ref input, inputEnd, ref matchBytes)) return false;
            matchBytes += MatchBytesMin;

            // SAFETY: the match begins at or behind the output's start and ends at or before the output's end.
            if (offset == 0 || offset > output - outputStart || matchBytes > outputEnd - output) return false;
            CopyMatch(output, offset, matchBytes, outputEnd);
            output += matchBytes;
        }

        return false;
    }

    /// <summary>Adds the bytes behind a half token of 15. False when the source ends or the sum passes any destination's length.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryReadMoreLength(ref byte* input, byte* inputEnd, ref int length)
    {
        int more;
        do
        {
            if (input == inputEnd || length > int.MaxValue / 2) return false;
            more = *input++;
            length += more;
        }
        while (more == 255);

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyLiterals(byte* input, byte* inputEnd, byte* output, byte* outputEnd, int literalBytes)
    {
        // SAFETY: the last of the 32-byte copies begins before the end of the literals, and both spans go on for 32 bytes behind it.
        if (literalBytes <= inputEnd - input - WideCopySlackBytes && literalBytes <= outputEnd - output - WideCopySlackBytes)
        {
            byte* end = output + literalBytes;
            do
            {
                Vector256.Load(input).Store(output);
                input += 32;
                output += 32;
            }
            while (output < end);

            return;
        }

        Unsafe.CopyBlockUnaligned(output, input, (uint)literalBytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void CopyMatch(byte* output, int offset, int matchBytes, byte* outputEnd)
    {
        byte* match = output - offset;
        byte* end = output + matchBytes;
        if (matchBytes > outputEnd - output - WideCopySlackBytes)
        {
            while (output < end) *output++ = *match++;
            return;
        }

        // SAFETY: every loop ends at most 32 bytes behind the end of the match, where the output goes on. Each copy is no wider than
        // the distance, so it reads nothing that it writes.
        if (offset >= 32)
        {
            for (; output < end; output += 32, match += 32) Vector256.Load(match).Store(output);
        }
        else if (offset >= 16)
        {
            for (; output < end; output += 16, match += 16) Vector128.Load(match).Store(output);
        }
        else
        {
            // A short pattern is written once by bytes; from then on the smallest multiple of its length from 8 on repeats it as well.
            if (offset < sizeof(ulong))
            {
                for (int i = 0; i < sizeof(ulong); i++) output[i] = match[i];
                output += sizeof(ulong);
                match = output - (sizeof(ulong) + offset - 1) / offset * offset;
            }

            for (; output < end; output += 8, match += 8) Copy8(match, output);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy8(byte* from, byte* to) => Unsafe.WriteUnaligned(to, Unsafe.ReadUnaligned<ulong>(from));
}
