using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace Varve.Mcp.Durable;

/// <summary>Writes one key or value of a row, in the terms of docs/formats/journal.md; <see cref="ToArray"/> ends it.</summary>
internal sealed class RowWriter
{
    public const byte Format = 1;
    public const int IdBytes = 16;

    private const int MoreFollow = 0x80;

    private readonly ArrayBufferWriter<byte> _bytes = IdleBuffer.Take();

    /// <summary>A value, which begins with its format.</summary>
    public static RowWriter Value() => new RowWriter().Byte(Format);

    public RowWriter Byte(byte value)
    {
        _bytes.GetSpan(1)[0] = value;
        _bytes.Advance(1);
        return this;
    }

    public RowWriter Number(int value)
    {
        uint rest = checked((uint)value);
        for (; rest >= MoreFollow; rest >>= 7) Byte((byte)(rest | MoreFollow));
        return Byte((byte)rest);
    }

    public RowWriter Time(long milliseconds)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, milliseconds);
        return Rest(bytes);
    }

    /// <summary>A time in a key, where bytes sort as times do.</summary>
    public RowWriter SortedTime(long milliseconds)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64BigEndian(bytes, milliseconds);
        return Rest(bytes);
    }

    public RowWriter Float(double value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(double)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, value);
        return Rest(bytes);
    }

    public RowWriter Id(Guid id)
    {
        id.TryWriteBytes(_bytes.GetSpan(IdBytes), bigEndian: true, out int written);
        _bytes.Advance(written);
        return this;
    }

    public RowWriter Text(string text)
    {
        Number(Encoding.UTF8.GetByteCount(text));
        Encoding.UTF8.GetBytes(text, _bytes);
        return this;
    }

    /// <summary>Bytes that take the rest of the row, or are of a fixed length.</summary>
    public RowWriter Rest(ReadOnlySpan<byte> bytes)
    {
        _bytes.Write(bytes);
        return this;
    }

    public byte[] ToArray() => IdleBuffer.ToArray(_bytes);
}
