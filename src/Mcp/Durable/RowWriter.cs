using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Varve.Mcp.Durable;

/// <summary>Writes one key or value of a row, in the terms of docs/formats/journal.md. <see cref="ToArray"/> ends it.</summary>
internal sealed class RowWriter
{
    public const byte Format = 1;
    public const int IdBytes = 16;

    private const int MoreFollow = 0x80;

    private const int BytesAtFirst = 256;

    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(BytesAtFirst);
    private int _length;

    /// <summary>A value, which begins with its format.</summary>
    public static RowWriter Value() => new RowWriter().Byte(Format);

    public RowWriter Byte(byte value)
    {
        Reserve(1)[0] = value;
        return Advance(1);
    }

    public RowWriter Number(int value)
    {
        uint rest = checked((uint)value);
        for (; rest >= MoreFollow; rest >>= 7) Byte((byte)(rest | MoreFollow));
        return Byte((byte)rest);
    }

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

    /// <summary>An event's number in a key.</summary>
    public RowWriter SortedNumber(uint number)
    {
        BinaryPrimitives.WriteUInt32BigEndian(Reserve(sizeof(uint)), number);
        return Advance(sizeof(uint));
    }

    public RowWriter Float(double value)
    {
        BinaryPrimitives.WriteDoubleLittleEndian(Reserve(sizeof(double)), value);
        return Advance(sizeof(double));
    }

    public RowWriter Id(Guid id)
    {
        id.TryWriteBytes(Reserve(IdBytes), bigEndian: true, out _);
        return Advance(IdBytes);
    }

    public RowWriter Text(string text)
    {
        int bytes = Encoding.UTF8.GetByteCount(text);
        return Number(bytes).Advance(Encoding.UTF8.GetBytes(text, Reserve(bytes)));
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
