using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Varve.Bytes;
using Varve.Entries;

namespace Varve.Tables;

/// <summary>One entry inside a data block; the pointers lead into the block.</summary>
internal unsafe struct BlockEntry
{
    public byte* Key;
    public int KeyLength;
    public ulong Trailer;
    public byte* Value;
    public int ValueLength;

    public readonly ReadOnlySpan<byte> KeySpan => new(Key, KeyLength);
}

/// <summary>
/// Reads data blocks. <see cref="IsWellFormed"/> is asked once, when a block is loaded; all other methods rely on its yes, and on 64
/// readable bytes behind the block.
/// </summary>
/// <remarks>
/// <code>
/// dataBlock := count:u16 | fingerprints:u8[count] | pad:u8 if count is odd | offsets:u16[count] | entries
/// entry     := keyBytes:varint | valueBytes:varint | trailer:u64 | key | value      (docs/formats/table.md)
/// </code>
/// </remarks>
internal static unsafe class DataBlock
{
    public const int FingerprintsOffset = sizeof(ushort);

    private const int CacheLineBytes = 64;

    /// <summary>Behind an entry that was sought: asked for before a walk begins.</summary>
    private const int LinesAhead = 4;

    /// <summary>The same before it.</summary>
    private const int EntriesAhead = 4;

    /// <summary>Into how many parts a round of a search cuts a block.</summary>
    private const int SearchParts = 8;

    /// <summary>An empty key with an empty value.</summary>
    public const int EntryBytesMin = 2 + sizeof(ulong);

    public static int OffsetsOffset(int count) => (FingerprintsOffset + count + 1) & ~1;

    public static int EntriesOffset(int count) => OffsetsOffset(count) + count * sizeof(ushort);

    public static int EntryBytes(int keyBytes, int valueBytes) =>
        Varint.Size((uint)keyBytes) + Varint.Size((uint)valueBytes) + sizeof(ulong) + keyBytes + valueBytes;

    public static int Count(byte* block) => *(ushort*)block;

    /// <summary>
    /// True when every offset and length stays within the block, the entries stand one behind the other, and expiring ones have an expiry.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool IsWellFormed(ReadOnlySpan<byte> block)
    {
        if (block.Length is < FingerprintsOffset or > TableFormat.PayloadBytesMax) return false;
        fixed (byte* start = block)
        {
            int count = Count(start);
            if (count == 0 || EntriesOffset(count) > block.Length) return false;
            int expected = EntriesOffset(count);
            ushort* offsets = (ushort*)(start + OffsetsOffset(count));
            for (int i = 0; i < count; i++)
            {
                // SAFETY: offsets[i] is read within the block because EntriesOffset(count) is.
                if (offsets[i] != expected || !TryMeasure(block[expected..], out int entryBytes)) return false;
                expected += entryBytes;
            }

            return expected == block.Length;
        }
    }

    /// <summary>
    /// The newest version of the key that is at or before <paramref name="trailerMax"/> (see <see cref="Trailer.SeekAt"/>), if this
    /// block has one.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryFind(byte* block, ReadOnlySpan<byte> key, byte fingerprint, ulong trailerMax, out BlockEntry entry)
    {
        int count = Count(block);
        byte* fingerprints = block + FingerprintsOffset;
        ushort* offsets = (ushort*)(block + OffsetsOffset(count));
        for (int first = 0; first < count; first += 64)
        {
            ulong matches = MatchesFrom(fingerprints, first, count, fingerprint);
            for (; matches != 0; matches &= matches - 1)
            {
                byte* position = block + offsets[first + BitOperations.TrailingZeroCount(matches)];
                if (Sse.IsSupported)
                {
                    // The value is read next.
                    Sse.Prefetch0(position + CacheLineBytes);
                    Sse.Prefetch0(position + (2 * CacheLineBytes));
                }

                Decode(position, out entry);
                if (entry.KeyLength == key.Length && entry.Trailer <= trailerMax && entry.KeySpan.SequenceEqual(key)) return true;
            }
        }

        entry = default;
        return false;
    }

    /// <summary>Asks memory for the first entry that <see cref="TryFind"/> compares, and for a value of usual length.</summary>
    public static void PrefetchMatch(byte* block, byte fingerprint)
    {
        if (!Sse.IsSupported) return;
        int count = Count(block);
        for (int first = 0; first < count; first += 64)
        {
            ulong matches = MatchesFrom(block + FingerprintsOffset, first, count, fingerprint);
            if (matches == 0) continue;
            byte* entry = block + ((ushort*)(block + OffsetsOffset(count)))[first + BitOperations.TrailingZeroCount(matches)];
            Sse.Prefetch0(entry);
            Sse.Prefetch0(entry + CacheLineBytes);
            Sse.Prefetch0(entry + (2 * CacheLineBytes));
            return;
        }
    }

