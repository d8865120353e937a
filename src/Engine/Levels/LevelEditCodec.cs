using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using Varve.Bytes;
using Varve.Log;
using Varve.Tables;

namespace Varve.Levels;

// edit    := field*                                     (docs/formats/manifest.md)
// field   := tag:varint | bytes:varint | content        each tag's content below; it fills its bytes exactly
// numbers are varints unless marked u32 or u64 (little-endian); key := bytes:varint | bytes

/// <summary>An edit as bytes. Decoding never throws.</summary>
internal static class LevelEditCodec
{
    private const ulong CompressedFlag = 1;

    /// <summary>Stored on disk: never renumber.</summary>
    private enum Tag : byte
    {
        /// <summary>
        /// level | number | salt:u64 | fileBytes | fileChecksum:u32 | smallest key | smallest trailer:u64 | largest key |
        /// largest trailer:u64 | entries | tombstones | smallest sequence | largest sequence | contentBytes | flags (1 = compressed) |
        /// expiring entries | smallest expiry | largest expiry | expiry of half | range tombstones
        /// </summary>
        AddedTable = 1,

        /// <summary>level | number</summary>
        RemovedTable = 2,

        /// <summary>sequence</summary>
        FlushedSequence = 3,

        /// <summary>number</summary>
        NextFileNumber = 4,

        /// <summary>salt:u64 | first segment</summary>
        LogEra = 5,

        /// <summary>segment | valid bytes | last sequence</summary>
        CleanEnd = 6,

        /// <summary>sequence</summary>
        SequenceBound = 7,

        /// <summary>milliseconds since 1970 UTC</summary>
        ClockMark = 8,

        /// <summary>
        /// preceding sequence | (salt:u64 | first segment | last segment | valid bytes | last sequence | preceding sequence)*
        /// </summary>
        LogPast = 10,
    }

    public static void Encode(LevelEdit edit, ArrayBufferWriter<byte> destination)
    {
        var content = new ArrayBufferWriter<byte>();
        foreach (LeveledNumber removed in edit.Removed)
        {
            WriteNumber(content, (ulong)removed.Level);
            WriteNumber(content, (ulong)removed.Number);
            Close(Tag.RemovedTable, content, destination);
        }

        foreach (LeveledTable added in edit.Added)
        {
            WriteTable(content, added);
            Close(Tag.AddedTable, content, destination);
        }

        if (edit.LogEra is { } era)
        {
            WriteUInt64(content, era.Salt);
            WriteNumber(content, (ulong)era.FirstSegment);
            Close(Tag.LogEra, content, destination);
        }

        if (edit.CleanEnd is { } end)
        {
            WriteNumber(content, (ulong)end.Segment);
            WriteNumber(content, (ulong)end.ValidBytes);
            WriteNumber(content, end.LastSequence);
            Close(Tag.CleanEnd, content, destination);
        }

        if (edit.LogPast is { } past)
        {
            WriteLogPast(content, past);
            Close(Tag.LogPast, content, destination);
        }

        EncodeNumber(Tag.FlushedSequence, edit.FlushedSequence, content, destination);
        EncodeNumber(Tag.NextFileNumber, (ulong?)edit.NextFileNumber, content, destination);
        EncodeNumber(Tag.SequenceBound, edit.SequenceBound, content, destination);
        EncodeNumber(Tag.ClockMark, (ulong?)edit.ClockMarkMilliseconds, content, destination);
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, [NotNullWhen(true)] out LevelEdit? edit)
    {
        var decoded = new LevelEdit();
        var fields = new FieldReader(source);
        edit = null;
        while (!fields.IsAtEnd)
        {
            if (!fields.TryReadNumber(out ulong tag) || !fields.TryReadBytes(out ReadOnlySpan<byte> bytes)) return false;
            var content = new FieldReader(bytes);
            if (!TryDecodeField(tag, ref content, decoded) || !content.IsAtEnd) return false;
        }

        edit = decoded;
        return true;
    }

    private static bool TryDecodeField(ulong tag, ref FieldReader content, LevelEdit edit)
    {
        switch (tag)
        {
            case (ulong)Tag.AddedTable:
                if (!TryReadTable(ref content, out LeveledTable table)) return false;
                edit.Add(table.Level, table.Info);
                return true;
            case (ulong)Tag.RemovedTable:
                if (!TryReadLevel(ref content, out int level) || !content.TryReadPositive(out long number)) return false;
                edit.Remove(level, number);
                return true;
            case (ulong)Tag.LogEra:
                if (!content.TryReadUInt64(out ulong salt) || !content.TryReadPositive(out long firstSegment)) return false;
                edit.LogEra = new LogEra(salt, firstSegment);
                return true;
            case (ulong)Tag.CleanEnd:
                if (!content.TryReadPositive(out long segment) || !content.TryReadPositive(out long validBytes)) return false;
                if (!content.TryReadNumber(out ulong lastSequence)) return false;
                edit.CleanEnd = new LogEnd(segment, validBytes, lastSequence);
                return true;
            case (ulong)Tag.LogPast:
                if (!TryReadLogPast(ref content, out LogPast? past)) return false;
                edit.LogPast = past;
                return true;
            default:
                return TryDecodeNumber(tag, ref content, edit);
        }
    }

