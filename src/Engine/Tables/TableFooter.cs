using System.Buffers.Binary;
using Varve.Bytes;

namespace Varve.Tables;

/// <summary>Where one of the table's own blocks stands; unlike a <see cref="BlockLocation"/> it may be long.</summary>
internal readonly record struct FileRange(long Offset, long Bytes)
{
    public bool IsWithin(long fileBytes) =>
        Bytes >= BlockTrailer.SizeBytes && Bytes <= Math.Min(fileBytes, Array.MaxLength) && Offset >= 0 && Offset <= fileBytes - Bytes;
}

/// <summary>The last 96 bytes of a table.</summary>
/// <remarks>
/// <code>
/// footer := magic:u64 | formatVersion:u32 | flags:u32 | databaseId:2*u64 | salt:u64 | topIndex: offset:u64 storedBytes:u64 |
///           properties: offset:u64 storedBytes:u64 | rangeTombstones: offset:u64 storedBytes:u32 | zero:u64 | crc:u32
/// </code>
/// </remarks>
internal readonly record struct TableFooter(
    DatabaseId DatabaseId, ulong Salt, bool IsCompressed, FileRange TopIndex, FileRange Properties, FileRange RangeTombstones)
{
    public const int SizeBytes = 96;

    private const uint CompressedFlag = 1;
    private const int VersionOffset = 8;
    private const int FlagsOffset = 12;
    private const int DatabaseIdOffset = 16;
    private const int SaltOffset = 32;
    private const int TopIndexOffset = 40;
    private const int PropertiesOffset = 56;
    private const int RangeTombstonesOffset = 72;
    private const int ChecksumOffset = 92;

    /// <summary>Writes the footer that stands at <paramref name="offset"/>.</summary>
    public void Write(Span<byte> destination, long offset)
    {
        destination[..SizeBytes].Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(destination, TableFormat.Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[VersionOffset..], TableFormat.Version);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[FlagsOffset..], IsCompressed ? CompressedFlag : 0);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[DatabaseIdOffset..], DatabaseId.Low);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[(DatabaseIdOffset + sizeof(ulong))..], DatabaseId.High);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[SaltOffset..], Salt);
        WriteRange(destination[TopIndexOffset..], TopIndex);
        WriteRange(destination[PropertiesOffset..], Properties);
        Span<byte> ranges = destination[RangeTombstonesOffset..];
        BinaryPrimitives.WriteInt64LittleEndian(ranges, RangeTombstones.Offset);
        BinaryPrimitives.WriteUInt32LittleEndian(ranges[sizeof(long)..], (uint)RangeTombstones.Bytes);
        uint checksum = Crc32C.ComputeSalted(destination[..ChecksumOffset], Salt, offset);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[ChecksumOffset..], checksum);
    }

    /// <summary>Null when the footer is sound, else what is wrong with it.</summary>
    public static string? Read(ReadOnlySpan<byte> source, long offset, out TableFooter footer)
    {
        footer = default;
        if (BinaryPrimitives.ReadUInt64LittleEndian(source) != TableFormat.Magic) return "this is no table: the magic number is missing";
        ulong salt = BinaryPrimitives.ReadUInt64LittleEndian(source[SaltOffset..]);
        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(source[ChecksumOffset..]);
        uint computed = Crc32C.ComputeSalted(source[..ChecksumOffset], salt, offset);
        if (stored != computed) return $"footer checksum {computed:x8}, expected {stored:x8}";
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(source[VersionOffset..]);
        if (version != TableFormat.Version) return $"format version {version}, this engine reads version {TableFormat.Version}";
        var id = new DatabaseId(
            High: BinaryPrimitives.ReadUInt64LittleEndian(source[(DatabaseIdOffset + sizeof(ulong))..]),
            Low: BinaryPrimitives.ReadUInt64LittleEndian(source[DatabaseIdOffset..]));
        bool isCompressed = (BinaryPrimitives.ReadUInt32LittleEndian(source[FlagsOffset..]) & CompressedFlag) != 0;
        ReadOnlySpan<byte> stated = source[RangeTombstonesOffset..];
        var ranges = new FileRange(
            BinaryPrimitives.ReadInt64LittleEndian(stated), BinaryPrimitives.ReadUInt32LittleEndian(stated[sizeof(long)..]));
        footer = new TableFooter(
            id, salt, isCompressed, ReadRange(source[TopIndexOffset..]), ReadRange(source[PropertiesOffset..]), ranges);
        bool isWithin = footer.TopIndex.IsWithin(offset) && footer.Properties.IsWithin(offset);
        return isWithin && (ranges == default || ranges.IsWithin(offset)) ? null : "the footer points outside the file";
    }

    private static void WriteRange(Span<byte> destination, FileRange range)
    {
        BinaryPrimitives.WriteInt64LittleEndian(destination, range.Offset);
        BinaryPrimitives.WriteInt64LittleEndian(destination[sizeof(long)..], range.Bytes);
    }

    private static FileRange ReadRange(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadInt64LittleEndian(source), BinaryPrimitives.ReadInt64LittleEndian(source[sizeof(long)..]));
}
