using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ArmCrc32 = System.Runtime.Intrinsics.Arm.Crc32;

namespace Varve.Bytes;

/// <summary>CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), the checksum of every file.</summary>
/// <remarks>
/// <para>
/// Every way to compute it is a method of its own, so that tests can compare all that a machine has: a table-driven one that runs
/// everywhere, the crc instruction of x64 and of ARM64, three of the first interleaved, and folding by carry-less multiplication of
/// 64-byte vectors. x64 is measured; ARM64 is written but not verified.
/// </para>
/// <para>
/// A checksum is taken as a polynomial over GF(2) whose greatest power is the lowest bit. Each way keeps the inverted checksum, here
/// called the state, because only it is linear.
/// </para>
/// </remarks>
internal static partial class Crc32C
{
    /// <summary>From here on setting up a vector or three lanes costs less than it gains.</summary>
    private const int WideBytesMin = 256;

    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>The checksum of what gave <paramref name="crc"/>, followed by <paramref name="data"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        if (Sse42.X64.IsSupported)
        {
            if (data.Length < WideBytesMin) return AppendSse42(crc, data);
            if (Vector512.IsHardwareAccelerated && Pclmulqdq.V512.IsSupported) return AppendFolded<Pclmulqdq512>(crc, data);
            return Pclmulqdq.IsSupported ? AppendThreeLanes(crc, data) : AppendSse42(crc, data);
        }

        return ArmCrc32.Arm64.IsSupported ? AppendArm64(crc, data) : AppendPortable(crc, data);
    }

    /// <summary>
    /// The checksum of a piece of a file: over the data, then the file's salt, then the piece's offset (both u64 little-endian), so
    /// that a foreign, stale or misplaced piece never passes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint ComputeSalted(ReadOnlySpan<byte> data, ulong salt, long offset)
    {
        uint crc = Compute(data);
        if (Sse42.X64.IsSupported)
        {
            return ~(uint)Sse42.X64.Crc32(Sse42.X64.Crc32(~crc, salt), (ulong)offset);
        }

        Span<byte> place = stackalloc byte[2 * sizeof(ulong)];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(place, salt);
        System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(place[sizeof(ulong)..], offset);
        return Append(crc, place);
    }
}
