using System.Buffers.Binary;
using Varve.Memory;

namespace Varve.Tests.Memory;

/// <summary>Kinds of keys that lead to different trees: one stream of keys for each.</summary>
internal sealed class KeyShape(string name, Func<Random, byte[]> next)
{
    private static readonly byte[] LongPrefix = Fill(new Random(7), 12_000, 256);

    public static IReadOnlyList<KeyShape> All { get; } =
    [
        new("short keys of extreme bytes", random => Pick(random, random.Next(7), [0x00, 0xFF, 0x61])),
        new("short keys of all bytes", random => Fill(random, random.Next(4), 256)),
        new("two full levels", random => [(byte)random.Next(2), (byte)random.Next(256), (byte)random.Next(60)]),
        new("sixteen children", random => Fill(random, random.Next(5), 15)),
        new("big-endian numbers", random => BigEndian((ulong)random.Next(5_000))),
        new("decimal numbers", random => System.Text.Encoding.ASCII.GetBytes(random.Next(100_000).ToString("D16"))),
        new("prefixes of one run", random => new byte[random.Next(400)]),
        new("common prefixes of kilobytes", random => [.. LongPrefix.AsSpan(0, PrefixBytes(random)), .. Fill(random, random.Next(3), 3)]),
        new("largest keys", random => Edited(random, MemTable.KeyBytesMax)),
        new("prefixes around the inline length", random => Edited(random, random.Next(14, 40))),
    ];

    public byte[] Next(Random random) => next(random);

    public override string ToString() => name;

    public static byte[] BigEndian(ulong number)
    {
        byte[] key = new byte[2 * sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(key, number);
        return key;
    }

    private static int PrefixBytes(Random random) =>
        random.Next(2) == 0 ? random.Next(LongPrefix.Length) : LongPrefix.Length - random.Next(40);

    private static byte[] Edited(Random random, int length)
    {
        byte[] key = new byte[length];
        key[random.Next(length)] = (byte)random.Next(4);
        return key;
    }

    private static byte[] Fill(Random random, int length, int alphabet)
    {
        byte[] key = new byte[length];
        for (int i = 0; i < length; i++) key[i] = (byte)random.Next(alphabet);
        return key;
    }

    private static byte[] Pick(Random random, int length, byte[] alphabet)
    {
        byte[] key = new byte[length];
        for (int i = 0; i < length; i++) key[i] = alphabet[random.Next(alphabet.Length)];
        return key;
    }
}
