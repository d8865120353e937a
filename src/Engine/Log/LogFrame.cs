using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Varve.Bytes;

namespace Varve.Log;

/// <summary>Stored on disk: never renumber.</summary>
internal enum LogFrameType : byte
{
    /// <summary>A whole record.</summary>
    Full = 1,

    First = 2,
    Middle = 3,
    Last = 4,

    /// <summary>No record: carries the durable mark of an idle log.</summary>
    Mark = 5,
}

/// <summary>What stands before a frame's payload.</summary>
/// <param name="Type">Whole record, fragment or mark.</param>
/// <param name="PayloadBytes">At most <see cref="LogFormat.FramePayloadBytesMax"/>.</param>
/// <param name="FirstSequence">The record's first sequence, the same in all its fragments.</param>
/// <param name="SequenceCount">The record's number of sequences, the same in all its fragments; 0 in a mark.</param>
/// <param name="RecordOffset">Payload bytes of the record in earlier fragments.</param>
/// <param name="DurableMark">The sequence up to which the log was known to be synced when the frame was written.</param>
internal readonly record struct LogFrame(
    LogFrameType Type, int PayloadBytes, ulong FirstSequence, uint SequenceCount, uint RecordOffset, ulong DurableMark)
{
    // frame := salt:u64 | checksum:u32 | payloadBytes:u24 type:u8 | firstSequence:u64 | durableMark:u64
    //        | sequenceCount:u32 | recordOffset:u32 | payload | zeros to a multiple of 8
    // checksum := crc32c(all that follows it), salted with the segment's salt and the frame's offset
    public const int HeaderBytes = 40;
    private const int ChecksumOffset = 8;
    private const int LengthAndTypeOffset = 12;
    private const int FirstSequenceOffset = 16;
    private const int DurableMarkOffset = 24;
    private const int SequenceCountOffset = 32;
    private const int RecordOffsetOffset = 36;
    private const int TypeShift = 24;
    private const uint LengthMask = (1u << TypeShift) - 1;

    /// <summary>Bytes in the file, padding included.</summary>
    public int TotalBytes => LogFormat.FrameBytes(PayloadBytes);

    /// <summary>
    /// Writes header, payload (in two parts, which may stand apart in memory) and padding over <paramref name="destination"/>, which has
    /// exactly the frame's size.
    /// </summary>
    public void Write(
        Span<byte> destination, ReadOnlySpan<byte> payload, ulong salt, long offset, ReadOnlySpan<byte> payloadRest = default)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, salt);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[LengthAndTypeOffset..], (uint)PayloadBytes | (uint)Type << TypeShift);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[FirstSequenceOffset..], FirstSequence);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[DurableMarkOffset..], DurableMark);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[SequenceCountOffset..], SequenceCount);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[RecordOffsetOffset..], RecordOffset);
        payload.CopyTo(destination[HeaderBytes..]);
        payloadRest.CopyTo(destination[(HeaderBytes + payload.Length)..]);
        destination[(HeaderBytes + payload.Length + payloadRest.Length)..].Clear();
        uint checksum = Crc32C.ComputeSalted(destination[LengthAndTypeOffset..], salt, offset);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[ChecksumOffset..], checksum);
    }

    /// <summary>
    /// Reads the header alone: false when the salt is another's or the type or length cannot be. The frame is not to be believed
    /// before <see cref="ChecksumHolds"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryReadHeader(ReadOnlySpan<byte> source, ulong salt, out LogFrame frame)
    {
        frame = default;
        if (source.Length < HeaderBytes || BinaryPrimitives.ReadUInt64LittleEndian(source) != salt) return false;

        uint lengthAndType = BinaryPrimitives.ReadUInt32LittleEndian(source[LengthAndTypeOffset..]);
        uint payloadBytes = lengthAndType & LengthMask;
        LogFrameType type = (LogFrameType)(lengthAndType >> TypeShift);
        if (payloadBytes > LogFormat.FramePayloadBytesMax || type is < LogFrameType.Full or > LogFrameType.Mark) return false;

        frame = new LogFrame(
            type,
            (int)payloadBytes,
            BinaryPrimitives.ReadUInt64LittleEndian(source[FirstSequenceOffset..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[SequenceCountOffset..]),
            BinaryPrimitives.ReadUInt32LittleEndian(source[RecordOffsetOffset..]),
            BinaryPrimitives.ReadUInt64LittleEndian(source[DurableMarkOffset..]));
        return true;
    }

    /// <summary>Whether the whole frame, padding included, is as it was written, at this offset under this salt.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool ChecksumHolds(ReadOnlySpan<byte> wholeFrame, ulong salt, long offset) =>
        BinaryPrimitives.ReadUInt32LittleEndian(wholeFrame[ChecksumOffset..])
        == Crc32C.ComputeSalted(wholeFrame[LengthAndTypeOffset..], salt, offset);
}
