using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Varve.Tables;

/// <summary>
/// Reads index partitions. <see cref="IsWellFormed"/> is asked once, when a partition is loaded; all other methods rely on its yes,
/// and on 64 readable bytes behind the partition.
/// </summary>
/// <remarks>
/// <code>
/// indexPartition := count:u16 | prefixBytes:u16 | zero:u32 | heads:u64[count] | locations:u64[count] | ends:u16[count] |
///                   prefix | suffixes                                                     (docs/formats/table.md)
/// </code>
/// </remarks>
internal static unsafe class IndexPartition
{
    public const int HeadsOffset = 8;

    private const int BlockBytesMin = (2 * sizeof(ulong)) + sizeof(ushort);

    public const int CountMax = (TableFormat.PayloadBytesMax - HeadsOffset) / BlockBytesMin;

    /// <summary>So many heads more than it is given <see cref="CountBelow"/> may read.</summary>
    public const int HeadsReadBehind = 7;

    /// <summary>Below this many heads, comparing them all at once is faster than halving on.</summary>
    private const int SearchWidth = 32;

    public static int LocationsOffset(int count) => HeadsOffset + (count * sizeof(ulong));

    public static int EndsOffset(int count) => HeadsOffset + (count * 2 * sizeof(ulong));

    public static int SeparatorsOffset(int count) => HeadsOffset + (count * BlockBytesMin);

    public static int Count(byte* partition) => *(ushort*)partition;

    public static BlockLocation LocationAt(byte* partition, int index) =>
        BlockLocation.Unpack(((ulong*)(partition + LocationsOffset(Count(partition))))[index]);

    /// <summary>The separator of a block, in an array of its own.</summary>
    public static byte[] SeparatorAt(byte* partition, int index)
    {
        ushort* ends = (ushort*)(partition + EndsOffset(Count(partition)));
        int prefixBytes = ((ushort*)partition)[1];
        int start = index == 0 ? prefixBytes : ends[index - 1];
        byte* separators = partition + SeparatorsOffset(Count(partition));
        return
        [
            .. new ReadOnlySpan<byte>(separators, prefixBytes),
            .. new ReadOnlySpan<byte>(separators + start, ends[index] - start),
        ];
    }

    /// <summary>The first eight bytes as a number that orders as they do; a shorter suffix is padded with zeroes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong HeadOf(ReadOnlySpan<byte> suffix)
    {
        if (suffix.Length >= sizeof(ulong)) return BinaryPrimitives.ReadUInt64BigEndian(suffix);
        ulong head = 0;
        for (int i = 0; i < suffix.Length; i++) head |= (ulong)suffix[i] << (56 - (8 * i));
        return head;
    }

    /// <summary>True when all parts fit, heads and order of the separators are right, and the blocks lie within the file.</summary>
    public static bool IsWellFormed(ReadOnlySpan<byte> partition, long fileBytes)
    {
        if (partition.Length is < HeadsOffset or > TableFormat.PayloadBytesMax) return false;
        fixed (byte* start = partition)
        {
            int count = Count(start);
            int prefixBytes = ((ushort*)start)[1];
            if (count == 0 || SeparatorsOffset(count) + prefixBytes > partition.Length) return false;
            ReadOnlySpan<byte> separators = partition[SeparatorsOffset(count)..];
            ulong* heads = (ulong*)(start + HeadsOffset);
            ushort* ends = (ushort*)(start + EndsOffset(count));
            ReadOnlySpan<byte> previous = default;
            int position = prefixBytes;
            for (int i = 0; i < count; i++)
            {
                // SAFETY: heads, locations and ends are read within the partition because SeparatorsOffset(count) is.
                if (ends[i] < position || ends[i] > separators.Length) return false;
                ReadOnlySpan<byte> suffix = separators[position..ends[i]];
                if (heads[i] != HeadOf(suffix) || previous.SequenceCompareTo(suffix) > 0) return false;
                if (!LocationAt(start, i).IsWithin(fileBytes)) return false;
                previous = suffix;
                position = ends[i];
            }

            return position == separators.Length;
        }
    }

