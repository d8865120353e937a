namespace Varve.Typed;

/// <summary>
/// The form of a variable-length key part behind which more can follow; sorts as the bytes it holds do.
/// </summary>
/// <remarks>
/// <code>
/// part := (1..255 | 0 255)* 0 1
/// </code>
/// A zero byte in the content is followed by 255, so that the end, 0 1, sorts before everything that a longer content can hold there.
/// Stored on disk: docs/typed-maps.md.
/// </remarks>
internal static class KeyParts
{
    private const byte EscapedZero = 0xFF;
    private const byte End = 0x01;
    private const int EndBytes = 2;

    public static int EncodedBytes(int contentBytes, int zeros) => checked(contentBytes + zeros + EndBytes);

    /// <summary>Turns the content at the front of <paramref name="part"/> into a part that fills it.</summary>
    public static void EscapeInPlace(Span<byte> part, int contentBytes)
    {
        int to = part.Length;
        part[--to] = End;
        part[--to] = 0;

        // From the back, so that nothing is overwritten that is still to be read; where no zero is left, the rest stands right already.
        for (int from = contentBytes; from < to;)
        {
            byte value = part[--from];
            if (value == 0) part[--to] = EscapedZero;
            part[--to] = value;
        }
    }

    /// <summary>Takes a part from the front of <paramref name="bytes"/>; false where there is none.</summary>
    /// <param name="bytes">Moves behind the part.</param>
    /// <param name="escaped">Holds the content in its escaped form.</param>
    /// <param name="hasEscapes">Whether the content differs from <paramref name="escaped"/>.</param>
    public static bool TryTake(ref ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> escaped, out bool hasEscapes)
    {
        escaped = default;
        hasEscapes = false;
        int position = 0;
        while (true)
        {
            int zero = bytes[position..].IndexOf((byte)0);
            if (zero < 0 || position + zero + 1 >= bytes.Length) return false;
            position += zero + EndBytes;
            byte mark = bytes[position - 1];
            if (mark == End)
            {
                escaped = bytes[..(position - EndBytes)];
                bytes = bytes[position..];
                return true;
            }

            if (mark != EscapedZero) return false;
            hasEscapes = true;
        }
    }

    /// <summary>Writes the content of an escaped form, which <see cref="TryTake"/> has checked.</summary>
    public static void Unescape(ReadOnlySpan<byte> escaped, CodecBuffer content)
    {
        Span<byte> destination = content.GetSpan(escaped.Length);
        int written = 0;
        for (int i = 0; i < escaped.Length; i++)
        {
            destination[written++] = escaped[i];
            if (escaped[i] == 0) i++;
        }

        content.Advance(written);
    }
}
