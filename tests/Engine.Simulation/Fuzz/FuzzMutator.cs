using System.Buffers.Binary;

namespace Varve.Simulation;

/// <summary>Changes that decoders get wrong: bits, edge numbers where lengths may stand, pieces lost, doubled, moved and mixed.</summary>
internal static class FuzzMutator
{
    private const int InputBytesMax = 1 << 17;

    private static readonly byte[] EdgeBytes = [0, 1, 0x7F, 0x80, 0xFE, 0xFF];

    private static readonly ulong[] EdgeNumbers =
    [
        0, 1, 7, 8, 0x7F, 0x80, 0xFFFF, 0x10000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000,
        long.MaxValue, 1UL << 63, ulong.MaxValue, ulong.MaxValue - 7, (1UL << 56) - 1, 1UL << 56,
    ];

    public static byte[] Mutate(byte[] input, IReadOnlyList<byte[]> others, Random random)
    {
        byte[] mutated = [.. input];
        for (int left = random.Next(1, 5); left > 0; left--) mutated = MutateOnce(mutated, others, random);
        return mutated.Length > InputBytesMax ? mutated[..InputBytesMax] : mutated;
    }

    public static byte[] DrawBytes(Random random)
    {
        byte[] bytes = new byte[random.Next(4) == 0 ? random.Next(5_000) : random.Next(64)];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>A number that is often near the edge of a type, little-endian, 1 to 8 bytes.</summary>
    public static byte[] DrawNumber(Random random)
    {
        byte[] bytes = new byte[sizeof(ulong)];
        ulong number = random.Next(4) == 0 ? (ulong)random.NextInt64() : EdgeNumbers[random.Next(EdgeNumbers.Length)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, number);
        return bytes[..(1 << random.Next(4))];
    }

    private static byte[] MutateOnce(byte[] input, IReadOnlyList<byte[]> others, Random random)
    {
        if (input.Length == 0) return DrawBytes(random);
        int at = random.Next(input.Length);
        int bytes = random.Next(1, Math.Min(input.Length - at, random.Next(2) == 0 ? 8 : 512) + 1);
        switch (random.Next(9))
        {
            case 0:
                input[at] ^= (byte)(1 << random.Next(8));
                return input;
            case 1:
                input[at] = EdgeBytes[random.Next(EdgeBytes.Length)];
                return input;
            case 2:
                byte[] number = DrawNumber(random);
                number.AsSpan(0, Math.Min(number.Length, input.Length - at)).CopyTo(input.AsSpan(at));
                return input;
            case 3:
                return [.. input[..at], .. input[(at + bytes)..]];
            case 4:
                return [.. input[..(at + bytes)], .. input[at..]];
            case 5:
                byte[] drawn = DrawBytes(random);
                return [.. input[..at], .. drawn[..Math.Min(drawn.Length, bytes)], .. input[at..]];
            case 6:
                input.AsSpan(at, bytes).ToArray().CopyTo(input.AsSpan(random.Next(input.Length - bytes + 1)));
                return input;
            case 7:
                return input[..at];
            default:
                byte[] other = others[random.Next(others.Count)];
                return [.. input[..at], .. other[random.Next(other.Length + 1)..]];
        }
    }
}
