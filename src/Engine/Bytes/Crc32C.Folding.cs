using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Varve.Bytes;

internal static partial class Crc32C
{
    private const int VectorBytes = 64;
    private const int StrideBytes = 4 * VectorBytes;

    /// <summary>Carry-less products of the even (lower) and the odd (upper) 64-bit halves of each 128-bit lane.</summary>
    /// <remarks>A parameter, so that folding can be tested on a machine that has no 512-bit multiplication.</remarks>
    internal interface ICarrylessMultiplier
    {
        static abstract Vector512<ulong> MultiplyLower(Vector512<ulong> left, Vector512<ulong> right);

        static abstract Vector512<ulong> MultiplyUpper(Vector512<ulong> left, Vector512<ulong> right);
    }

    /// <summary>
    /// Four vectors of 64 bytes are multiplied past the next 256 bytes and added to them, until one vector is left, which the crc
    /// instruction reduces. Needs at least 256 bytes and <see cref="Sse42.X64"/>.
    /// </summary>
    internal static uint AppendFolded<TMultiplier>(uint crc, ReadOnlySpan<byte> data)
        where TMultiplier : ICarrylessMultiplier
    {
        Diagnostics.Invariant.Holds(data.Length >= StrideBytes);
        ref byte start = ref MemoryMarshal.GetReference(data);
        int position = StrideBytes;

        // SAFETY: the first stride is checked above, all other loads are behind a comparison with the length.
        Vector512<ulong> first = Load(ref start, 0) ^ Vector512.CreateScalar((ulong)~crc);
        Vector512<ulong> second = Load(ref start, VectorBytes);
        Vector512<ulong> third = Load(ref start, 2 * VectorBytes);
        Vector512<ulong> fourth = Load(ref start, 3 * VectorBytes);
        Vector512<ulong> factors = FoldFactors.Stride;
        for (; data.Length - position >= StrideBytes; position += StrideBytes)
        {
            first = Fold<TMultiplier>(first, factors, Load(ref start, position));
            second = Fold<TMultiplier>(second, factors, Load(ref start, position + VectorBytes));
            third = Fold<TMultiplier>(third, factors, Load(ref start, position + 2 * VectorBytes));
            fourth = Fold<TMultiplier>(fourth, factors, Load(ref start, position + 3 * VectorBytes));
        }

        factors = FoldFactors.Vector;
        Vector512<ulong> sum = Fold<TMultiplier>(first, factors, second);
        sum = Fold<TMultiplier>(sum, factors, third);
        sum = Fold<TMultiplier>(sum, factors, fourth);
        for (; data.Length - position >= VectorBytes; position += VectorBytes)
        {
            sum = Fold<TMultiplier>(sum, factors, Load(ref start, position));
        }

        // The vector stands for 64 bytes with the same remainder as all that went before, from state 0.
        ulong state = 0;
        for (int word = 0; word < Vector512<ulong>.Count; word++) state = Sse42.X64.Crc32(state, sum.GetElement(word));
        return AppendSse42(~(uint)state, data[position..]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Fold<TMultiplier>(Vector512<ulong> moved, Vector512<ulong> factors, Vector512<ulong> next)
        where TMultiplier : ICarrylessMultiplier =>
        TMultiplier.MultiplyLower(moved, factors) ^ TMultiplier.MultiplyUpper(moved, factors) ^ next;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Load(ref byte start, int position) =>
        Unsafe.ReadUnaligned<Vector512<ulong>>(ref Unsafe.Add(ref start, position));

    /// <summary>The instruction of processors with VPCLMULQDQ and AVX-512. Written; the figures come from a prototype.</summary>
    internal readonly struct Pclmulqdq512 : ICarrylessMultiplier
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<ulong> MultiplyLower(Vector512<ulong> left, Vector512<ulong> right) =>
            Pclmulqdq.V512.CarrylessMultiply(left, right, 0x00);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static Vector512<ulong> MultiplyUpper(Vector512<ulong> left, Vector512<ulong> right) =>
            Pclmulqdq.V512.CarrylessMultiply(left, right, 0x11);
    }

    /// <summary>Factors that move a vector behind so many bytes: the lower half of a lane has 64 bits more to go.</summary>
    private static class FoldFactors
    {
        public static readonly Vector512<ulong> Stride = Create(8 * StrideBytes);
        public static readonly Vector512<ulong> Vector = Create(8 * VectorBytes);

        private static Vector512<ulong> Create(ulong bits) =>
            Vector512.Create(Vector256.Create(Vector128.Create((ulong)PowerOfX(bits + 64 - 33), PowerOfX(bits - 33))));
    }
}
