using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Varve.Bytes;

/// <summary>
/// The 64-bit hash of a key that filters (low 32 bits) and block fingerprints (top 8 bits) use. Stored on disk: never change.
/// </summary>
/// <remarks>
/// The construction is that of wyhash: sixteen bytes go into one 64 × 64 → 128 bit multiplication, whose halves are folded, and a
/// second one at the end spreads every input bit over all output bits. It resists no attacker, and need not: who chooses keys that
/// collide makes only false positives.
/// </remarks>
internal static class KeyHash
{
    private const ulong Seed = 0xA0761D6478BD642FUL;
    private const ulong FirstSecret = 0xE7037ED1A0B428DBUL;

    public static ulong Compute(ReadOnlySpan<byte> key)
    {
        ref byte start = ref MemoryMarshal.GetReference(key);
        int length = key.Length;
        if (length > 16) return ComputeLong(ref start, length);

        // Two reads that overlap cover every length without a loop; the length itself goes in at the end and keeps them apart.
        // SAFETY: each branch reads at offsets and sizes that its condition on the length allows.
        ulong first, second;
        if (length >= sizeof(ulong))
        {
            first = Read64(ref start, 0);
            second = Read64(ref start, length - sizeof(ulong));
        }
        else if (length >= sizeof(uint))
        {
            first = Read32(ref start, 0);
            second = Read32(ref start, length - sizeof(uint));
        }
        else
        {
            first = length == 0 ? 0 : (uint)key[0] << 16 | (uint)key[length >> 1] << 8 | key[length - 1];
            second = 0;
        }

        return Finish(Seed, first, second, length);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static ulong ComputeLong(ref byte start, int length)
    {
        ulong seed = Seed;
        int position = 0;

        // SAFETY: more than 16 bytes lie behind the position, and the last 16 exist because the key is longer than 16.
        for (; length - position > 16; position += 16)
        {
            seed = MultiplyAndFold(Read64(ref start, position) ^ FirstSecret, Read64(ref start, position + 8) ^ seed);
        }

        return Finish(seed, Read64(ref start, length - 16), Read64(ref start, length - 8), length);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Finish(ulong seed, ulong first, ulong second, int length)
    {
        (ulong high, ulong low) = Multiply(first ^ FirstSecret, second ^ seed);
        return MultiplyAndFold(low ^ Seed ^ (uint)length, high ^ FirstSecret);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong MultiplyAndFold(ulong left, ulong right)
    {
        (ulong high, ulong low) = Multiply(left, right);
        return high ^ low;
    }

    /// <summary>Both halves of a product.</summary>
    /// <remarks>
    /// With one instruction for both, as <see cref="Math.BigMul(ulong, ulong, out ulong)"/> has it, the lower half takes the way through
    /// the stack; two instructions that overlap are a third faster.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (ulong High, ulong Low) Multiply(ulong left, ulong right)
    {
        if (Bmi2.X64.IsSupported) return (Bmi2.X64.MultiplyNoFlags(left, right), left * right);
        ulong high = Math.BigMul(left, right, out ulong low);
        return (high, low);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Read64(ref byte start, int offset) => Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref start, offset));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Read32(ref byte start, int offset) => Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref start, offset));
}
