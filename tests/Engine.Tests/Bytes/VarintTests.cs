using System.Numerics;
using Varve.Bytes;

namespace Varve.Tests.Bytes;

public sealed class VarintTests
{
    [Theory]
    [InlineData(0UL, "00")]
    [InlineData(1UL, "01")]
    [InlineData(127UL, "7F")]
    [InlineData(128UL, "8001")]
    [InlineData(300UL, "AC02")]
    [InlineData(16_383UL, "FF7F")]
    [InlineData(16_384UL, "808001")]
    [InlineData(ulong.MaxValue, "FFFFFFFFFFFFFFFFFF01")]
    public void A_number_has_the_bytes_of_leb128(ulong value, string expected)
    {
        byte[] bytes = new byte[Varint.BytesMax];
        int length = Varint.Write(bytes, value);
        Assert.Equal(expected, Convert.ToHexString(bytes, 0, length));
    }

    [Fact]
    public void What_is_written_is_read_and_takes_its_size()
    {
        byte[] bytes = new byte[Varint.BytesMax + 1];
        foreach (ulong value in Numbers())
        {
            int bits = 64 - BitOperations.LeadingZeroCount(value | 1);
            Assert.True(Varint.Size(value) == (bits + 6) / 7, $"size of {value}");
            int length = Varint.Write(bytes, value);
            Assert.True(length == Varint.Size(value), $"length of {value}");
            Assert.True(Varint.TryRead(bytes, out ulong read, out int readLength), $"{value} is not read");
            Assert.Equal((value, length), (read, readLength));
            Assert.True(Varint.TryRead(bytes.AsSpan(0, length), out read, out _) && read == value, $"{value} at the end of the source");
        }
    }

    [Fact]
    public void A_number_that_is_cut_off_is_refused()
    {
        byte[] bytes = new byte[Varint.BytesMax];
        foreach (ulong value in Numbers())
        {
            int length = Varint.Write(bytes, value);
            for (int cut = 0; cut < length; cut++)
            {
                Assert.False(Varint.TryRead(bytes.AsSpan(0, cut), out ulong read, out int readLength), $"{value} cut to {cut} bytes");
                Assert.Equal((0UL, 0), (read, readLength));
            }
        }
    }

    [Theory]
    [InlineData("FFFFFFFFFFFFFFFFFF02")]
    [InlineData("FFFFFFFFFFFFFFFFFF81")]
    [InlineData("8080808080808080808001")]
    public void A_number_over_64_bits_is_refused(string hex) => Assert.False(Varint.TryRead(Convert.FromHexString(hex), out _, out _));

    /// <summary>All powers of two and their neighbours, and random numbers of every length.</summary>
    internal static IEnumerable<ulong> Numbers()
    {
        for (int bit = 0; bit < 64; bit++)
        {
            yield return (1UL << bit) - 1;
            yield return 1UL << bit;
            yield return (1UL << bit) + 1;
        }

        yield return ulong.MaxValue - 1;
        yield return ulong.MaxValue;
        var random = new Random(3);
        for (int i = 0; i < 2_000; i++) yield return (ulong)random.NextInt64(long.MinValue, long.MaxValue) >> random.Next(64);
    }
}
