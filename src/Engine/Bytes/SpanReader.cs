using System.Buffers.Binary;

namespace Varve.Bytes;

/// <summary>
/// Reads numbers and runs of bytes from a span and never past its end. A read that fails gives false, a zero or empty result, and
/// stays where it was. What it gives out lies in the source and lives as long.
/// </summary>
internal ref struct SpanReader(ReadOnlySpan<byte> source)
{
    private readonly ReadOnlySpan<byte> _source = source;

    /// <summary>The bytes read so far.</summary>
    public int Position { get; private set; }

    public readonly int RemainingBytes => _source.Length - Position;

    public readonly bool IsAtEnd => Position == _source.Length;

    /// <summary>What has not been read.</summary>
    public readonly ReadOnlySpan<byte> Remaining => _source[Position..];

    public bool TryReadByte(out byte value)
    {
        bool fits = RemainingBytes >= sizeof(byte);
        value = fits ? _source[Position++] : (byte)0;
        return fits;
    }

    public bool TryReadUInt16(out ushort value)
    {
        bool fits = BinaryPrimitives.TryReadUInt16LittleEndian(Remaining, out value);
        if (fits) Position += sizeof(ushort);
        return fits;
    }

    public bool TryReadUInt32(out uint value)
    {
        bool fits = BinaryPrimitives.TryReadUInt32LittleEndian(Remaining, out value);
        if (fits) Position += sizeof(uint);
        return fits;
    }

    public bool TryReadUInt64(out ulong value)
    {
        bool fits = BinaryPrimitives.TryReadUInt64LittleEndian(Remaining, out value);
        if (fits) Position += sizeof(ulong);
        return fits;
    }

    public bool TryReadVarint(out ulong value)
    {
        bool fits = Varint.TryRead(Remaining, out value, out int length);
        Position += length;
        return fits;
    }

    /// <summary>A varint that is a count, an offset or a length: false as well when it is over <paramref name="valueMax"/>.</summary>
    public bool TryReadVarint(int valueMax, out int value)
    {
        value = 0;
        if (!Varint.TryRead(Remaining, out ulong wide, out int length) || valueMax < 0 || wide > (ulong)valueMax) return false;
        value = (int)wide;
        Position += length;
        return true;
    }

    /// <summary>The next <paramref name="count"/> bytes.</summary>
    public bool TryReadBytes(int count, out ReadOnlySpan<byte> bytes)
    {
        // As unsigned numbers, so that a negative count is too large as well.
        bool fits = (uint)count <= (uint)RemainingBytes;
        bytes = fits ? _source.Slice(Position, count) : default;
        if (fits) Position += count;
        return fits;
    }

    /// <summary>Bytes behind their length as a varint.</summary>
    public bool TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (!Varint.TryRead(Remaining, out ulong count, out int length) || count > (ulong)(RemainingBytes - length)) return false;
        bytes = _source.Slice(Position + length, (int)count);
        Position += length + (int)count;
        return true;
    }
}