    private static bool TryDecodeNumber(ulong tag, ref FieldReader content, LevelEdit edit)
    {
        if (!content.TryReadNumber(out ulong value)) return false;
        switch (tag)
        {
            case (ulong)Tag.FlushedSequence:
                edit.FlushedSequence = value;
                return true;
            case (ulong)Tag.SequenceBound:
                edit.SequenceBound = value;
                return true;
            case (ulong)Tag.NextFileNumber when value <= long.MaxValue:
                edit.NextFileNumber = (long)value;
                return true;
            case (ulong)Tag.ClockMark when value <= long.MaxValue:
                edit.ClockMarkMilliseconds = (long)value;
                return true;
            default:
                return false;
        }
    }

    private static void WriteLogPast(ArrayBufferWriter<byte> content, LogPast past)
    {
        WriteNumber(content, past.PrecedingSequence);
        foreach (LogPastEra era in past.PastEras)
        {
            WriteUInt64(content, era.Era.Salt);
            WriteNumber(content, (ulong)era.Era.FirstSegment);
            WriteNumber(content, (ulong)era.End.Segment);
            WriteNumber(content, (ulong)era.End.ValidBytes);
            WriteNumber(content, era.End.LastSequence);
            WriteNumber(content, era.PrecedingSequence);
        }
    }

    private static bool TryReadLogPast(ref FieldReader content, [NotNullWhen(true)] out LogPast? past)
    {
        past = null;
        var eras = new List<LogPastEra>();
        if (!content.TryReadNumber(out ulong precedingSequence)) return false;
        while (!content.IsAtEnd)
        {
            if (!content.TryReadUInt64(out ulong salt) || !content.TryReadPositive(out long first)) return false;
            if (!content.TryReadPositive(out long last) || !content.TryReadPositive(out long validBytes)) return false;
            if (!content.TryReadNumber(out ulong lastSequence) || !content.TryReadNumber(out ulong preceding)) return false;
            if (first > last || preceding > lastSequence || eras.Count == LogPast.PastErasMax) return false;
            if (eras.Count > 0 && first <= eras[^1].End.Segment) return false;
            eras.Add(new LogPastEra(new LogEra(salt, first), new LogEnd(last, validBytes, lastSequence), preceding));
        }

        past = new LogPast(precedingSequence, eras);
        return true;
    }

    private static void WriteTable(ArrayBufferWriter<byte> content, LeveledTable table)
    {
        TableInfo info = table.Info;
        WriteNumber(content, (ulong)table.Level);
        WriteNumber(content, (ulong)info.Number);
        WriteUInt64(content, info.Salt);
        WriteNumber(content, (ulong)info.FileBytes);
        BinaryPrimitives.WriteUInt32LittleEndian(content.GetSpan(sizeof(uint)), info.FileChecksum);
        content.Advance(sizeof(uint));
        WriteKey(content, info.SmallestKey);
        WriteUInt64(content, info.SmallestTrailer);
        WriteKey(content, info.LargestKey);
        WriteUInt64(content, info.LargestTrailer);
        WriteNumber(content, (ulong)info.EntryCount);
        WriteNumber(content, (ulong)info.TombstoneCount);
        WriteNumber(content, info.SmallestSequence);
        WriteNumber(content, info.LargestSequence);
        WriteNumber(content, (ulong)info.ContentBytes);
        WriteNumber(content, info.IsCompressed ? CompressedFlag : 0);
        WriteNumber(content, (ulong)info.Expiries.Count);
        WriteNumber(content, info.Expiries.Smallest);
        WriteNumber(content, info.Expiries.Largest);
        WriteNumber(content, info.Expiries.OfHalf);
        WriteNumber(content, (ulong)info.RangeTombstoneCount);
    }