    /// <summary>True when the block's last entry has the key, so that older versions of it may follow in the next block.</summary>
    public static bool EndsWith(byte* block, ReadOnlySpan<byte> key)
    {
        DecodeAt(block, Count(block) - 1, out BlockEntry last);
        return last.KeySpan.SequenceEqual(key);
    }

    /// <summary>
    /// The first entry of the key at or behind the trailer, by fingerprints: one wait for memory where a search has two. -1 when the block
    /// has none, or the key itself is not in it. The trailer is as for <see cref="LowerBound"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int FirstOfKey(byte* block, ReadOnlySpan<byte> key, byte fingerprint, ulong trailer)
    {
        int count = Count(block);
        byte* fingerprints = block + FingerprintsOffset;
        ushort* offsets = (ushort*)(block + OffsetsOffset(count));
        for (int first = 0; first < count; first += 64)
        {
            ulong matches = MatchesFrom(fingerprints, first, count, fingerprint);
            for (; matches != 0; matches &= matches - 1)
            {
                int index = first + BitOperations.TrailingZeroCount(matches);
                byte* position = block + offsets[index];
                if (Sse.IsSupported)
                {
                    // The value is read next, and the entry behind it.
                    for (int line = 1; line <= LinesAhead; line++) Sse.Prefetch0(position + (line * CacheLineBytes));
                }

                Decode(position, out BlockEntry entry);
                bool isAtOrBehind = SeparateValue.WithoutFlag(entry.Trailer) <= trailer;
                if (isAtOrBehind && entry.KeyLength == key.Length && entry.KeySpan.SequenceEqual(key)) return index;
            }
        }

        return -1;
    }

    /// <summary>
    /// The last entry of the key at or before the trailer, in the same way; -1 also when it is the block's last one, since others may
    /// follow in the next block.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int LastOfKey(byte* block, ReadOnlySpan<byte> key, byte fingerprint, ulong trailer)
    {
        int count = Count(block);
        byte* fingerprints = block + FingerprintsOffset;
        ushort* offsets = (ushort*)(block + OffsetsOffset(count));
        for (int first = (count - 1) & ~63; first >= 0; first -= 64)
        {
            ulong matches = MatchesFrom(fingerprints, first, count, fingerprint);
            while (matches != 0)
            {
                int bit = BitOperations.Log2(matches);
                matches ^= 1UL << bit;
                int index = first + bit;
                byte* position = block + offsets[index];
                if (Sse.IsSupported)
                {
                    Sse.Prefetch0(position + CacheLineBytes);
                    for (int before = Math.Max(0, index - EntriesAhead); before < index; before++) Sse.Prefetch0(block + offsets[before]);
                }

                Decode(position, out BlockEntry entry);
                bool isAtOrBefore = SeparateValue.WithoutFlag(entry.Trailer) >= trailer;
                if (!isAtOrBefore || entry.KeyLength != key.Length || !entry.KeySpan.SequenceEqual(key)) continue;
                return index + 1 < count ? index : -1;
            }
        }

        return -1;
    }

    /// <summary>The number of entries before (key, trailer) in entry order. The trailer is one as the engine sees it, without the flag
    /// of separate values, which therefore must not count here.</summary>
    /// <remarks>
    /// Each entry looked at is a wait for memory. So the search goes in rounds: seven entries that cut the range into eighths are asked for
    /// at once, and are compared when they come. For blocks of up to 64 entries that is two waits instead of six.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int LowerBound(byte* block, ReadOnlySpan<byte> key, ulong trailer)
    {
        ushort* offsets = (ushort*)(block + OffsetsOffset(Count(block)));
        int low = 0;
        int span = Count(block);
        while (span > 0)
        {
            int parts = Math.Min(span + 1, SearchParts);
            if (Sse.IsSupported)
            {
                for (int part = 1; part < parts; part++) Sse.Prefetch0(block + offsets[low + PivotOf(span, part, parts)]);
            }

            // Pivots up to `before` come before, those from `behind` on do not.
            int before = 0;
            int behind = parts;
            while (behind - before > 1)
            {
                int part = (before + behind) >>> 1;
                if (ComesBefore(block + offsets[low + PivotOf(span, part, parts)], key, trailer)) before = part;
                else behind = part;
            }

            int first = before == 0 ? 0 : PivotOf(span, before, parts) + 1;
            span = (behind == parts ? span : PivotOf(span, behind, parts)) - first;
            low += first;
        }

        return low;
    }