    /// <summary>The first block whose separator is not below the key; the count of blocks when all are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Find(byte* partition, ReadOnlySpan<byte> key)
    {
        int count = Count(partition);
        int prefixBytes = ((ushort*)partition)[1];
        byte* separators = partition + SeparatorsOffset(count);
        if (prefixBytes != 0)
        {
            var prefix = new ReadOnlySpan<byte>(separators, prefixBytes);
            if (!key.StartsWith(prefix)) return key.SequenceCompareTo(prefix) < 0 ? 0 : count;
            key = key[prefixBytes..];
        }

        ulong* heads = (ulong*)(partition + HeadsOffset);
        ulong head = HeadOf(key);
        int low = CountBelow(heads, count, head);
        return low == count || heads[low] != head ? low : FindAmongTies(partition, low, head, key);
    }

    /// <summary>Asks memory for what a search reads first: the head of the partition.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(byte* partition)
    {
        if (Sse.IsSupported) Sse.Prefetch0(partition);
    }

    /// <summary>Equal heads say nothing: the suffixes decide.</summary>
    private static int FindAmongTies(byte* partition, int low, ulong head, ReadOnlySpan<byte> rest)
    {
        int count = Count(partition);
        ushort* ends = (ushort*)(partition + EndsOffset(count));
        byte* separators = partition + SeparatorsOffset(count);
        int high = head == ulong.MaxValue ? count : CountBelow((ulong*)(partition + HeadsOffset), count, head + 1);
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            int start = middle == 0 ? ((ushort*)partition)[1] : ends[middle - 1];
            if (new ReadOnlySpan<byte>(separators + start, ends[middle] - start).SequenceCompareTo(rest) < 0) low = middle + 1;
            else high = middle;
        }

        return low;
    }

    /// <summary>How many of the ascending heads are below one: halving without branches, then a window compared at once.</summary>
    internal static int CountBelow(ulong* heads, int count, ulong head)
    {
        int low = 0;
        while (count > SearchWidth)
        {
            int half = count >> 1;
            low += heads[low + half - 1] < head ? half : 0;
            count -= half;
        }

        heads += low;
        if (Vector512.IsHardwareAccelerated) return low + CountBelow512(heads, count, head);
        return low + (Vector256.IsHardwareAccelerated ? CountBelow256(heads, count, head) : CountBelowScalar(heads, count, head));
    }

    internal static int CountBelow512(ulong* heads, int count, ulong head)
    {
        Vector512<ulong> wanted = Vector512.Create(head);
        int below = 0;
        for (int i = 0; i < count; i += Vector512<ulong>.Count)
        {
            // SAFETY: may read up to 56 bytes behind the heads, where locations stand, or the padding.
            ulong mask = Vector512.LessThan(Vector512.Load(heads + i), wanted).ExtractMostSignificantBits();
            below += BitOperations.PopCount(mask & LaneMask(count - i));
        }

        return below;
    }

    internal static int CountBelow256(ulong* heads, int count, ulong head)
    {
        Vector256<ulong> wanted = Vector256.Create(head);
        int below = 0;
        for (int i = 0; i < count; i += Vector256<ulong>.Count)
        {
            // SAFETY: may read up to 24 bytes behind the heads, where locations stand, or the padding.
            ulong mask = Vector256.LessThan(Vector256.Load(heads + i), wanted).ExtractMostSignificantBits();
            below += BitOperations.PopCount(mask & LaneMask(count - i));
        }

        return below;
    }

    internal static int CountBelowScalar(ulong* heads, int count, ulong head)
    {
        int below = 0;
        for (int i = 0; i < count; i++) below += heads[i] < head ? 1 : 0;
        return below;
    }

    private static ulong LaneMask(int lanes) => lanes >= 64 ? ulong.MaxValue : (1UL << lanes) - 1;
}
