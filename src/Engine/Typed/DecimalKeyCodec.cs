using System.Buffers;
using System.Buffers.Binary;

namespace Varve.Typed;

/// <summary>
/// The number times 10^28 as a signed integer of 192 bits, big-endian, sign bit inverted: exact, of fixed length, and one form for each
/// number whatever its trailing zeros. (2^96 × 10^28 is below 2^190.)
/// </summary>
internal sealed class DecimalKeyCodec() : KeyCodec<decimal>(KeyBytes)
{
    private const int Limbs = 6;
    private const int KeyBytes = Limbs * sizeof(uint);
    private const int ScaleMax = 28;
    private const int MantissaLimbs = 3;
    private const byte SignBit = 0x80;

    public override void Write(decimal key, IBufferWriter<byte> destination)
    {
        Span<int> parts = stackalloc int[4];
        decimal.GetBits(key, parts);
        Span<uint> limbs = stackalloc uint[Limbs];
        limbs.Clear();
        for (int i = 0; i < MantissaLimbs; i++) limbs[i] = (uint)parts[i];
        for (int scale = key.Scale; scale < ScaleMax; scale++) MultiplyByTen(limbs);
        if (decimal.IsNegative(key)) Negate(limbs);

        Span<byte> bytes = destination.GetSpan(KeyBytes);
        for (int i = 0; i < Limbs; i++) BinaryPrimitives.WriteUInt32BigEndian(bytes[(i * sizeof(uint))..], limbs[Limbs - 1 - i]);
        bytes[0] ^= SignBit;
        destination.Advance(KeyBytes);
    }

    public override bool TryRead(ReadOnlySpan<byte> bytes, out decimal key)
    {
        key = default;
        if (bytes.Length != KeyBytes) return false;
        Span<uint> limbs = stackalloc uint[Limbs];
        for (int i = 0; i < Limbs; i++) limbs[Limbs - 1 - i] = BinaryPrimitives.ReadUInt32BigEndian(bytes[(i * sizeof(uint))..]);
        bool isNegative = (bytes[0] & SignBit) == 0;
        limbs[Limbs - 1] ^= (uint)SignBit << 24;
        if (isNegative) Negate(limbs);

        int scale = ScaleMax;
        Span<uint> quotient = stackalloc uint[Limbs];
        while (scale > 0 && DivideByTen(limbs, quotient) == 0)
        {
            quotient.CopyTo(limbs);
            scale--;
        }

        if (limbs[MantissaLimbs..].ContainsAnyExcept(0u)) return false;
        key = new decimal((int)limbs[0], (int)limbs[1], (int)limbs[2], isNegative, (byte)scale);
        return true;
    }

    private static void MultiplyByTen(Span<uint> limbs)
    {
        ulong carry = 0;
        for (int i = 0; i < Limbs; i++)
        {
            carry += 10UL * limbs[i];
            limbs[i] = (uint)carry;
            carry >>= 32;
        }
    }

    private static uint DivideByTen(ReadOnlySpan<uint> limbs, Span<uint> quotient)
    {
        ulong remainder = 0;
        for (int i = Limbs - 1; i >= 0; i--)
        {
            ulong value = (remainder << 32) | limbs[i];
            quotient[i] = (uint)(value / 10);
            remainder = value % 10;
        }

        return (uint)remainder;
    }

    private static void Negate(Span<uint> limbs)
    {
        ulong carry = 1;
        for (int i = 0; i < Limbs; i++)
        {
            carry += ~limbs[i];
            limbs[i] = (uint)carry;
            carry >>= 32;
        }
    }
}