    /// <summary>The entry, counted from the range's first, before which a share of the range lies.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int PivotOf(int span, int part, int parts) => parts == SearchParts ? span * part / SearchParts : part - 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool ComesBefore(byte* position, ReadOnlySpan<byte> key, ulong trailer)
    {
        Decode(position, out BlockEntry entry);
        int order = entry.KeySpan.SequenceCompareTo(key);
        return order < 0 || (order == 0 && SeparateValue.WithoutFlag(entry.Trailer) > trailer);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void DecodeAt(byte* block, int index, out BlockEntry entry) =>
        Decode(block + ((ushort*)(block + OffsetsOffset(Count(block))))[index], out entry);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Decode(byte* position, out BlockEntry entry)
    {
        entry.KeyLength = ReadLength(ref position);
        entry.ValueLength = ReadLength(ref position);
        entry.Trailer = *(ulong*)position;
        entry.Key = position + sizeof(ulong);
        entry.Value = entry.Key + entry.KeyLength;
    }

    /// <summary>A bit for each of the 64 fingerprints from the first on that is the wanted one, and one of the block's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong MatchesFrom(byte* fingerprints, int first, int count, byte wanted)
    {
        // SAFETY: reads 64 bytes from within the block; 64 bytes behind it are readable.
        ulong matches = MatchFingerprints(fingerprints + first, wanted);
        return count - first < 64 ? matches & ((1UL << (count - first)) - 1) : matches;
    }

    /// <summary>A bit for each of 64 fingerprints that is the wanted one.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong MatchFingerprints(byte* fingerprints, byte wanted)
    {
        if (Vector512.IsHardwareAccelerated) return MatchFingerprints512(fingerprints, wanted);
        return Vector256.IsHardwareAccelerated ? MatchFingerprints256(fingerprints, wanted) : MatchFingerprints128(fingerprints, wanted);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static ulong MatchFingerprints512(byte* fingerprints, byte wanted) =>
        Vector512.Equals(Vector512.Load(fingerprints), Vector512.Create(wanted)).ExtractMostSignificantBits();

    internal static ulong MatchFingerprints256(byte* fingerprints, byte wanted)
    {
        Vector256<byte> pattern = Vector256.Create(wanted);
        uint low = Vector256.Equals(Vector256.Load(fingerprints), pattern).ExtractMostSignificantBits();
        uint high = Vector256.Equals(Vector256.Load(fingerprints + 32), pattern).ExtractMostSignificantBits();
        return low | (ulong)high << 32;
    }

    internal static ulong MatchFingerprints128(byte* fingerprints, byte wanted)
    {
        Vector128<byte> pattern = Vector128.Create(wanted);
        ulong matches = 0;
        for (int i = 0; i < 64; i += 16)
            matches |= (ulong)Vector128.Equals(Vector128.Load(fingerprints + i), pattern).ExtractMostSignificantBits() << i;
        return matches;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryMeasure(ReadOnlySpan<byte> source, out int entryBytes)
    {
        entryBytes = 0;
        if (!Varint.TryRead(source, out ulong keyBytes, out int keyPrefix)) return false;
        if (!Varint.TryRead(source[keyPrefix..], out ulong valueBytes, out int valuePrefix)) return false;
        if (keyBytes > (ulong)source.Length || valueBytes > (ulong)source.Length) return false;
        entryBytes = keyPrefix + valuePrefix + sizeof(ulong) + (int)keyBytes + (int)valueBytes;
        if (entryBytes > source.Length) return false;
        ulong trailer = BinaryPrimitives.ReadUInt64LittleEndian(source[(keyPrefix + valuePrefix)..]);
        return valueBytes >= (ulong)Expiry.PrefixBytesOf(trailer);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int ReadLength(ref byte* position)
    {
        int value = *position++;
        return value < 0x80 ? value : ReadLongLength(value, ref position);
    }

    private static int ReadLongLength(int value, ref byte* position)
    {
        value &= 0x7F;
        for (int shift = 7; ; shift += 7)
        {
            int piece = *position++;
            value |= (piece & 0x7F) << shift;
            if (piece < 0x80) return value;
        }
    }
}
