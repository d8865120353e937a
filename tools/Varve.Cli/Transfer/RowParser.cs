using System.Buffers;
using Varve.Cli.Output;

namespace Varve.Cli.Transfer;

/// <summary>What is wrong with a line, and where in it.</summary>
/// <param name="ByteOffset">0 at the line's first byte.</param>
/// <param name="Detail">One sentence without its full stop.</param>
internal readonly record struct LineProblem(int ByteOffset, string Detail);

/// <summary>Turns lines into rows. One row at a time: the spans are valid until the next line.</summary>
internal abstract class RowParser(int valueBytesMax)
{
    protected const int MapNameBytesMax = 255;

    private const int KeyBytesMax = 16 << 10;
    private const int BytesAtFirst = 4 << 10;

    /// <summary>Memory for a row with a large value is not kept behind it.</summary>
    private const int BytesKeptMax = 1 << 20;

    /// <summary>A byte of a value takes six in JSON at most, and four in TSV.</summary>
    private const int LineBytesPerByte = 6;

    private const int FieldNamesBytes = 1 << 10;

    private ArrayBufferWriter<byte> _value = new(BytesAtFirst);

    public ReadOnlySpan<byte> Key => KeyBuffer.WrittenSpan;

    public ReadOnlySpan<byte> Value => _value.WrittenSpan;

    /// <summary>When the entry expires; null: never.</summary>
    public DateTimeOffset? Expiry { get; private set; }

    /// <summary>The map the row names; empty where it names none.</summary>
    public ReadOnlySpan<byte> Map => MapBuffer.WrittenSpan;

    /// <summary>No line that can be right is longer.</summary>
    public long LineBytesMax { get; } = LineBytesPerByte * ((long)valueBytesMax + KeyBytesMax) + FieldNamesBytes;

    protected ArrayBufferWriter<byte> KeyBuffer { get; } = new(BytesAtFirst);

    protected ArrayBufferWriter<byte> ValueBuffer => _value;

    protected ArrayBufferWriter<byte> MapBuffer { get; } = new(MapNameBytesMax);

    public static RowParser Create(RowFormat format, int valueBytesMax) =>
        format == RowFormat.Tsv ? new TsvParser(valueBytesMax) : new JsonParser(valueBytesMax);

    /// <summary>Null when the line, which is not empty and has no line end, is a row.</summary>
    public LineProblem? Parse(ReadOnlySpan<byte> line)
    {
        KeyBuffer.ResetWrittenCount();
        MapBuffer.ResetWrittenCount();
        Expiry = null;
        if (_value.Capacity > BytesKeptMax) _value = new ArrayBufferWriter<byte>(BytesAtFirst);
        else _value.ResetWrittenCount();
        return ParseRow(line);
    }

    protected abstract LineProblem? ParseRow(ReadOnlySpan<byte> line);

    protected LineProblem? TakeExpiry(ReadOnlySpan<byte> text, int byteOffset, string where)
    {
        if (!Moments.TryParse(text, out DateTimeOffset moment) || moment <= DateTimeOffset.UnixEpoch)
            return new LineProblem(byteOffset, $"{where} is no moment after the beginning of 1970, like 2030-01-31T12:00:00.000Z");
        Expiry = moment;
        return null;
    }

    protected LineProblem? CheckKey(int byteOffset)
    {
        if (Key.Length <= KeyBytesMax) return null;
        return new LineProblem(byteOffset, $"the key has {Figures.Count(Key.Length)} bytes; it may have {Figures.Count(KeyBytesMax)}");
    }

    protected LineProblem? CheckValue(int byteOffset)
    {
        if (Value.Length <= valueBytesMax) return null;
        string allowed = Figures.Count(valueBytesMax);
        return new LineProblem(byteOffset, $"the value has {Figures.Count(Value.Length)} bytes; it may have {allowed}");
    }
}
