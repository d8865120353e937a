using System.Numerics;
using System.Runtime.CompilerServices;

namespace Varve.Bytes;

/// <summary>Unsigned LEB128: seven bits a byte, least significant first, the high bit says that more follow. At most 10 bytes.</summary>
internal static class Varint
{
    public const int BytesMax = 10;

    /// <summary>The bytes that <see cref="Write"/> takes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Size(ulong value)
    {
        // (log2 + 7) / 7 without the division: 9/64 is close enough to 1/7 for every log2 from 0 to 63.
        return (9 * BitOperations.Log2(value | 1) + 73) >> 6;
    }

    /// <summary>Writes and returns the bytes written; the destination has room for them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Write(Span<byte> destination, ulong value)
    {
        if (value >= 0x80) return WriteLong(destination, value);
        destination[0] = (byte)value;
        return 1;
    }

    /// <summary>False when the source ends inside the number or the number does not fit 64 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRead(ReadOnlySpan<byte> source, out ulong value, out int length)
    {
        if (source.Length > 0 && source[0] < 0x80)
        {
            value = source[0];
            length = 1;
            return true;
        }

        return TryReadLong(source, out value, out length);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int WriteLong(Span<byte> destination, ulong value)
    {
        int length = 0;
        while (value >= 0x80)
        {
            destination[length++] = (byte)(value | 0x80);
            value >>= 7;
        }

        destination[length++] = (byte)value;
        return length;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool TryReadLong(ReadOnlySpan<byte> source, out ulong value, out int length)
    {
        int lengthMax = Math.Min(source.Length, BytesMax);
        ulong bits = 0;
        for (int i = 0; i < lengthMax; i++)
        {
            byte piece = source[i];

            // The tenth byte holds the 64th bit and no other.
            if (i == BytesMax - 1 && piece > 1) break;
            bits |= (ulong)(piece & 0x7F) << (7 * i);
            if (piece < 0x80)
            {
                value = bits;
                length = i + 1;
                return true;
            }
        }

        value = 0;
        length = 0;
        return false;
    }
}
