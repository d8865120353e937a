using Varve.Bytes;

namespace Varve.Tests.Bytes;

public sealed class Lz4BlockTests
{
    private static readonly int[] Lengths =
        [0, 1, 2, 4, 5, 11, 12, 13, 14, 15, 16, 17, 31, 64, 255, 270, 300, 4_095, 4_096, 4_097, 16_384, 16_385, 32_768, 65_535, 65_536];

    [Fact]
    public void What_is_compressed_comes_back_at_every_length()
    {
        for (int seed = 0; seed < 3; seed++)
        {
            foreach (int length in Lengths)
            {
                AssertRoundTrip(Lz4Samples.Mixed(new Random(seed), length), $"mixed, seed {seed}, {length} bytes");
                AssertRoundTrip(Lz4Samples.Noise(length), $"noise, {length} bytes");
                AssertRoundTrip(new byte[length], $"zeroes, {length} bytes");
            }
        }

        AssertRoundTrip(Lz4Samples.Periods(), "periods");
        AssertRoundTrip(Lz4Samples.Text(), "text");
    }

    [Fact]
    public void Many_small_blocks_come_back()
    {
        for (int seed = 0; seed < 2_000; seed++)
        {
            var random = new Random(seed);
            AssertRoundTrip(Lz4Samples.Mixed(random, random.Next(700)), $"seed {seed}");
        }
    }

    [Fact]
    public void Repetition_shrinks_and_noise_hardly_grows()
    {
        byte[] destination = new byte[Lz4Block.CompressedBytesMax(Lz4Block.SourceBytesMax)];
        Assert.InRange(Lz4Block.Compress(new byte[4_096], destination), 1, 40);
        Assert.InRange(Lz4Block.Compress(Lz4Samples.Text(), destination), 1, 800);
        Assert.InRange(Lz4Block.Compress(Lz4Samples.Noise(4_096), destination), 4_096, 4_096 + 20);
    }

    [Fact]
    public void A_destination_of_the_exact_size_is_filled_and_a_smaller_one_gives_zero()
    {
        for (int seed = 0; seed < 60; seed++)
        {
            var random = new Random(seed);
            byte[] source = Lz4Samples.Mixed(random, random.Next(1_500));
            byte[] whole = new byte[Lz4Block.CompressedBytesMax(source.Length)];
            int size = Lz4Block.Compress(source, whole);
            using var exact = new GuardedBuffer(size, GuardSide.After);
            Assert.True(Lz4Block.Compress(source, exact.Span) == size, $"seed {seed}: {size} bytes do not fit {size}");
            Assert.True(exact.Span.SequenceEqual(whole.AsSpan(0, size)), $"seed {seed}: other bytes without spare room");
            for (int room = 0; room < size; room += room < size - 20 ? 1 + size / 50 : 1)
            {
                Assert.True(Lz4Block.Compress(source, exact.Span[^room..]) == 0, $"seed {seed}: {size} bytes fit {room}");
            }
        }
    }

    [Fact]
    public void A_source_over_the_limit_is_a_bug() =>
        Assert.Throws<InvariantViolatedException>(() => Lz4Block.Compress(new byte[Lz4Block.SourceBytesMax + 1], new byte[100_000]));

    [Fact]
    public void A_destination_of_another_length_is_refused()
    {
        for (int seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            byte[] source = Lz4Samples.Mixed(random, random.Next(1, 1_000));
            byte[] compressed = Compress(source);
            for (int difference = 1; difference < 70; difference++)
            {
                Assert.False(Lz4Block.TryDecompress(compressed, new byte[source.Length + difference]), $"seed {seed}, +{difference}");
                if (difference > source.Length) continue;
                Assert.False(Lz4Block.TryDecompress(compressed, new byte[source.Length - difference]), $"seed {seed}, -{difference}");
            }
        }
    }

