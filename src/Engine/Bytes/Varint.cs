namespace Varve.Bytes;

/// <summary>Unsigned LEB128: seven bits a byte, least significant first, the high bit says that more follow. At most 10 bytes.</summary>
internal static class Varint
{
    public const int BytesMax = 10;

    public static int Size(ulong value)
    {
        int bytes = 1;
        while (value >= 0x80)
        {
            value >>= 7;
            bytes++;
        }

        return bytes;
    }

    /// <summary>Writes and returns the bytes written; the destination has room for them.</summary>
    public static int Write(Span<byte> destination, ulong value)
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

    /// <summary>False when the source ends inside the number or the number does not fit 64 bits.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out ulong value, out int length)
    {
        value = 0;
        for (length = 0; length < source.Length && length < BytesMax; length++)
        {
            byte piece = source[length];
            if (length == BytesMax - 1 && piece > 1) break;
            value |= (ulong)(piece & 0x7F) << (7 * length);
            if (piece < 0x80)
            {
                length++;
                return true;
            }
        }

        value = 0;
        length = 0;
        return false;
    }
}
