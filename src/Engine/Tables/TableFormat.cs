using System.Buffers.Binary;
using Varve.Bytes;

namespace Varve.Tables;

/// <summary>The constants of docs/formats/table.md. Stored on disk: never change within a format version.</summary>
internal static class TableFormat
{
    public const ulong Magic = 0x4C42_5445_5652_4156; // "VARVETBL" as bytes.
    public const uint Version = 1;

    /// <summary>A payload must fit the largest cache frame, whose last 64 bytes are padding for wide loads.</summary>
    public const int PayloadBytesMax = (64 << 10) - FramePaddingBytes;
    public const int FramePaddingBytes = 64;

    /// <summary>The most a block takes in the file; an incompressible payload is stored raw.</summary>
    public const int StoredBytesMax = PayloadBytesMax + BlockTrailer.SizeBytes;

    public const int PageBytes = 4096;

    /// <summary>Fills a 4 KiB frame.</summary>
    public const int RawPayloadBytesMax = PageBytes - FramePaddingBytes;

    /// <summary>Of several entries together in one compressed block, decompressed: fills a 32 KiB frame.</summary>
    public const int GatheredPayloadBytesMax = (32 << 10) - FramePaddingBytes;

    /// <summary>What a raw block may cost in padding to stay within one page.</summary>
    public const int RawPaddingBytesMax = 512;

    /// <summary>Longer values have a block of their own.</summary>
    public const int InlineValueBytesMax = 16 << 10;

    /// <summary>A user key of 16 KiB with the longest map id.</summary>
    public const int KeyBytesMax = (16 << 10) + 10;
}

/// <summary>How a block's payload is stored. On disk: never renumber.</summary>
internal enum BlockCompression : byte
{
    None = 0,
    Lz4 = 1,
}

/// <summary>Where a block stands: <c>location:u64 := offset:40 | storedBytes:23 | isCompressed:1</c>.</summary>
internal readonly record struct BlockLocation(long Offset, int StoredBytes, bool IsCompressed)
{
    private const int OffsetBits = 40;
    private const int StoredBytesBits = 23;

    public long End => Offset + StoredBytes;

    public static BlockLocation Unpack(ulong packed) => new(
        (long)(packed & ((1UL << OffsetBits) - 1)),
        (int)(packed >> OffsetBits) & ((1 << StoredBytesBits) - 1),
        packed >> 63 != 0);

    public ulong Pack() => (ulong)Offset | (ulong)StoredBytes << OffsetBits | (IsCompressed ? 1UL << 63 : 0);

    /// <summary>
    /// True when the whole block lies before <paramref name="fileBytes"/> and is neither empty nor larger than a block may be.
    /// </summary>
    public bool IsWithin(long fileBytes) =>
        StoredBytes is > BlockTrailer.SizeBytes and <= TableFormat.StoredBytesMax && Offset <= fileBytes - StoredBytes;
}

/// <summary>
/// What follows a block's payload: <c>compression:u8 | rawBytes:u24 | crc:u32</c>, the checksum over payload and the first four
/// bytes, salted with the table's salt and the block's offset.
/// </summary>
internal static class BlockTrailer
{
    public const int SizeBytes = 8;
    private const int ChecksumOffset = 4;

    /// <summary>Completes a stored block whose payload is already in place; the span ends with the room for the trailer.</summary>
    public static void Write(Span<byte> stored, BlockCompression compression, int rawBytes, ulong salt, long offset)
    {
        Span<byte> trailer = stored[^SizeBytes..];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, (byte)compression | (uint)rawBytes << 8);
        uint checksum = Crc32C.ComputeSalted(stored[..^(SizeBytes - ChecksumOffset)], salt, offset);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[ChecksumOffset..], checksum);
    }

    /// <summary>False when the checksum is wrong or the trailer says what cannot be.</summary>
    public static bool TryRead(ReadOnlySpan<byte> stored, ulong salt, long offset, out BlockCompression compression, out int rawBytes)
    {
        compression = BlockCompression.None;
        rawBytes = 0;
        if (stored.Length < SizeBytes) return false;
        ReadOnlySpan<byte> trailer = stored[^SizeBytes..];
        uint checksum = Crc32C.ComputeSalted(stored[..^(SizeBytes - ChecksumOffset)], salt, offset);
        if (checksum != BinaryPrimitives.ReadUInt32LittleEndian(trailer[ChecksumOffset..])) return false;
        uint word = BinaryPrimitives.ReadUInt32LittleEndian(trailer);
        compression = (BlockCompression)(byte)word;
        rawBytes = (int)(word >> 8);
        return compression switch
        {
            BlockCompression.None => rawBytes == stored.Length - SizeBytes,
            BlockCompression.Lz4 => rawBytes is > 0 and <= TableFormat.PayloadBytesMax,
            _ => false,
        };
    }
}
