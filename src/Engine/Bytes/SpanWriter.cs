using System.Buffers.Binary;

namespace Varve.Bytes;

/// <summary>
/// Writes numbers and runs of bytes into a span and never past its end. A write that does not fit gives false and changes nothing.
/// </summary>
internal ref struct SpanWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;

    /// <summary>The bytes written so far.</summary>
    public int Position { get; private set; }

    public readonly int FreeBytes => _destination.Length - Position;

    /// <summary>What has been written.</summary>
    public readonly ReadOnlySpan<byte> Written => _destination[..Position];

    private readonly Span<byte> Free => _destination[Position..];

    public bool TryWriteByte(byte value)
    {
        bool fits = FreeBytes >= sizeof(byte);
        if (fits) _destination[Position++] = value;
        return fits;
    }

    public bool TryWriteUInt16(ushort value)
    {
        bool fits = BinaryPrimitives.TryWriteUInt16LittleEndian(Free, value);
        if (fits) Position += sizeof(ushort);
        return fits;
    }

    public bool TryWriteUInt32(uint value)
    {
        bool fits = BinaryPrimitives.TryWriteUInt32LittleEndian(Free, value);
        if (fits) Position += sizeof(uint);
        return fits;
    }

    public bool TryWriteUInt64(ulong value)
    {
        bool fits = BinaryPrimitives.TryWriteUInt64LittleEndian(Free, value);
        if (fits) Position += sizeof(ulong);
        return fits;
    }

    public bool TryWriteVarint(ulong value)
    {
        bool fits = Varint.Size(value) <= FreeBytes;
        if (fits) Position += Varint.Write(Free, value);
        return fits;
    }

    public bool TryWriteBytes(ReadOnlySpan<byte> bytes)
    {
        bool fits = bytes.TryCopyTo(Free);
        if (fits) Position += bytes.Length;
        return fits;
    }

    /// <summary>The length as a varint, then the bytes.</summary>
    public bool TryWriteLengthPrefixed(ReadOnlySpan<byte> bytes)
    {
        int prefixBytes = Varint.Size((uint)bytes.Length);
        if (bytes.Length > FreeBytes - prefixBytes) return false;
        Varint.Write(Free, (uint)bytes.Length);
        bytes.CopyTo(_destination[(Position + prefixBytes)..]);
        Position += prefixBytes + bytes.Length;
        return true;
    }
}
