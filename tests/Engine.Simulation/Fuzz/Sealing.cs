using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Varve.Bytes;
using Varve.Log;
using Varve.Tables;

namespace Varve.Simulation;

/// <summary>Makes the checksums of changed files hold again, so that only what stands behind them can find the change.</summary>
internal static class Sealing
{
    private const int FrameChecksumOffset = 8;
    private const int LogHeaderChecksumOffset = 124;
    private const int LogHeaderSaltOffset = 40;
    private const int ManifestHeaderBytes = 48;
    private const int ManifestSaltOffset = 28;
    private const int FooterChecksumOffset = TableFooter.SizeBytes - sizeof(uint);
    private const int FooterSaltOffset = 32;

    public static void SealLogHeader(Span<byte> file)
    {
        if (file.Length < LogSegmentHeader.SizeBytes) return;
        ulong salt = BinaryPrimitives.ReadUInt64LittleEndian(file[LogHeaderSaltOffset..]);
        uint checksum = Crc32C.ComputeSalted(file[..LogHeaderChecksumOffset], salt, offset: 0);
        BinaryPrimitives.WriteUInt32LittleEndian(file[LogHeaderChecksumOffset..], checksum);
    }

    /// <summary>Header and all frames of a segment, found by their salt.</summary>
    public static void SealLog(Span<byte> file)
    {
        SealLogHeader(file);
        if (file.Length < LogFormat.HeaderAreaBytes) return;
        ulong salt = BinaryPrimitives.ReadUInt64LittleEndian(file[LogHeaderSaltOffset..]);
        for (int offset = LogFormat.HeaderAreaBytes; offset + LogFrame.HeaderBytes <= file.Length; offset += LogFormat.FrameAlignment)
        {
            if (salt != 0 && LogFrame.TryReadHeader(file[offset..], salt, out LogFrame frame) && frame.TotalBytes <= file.Length - offset)
                SealFrame(file.Slice(offset, frame.TotalBytes), salt, offset);
        }
    }

    /// <summary>Header and all frames of a manifest, found by their salt.</summary>
    public static void SealManifest(Span<byte> file)
    {
        if (file.Length < ManifestHeaderBytes) return;
        ulong salt = BinaryPrimitives.ReadUInt64LittleEndian(file[ManifestSaltOffset..]);
        uint checksum = Crc32C.ComputeSalted(file[..(ManifestHeaderBytes - sizeof(uint))], salt, offset: 0);
        BinaryPrimitives.WriteUInt32LittleEndian(file[(ManifestHeaderBytes - sizeof(uint))..], checksum);
        for (int offset = ManifestHeaderBytes; offset + 16 <= file.Length; offset += sizeof(ulong))
        {
            if (BinaryPrimitives.ReadUInt64LittleEndian(file[offset..]) != salt) continue;
            uint payloadBytes = BinaryPrimitives.ReadUInt32LittleEndian(file[(offset + 12)..]);
            int room = (file.Length - offset - 16) & -sizeof(ulong);
            if (payloadBytes > (uint)room) continue;
            int frameBytes = 16 + (((int)payloadBytes + sizeof(ulong) - 1) & -sizeof(ulong));
            SealFrame(file.Slice(offset, frameBytes), salt, offset);
        }
    }

    /// <summary>The checksum line of CURRENT, where there are two lines before it.</summary>
    public static void SealCurrent(Span<byte> file)
    {
        int first = file.IndexOf((byte)'\n');
        int second = first < 0 ? -1 : first + 1 + file[(first + 1)..].IndexOf((byte)'\n');
        if (second <= first || file.Length < second + 9) return;
        string checksum = Crc32C.Compute(file[..(second + 1)]).ToString("x8", CultureInfo.InvariantCulture);
        Encoding.ASCII.GetBytes(checksum).CopyTo(file[(second + 1)..]);
    }

    /// <summary>Blocks, large values and footer of a table, where they stood before it was changed.</summary>
    public static void SealTable(Span<byte> file, TableLayout layout)
    {
        foreach (FileRange block in layout.Blocks)
        {
            if (block.Offset + block.Bytes > file.Length) continue;
            Span<byte> stored = file.Slice((int)block.Offset, (int)block.Bytes);
            uint checksum = Crc32C.ComputeSalted(stored[..^sizeof(uint)], layout.Salt, block.Offset);
            BinaryPrimitives.WriteUInt32LittleEndian(stored[^sizeof(uint)..], checksum);
        }

        foreach (FileRange value in layout.Values) SealValue(file, value, layout.Salt);
        if (file.Length >= TableFooter.SizeBytes) SealFooter(file[^TableFooter.SizeBytes..], file.Length - TableFooter.SizeBytes);
    }

    public static void SealFooter(Span<byte> footer, long offset)
    {
        ulong salt = BinaryPrimitives.ReadUInt64LittleEndian(footer[FooterSaltOffset..]);
        uint checksum = Crc32C.ComputeSalted(footer[..FooterChecksumOffset], salt, offset);
        BinaryPrimitives.WriteUInt32LittleEndian(footer[FooterChecksumOffset..], checksum);
    }

    private static void SealValue(Span<byte> file, FileRange value, ulong salt)
    {
        int headerBytes = SeparateValue.HeaderBytes((int)value.Bytes);
        for (int position = 0, piece = 1; position < value.Bytes; position += SeparateValue.PieceBytes, piece++)
        {
            long offset = value.Offset + headerBytes + position;
            int bytes = (int)Math.Min(SeparateValue.PieceBytes, value.Bytes - position);
            if (offset + bytes > file.Length) return;
            uint checksum = Crc32C.ComputeSalted(file.Slice((int)offset, bytes), salt, offset);
            BinaryPrimitives.WriteUInt32LittleEndian(file[(int)(value.Offset + piece * sizeof(uint))..], checksum);
        }
    }

    // A frame of the log and one of the manifest have salt and checksum in the same place, and the checksum covers all behind it.
    private static void SealFrame(Span<byte> frame, ulong salt, long offset)
    {
        uint checksum = Crc32C.ComputeSalted(frame[(FrameChecksumOffset + sizeof(uint))..], salt, offset);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[FrameChecksumOffset..], checksum);
    }
}