    [Theory]
    [InlineData("", 0)]
    [InlineData("", 1)]
    [InlineData("F0", 15)]
    [InlineData("F0FFFFFFFF", 4_096)]
    [InlineData("20AA", 2)]
    [InlineData("10AA01", 5)]
    [InlineData("14AA0000" + "10AA", 10)]
    [InlineData("14AA0200" + "10AA", 10)]
    [InlineData("14AAFFFF" + "10AA", 10)]
    [InlineData("1FAA0100", 20)]
    [InlineData("1FAA0100FF", 300)]
    [InlineData("00" + "00", 0)]
    public void A_malformed_block_is_refused(string hex, int length) =>
        Assert.False(Lz4Block.TryDecompress(Convert.FromHexString(hex), new byte[length]));

    [Fact]
    public void Every_cut_of_a_block_is_refused()
    {
        byte[] source = Lz4Samples.Mixed(new Random(1), 3_000);
        byte[] compressed = Compress(source);
        for (int cut = 0; cut < compressed.Length; cut++)
        {
            Assert.False(Lz4Block.TryDecompress(compressed.AsSpan(0, cut), new byte[source.Length]), $"cut to {cut} bytes");
        }
    }

    [Fact]
    public void Damaged_blocks_never_reach_outside_of_the_spans()
    {
        const int LengthMax = 1_200;
        using var sourceAtEnd = new GuardedBuffer(Lz4Block.CompressedBytesMax(LengthMax), GuardSide.After);
        using var outputAtEnd = new GuardedBuffer(LengthMax, GuardSide.After);
        using var outputAtStart = new GuardedBuffer(LengthMax, GuardSide.Before);
        int accepted = 0;
        for (int seed = 0; seed < 15_000; seed++)
        {
            var random = new Random(seed);
            byte[] damaged = random.Next(8) == 0 ? RandomBytes(random) : Compress(Lz4Samples.Mixed(random, random.Next(LengthMax)));
            for (int flips = random.Next(1, 4); flips > 0; flips--) damaged[random.Next(damaged.Length)] = RandomPiece(random);
            int cut = random.Next(4) == 0 ? random.Next(damaged.Length + 1) : damaged.Length;
            Span<byte> source = sourceAtEnd.Span[^cut..];
            damaged.AsSpan(0, cut).CopyTo(source);

            // The two outputs differ before: equal results show that nothing is taken from bytes that were never written.
            int length = random.Next(LengthMax + 1);
            Span<byte> first = outputAtEnd.Span[^length..];
            Span<byte> second = outputAtStart.Span[..length];
            first.Fill(0x11);
            second.Fill(0xEE);
            bool isAccepted = Lz4Block.TryDecompress(source, first);
            Assert.True(isAccepted == Lz4Block.TryDecompress(source, second), $"seed {seed}: two answers");
            if (!isAccepted) continue;
            accepted++;
            Assert.True(first.SequenceEqual(second), $"seed {seed}: bytes that were never written show");
        }

        Assert.True(accepted < 7_500, $"{accepted} damaged blocks were accepted");
    }

    /// <summary>The borders between wide and exact copies, each with the end of both spans at every distance.</summary>
    [Fact]
    public void Every_short_sequence_is_read_at_every_distance_from_the_end()
    {
        const int FirstBytes = 40;
        byte[] literals = Lz4Samples.Noise(FirstBytes);
        byte[] expected = new byte[200];
        byte[] block = new byte[200];
        using var sourceAtEnd = new GuardedBuffer(block.Length, GuardSide.After);
        using var outputAtEnd = new GuardedBuffer(expected.Length, GuardSide.After);
        foreach (int offset in (int[])[1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, FirstBytes])
        {
            for (int shape = 0; shape < 15 * 40 * 15; shape++)
            {
                int literalBytes = shape % 15;
                int matchBytes = 4 + shape / 15 % 40;
                int lastBytes = shape / 600;
                var writer = new SpanWriter(block);
                int length = 0;
                WriteSequence(ref writer, literals, FirstBytes, 4, expected, ref length);
                WriteSequence(ref writer, literals.AsSpan(0, literalBytes), offset, matchBytes, expected, ref length);
                writer.TryWriteByte((byte)(lastBytes << 4));
                writer.TryWriteBytes(literals.AsSpan(0, lastBytes));
                literals.AsSpan(0, lastBytes).CopyTo(expected.AsSpan(length));
                length += lastBytes;

                Span<byte> source = sourceAtEnd.Span[^writer.Position..];
                writer.Written.CopyTo(source);
                Span<byte> output = outputAtEnd.Span[^length..];
                bool isRight = Lz4Block.TryDecompress(source, output) && output.SequenceEqual(expected.AsSpan(0, length));
                if (!isRight) Assert.Fail($"{literalBytes} literals, {matchBytes} bytes from {offset} before, {lastBytes} last");
            }
        }
    }

