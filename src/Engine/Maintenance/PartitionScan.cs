using System.Buffers.Binary;
using Varve.Files;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>An index partition that was found without the top index.</summary>
/// <param name="Location">Where it stands.</param>
/// <param name="BlockCount">Data blocks it covers.</param>
/// <param name="PreviousEnd">Where the partition found before it ends.</param>
/// <param name="FollowsGap">Between the two is room for a partition that was not found; or for large values.</param>
/// <param name="FirstSeparator">Of its first block.</param>
/// <param name="LastSeparator">Of its last block.</param>
internal sealed record FoundPartition(
    BlockLocation Location, int BlockCount, long PreviousEnd, bool FollowsGap, byte[] FirstSeparator, byte[] LastSeparator);

/// <summary>
/// Looks for index partitions at every byte of a table: they tell their own length, and a checksum with salt and offset in it decides. So
/// a table can be read whose end is lost.
/// </summary>
internal static unsafe class PartitionScan
{
    private const int WindowBytes = 1 << 20;

    /// <summary>A run of data blocks that begins so far behind the partition before it is one whose beginning is lost.</summary>
    private const long SlackBytesMax = 2 * TableFormat.PageBytes;

    public static List<FoundPartition> Run(IFile file, long fileBytes, ulong salt, CancellationToken cancellation)
    {
        var found = new List<FoundPartition>();
        byte[] window = new byte[Math.Min(fileBytes, WindowBytes + TableFormat.StoredBytesMax)];
        long end = 0;
        for (long start = 0; start < fileBytes; start += WindowBytes)
        {
            cancellation.ThrowIfCancellationRequested();
            Span<byte> bytes = window.AsSpan(0, file.Read(window, start));
            for (int i = 0; i < Math.Min(bytes.Length, WindowBytes); i++)
            {
                int storedBytes = Measure(bytes[i..], fileBytes);
                if (storedBytes == 0 || start + i < end) continue;
                Span<byte> stored = bytes.Slice(i, storedBytes);
                bool isSound = BlockTrailer.TryRead(stored, salt, start + i, out BlockCompression compression, out _)
                    && compression == BlockCompression.None
                    && IndexPartition.IsWellFormed(stored[..^BlockTrailer.SizeBytes], fileBytes);
                if (!isSound) continue;
                found.Add(Describe(stored, new BlockLocation(start + i, storedBytes, IsCompressed: false), end));
                end = start + i + storedBytes;
            }
        }

        return found;
    }

    /// <summary>Stored bytes of the partition that may begin here; 0 when none can.</summary>
    private static int Measure(ReadOnlySpan<byte> bytes, long fileBytes)
    {
        if (bytes.Length < IndexPartition.HeadsOffset + BlockTrailer.SizeBytes) return 0;
        if (BinaryPrimitives.ReadUInt32LittleEndian(bytes[sizeof(uint)..]) != 0) return 0;
        int count = BinaryPrimitives.ReadUInt16LittleEndian(bytes);
        if (count is 0 or > IndexPartition.CountMax) return 0;
        int separators = IndexPartition.SeparatorsOffset(count);
        if (separators + BlockTrailer.SizeBytes > bytes.Length) return 0;
        int ends = BinaryPrimitives.ReadUInt16LittleEndian(bytes[(separators - sizeof(ushort))..]);
        int storedBytes = separators + ends + BlockTrailer.SizeBytes;
        if (storedBytes > Math.Min(bytes.Length, TableFormat.StoredBytesMax)) return 0;
        ulong first = BinaryPrimitives.ReadUInt64LittleEndian(bytes[IndexPartition.LocationsOffset(count)..]);
        return BlockLocation.Unpack(first).IsWithin(fileBytes) ? storedBytes : 0;
    }

    private static FoundPartition Describe(ReadOnlySpan<byte> partition, BlockLocation location, long previousEnd)
    {
        fixed (byte* start = partition)
        {
            int count = IndexPartition.Count(start);
            long blocksOffset = IndexPartition.LocationAt(start, 0).Offset;
            return new FoundPartition(
                location,
                count,
                previousEnd,
                blocksOffset - previousEnd > SlackBytesMax,
                IndexPartition.SeparatorAt(start, 0),
                IndexPartition.SeparatorAt(start, count - 1));
        }
    }
}
