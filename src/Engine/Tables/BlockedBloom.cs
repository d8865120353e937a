using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Varve.Tables;

/// <summary>A Bloom filter whose six probes of a key all fall into one line of 512 bits: one cache miss a question.</summary>
/// <remarks>
/// <code>
/// line   = (low 32 bits of hash * lines) >> 32
/// probes = hash * 0x9E3779B97F4A7C15; probe i = bits 10 + 9i ... 18 + 9i of it; bit p is bit p &amp; 63 of the line's u64 p >> 6
/// </code>
/// On disk (docs/formats/table.md). The vector forms give the same answers as the scalar one.
/// </remarks>
internal static unsafe class BlockedBloom
{
    public const int LineBytes = 64;
    public const int LinesMax = TableFormat.PayloadBytesMax / LineBytes;

    private const int LineBits = LineBytes * 8;
    private const int ProbeCount = 6;
    private const int ProbeBits = 9;
    private const int ProbeShiftFirst = 10;
    private const ulong ProbeMultiplier = 0x9E3779B97F4A7C15;

    /// <summary>Lines for so many keys, at most <see cref="LinesMax"/>.</summary>
    public static int LineCount(int keyCount, int bitsPerKey) =>
        (int)Math.Clamp(((long)keyCount * bitsPerKey + LineBits - 1) / LineBits, 1, LinesMax);

    /// <summary>The most keys a partition may hold without giving them fewer bits.</summary>
    public static int KeyCountMax(int bitsPerKey) => LinesMax * LineBits / bitsPerKey;

    public static void Add(Span<byte> lines, ulong hash)
    {
        Span<ulong> line = System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(
            lines.Slice(LineIndex(hash, lines.Length / LineBytes) * LineBytes, LineBytes));
        ulong probes = hash * ProbeMultiplier >> ProbeShiftFirst;
        for (int i = 0; i < ProbeCount; i++)
        {
            int probe = (int)(probes >> (i * ProbeBits)) & (LineBits - 1);
            line[probe >> 6] |= 1UL << (probe & 63);
        }
    }

    /// <summary>False: no such key was added. True: probably one was.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MayContain(byte* lines, int lineCount, ulong hash) => MayContain(LineOf(lines, lineCount, hash), hash);

    /// <summary>As <see cref="MayContain(byte*, int, ulong)"/>, of the key's line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MayContain(byte* line, ulong hash)
    {
        if (Avx512F.IsSupported) return MayContain512(line, hash);
        return Avx2.IsSupported ? MayContain256(line, hash) : MayContainScalar(line, hash);
    }

    /// <summary>The one line that tells of a key; memory is asked for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* LineOf(byte* lines, int lineCount, ulong hash)
    {
        // SAFETY: LineIndex gives less than lineCount, and the lines are lineCount * 64 bytes.
        byte* line = lines + (long)LineIndex(hash, lineCount) * LineBytes;
        if (Sse.IsSupported) Sse.Prefetch0(line);
        return line;
    }

    internal static bool MayContainScalar(byte* line, ulong hash)
    {
        ulong probes = hash * ProbeMultiplier >> ProbeShiftFirst;
        ulong found = 1;
        for (int i = 0; i < ProbeCount; i++)
        {
            int probe = (int)(probes >> (i * ProbeBits)) & (LineBits - 1);
            found &= ((ulong*)line)[probe >> 6] >> (probe & 63);
        }

        return (found & 1) != 0;
    }

    /// <summary>All probes at once; the last two lanes repeat the first two probes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool MayContain512(byte* line, ulong hash)
    {
        Vector512<ulong> shifts = Vector512.Create(10UL, 19, 28, 37, 46, 55, 10, 19);
        Vector512<ulong> probes = Avx512F.ShiftRightLogicalVariable(Vector512.Create(hash * ProbeMultiplier), shifts)
            & Vector512.Create((ulong)LineBits - 1);
        Vector512<ulong> words = Avx512F.PermuteVar8x64(Vector512.Load((ulong*)line), probes >>> 6);
        Vector512<ulong> bits = Avx512F.ShiftRightLogicalVariable(words, probes & Vector512.Create(63UL));
        return Vector512.EqualsAll(bits & Vector512<ulong>.One, Vector512<ulong>.One);
    }

    internal static bool MayContain256(byte* line, ulong hash)
    {
        Vector256<ulong> product = Vector256.Create(hash * ProbeMultiplier);
        Vector256<ulong> bits = Probe256(line, product, Vector256.Create(10UL, 19, 28, 37))
            & Probe256(line, product, Vector256.Create(46UL, 55, 46, 55));
        return Vector256.EqualsAll(bits & Vector256<ulong>.One, Vector256<ulong>.One);
    }

    private static Vector256<ulong> Probe256(byte* line, Vector256<ulong> product, Vector256<ulong> shifts)
    {
        Vector256<ulong> probes = Avx2.ShiftRightLogicalVariable(product, shifts) & Vector256.Create((ulong)LineBits - 1);
        Vector256<ulong> words = Avx2.GatherVector256((ulong*)line, (probes >>> 6).AsInt64(), sizeof(ulong));
        return Avx2.ShiftRightLogicalVariable(words, probes & Vector256.Create(63UL));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int LineIndex(ulong hash, int lineCount) => (int)((ulong)(uint)hash * (uint)lineCount >> 32);
}
