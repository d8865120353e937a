namespace Varve.Simulation;

/// <summary>Keys and values that are awkward for a sorted store.</summary>
internal static class HistoryContent
{
    private const int LargeBytes = 16 << 10;

    private static readonly byte[][] Edges =
    [
        [], [0], [0, 0], [0xFF], [0xFF, 0xFF], [0xFF, 0xFF, 0xFF], [.. "a"u8], [.. "ab"u8], [.. "abc"u8], [.. "a\0"u8], [.. "a\0\0"u8],
        [.. "abcdefgh"u8], [.. "abcdefghi"u8], [.. "abcdefgh\0"u8], [.. "abcdefg"u8], [0x7F], [0x80],
    ];

    /// <summary>Between 8 and 60 keys in order.</summary>
    public static byte[][] DrawKeys(Random random)
    {
        var keys = new SortedSet<byte[]>(Comparer<byte[]>.Create((left, right) => left.AsSpan().SequenceCompareTo(right)));
        int count = random.Next(8, 61);
        while (keys.Count < count) keys.Add(DrawKey(random, keys));
        return [.. keys];
    }

    /// <summary>A value that no other batch writes, half of them compressible.</summary>
    public static byte[] DrawValue(Random random, int largeOneIn)
    {
        int length = random.Next(largeOneIn) == 0 ? random.Next(LargeBytes - 2, LargeBytes + 6_000)
            : random.Next(8) switch { 0 => 0, 1 => random.Next(1, 9), 2 when random.Next(8) == 0 => random.Next(2_000, 6_000), _ => random.Next(0, 301) };
        byte[] value = new byte[length];
        if (random.Next(2) == 0) random.NextBytes(value);
        else Repeat(value, random);
        return value;
    }

    private static void Repeat(byte[] value, Random random)
    {
        Span<byte> unit = stackalloc byte[16];
        random.NextBytes(unit);
        for (int i = 0; i < value.Length; i++) value[i] = unit[i % unit.Length];
    }

    private static byte[] DrawKey(Random random, SortedSet<byte[]> keys)
    {
        switch (random.Next(10))
        {
            case 0 or 1 or 2:
                return Edges[random.Next(Edges.Length)];
            case 3 when keys.Count > 0:
                // A key is often the beginning of another.
                byte[] shorter = keys.ElementAt(random.Next(keys.Count));
                return shorter.Length < LargeBytes ? [.. shorter, (byte)random.Next(256)] : shorter;
            case 4:
                byte[] longer = new byte[random.Next(20) == 0 ? LargeBytes - random.Next(0, 3) : random.Next(1, 400)];
                Array.Fill(longer, (byte)'k');
                random.NextBytes(longer.AsSpan(longer.Length - 1));
                return longer;
            default:
                byte[] key = new byte[random.Next(1, 12)];
                random.NextBytes(key);
                if (random.Next(2) == 0) "row-"u8[..Math.Min(4, key.Length)].CopyTo(key);
                return key;
        }
    }
}
