using System.Buffers.Binary;
using Varve.Bytes;

namespace Varve.Tables;

/// <summary>What a table says of itself: enough to rebuild a manifest from tables.</summary>
/// <remarks><code>properties := (tag:varint | bytes:varint | content)*     (docs/formats/table.md)</code></remarks>
internal sealed class TableProperties
{
    private static readonly Tag[] s_tags = Enum.GetValues<Tag>();

    public byte[] SmallestKey { get; set; } = [];

    public byte[] LargestKey { get; set; } = [];

    public ulong SmallestTrailer { get; set; }

    public ulong LargestTrailer { get; set; }

    public ulong EntryCount { get; set; }

    public ulong TombstoneCount { get; set; }

    public ulong SmallestSequence { get; set; } = ulong.MaxValue;

    public ulong LargestSequence { get; set; }

    public ulong ContentBytes { get; set; }

    public ulong FilterBitsPerKey { get; set; }

    public ExpirySummary Expiries { get; set; }

    public ulong RangeTombstoneCount { get; set; }

    /// <summary>Of an ingested table: its sequence, not known when it was written, is above this one. 0 for all others.</summary>
    public ulong SequenceFloor { get; set; }

    public byte[] Encode()
    {
        byte[] encoded = new byte[SmallestKey.Length + LargestKey.Length + s_tags.Length * (2 * Varint.BytesMax + sizeof(ulong))];
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        int position = 0;
        foreach (Tag tag in s_tags)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(number, NumberOf(tag));
            ReadOnlySpan<byte> content = tag switch { Tag.SmallestKey => SmallestKey, Tag.LargestKey => LargestKey, _ => number };
            position += Varint.Write(encoded.AsSpan(position), (ulong)tag);
            position += Varint.Write(encoded.AsSpan(position), (uint)content.Length);
            content.CopyTo(encoded.AsSpan(position));
            position += content.Length;
        }

        return encoded[..position];
    }

    public static bool TryDecode(ReadOnlySpan<byte> source, out TableProperties properties)
    {
        properties = new TableProperties();
        while (!source.IsEmpty)
        {
            if (!Varint.TryRead(source, out ulong tag, out int length)) return false;
            source = source[length..];
            if (!Varint.TryRead(source, out ulong bytes, out length)) return false;
            source = source[length..];
            if (bytes > (ulong)source.Length || !properties.TrySet((Tag)tag, source[..(int)bytes])) return false;
            source = source[(int)bytes..];
        }

        return true;
    }

    /// <summary>What the manifest keeps of the table.</summary>
    public TableInfo ToInfo(long number, ulong salt, long fileBytes, uint fileChecksum, bool isCompressed) => new()
    {
        Number = number,
        Salt = salt,
        FileBytes = fileBytes,
        FileChecksum = fileChecksum,
        SmallestKey = SmallestKey,
        SmallestTrailer = SmallestTrailer,
        LargestKey = LargestKey,
        LargestTrailer = LargestTrailer,
        EntryCount = (long)EntryCount,
        TombstoneCount = (long)TombstoneCount,
        SmallestSequence = SmallestSequence,
        LargestSequence = LargestSequence,
        ContentBytes = (long)ContentBytes,
        IsCompressed = isCompressed,
        RangeTombstoneCount = (long)RangeTombstoneCount,
        Expiries = Expiries,
    };

    private ulong NumberOf(Tag tag) => tag switch
    {
        Tag.SmallestTrailer => SmallestTrailer,
        Tag.LargestTrailer => LargestTrailer,
        Tag.EntryCount => EntryCount,
        Tag.TombstoneCount => TombstoneCount,
        Tag.SmallestSequence => SmallestSequence,
        Tag.LargestSequence => LargestSequence,
        Tag.ContentBytes => ContentBytes,
        Tag.FilterBitsPerKey => FilterBitsPerKey,
        Tag.RangeTombstoneCount => RangeTombstoneCount,
        Tag.SmallestExpiry => Expiries.Smallest,
        Tag.LargestExpiry => Expiries.Largest,
        Tag.ExpiringCount => (ulong)Expiries.Count,
        Tag.ExpiryOfHalf => Expiries.OfHalf,
        Tag.SequenceFloor => SequenceFloor,
        _ => 0,
    };

    private bool TrySet(Tag tag, ReadOnlySpan<byte> content)
    {
        if (tag is Tag.SmallestKey or Tag.LargestKey)
        {
            if (content.Length > TableFormat.KeyBytesMax) return false;
            if (tag == Tag.SmallestKey) SmallestKey = content.ToArray();
            else LargestKey = content.ToArray();
            return true;
        }

        if (!Enum.IsDefined(tag)) return true;
        if (content.Length != sizeof(ulong)) return false;
        ulong number = BinaryPrimitives.ReadUInt64LittleEndian(content);
        switch (tag)
        {
            case Tag.SmallestTrailer: SmallestTrailer = number; break;
            case Tag.LargestTrailer: LargestTrailer = number; break;
            case Tag.EntryCount: EntryCount = number; break;
            case Tag.TombstoneCount: TombstoneCount = number; break;
            case Tag.SmallestSequence: SmallestSequence = number; break;
            case Tag.LargestSequence: LargestSequence = number; break;
            case Tag.ContentBytes: ContentBytes = number; break;
            case Tag.FilterBitsPerKey: FilterBitsPerKey = number; break;
            case Tag.RangeTombstoneCount: RangeTombstoneCount = number; break;
            case Tag.SmallestExpiry: Expiries = Expiries with { Smallest = number }; break;
            case Tag.LargestExpiry: Expiries = Expiries with { Largest = number }; break;
            case Tag.ExpiringCount: Expiries = Expiries with { Count = (long)number }; break;
            case Tag.ExpiryOfHalf: Expiries = Expiries with { OfHalf = number }; break;
            case Tag.SequenceFloor: SequenceFloor = number; break;
        }

        return true;
    }

    /// <summary>Stored on disk: never renumber.</summary>
    private enum Tag : ulong
    {
        SmallestKey = 1,
        LargestKey = 2,
        SmallestTrailer = 3,
        LargestTrailer = 4,
        EntryCount = 5,
        TombstoneCount = 6,
        SmallestSequence = 7,
        LargestSequence = 8,
        ContentBytes = 9,
        FilterBitsPerKey = 10,
        SmallestExpiry = 11,
        LargestExpiry = 12,
        ExpiringCount = 13,
        RangeTombstoneCount = 14,
        ExpiryOfHalf = 15,
        SequenceFloor = 16,
    }
}
