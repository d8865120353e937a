using System.Numerics;

namespace Varve.Bytes;

// number := as many leading one bits as bytes follow the first, a zero bit, the value big-endian in the bits that are left
//
//   0xxxxxxx                                      7 bits
//   10xxxxxx xxxxxxxx                            14 bits
//   …
//   11111110 and 7 bytes                         56 bits
//   11111111 and 8 bytes                         64 bits
//
// Only the shortest form is valid.

/// <summary>
/// Unsigned numbers in 1 to 9 bytes whose byte-wise order is the order of the numbers, and none of which is a prefix of another: the
/// ids of maps, in front of every key.
/// </summary>
internal static class OrderedVarint
{
    public const int BytesMax = 9;

    /// <summary>The bytes that <see cref="Write"/> takes.</summary>
    public static int Size(ulong value) => Math.Min(Varint.Size(value), BytesMax);

    /// <summary>Writes and returns the bytes written; the destination has room for them.</summary>
    public static int Write(Span<byte> destination, ulong value)
    {
        int length = Size(value);
        if (length == BytesMax)
        {
            destination[0] = 0xFF;
            for (int i = 1; i < BytesMax; i++) destination[i] = (byte)(value >> (8 * (BytesMax - 1 - i)));
            return length;
        }

        int followers = length - 1;
        ulong marked = value | ~(ulong.MaxValue >> followers) >> (8 * (sizeof(ulong) - length));
        for (int i = 0; i < length; i++) destination[i] = (byte)(marked >> (8 * (followers - i)));
        return length;
    }

    /// <summary>False when the source ends inside the number or the number is not in its shortest form.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out ulong value, out int length)
    {
        value = 0;
        length = 0;
        if (source.IsEmpty) return false;
        int followers = BitOperations.LeadingZeroCount((uint)(byte)~source[0]) - 24;
        if (source.Length <= followers) return false;

        // Shifting all eight marker bits out leaves nothing of the first byte, so the longest form needs no case of its own.
        ulong bits = (uint)source[0] & (0xFFu >> Math.Min(followers + 1, 8));
        for (int i = 1; i <= followers; i++) bits = bits << 8 | source[i];
        if (Size(bits) != followers + 1) return false;
        value = bits;
        length = followers + 1;
        return true;
    }
}
