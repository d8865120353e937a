using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Varve.Bytes;

namespace Varve.Tests.Bytes;

public sealed class KeyHashTests
{
    private const int KeyCount = 100_000;

    public static TheoryData<string> KeyShapes =>
        ["big-endian counter", "db_bench", "ascii decimal", "random", "two bits set", "long, last bytes differ"];

    /// <summary>The hash is stored in filters and blocks: these values never change.</summary>
    [Theory]
    [InlineData("", 0x60C06E5AA6716029UL)]
    [InlineData("a", 0x7790BDDCDEB4D182UL)]
    [InlineData("ab", 0x815BF2F3A5479F8EUL)]
    [InlineData("abc", 0xC0F4242343273606UL)]
    [InlineData("abcd", 0x011A0DE066A30360UL)]
    [InlineData("abcdefg", 0xC257234679C08183UL)]
    [InlineData("abcdefgh", 0x2C80E9B93B9E5DF8UL)]
    [InlineData("0123456789abcde", 0x7A5D1714A07DB62AUL)]
    [InlineData("0123456789abcdef", 0x2736F90A959A795FUL)]
    [InlineData("0123456789abcdefg", 0x1085D99D883B0299UL)]
    [InlineData("The quick brown fox jumps over the lazy dog", 0x6A103CD728A7C891UL)]
    public void The_hash_of_a_key_never_changes(string key, ulong expected) =>
        Assert.Equal(expected, KeyHash.Compute(Encoding.ASCII.GetBytes(key)));

    [Theory]
    [MemberData(nameof(KeyShapes))]
    public void The_top_byte_is_even_over_keys_of_every_shape(string shape)
    {
        int[] counts = new int[256];
        foreach (byte[] key in Keys(shape)) counts[KeyHash.Compute(key) >> 56]++;
        double expected = counts.Sum() / 256.0;
        double chiSquared = counts.Sum(count => (count - expected) * (count - expected) / expected);

        // 255 degrees of freedom: the mean is 255, the standard deviation 22.6; 370 is five of them away.
        Assert.True(chiSquared < 370, $"{shape}: chi squared {chiSquared:f1}");
    }

    [Theory]
    [MemberData(nameof(KeyShapes))]
    public void The_low_half_collides_no_more_often_than_chance(string shape)
    {
        var seen = new HashSet<uint>();
        int collisions = 0;
        int keys = 0;
        foreach (byte[] key in Keys(shape))
        {
            keys++;
            if (!seen.Add((uint)KeyHash.Compute(key))) collisions++;
        }

        double expected = (double)keys * keys / 2 / uint.MaxValue;
        Assert.True(collisions < expected + 5 * Math.Sqrt(expected) + 3, $"{shape}: {collisions} collisions, {expected:f1} expected");
    }

    [Theory]
    [MemberData(nameof(KeyShapes))]
    public void Every_bit_is_set_for_half_of_the_keys(string shape)
    {
        int[] ones = new int[64];
        int keys = 0;
        foreach (byte[] key in Keys(shape))
        {
            keys++;
            ulong hash = KeyHash.Compute(key);
            for (int bit = 0; bit < 64; bit++) ones[bit] += (int)(hash >> bit & 1);
        }

        double tolerance = 5 * Math.Sqrt(keys) / 2;
        for (int bit = 0; bit < 64; bit++)
        {
            Assert.True(Math.Abs(ones[bit] - keys / 2.0) < tolerance, $"{shape}: bit {bit} is set in {ones[bit]} of {keys}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(13)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(32)]
    [InlineData(50)]
    public void A_flipped_bit_changes_half_of_the_hash(int length)
    {
        const int Seed = 11;
        const int Rounds = 200;
        var random = new Random(Seed);
        byte[] key = new byte[length];
        for (int bit = 0; bit < 8 * length; bit++)
        {
            int changed = 0;
            for (int round = 0; round < Rounds; round++)
            {
                random.NextBytes(key);
                ulong before = KeyHash.Compute(key);
                key[bit / 8] ^= (byte)(1 << bit % 8);
                changed += System.Numerics.BitOperations.PopCount(before ^ KeyHash.Compute(key));
            }

            double average = (double)changed / Rounds;
            Assert.True(average is > 30 and < 34, $"seed {Seed}, length {length}, bit {bit}: {average} of 64 bits change");
        }
    }

    [Fact]
    public void Runs_of_one_byte_differ_by_their_length()
    {
        byte[] zeroes = new byte[300];
        byte[] ones = Enumerable.Repeat((byte)0xFF, 300).ToArray();
        var seen = new HashSet<ulong> { KeyHash.Compute([]) };
        for (int length = 1; length <= 300; length++)
        {
            Assert.True(seen.Add(KeyHash.Compute(zeroes.AsSpan(0, length))), $"{length} zeroes");
            Assert.True(seen.Add(KeyHash.Compute(ones.AsSpan(0, length))), $"{length} times 0xFF");
        }
    }

    [Fact]
    public void Only_the_bytes_of_the_key_count()
    {
        byte[] source = new byte[64];
        new Random(5).NextBytes(source);
        for (int length = 0; length <= 40; length++)
        {
            using var atEnd = new GuardedBuffer(length, GuardSide.After);
            using var atStart = new GuardedBuffer(length, GuardSide.Before);
            source.AsSpan(3, length).CopyTo(atEnd.Span);
            source.AsSpan(3, length).CopyTo(atStart.Span);
            ulong expected = KeyHash.Compute(source.AsSpan(3, length));
            Assert.Equal(expected, KeyHash.Compute(atEnd.Span));
            Assert.Equal(expected, KeyHash.Compute(atStart.Span));
        }
    }

    private static IEnumerable<byte[]> Keys(string shape)
    {
        var random = new Random(42);
        for (int number = 0; number < KeyCount; number++)
        {
            byte[] key = new byte[16];
            switch (shape)
            {
                case "big-endian counter":
                    key = new byte[8];
                    BinaryPrimitives.WriteInt64BigEndian(key, number);
                    break;
                case "db_bench":
                    key.AsSpan().Fill((byte)'0');
                    BinaryPrimitives.WriteInt64BigEndian(key, number);
                    break;
                case "ascii decimal":
                    key = Encoding.ASCII.GetBytes(number.ToString("D16", CultureInfo.InvariantCulture));
                    break;
                case "random":
                    random.NextBytes(key);
                    break;
                case "two bits set":
                    key = new byte[80];
                    int first = number % 640;
                    int second = number / 640;
                    if (second >= first) continue;
                    key[first / 8] |= (byte)(1 << first % 8);
                    key[second / 8] |= (byte)(1 << second % 8);
                    break;
                default:
                    key = new byte[45];
                    BinaryPrimitives.WriteInt32LittleEndian(key.AsSpan(41), number);
                    break;
            }

            yield return key;
        }
    }
}
