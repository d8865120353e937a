using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text;
using Varve.Bytes;
using ArmCrc32 = System.Runtime.Intrinsics.Arm.Crc32;

namespace Varve.Tests.Bytes;

public sealed class Crc32CTests
{
    private const int Seed = 7;

    private delegate uint Method(uint crc, ReadOnlySpan<byte> data);

    /// <summary>Every way to compute it, with the least length that it takes and whether this machine has it.</summary>
    private static readonly (string Name, Method Append, int BytesMin, bool IsSupported)[] Methods =
    [
        ("chosen", Crc32C.Append, 0, true),
        ("portable", Crc32C.AppendPortable, 0, true),
        ("sse42", Crc32C.AppendSse42, 0, Sse42.X64.IsSupported),
        ("three lanes", Crc32C.AppendThreeLanes, 0, Sse42.X64.IsSupported && Pclmulqdq.IsSupported),
        ("arm64", Crc32C.AppendArm64, 0, ArmCrc32.Arm64.IsSupported),
        ("folded, one bit at a time", Crc32C.AppendFolded<BitwiseMultiplier>, 256, Sse42.X64.IsSupported),
        ("folded, 512 bits", Crc32C.AppendFolded<Crc32C.Pclmulqdq512>, 256, Sse42.X64.IsSupported && Pclmulqdq.V512.IsSupported),
    ];

    public static TheoryData<string> SupportedMethods => [.. Methods.Where(method => method.IsSupported).Select(method => method.Name)];

    [Theory]
    [InlineData("", 0x00000000u)]
    [InlineData("a", 0xC1D04330u)]
    [InlineData("123456789", 0xE3069283u)]
    public void Text_gives_the_published_checksum(string text, uint expected) =>
        Assert.Equal(expected, Crc32C.Compute(Encoding.ASCII.GetBytes(text)));

    /// <summary>The examples of RFC 3720, section B.4.</summary>
    [Fact]
    public void The_examples_of_iscsi_give_their_checksums()
    {
        byte[] ascending = [.. Enumerable.Range(0, 32).Select(value => (byte)value)];
        Assert.Equal(0x8A9136AAu, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Compute(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
        Assert.Equal(0x46DD794Eu, Crc32C.Compute(ascending));
        Assert.Equal(0x113FDB5Cu, Crc32C.Compute([.. ascending.Reverse()]));
    }

    [Theory]
    [MemberData(nameof(SupportedMethods))]
    public void Every_method_agrees_with_the_reference_at_every_length(string name)
    {
        (_, Method append, int bytesMin, _) = Methods.Single(method => method.Name == name);
        byte[] source = new byte[14_000];
        var random = new Random(Seed);
        random.NextBytes(source);
        uint start = (uint)random.NextInt64(1L << 32);

        // The reference runs along, so that every prefix costs one byte.
        uint expected = start;
        uint expectedFromZero = 0;
        for (int length = 0; length < source.Length; length++)
        {
            bool isNearBorder = length < 1_100 || length % 1_360 is < 12 or > 1_350 || length % 168 < 3 || length == source.Length - 1;
            if (length >= bytesMin && isNearBorder)
            {
                Assert.True(append(start, source.AsSpan(0, length)) == expected, $"{name}, seed {Seed}, {length} bytes from {start:x8}");
                Assert.True(append(0, source.AsSpan(0, length)) == expectedFromZero, $"{name}, seed {Seed}, {length} bytes from 0");
            }

            expected = Reference(expected, source.AsSpan(length, 1));
            expectedFromZero = Reference(expectedFromZero, source.AsSpan(length, 1));
        }
    }

    [Theory]
    [MemberData(nameof(SupportedMethods))]
    public void No_method_reads_outside_of_its_data(string name)
    {
        (_, Method append, int bytesMin, _) = Methods.Single(method => method.Name == name);
        byte[] source = new byte[4_200];
        new Random(Seed).NextBytes(source);
        int[] borders = [167, 168, 255, 256, 257, 319, 503, 504, 505, 4_079, 4_080, 4_095, 4_096, 4_097];
        foreach (int length in Enumerable.Range(0, 20).Concat(borders))
        {
            if (length < bytesMin) continue;
            using var atEnd = new GuardedBuffer(length, GuardSide.After);
            using var atStart = new GuardedBuffer(length, GuardSide.Before);
            source.AsSpan(0, length).CopyTo(atEnd.Span);
            source.AsSpan(0, length).CopyTo(atStart.Span);
            uint expected = Reference(0, source.AsSpan(0, length));
            Assert.True(append(0, atEnd.Span) == expected, $"{name}, {length} bytes before a guard page");
            Assert.True(append(0, atStart.Span) == expected, $"{name}, {length} bytes behind a guard page");
        }
    }

    [Fact]
    public void Appending_in_pieces_gives_the_checksum_of_the_whole()
    {
        var random = new Random(Seed);
        byte[] source = new byte[6_000];
        random.NextBytes(source);
        uint expected = Reference(0, source);
        for (int round = 0; round < 300; round++)
        {
            int first = random.Next(source.Length);
            int second = random.Next(first, source.Length);
            uint crc = Crc32C.Append(0, source.AsSpan(0, first));
            crc = Crc32C.Append(crc, source.AsSpan(first, second - first));
            crc = Crc32C.Append(crc, source.AsSpan(second));
            Assert.True(crc == expected, $"seed {Seed}, round {round}: cut at {first} and {second}");
        }
    }

    [Fact]
    public void The_salted_checksum_covers_data_then_salt_then_offset()
    {
        var random = new Random(Seed);
        for (int length = 0; length < 600; length += 7)
        {
            byte[] data = new byte[length];
            random.NextBytes(data);
            ulong salt = (ulong)random.NextInt64(long.MinValue, long.MaxValue);
            long offset = random.NextInt64();
            byte[] whole = [.. data, .. BitConverter.GetBytes(salt), .. BitConverter.GetBytes(offset)];
            Assert.True(Crc32C.ComputeSalted(data, salt, offset) == Reference(0, whole), $"seed {Seed}, {length} bytes");
        }
    }

    /// <summary>The definition, one bit at a time.</summary>
    private static uint Reference(uint crc, ReadOnlySpan<byte> data)
    {
        crc = ~crc;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (uint)-(int)(crc & 1));
        }

        return ~crc;
    }

    /// <summary>What the 512-bit instruction does, by its definition.</summary>
    private readonly struct BitwiseMultiplier : Crc32C.ICarrylessMultiplier
    {
        public static Vector512<ulong> MultiplyLower(Vector512<ulong> left, Vector512<ulong> right) => Multiply(left, right, 0);

        public static Vector512<ulong> MultiplyUpper(Vector512<ulong> left, Vector512<ulong> right) => Multiply(left, right, 1);

        private static Vector512<ulong> Multiply(Vector512<ulong> left, Vector512<ulong> right, int half)
        {
            Vector512<ulong> products = default;
            for (int lane = 0; lane < Vector512<ulong>.Count; lane += 2)
            {
                UInt128 product = 0;
                UInt128 shifted = left.GetElement(lane + half);
                for (ulong rest = right.GetElement(lane + half); rest != 0; rest >>= 1, shifted <<= 1)
                {
                    if ((rest & 1) != 0) product ^= shifted;
                }

                products = products.WithElement(lane, (ulong)product).WithElement(lane + 1, (ulong)(product >> 64));
            }

            return products;
        }
    }
}