    [Fact]
    public void Nothing_is_written_around_the_destination()
    {
        const int Margin = 64;
        for (int seed = 0; seed < 2_000; seed++)
        {
            var random = new Random(seed);
            byte[] source = Lz4Samples.Mixed(random, random.Next(500));
            byte[] compressed = Compress(source);
            if (random.Next(2) == 0) compressed[random.Next(compressed.Length)] = RandomPiece(random);
            byte[] output = Enumerable.Repeat((byte)0xA5, source.Length + 2 * Margin).ToArray();
            Lz4Block.TryDecompress(compressed, output.AsSpan(Margin, source.Length));
            Assert.True(output.AsSpan(0, Margin).IndexOfAnyExcept((byte)0xA5) < 0, $"seed {seed}: bytes before the destination change");
            Assert.True(output.AsSpan(source.Length + Margin).IndexOfAnyExcept((byte)0xA5) < 0, $"seed {seed}: bytes behind it change");
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        byte[] source = Lz4Samples.Mixed(new Random(2), 8_192);
        byte[] compressed = new byte[Lz4Block.CompressedBytesMax(source.Length)];
        byte[] output = new byte[source.Length];
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            int size = Lz4Block.Compress(source, compressed);
            Lz4Block.TryDecompress(compressed.AsSpan(0, size), output);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    /// <summary>Between guard pages on both ways, so that a read or write one byte too far shows.</summary>
    private static void AssertRoundTrip(byte[] data, string what)
    {
        using var source = new GuardedBuffer(data.Length, GuardSide.After);
        data.CopyTo(source.Span);
        byte[] destination = new byte[Lz4Block.CompressedBytesMax(data.Length)];
        int size = Lz4Block.Compress(source.Span, destination);
        Assert.True(size > 0, $"{what}: does not fit {destination.Length} bytes");
        using var compressed = new GuardedBuffer(size, GuardSide.After);
        destination.AsSpan(0, size).CopyTo(compressed.Span);
        using var output = new GuardedBuffer(data.Length, GuardSide.After);
        Assert.True(Lz4Block.TryDecompress(compressed.Span, output.Span), $"{what}: is refused");
        Assert.True(output.Span.SequenceEqual(data), $"{what}: comes back different");
    }

    /// <summary>By the grammar, one byte at a time, into the block and into what it stands for.</summary>
    private static void WriteSequence(
        ref SpanWriter block, ReadOnlySpan<byte> literals, int offset, int matchBytes, byte[] expected, ref int length)
    {
        int more = matchBytes - 4;
        block.TryWriteByte((byte)(Math.Min(literals.Length, 15) << 4 | Math.Min(more, 15)));
        if (literals.Length >= 15) block.TryWriteByte((byte)(literals.Length - 15));
        block.TryWriteBytes(literals);
        block.TryWriteUInt16((ushort)offset);
        if (more >= 15) block.TryWriteByte((byte)(more - 15));
        literals.CopyTo(expected.AsSpan(length));
        length += literals.Length;
        for (int i = 0; i < matchBytes; i++, length++) expected[length] = expected[length - offset];
    }

    private static byte[] Compress(byte[] source)
    {
        byte[] destination = new byte[Lz4Block.CompressedBytesMax(source.Length)];
        return destination[..Lz4Block.Compress(source, destination)];
    }

    private static byte[] RandomBytes(Random random)
    {
        byte[] bytes = new byte[random.Next(1, 200)];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>Often a byte that means something: a length that goes on, an offset of nothing.</summary>
    private static byte RandomPiece(Random random) => random.Next(4) switch
    {
        0 => 0xFF,
        1 => 0x00,
        2 => 0xF0,
        _ => (byte)random.Next(256),
    };
}
