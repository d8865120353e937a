namespace Varve.Bytes;

/// <summary>CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), the checksum of every file.</summary>
internal static class Crc32C
{
    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>The checksum of what gave <paramref name="crc"/>, followed by <paramref name="data"/>.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        crc = ~crc;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (uint)-(int)(crc & 1));
        }

        return ~crc;
    }

    /// <summary>
    /// The checksum of a piece of a file: over the data, then the file's salt, then the piece's offset (both u64 little-endian), so
    /// that a foreign, stale or misplaced piece never passes.
    /// </summary>
    public static uint ComputeSalted(ReadOnlySpan<byte> data, ulong salt, long offset)
    {
        Span<byte> place = stackalloc byte[2 * sizeof(ulong)];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(place, salt);
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(place[sizeof(ulong)..], offset);
        return Append(Compute(data), place);
    }
}
