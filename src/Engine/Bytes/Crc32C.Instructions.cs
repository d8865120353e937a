using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using ArmCrc32 = System.Runtime.Intrinsics.Arm.Crc32;

namespace Varve.Bytes;

internal static partial class Crc32C
{
    // Three lanes of 1,360 bytes take all but a few words of a 4 KiB block; the short ones take most of what is left.
    private const int LongLaneBytes = 1_360;
    private const int ShortLaneBytes = 168;

    /// <summary>One crc instruction for each word: 8 bytes every three cycles, its latency.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static uint AppendSse42(uint crc, ReadOnlySpan<byte> data)
    {
        ref byte start = ref MemoryMarshal.GetReference(data);
        int length = data.Length;
        int position = 0;
        ulong wide = ~crc;

        // SAFETY: each read is behind a comparison of the position plus its size with the length.
        for (; length - position >= sizeof(ulong); position += sizeof(ulong))
        {
            wide = Sse42.X64.Crc32(wide, Read<ulong>(ref start, position));
        }

        uint state = (uint)wide;
        if (length - position >= sizeof(uint))
        {
            state = Sse42.Crc32(state, Read<uint>(ref start, position));
            position += sizeof(uint);
        }

        for (; position < length; position++) state = Sse42.Crc32(state, Read<byte>(ref start, position));
        return ~state;
    }

    /// <summary>Three lanes at once hide the latency of the crc instruction; one multiplication per lane joins them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    internal static uint AppendThreeLanes(uint crc, ReadOnlySpan<byte> data)
    {
        ulong state = ~crc;
        for (; data.Length >= 3 * LongLaneBytes; data = data[(3 * LongLaneBytes)..])
        {
            state = AdvanceThreeLanes(state, data, LongLaneBytes, JoinFactors.TwoLongLanes, JoinFactors.OneLongLane);
        }

        for (; data.Length >= 3 * ShortLaneBytes; data = data[(3 * ShortLaneBytes)..])
        {
            state = AdvanceThreeLanes(state, data, ShortLaneBytes, JoinFactors.TwoShortLanes, JoinFactors.OneShortLane);
        }

        return AppendSse42(~(uint)state, data);
    }

    /// <summary>As the one of x64. Written, not verified on hardware.</summary>
    internal static uint AppendArm64(uint crc, ReadOnlySpan<byte> data)
    {
        ref byte start = ref MemoryMarshal.GetReference(data);
        int length = data.Length;
        int position = 0;
        uint state = ~crc;

        // SAFETY: each read is behind a comparison of the position plus its size with the length.
        for (; length - position >= sizeof(ulong); position += sizeof(ulong))
        {
            state = ArmCrc32.Arm64.ComputeCrc32C(state, Read<ulong>(ref start, position));
        }

        for (; position < length; position++) state = ArmCrc32.ComputeCrc32C(state, Read<byte>(ref start, position));
        return ~state;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining | MethodImplOptions.AggressiveOptimization)]
    private static ulong AdvanceThreeLanes(ulong state, ReadOnlySpan<byte> data, int laneBytes, ulong firstFactor, ulong secondFactor)
    {
        // SAFETY: the callers check that the data holds three lanes; every position stays below one lane.
        ref byte first = ref MemoryMarshal.GetReference(data);
        ref byte second = ref Unsafe.Add(ref first, laneBytes);
        ref byte third = ref Unsafe.Add(ref second, laneBytes);
        ulong secondState = 0;
        ulong thirdState = 0;
        int position = 0;
        for (; position < laneBytes - sizeof(ulong); position += sizeof(ulong))
        {
            state = Sse42.X64.Crc32(state, Read<ulong>(ref first, position));
            secondState = Sse42.X64.Crc32(secondState, Read<ulong>(ref second, position));
            thirdState = Sse42.X64.Crc32(thirdState, Read<ulong>(ref third, position));
        }

        state = Sse42.X64.Crc32(state, Read<ulong>(ref first, position));
        secondState = Sse42.X64.Crc32(secondState, Read<ulong>(ref second, position));

        // What the first two lanes leave is moved behind the third by a multiplication; the crc instruction of the third lane's last
        // word reduces the 64-bit products along with it.
        Vector128<ulong> firstMoved = Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar(state), Vector128.CreateScalar(firstFactor), 0);
        Vector128<ulong> secondMoved =
            Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar(secondState), Vector128.CreateScalar(secondFactor), 0);
        return Sse42.X64.Crc32(thirdState, Read<ulong>(ref third, position) ^ firstMoved.ToScalar() ^ secondMoved.ToScalar());
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Read<T>(ref byte start, int position) => Unsafe.ReadUnaligned<T>(ref Unsafe.Add(ref start, position));

    /// <summary>
    /// Powers of x that move a state behind so many bytes. The 33 less: one because the product of reflected numbers is one bit
    /// short, 32 because the crc instruction multiplies what it reads by x to the power of 32.
    /// </summary>
    private static class JoinFactors
    {
        public static readonly ulong TwoLongLanes = PowerOfX(8 * 2 * LongLaneBytes - 33);
        public static readonly ulong OneLongLane = PowerOfX(8 * LongLaneBytes - 33);
        public static readonly ulong TwoShortLanes = PowerOfX(8 * 2 * ShortLaneBytes - 33);
        public static readonly ulong OneShortLane = PowerOfX(8 * ShortLaneBytes - 33);
    }
}
