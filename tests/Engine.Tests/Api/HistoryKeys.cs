using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Varve.Tests.Api;

/// <summary>
/// Keys and values that tests draw by number: all the shapes that are easy to get wrong, in a small space, so that keys meet again.
/// </summary>
internal static class HistoryKeys
{
    public const int KeyCount = 300;

    public static IComparer<byte[]> Order { get; } = Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));

    private static readonly byte[][] Keys = [.. Enumerable.Range(0, KeyCount).Select(Make)];

    public static byte[] Key(Random random) => Keys[random.Next(KeyCount)];

    /// <summary>A value that no other write has; few are long enough for a block of their own.</summary>
    public static byte[] Value(Random random)
    {
        int bytes = random.Next(60) switch
        {
            0 => random.Next((16 << 10) - 2, (16 << 10) + 3),
            1 => random.Next(4000, 40_000),
            < 6 => 0,
            _ => random.Next(200),
        };
        byte[] value = new byte[bytes];
        if (random.Next(2) == 0) random.NextBytes(value);
        if (bytes >= sizeof(ulong)) BinaryPrimitives.WriteInt64LittleEndian(value, random.NextInt64());
        return value;
    }

    public static string Show(ReadOnlySpan<byte> bytes) =>
        bytes.Length <= 24 ? Convert.ToHexString(bytes) : $"{Convert.ToHexString(bytes[..20])}… ({bytes.Length} bytes)";

    private static byte[] Make(int number)
    {
        string digits = (number / 5).ToString("D4", CultureInfo.InvariantCulture);
        return number switch
        {
            0 => [],
            1 => [0],
            2 => [0, 0],
            3 => [0xff],
            4 => [0xff, 0xff],
            5 => Filled(0xff, Limits.KeyBytesMax),
            6 => Filled((byte)'k', Limits.KeyBytesMax),
            7 => Filled((byte)'k', 500),
            8 => "k"u8.ToArray(),
            9 => Filled(0, Limits.KeyBytesMax),
            _ => (number % 5) switch
            {
                0 => Encoding.UTF8.GetBytes("k" + digits),
                1 => [.. Encoding.UTF8.GetBytes("k" + digits), 0],
                2 => [.. Encoding.UTF8.GetBytes("k" + digits), 0xff],
                3 => [0, 0, 0, 0, 0, 0, (byte)(number >> 8), (byte)number],
                _ => Encoding.UTF8.GetBytes("a longer beginning that many keys share/" + digits),
            },
        };
    }

    private static byte[] Filled(byte value, int bytes)
    {
        byte[] key = new byte[bytes];
        key.AsSpan().Fill(value);
        return key;
    }
}
