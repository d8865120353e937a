using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace Varve.Cli.Output;

/// <summary>Keys and values for people and programs: escaped text, hexadecimal, JSON fields.</summary>
internal static class ByteText
{
    /// <summary>ASCII that stands for itself.</summary>
    private static readonly SearchValues<byte> Plain = SearchValues.Create([.. Enumerable.Range(' ', '~' - ' ' + 1)
        .Where(character => character != '\\')
        .Select(character => (byte)character)]);

    private static ReadOnlySpan<byte> HexDigits => "0123456789abcdef"u8;

    /// <summary>
    /// Text as it is, anything else escaped, so that no value can move a cursor or break a line: <c>\\ \t \n \r</c>, and <c>\xNN</c>
    /// for every byte of what is not printable or no UTF-8.
    /// </summary>
    public static void AppendEscaped(IBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int plainBytes = bytes.IndexOfAnyExcept(Plain);
            if (plainBytes < 0) plainBytes = bytes.Length;
            output.Write(bytes[..plainBytes]);
            bytes = bytes[plainBytes..];
            if (bytes.IsEmpty) return;
            OperationStatus status = Rune.DecodeFromUtf8(bytes, out Rune rune, out int length);
            ReadOnlySpan<byte> piece = bytes[..length];
            bytes = bytes[length..];
            if (status != OperationStatus.Done) AppendHexEscapes(output, piece);
            else if (rune.Value == '\\') output.Write(@"\\"u8);
            else if (rune.Value == '\t') output.Write(@"\t"u8);
            else if (rune.Value == '\n') output.Write(@"\n"u8);
            else if (rune.Value == '\r') output.Write(@"\r"u8);
            else if (IsPrintable(rune)) output.Write(piece);
            else AppendHexEscapes(output, piece);
        }
    }

    public static void AppendHex(IBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes) AppendDigits(output, value);
    }

    /// <summary>See <see cref="AppendEscaped"/>.</summary>
    public static string Escape(ReadOnlySpan<byte> bytes)
    {
        var buffer = new ArrayBufferWriter<byte>();
        AppendEscaped(buffer, bytes);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    public static string Escape(string text) => Escape(Encoding.UTF8.GetBytes(text));

    /// <summary>One field: <c>"name"</c> where the bytes are UTF-8, else <c>"nameBase64"</c>.</summary>
    public static void WriteField(System.Text.Json.Utf8JsonWriter json, string name, ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes)) json.WriteString(name, bytes);
        else json.WriteBase64String(name + "Base64", bytes);
    }

    private static bool IsPrintable(Rune rune) => Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.PrivateUse or UnicodeCategory.Surrogate);

    private static void AppendHexEscapes(IBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            output.Write(@"\x"u8);
            AppendDigits(output, value);
        }
    }

    private static void AppendDigits(IBufferWriter<byte> output, byte value)
    {
        Span<byte> room = output.GetSpan(2);
        room[0] = HexDigits[value >> 4];
        room[1] = HexDigits[value & 0xF];
        output.Advance(2);
    }
}
