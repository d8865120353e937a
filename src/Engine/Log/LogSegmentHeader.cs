using System.Buffers.Binary;
using Varve.Bytes;

namespace Varve.Log;

/// <summary>What the first page of a slot file says: whose it is, which segment it holds, and where the segment before it ended.</summary>
internal readonly record struct LogSegmentHeader
{
    /// <summary>The number in the header of a slot that never held a segment.</summary>
    public const long SpareNumber = 0;

    // header := magic:u64 | version:u32 | slot:u32 | databaseId:16 | number:u64 | salt:u64 | segmentBytes:u64
    //         | predecessor:u64 | predecessorValidBytes:u64 | predecessorLastSequence:u64 | firstSequence:u64 | durableMark:u64
    //         | clockMark:u64 | resumedAfter:u64 | zeros:12 | checksum:u32
    public const int SizeBytes = 128;
    public const int PredecessorOffset = 56;
    public const int PredecessorValidBytesOffset = 64;
    public const int PredecessorLastSequenceOffset = 72;
    public const int FirstSequenceOffset = 80;
    public const int DurableMarkOffset = 88;
    private const ulong Magic = 0x474F4C4556524156; // "VARVELOG"
    private const int VersionOffset = 8;
    private const int SlotOffset = 12;
    private const int DatabaseIdOffset = 16;
    private const int NumberOffset = 32;
    private const int SaltOffset = 40;
    private const int SegmentBytesOffset = 48;
    private const int ClockMarkOffset = 96;
    private const int ResumedAfterOffset = 104;
    private const int ChecksumOffset = 124;

    public uint Version { get; init; }

    public uint Slot { get; init; }

    public DatabaseId DatabaseId { get; init; }

    public long Number { get; init; }

    public ulong Salt { get; init; }

    /// <summary>The slot file's size; untrusted until compared with the file.</summary>
    public long SegmentBytes { get; init; }

    /// <summary>0 in an era's first segment.</summary>
    public long Predecessor { get; init; }

    /// <summary>Where the predecessor's last frame ends.</summary>
    public long PredecessorValidBytes { get; init; }

    /// <summary>The last sequence of the last record that ends before this segment.</summary>
    public ulong PredecessorLastSequence { get; init; }

    /// <summary>The first sequence of the first record that begins in this segment.</summary>
    public ulong FirstSequence { get; init; }

    /// <summary>The sequence up to which the log was known to be synced when the segment began.</summary>
    public ulong DurableMark { get; init; }

    /// <summary>The highest time the store had given out when the segment began, milliseconds since 1970 UTC.</summary>
    public long ClockMark { get; init; }

    /// <summary>
    /// The last sequence that was written before an open kept the log and went on with this segment: from there to the first sequence they
    /// jump. 0: the log goes on without one.
    /// </summary>
    public ulong ResumedAfter { get; init; }

    public bool Resumes => ResumedAfter != 0;

    /// <summary>Who has everything up to it, and the log's records from this segment on, misses nothing of the era.</summary>
    public ulong StartSequence => Resumes ? ResumedAfter : FirstSequence - 1;

    /// <summary>Writes the header over the first bytes of <paramref name="destination"/>.</summary>
    public void Write(Span<byte> destination)
    {
        Span<byte> header = destination[..SizeBytes];
        header.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(header[VersionOffset..], Version);
        BinaryPrimitives.WriteUInt32LittleEndian(header[SlotOffset..], Slot);
        BinaryPrimitives.WriteUInt64LittleEndian(header[DatabaseIdOffset..], DatabaseId.Low);
        BinaryPrimitives.WriteUInt64LittleEndian(header[(DatabaseIdOffset + sizeof(ulong))..], DatabaseId.High);
        BinaryPrimitives.WriteInt64LittleEndian(header[NumberOffset..], Number);
        BinaryPrimitives.WriteUInt64LittleEndian(header[SaltOffset..], Salt);
        BinaryPrimitives.WriteInt64LittleEndian(header[SegmentBytesOffset..], SegmentBytes);
        BinaryPrimitives.WriteInt64LittleEndian(header[PredecessorOffset..], Predecessor);
        BinaryPrimitives.WriteInt64LittleEndian(header[PredecessorValidBytesOffset..], PredecessorValidBytes);
        BinaryPrimitives.WriteUInt64LittleEndian(header[PredecessorLastSequenceOffset..], PredecessorLastSequence);
        BinaryPrimitives.WriteUInt64LittleEndian(header[FirstSequenceOffset..], FirstSequence);
        BinaryPrimitives.WriteUInt64LittleEndian(header[DurableMarkOffset..], DurableMark);
        BinaryPrimitives.WriteInt64LittleEndian(header[ClockMarkOffset..], ClockMark);
        BinaryPrimitives.WriteUInt64LittleEndian(header[ResumedAfterOffset..], ResumedAfter);
        uint checksum = Crc32C.ComputeSalted(header[..ChecksumOffset], Salt, offset: 0);
        BinaryPrimitives.WriteUInt32LittleEndian(header[ChecksumOffset..], checksum);
    }

    /// <summary>False when the bytes are no log header or were changed since they were written.</summary>
    public static bool TryRead(ReadOnlySpan<byte> source, out LogSegmentHeader header)
    {
        header = default;
        if (source.Length < SizeBytes || BinaryPrimitives.ReadUInt64LittleEndian(source) != Magic) return false;

        ulong salt = BinaryPrimitives.ReadUInt64LittleEndian(source[SaltOffset..]);
        uint checksum = BinaryPrimitives.ReadUInt32LittleEndian(source[ChecksumOffset..]);
        if (checksum != Crc32C.ComputeSalted(source[..ChecksumOffset], salt, offset: 0)) return false;

        header = new LogSegmentHeader
        {
            Version = BinaryPrimitives.ReadUInt32LittleEndian(source[VersionOffset..]),
            Slot = BinaryPrimitives.ReadUInt32LittleEndian(source[SlotOffset..]),
            DatabaseId = new DatabaseId(
                High: BinaryPrimitives.ReadUInt64LittleEndian(source[(DatabaseIdOffset + sizeof(ulong))..]),
                Low: BinaryPrimitives.ReadUInt64LittleEndian(source[DatabaseIdOffset..])),
            Number = BinaryPrimitives.ReadInt64LittleEndian(source[NumberOffset..]),
            Salt = salt,
            SegmentBytes = BinaryPrimitives.ReadInt64LittleEndian(source[SegmentBytesOffset..]),
            Predecessor = BinaryPrimitives.ReadInt64LittleEndian(source[PredecessorOffset..]),
            PredecessorValidBytes = BinaryPrimitives.ReadInt64LittleEndian(source[PredecessorValidBytesOffset..]),
            PredecessorLastSequence = BinaryPrimitives.ReadUInt64LittleEndian(source[PredecessorLastSequenceOffset..]),
            FirstSequence = BinaryPrimitives.ReadUInt64LittleEndian(source[FirstSequenceOffset..]),
            DurableMark = BinaryPrimitives.ReadUInt64LittleEndian(source[DurableMarkOffset..]),
            ClockMark = BinaryPrimitives.ReadInt64LittleEndian(source[ClockMarkOffset..]),
            ResumedAfter = BinaryPrimitives.ReadUInt64LittleEndian(source[ResumedAfterOffset..]),
        };
        return true;
    }
}
