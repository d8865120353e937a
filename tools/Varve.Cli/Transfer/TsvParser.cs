using System.Buffers;

namespace Varve.Cli.Transfer;

// row    := field tab field [tab moment]          when the entry expires
// field  := (byte other than tab, line feed, backslash | escape)*
// escape := \\ | \t | \n | \r | \xNN              two hexadecimal digits

/// <summary>Key, tab, value, and when it expires. Bytes that are not UTF-8 are taken as they are, too.</summary>
internal sealed class TsvParser(int valueBytesMax) : RowParser(valueBytesMax)
{
    protected override LineProblem? ParseRow(ReadOnlySpan<byte> line)
    {
        int tab = line.IndexOf((byte)'\t');
        if (tab < 0) return new LineProblem(line.Length, "there is no tab between a key and a value");
        ReadOnlySpan<byte> value = line[(tab + 1)..];
        int second = value.IndexOf((byte)'\t');
        if (second >= 0)
        {
            int expiryAt = tab + 1 + second + 1;
            if (TakeExpiry(line[expiryAt..], expiryAt, @"what stands behind the second tab (a tab within a value is \t)") is { } problem)
                return problem;
            value = value[..second];
        }

        return Unescape(line[..tab], 0, KeyBuffer)
            ?? CheckKey(0)
            ?? Unescape(value, tab + 1, ValueBuffer)
            ?? CheckValue(tab + 1);
    }

    private static LineProblem? Unescape(ReadOnlySpan<byte> field, int byteOffset, ArrayBufferWriter<byte> output)
    {
        int position = 0;
        while (true)
        {
            ReadOnlySpan<byte> rest = field[position..];
            int plainBytes = rest.IndexOf((byte)'\\');
            if (plainBytes < 0)
            {
                output.Write(rest);
                return null;
            }

            output.Write(rest[..plainBytes]);
            position += plainBytes;
            if (!TryReadEscape(field[position..], out byte value, out int escapeBytes))
                return new LineProblem(byteOffset + position, @"the escape is none of \\ \t \n \r and \x with two hexadecimal digits");
            output.GetSpan(1)[0] = value;
            output.Advance(1);
            position += escapeBytes;
        }
    }

    private static bool TryReadEscape(ReadOnlySpan<byte> escape, out byte value, out int escapeBytes)
    {
        value = 0;
        escapeBytes = 2;
        if (escape.Length < 2) return false;
        switch (escape[1])
        {
            case (byte)'\\': value = (byte)'\\'; return true;
            case (byte)'t': value = (byte)'\t'; return true;
            case (byte)'n': value = (byte)'\n'; return true;
            case (byte)'r': value = (byte)'\r'; return true;
            case (byte)'x':
                escapeBytes = 4;
                if (escape.Length < 4 || !char.IsAsciiHexDigit((char)escape[2]) || !char.IsAsciiHexDigit((char)escape[3])) return false;
                value = (byte)(DigitOf(escape[2]) << 4 | DigitOf(escape[3]));
                return true;
            default: return false;
        }
    }

    private static int DigitOf(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
