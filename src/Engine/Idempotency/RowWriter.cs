using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Varve.Bytes;

namespace Varve.Idempotency;

/// <summary>
/// Writes one key or value of a row; what docs/formats/journal.md calls number, time, text and id. <see cref="ToArray"/> ends it.
/// </summary>
internal sealed class RowWriter
{
    public const byte Format = 1;
    public const int IdBytes = 16;

    private const int BytesAtFirst = 256;

    /// <summary>Refuses half a surrogate pair, so that two texts never have the same bytes.</summary>
    public static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(BytesAtFirst);
    private int _length;

    /// <summary>A value, which begins with its format.</summary>
    public static RowWriter Value() => new RowWriter().Byte(Format);

    public RowWriter Byte(byte value)
    {
        Reserve(1)[0] = value;
        return Advance(1);
    }

    public RowWriter Number(long value) => Advance(Varint.Write(Reserve(Varint.BytesMax), (ulong)value));

    public RowWriter Time(long milliseconds)
    {
        BinaryPrimitives.WriteInt64LittleEndian(Reserve(sizeof(long)), milliseconds);
        return Advance(sizeof(long));
    }

    /// <summary>A time in a key, where bytes sort as times do.</summary>
    public RowWriter SortedTime(long milliseconds)
    {
        BinaryPrimitives.WriteInt64BigEndian(Reserve(sizeof(long)), milliseconds);
        return Advance(sizeof(long));
    }

    public RowWriter Id(Guid id)
    {
        id.TryWriteBytes(Reserve(IdBytes), bigEndian: true, out _);
        return Advance(IdBytes);
    }

    /// <exception cref="ArgumentException">The text holds half a surrogate pair.</exception>
    public RowWriter Text(string text)
    {
        int bytes = Utf8.GetByteCount(text);
        return Number(bytes).Advance(Utf8.GetBytes(text, Reserve(bytes)));
    }

    /// <summary>Bytes that take the rest of the row, or are of a fixed length.</summary>
    public RowWriter Rest(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Reserve(bytes.Length));
        return Advance(bytes.Length);
    }

    public byte[] ToArray()
    {
        byte[] row = _bytes.AsSpan(0, _length).ToArray();
        ArrayPool<byte>.Shared.Return(_bytes);
        (_bytes, _length) = ([], 0);
        return row;
    }

    private Span<byte> Reserve(int bytes)
    {
        if (_bytes.Length - _length < bytes)
        {
            byte[] grown = ArrayPool<byte>.Shared.Rent(checked(_length + bytes));
            _bytes.AsSpan(0, _length).CopyTo(grown);
            ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = grown;
        }

        return _bytes.AsSpan(_length);
    }

    private RowWriter Advance(int bytes)
    {
        _length += bytes;
        return this;
    }
}