    private static bool TryReadTable(ref FieldReader content, out LeveledTable table)
    {
        table = default;
        if (!TryReadLevel(ref content, out int level) || !content.TryReadPositive(out long number) || number == long.MaxValue) return false;
        if (!content.TryReadUInt64(out ulong salt) || !content.TryReadPositive(out long fileBytes)) return false;
        if (!content.TryReadUInt32(out uint fileChecksum)) return false;
        if (!content.TryReadBytes(out ReadOnlySpan<byte> smallestKey) || !content.TryReadUInt64(out ulong smallestTrailer)) return false;
        if (!content.TryReadBytes(out ReadOnlySpan<byte> largestKey) || !content.TryReadUInt64(out ulong largestTrailer)) return false;
        if (!content.TryReadPositive(out long entryCount) || !content.TryReadPositive(out long tombstoneCount)) return false;
        if (!content.TryReadNumber(out ulong smallestSequence) || !content.TryReadNumber(out ulong largestSequence)) return false;
        if (!content.TryReadPositive(out long contentBytes) || !content.TryReadNumber(out ulong flags)) return false;
        if (!TryReadExpiries(ref content, out ExpirySummary expiries) || !expiries.IsSound(entryCount)) return false;
        if (!content.TryReadPositive(out long rangeTombstoneCount)) return false;
        if (smallestKey.SequenceCompareTo(largestKey) > 0 || smallestSequence > largestSequence) return false;
        if (tombstoneCount > entryCount || flags > CompressedFlag) return false;
        var info = new TableInfo
        {
            Number = number,
            Salt = salt,
            FileBytes = fileBytes,
            FileChecksum = fileChecksum,
            SmallestKey = smallestKey.ToArray(),
            SmallestTrailer = smallestTrailer,
            LargestKey = largestKey.ToArray(),
            LargestTrailer = largestTrailer,
            EntryCount = entryCount,
            TombstoneCount = tombstoneCount,
            SmallestSequence = smallestSequence,
            LargestSequence = largestSequence,
            ContentBytes = contentBytes,
            IsCompressed = flags == CompressedFlag,
            Expiries = expiries,
            RangeTombstoneCount = rangeTombstoneCount,
        };
        table = new LeveledTable(level, info);
        return true;
    }

    private static bool TryReadExpiries(ref FieldReader content, out ExpirySummary expiries)
    {
        expiries = default;
        if (!content.TryReadPositive(out long count) || !content.TryReadNumber(out ulong smallest)) return false;
        if (!content.TryReadNumber(out ulong largest) || !content.TryReadNumber(out ulong ofHalf)) return false;
        expiries = new ExpirySummary(count, smallest, largest, ofHalf);
        return true;
    }

    private static bool TryReadLevel(ref FieldReader content, out int level)
    {
        bool isRead = content.TryReadNumber(out ulong value) && value < LevelMap.LevelCount;
        level = isRead ? (int)value : 0;
        return isRead;
    }

    private static void EncodeNumber(Tag tag, ulong? value, ArrayBufferWriter<byte> content, ArrayBufferWriter<byte> destination)
    {
        if (value is null) return;
        WriteNumber(content, value.Value);
        Close(tag, content, destination);
    }

    private static void Close(Tag tag, ArrayBufferWriter<byte> content, ArrayBufferWriter<byte> destination)
    {
        WriteNumber(destination, (ulong)tag);
        WriteKey(destination, content.WrittenSpan);
        content.ResetWrittenCount();
    }

    private static void WriteNumber(ArrayBufferWriter<byte> destination, ulong value) =>
        destination.Advance(Varint.Write(destination.GetSpan(Varint.BytesMax), value));

    private static void WriteUInt64(ArrayBufferWriter<byte> destination, ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination.GetSpan(sizeof(ulong)), value);
        destination.Advance(sizeof(ulong));
    }

    private static void WriteKey(ArrayBufferWriter<byte> destination, ReadOnlySpan<byte> key)
    {
        WriteNumber(destination, (ulong)key.Length);
        destination.Write(key);
    }

    /// <summary>Reads from the front of a span; every read says false instead of passing its end.</summary>
    private ref struct FieldReader(ReadOnlySpan<byte> source)
    {
        private ReadOnlySpan<byte> _rest = source;

        public readonly bool IsAtEnd => _rest.IsEmpty;

        public bool TryReadNumber(out ulong value)
        {
            if (!Varint.TryRead(_rest, out value, out int length)) return false;
            _rest = _rest[length..];
            return true;
        }

        /// <summary>A number that fits a signed 64-bit integer.</summary>
        public bool TryReadPositive(out long value)
        {
            bool isRead = TryReadNumber(out ulong number) && number <= long.MaxValue;
            value = isRead ? (long)number : 0;
            return isRead;
        }

        public bool TryReadUInt32(out uint value)
        {
            if (!BinaryPrimitives.TryReadUInt32LittleEndian(_rest, out value)) return false;
            _rest = _rest[sizeof(uint)..];
            return true;
        }

        public bool TryReadUInt64(out ulong value)
        {
            if (!BinaryPrimitives.TryReadUInt64LittleEndian(_rest, out value)) return false;
            _rest = _rest[sizeof(ulong)..];
            return true;
        }

        public bool TryReadBytes(out ReadOnlySpan<byte> bytes)
        {
            bytes = default;
            if (!TryReadNumber(out ulong length) || length > (ulong)_rest.Length) return false;
            bytes = _rest[..(int)length];
            _rest = _rest[(int)length..];
            return true;
        }
    }
}
