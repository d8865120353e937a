using System.Buffers.Binary;
using Varve.Bytes;
using Varve.Entries;

namespace Varve.Tables;

/// <summary>Values over 16 KiB, each in a block of its own; the entry holds a handle.</summary>
/// <remarks>
/// <code>
/// handle     := offset:varint | valueBytes:varint              (behind the expiry, where the entry has one)
/// valueBlock := valueBytes:u32 | crc:u32[pieces] | value        (a checksum for each 64 KiB, salted with the piece's offset)
/// </code>
/// </remarks>
internal static class SeparateValue
{
    /// <summary>With the expiry that may stand before it.</summary>
    public const int HandleBytesMax = Expiry.PrefixBytes + (2 * Varint.BytesMax);

    /// <summary>64 MiB, and an expiry before it.</summary>
    public const int ValueBytesMax = (64 << 20) + Expiry.PrefixBytes;

    public const int HeaderBytesMax = sizeof(uint) + ((ValueBytesMax + PieceBytes - 1) / PieceBytes * sizeof(uint));

    public const int PieceBytes = 64 << 10;

    public static bool IsSeparate(ulong trailer) => (trailer & (byte)EntryKind.Separate) != 0;

    /// <summary>The trailer as the rest of the engine sees it.</summary>
    public static ulong WithoutFlag(ulong trailer) => trailer & ~(ulong)EntryKind.Separate;

    public static int HeaderBytes(int valueBytes) => sizeof(uint) + ((valueBytes + PieceBytes - 1) / PieceBytes * sizeof(uint));

    /// <summary>Writes the value block; returns the handle's bytes.</summary>
    public static int Write(TableOutput output, ReadOnlySpan<byte> value, ulong salt, Span<byte> handle)
    {
        Span<byte> header = stackalloc byte[HeaderBytesMax];
        header = header[..HeaderBytes(value.Length)];
        long offset = output.Position;
        BinaryPrimitives.WriteUInt32LittleEndian(header, (uint)value.Length);
        int position = 0;
        for (Span<byte> checksums = header[sizeof(uint)..]; !checksums.IsEmpty; checksums = checksums[sizeof(uint)..])
        {
            ReadOnlySpan<byte> piece = value[position..Math.Min(value.Length, position + PieceBytes)];
            uint checksum = Crc32C.ComputeSalted(piece, salt, offset + header.Length + position);
            BinaryPrimitives.WriteUInt32LittleEndian(checksums, checksum);
            position += piece.Length;
        }

        output.Write(header);
        output.Write(value);
        int length = Varint.Write(handle, (ulong)offset);
        return length + Varint.Write(handle[length..], (uint)value.Length);
    }

    /// <summary>False when the handle is malformed or points outside the file.</summary>
    public static bool TryReadHandle(ReadOnlySpan<byte> handle, long fileBytes, out long offset, out int valueBytes)
    {
        offset = 0;
        valueBytes = 0;
        if (!Varint.TryRead(handle, out ulong position, out int length)) return false;
        handle = handle[length..];
        if (!Varint.TryRead(handle, out ulong bytes, out length) || length != handle.Length) return false;
        if (bytes > ValueBytesMax || position > (ulong)fileBytes) return false;
        offset = (long)position;
        valueBytes = (int)bytes;
        return HeaderBytes(valueBytes) + (long)valueBytes <= fileBytes - offset;
    }

    /// <summary>
    /// Checks a value that was read with its header; false at the first wrong piece, which begins at <paramref name="damagedAt"/>.
    /// </summary>
    public static bool Check(ReadOnlySpan<byte> header, ReadOnlySpan<byte> value, ulong salt, long offset, out long damagedAt)
    {
        damagedAt = offset;
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != (uint)value.Length) return false;
        for (int position = 0, piece = 1; position < value.Length; position += PieceBytes, piece++)
        {
            damagedAt = offset + header.Length + position;
            ReadOnlySpan<byte> bytes = value[position..Math.Min(value.Length, position + PieceBytes)];
            uint stored = BinaryPrimitives.ReadUInt32LittleEndian(header[(piece * sizeof(uint))..]);
            if (Crc32C.ComputeSalted(bytes, salt, damagedAt) != stored) return false;
        }

        return true;
    }
}
