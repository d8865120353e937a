using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Varve.Bytes;

namespace Varve.Levels;

// manifest := header frame+                                                          (little-endian, docs/formats/manifest.md)
// header   := magic:u64 | version:u32 | databaseId:16 | salt:u64 | number:u64 | checksum:u32          48 bytes
// frame    := salt:u64 | checksum:u32 | payloadBytes:u32 | payload | zeroes up to a multiple of 8
// The header's checksum covers what stands before it; a frame's covers all that stands behind it. Both are salted with the
// manifest's salt and the offset of the header or frame. A payload is one edit (LevelEditCodec).

/// <summary>The bytes of a manifest: header and frames. Reading never throws.</summary>
internal static class ManifestFormat
{
    public const int HeaderBytes = 48;

    /// <summary>A frame's header; every frame starts at a multiple of <see cref="FrameAlignment"/>.</summary>
    public const int FrameHeaderBytes = 16;

    public const int FrameAlignment = 8;

    private const ulong Magic = 0x0054_5345_4E41_4D56; // "VMANEST\0"
    private const uint Version = 1;

    private const int VersionOffset = 8;
    private const int DatabaseIdOffset = 12;
    private const int SaltOffset = 28;
    private const int NumberOffset = 36;
    private const int HeaderChecksumOffset = 44;

    private const int FrameChecksumOffset = 8;
    private const int PayloadBytesOffset = 12;

    internal readonly record struct Header(DatabaseId DatabaseId, ulong Salt, long Number);

    public static void WriteHeader(Span<byte> destination, Header header)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(destination, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[VersionOffset..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[DatabaseIdOffset..], header.DatabaseId.Low);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[(DatabaseIdOffset + sizeof(ulong))..], header.DatabaseId.High);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[SaltOffset..], header.Salt);
        BinaryPrimitives.WriteInt64LittleEndian(destination[NumberOffset..], header.Number);
        uint checksum = Crc32C.ComputeSalted(destination[..HeaderChecksumOffset], header.Salt, 0);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[HeaderChecksumOffset..], checksum);
    }

    /// <summary>Null when the header is whole; else what is wrong with it.</summary>
    public static string? FindHeaderProblem(ReadOnlySpan<byte> file, out Header header)
    {
        header = default;
        if (file.Length < HeaderBytes) return $"{file.Length} bytes, shorter than a header";
        if (BinaryPrimitives.ReadUInt64LittleEndian(file) != Magic) return "not a manifest";
        ulong salt = BinaryPrimitives.ReadUInt64LittleEndian(file[SaltOffset..]);
        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(file[HeaderChecksumOffset..]);
        uint actual = Crc32C.ComputeSalted(file[..HeaderChecksumOffset], salt, 0);
        if (stored != actual) return $"header checksum {actual:x8}, expected {stored:x8}";
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(file[VersionOffset..]);
        if (version != Version) return $"manifest format {version}, expected {Version}";
        ulong low = BinaryPrimitives.ReadUInt64LittleEndian(file[DatabaseIdOffset..]);
        ulong high = BinaryPrimitives.ReadUInt64LittleEndian(file[(DatabaseIdOffset + sizeof(ulong))..]);
        header = new Header(new DatabaseId(high, low), salt, BinaryPrimitives.ReadInt64LittleEndian(file[NumberOffset..]));
        return null;
    }

    /// <summary>Appends the frame that holds the edit and will stand at the offset.</summary>
    public static void AppendFrame(ArrayBufferWriter<byte> destination, LevelEdit edit, ulong salt, long offset)
    {
        var payload = new ArrayBufferWriter<byte>();
        LevelEditCodec.Encode(edit, payload);
        int bytes = FrameHeaderBytes + Align(payload.WrittenCount);
        Span<byte> frame = destination.GetSpan(bytes)[..bytes];
        frame.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(frame, salt);
        BinaryPrimitives.WriteInt32LittleEndian(frame[PayloadBytesOffset..], payload.WrittenCount);
        payload.WrittenSpan.CopyTo(frame[FrameHeaderBytes..]);
        uint checksum = Crc32C.ComputeSalted(frame[PayloadBytesOffset..], salt, offset);
        BinaryPrimitives.WriteUInt32LittleEndian(frame[FrameChecksumOffset..], checksum);
        destination.Advance(bytes);
    }

    /// <summary>The payload of the frame at the offset, and the frame's bytes; false when no whole frame stands there.</summary>
    public static bool TryReadFrame(ReadOnlySpan<byte> file, int offset, ulong salt, out ReadOnlySpan<byte> payload, out int frameBytes)
    {
        payload = default;
        frameBytes = 0;
        ReadOnlySpan<byte> rest = file[offset..];
        if (rest.Length < FrameHeaderBytes || BinaryPrimitives.ReadUInt64LittleEndian(rest) != salt) return false;
        uint payloadBytes = BinaryPrimitives.ReadUInt32LittleEndian(rest[PayloadBytesOffset..]);
        int room = (rest.Length - FrameHeaderBytes) & -FrameAlignment;
        if (payloadBytes > (uint)room) return false;
        int bytes = FrameHeaderBytes + Align((int)payloadBytes);
        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(rest[FrameChecksumOffset..]);
        if (Crc32C.ComputeSalted(rest[PayloadBytesOffset..bytes], salt, offset) != stored) return false;
        payload = rest.Slice(FrameHeaderBytes, (int)payloadBytes);
        frameBytes = bytes;
        return true;
    }

    /// <summary>Where a frame begins at or behind the offset, whole or not; null when none does.</summary>
    public static int? FindFrameStart(ReadOnlySpan<byte> file, int offset, ulong salt)
    {
        if (offset >= file.Length) return null;
        int index = MemoryMarshal.Cast<byte, ulong>(file[offset..]).IndexOf(salt);
        return index < 0 ? null : offset + index * FrameAlignment;
    }

    private static int Align(int bytes) => (bytes + FrameAlignment - 1) & -FrameAlignment;
}
