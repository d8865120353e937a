using Varve.Bytes;

namespace Varve.Tests.Bytes;

public sealed class OrderedVarintTests
{
    [Theory]
    [InlineData(0UL, "00")]
    [InlineData(0x7FUL, "7F")]
    [InlineData(0x80UL, "8080")]
    [InlineData(0x3FFFUL, "BFFF")]
    [InlineData(0x4000UL, "C04000")]
    [InlineData(0x00FF_FFFF_FFFF_FFFFUL, "FEFFFFFFFFFFFFFF")]
    [InlineData(0x0100_0000_0000_0000UL, "FF0100000000000000")]
    [InlineData(ulong.MaxValue, "FFFFFFFFFFFFFFFFFF")]
    public void A_number_has_these_bytes(ulong value, string expected) => Assert.Equal(expected, Convert.ToHexString(Encode(value)));

    [Fact]
    public void What_is_written_is_read_and_takes_its_size()
    {
        foreach (ulong value in VarintTests.Numbers())
        {
            byte[] bytes = Encode(value);
            Assert.True(bytes.Length == OrderedVarint.Size(value), $"size of {value}");
            Assert.True(OrderedVarint.TryRead(bytes, out ulong read, out int length), $"{value} is not read");
            Assert.Equal((value, bytes.Length), (read, length));
            Assert.True(OrderedVarint.TryRead([.. bytes, 0xFF], out read, out length), $"{value} with bytes behind it");
            Assert.Equal((value, bytes.Length), (read, length));
        }
    }

    [Fact]
    public void Bytes_compare_like_the_numbers_and_none_is_a_prefix_of_another()
    {
        ulong[] numbers = [.. VarintTests.Numbers().Distinct().Order()];
        byte[][] encodings = [.. numbers.Select(Encode)];
        for (int i = 1; i < numbers.Length; i++)
        {
            Assert.True(encodings[i - 1].AsSpan().SequenceCompareTo(encodings[i]) < 0, $"{numbers[i - 1]} is not below {numbers[i]}");
            Assert.False(encodings[i].AsSpan().StartsWith(encodings[i - 1]), $"{numbers[i - 1]} is a prefix of {numbers[i]}");
        }
    }

    [Fact]
    public void Cut_numbers_are_refused()
    {
        foreach (ulong value in VarintTests.Numbers())
        {
            byte[] bytes = Encode(value);
            for (int cut = 0; cut < bytes.Length; cut++)
            {
                Assert.False(OrderedVarint.TryRead(bytes.AsSpan(0, cut), out ulong read, out int length), $"{value} cut to {cut} bytes");
                Assert.Equal((0UL, 0), (read, length));
            }
        }
    }

    [Theory]
    [InlineData("8000")]
    [InlineData("807F")]
    [InlineData("C03FFF")]
    [InlineData("FE00000000000000")]
    [InlineData("FF00FFFFFFFFFFFFFF")]
    [InlineData("FF0000000000000000")]
    public void A_form_that_is_not_the_shortest_is_refused(string hex) =>
        Assert.False(OrderedVarint.TryRead(Convert.FromHexString(hex), out _, out _));

    private static byte[] Encode(ulong value)
    {
        byte[] bytes = new byte[OrderedVarint.BytesMax];
        return bytes[..OrderedVarint.Write(bytes, value)];
    }
}
