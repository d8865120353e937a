using System.Buffers.Binary;
using Varve.Bytes;

namespace Varve.Log;

/// <summary>What the first page of the log's window says: where in the log the frames behind it belong.</summary>
internal readonly record struct LogWindowHeader
{
    // header := magic:u64 | version:u32 | zeros:4 | databaseId:16 | segment:u64 | salt:u64 | offset:u64 | zeros:4 | checksum:u32
    public const int SizeBytes = 64;
    private const ulong Magic = 0x4E49574556524156; // "VARVEWIN"
    private const int VersionOffset = 8;
    private const int DatabaseIdOffset = 16;
    private const int SegmentOffset = 32;
    private const int SaltOffset = 40;
    private const int OffsetOffset = 48;
    private const int ChecksumOffset = 60;

    public DatabaseId DatabaseId { get; init; }

    /// <summary>The number of the segment.</summary>
    public long Segment { get; init; }

    /// <summary>The segment's salt.</summary>
    public ulong Salt { get; init; }

    /// <summary>Where in the segment the first frame of the window belongs.</summary>
    public long Offset { get; init; }

    /// <summary>Writes the header over the first bytes of <paramref name="destination"/>.</summary>
    public void Write(Span<byte> destination)
    {
        Span<byte> header = destination[..SizeBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt64LittleEndian(header[VersionOffset..], LogFormat.Version);
        BinaryPrimitives.WriteUInt64LittleEndian(header[DatabaseIdOffset..], DatabaseId.Low);
        BinaryPrimitives.WriteUInt64LittleEndian(header[(DatabaseIdOffset + sizeof(ulong))..], DatabaseId.High);
        BinaryPrimitives.WriteInt64LittleEndian(header[SegmentOffset..], Segment);
        BinaryPrimitives.WriteUInt64LittleEndian(header[SaltOffset..], Salt);
        BinaryPrimitives.WriteInt64LittleEndian(header[OffsetOffset..], Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(header[(OffsetOffset + sizeof(ulong))..], 0);
        uint checksum = Crc32C.ComputeSalted(header[..ChecksumOffset], Salt, offset: 0);
        BinaryPrimitives.WriteUInt32LittleEndian(header[ChecksumOffset..], checksum);
    }

    /// <summary>False when the bytes are no header, were changed since they were written, or name no place in a segment.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out LogWindowHeader header)
    {
        header = default;
        if (source.Length < SizeBytes || BinaryPrimitives.ReadUInt64LittleEndian(source) != Magic) return false;
        if (BinaryPrimitives.ReadUInt32LittleEndian(source[VersionOffset..]) != LogFormat.Version) return false;

        ulong salt = BinaryPrimitives.ReadUInt64LittleEndian(source[SaltOffset..]);
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(source[ChecksumOffset..]);
        if (checksum != Crc32C.ComputeSalted(source[..ChecksumOffset], salt, offset: 0)) return false;

        header = new LogWindowHeader
        {
            DatabaseId = new DatabaseId(
                High: BinaryPrimitives.ReadUInt64LittleEndian(source[(DatabaseIdOffset + sizeof(ulong))..]),
                Low: BinaryPrimitives.ReadUInt64LittleEndian(source[DatabaseIdOffset..])),
            Segment = BinaryPrimitives.ReadInt64LittleEndian(source[SegmentOffset..]),
            Salt = salt,
            Offset = BinaryPrimitives.ReadInt64LittleEndian(source[OffsetOffset..]),
        };
        return header.Segment > LogSegmentHeader.SpareNumber
            && header.Offset is >= LogFormat.HeaderAreaBytes and <= LogFormat.OffsetMax
            && header.Offset % LogFormat.FrameAlignment == 0;
    }
}
