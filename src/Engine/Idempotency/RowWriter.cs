using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Varve.Bytes;

namespace Varve.Idempotency;

/// <summary>Writes the keys and values of rows; what docs/formats/journal.md calls number, time, text and id.</summary>
internal sealed class RowWriter
{
    public const byte Format = 1;
    public const int IdBytes = 16;

    /// <summary>Refuses half a surrogate pair, so that two texts never have the same bytes.</summary>
    public static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly ArrayBufferWriter<byte> _bytes = new(128);

    /// <summary>A value, which begins with its format.</summary>
    public static RowWriter Value() => new RowWriter().Byte(Format);

    public RowWriter Byte(byte value)
    {
        _bytes.Write([value]);
        return this;
    }

    public RowWriter Number(long value)
    {
        _bytes.Advance(Varint.Write(_bytes.GetSpan(Varint.BytesMax), (ulong)value));
        return this;
    }

    public RowWriter Time(long milliseconds)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_bytes.GetSpan(sizeof(long)), milliseconds);
        _bytes.Advance(sizeof(long));
        return this;
    }

    /// <summary>A time in a key, where bytes sort as times do.</summary>
    public RowWriter SortedTime(long milliseconds)
    {
        BinaryPrimitives.WriteInt64BigEndian(_bytes.GetSpan(sizeof(long)), milliseconds);
        _bytes.Advance(sizeof(long));
        return this;
    }

    public RowWriter Id(Guid id)
    {
        id.TryWriteBytes(_bytes.GetSpan(IdBytes), bigEndian: true, out _);
        _bytes.Advance(IdBytes);
        return this;
    }

    /// <exception cref="ArgumentException">The text holds half a surrogate pair.</exception>
    public RowWriter Text(string text)
    {
        byte[] bytes = Utf8.GetBytes(text);
        return Number(bytes.Length).Rest(bytes);
    }

    /// <summary>Bytes that take the rest of the row, or are of a fixed length.</summary>
    public RowWriter Rest(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();
}
