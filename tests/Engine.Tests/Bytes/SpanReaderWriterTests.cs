using Varve.Bytes;

namespace Varve.Tests.Bytes;

public sealed class SpanReaderWriterTests
{
    [Fact]
    public void Numbers_are_little_endian_and_follow_each_other()
    {
        var writer = new SpanWriter(new byte[64]);
        Assert.True(writer.TryWriteByte(0x01));
        Assert.True(writer.TryWriteUInt16(0x0203));
        Assert.True(writer.TryWriteUInt32(0x04050607));
        Assert.True(writer.TryWriteUInt64(0x08090A0B0C0D0E0F));
        Assert.True(writer.TryWriteVarint(300));
        Assert.True(writer.TryWriteLengthPrefixed([0xAA, 0xBB]));
        Assert.True(writer.TryWriteBytes([0xCC]));
        Assert.Equal("01" + "0302" + "07060504" + "0F0E0D0C0B0A0908" + "AC02" + "02AABB" + "CC", Convert.ToHexString(writer.Written));
        Assert.Equal((21, 43), (writer.Position, writer.FreeBytes));

        var reader = new SpanReader(writer.Written);
        Assert.True(reader.TryReadByte(out byte one) && one == 0x01);
        Assert.True(reader.TryReadUInt16(out ushort two) && two == 0x0203);
        Assert.True(reader.TryReadUInt32(out uint four) && four == 0x04050607);
        Assert.True(reader.TryReadUInt64(out ulong eight) && eight == 0x08090A0B0C0D0E0F);
        Assert.True(reader.TryReadVarint(out ulong number) && number == 300);
        Assert.True(reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes) && bytes.SequenceEqual<byte>([0xAA, 0xBB]));
        Assert.Equal((20, 1, false), (reader.Position, reader.RemainingBytes, reader.IsAtEnd));
        Assert.True(reader.TryReadBytes(1, out bytes) && bytes[0] == 0xCC);
        Assert.True(reader.IsAtEnd && reader.Remaining.IsEmpty);
    }

    [Fact]
    public void A_read_past_the_end_fails_and_stays_where_it_was()
    {
        // The varints and prefixes inside say more than there is.
        byte[] source = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80];
        for (int position = 0; position <= source.Length; position++)
        {
            int left = source.Length - position;
            var reader = new SpanReader(source);
            Assert.True(reader.TryReadBytes(position, out _));
            Assert.False(reader.TryReadUInt64(out ulong eight) || eight != 0);
            Assert.False(reader.TryReadVarint(out ulong number) || number != 0);
            Assert.False(reader.TryReadVarint(int.MaxValue, out int bounded) || bounded != 0);
            Assert.False(reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes) || bytes.Length != 0);
            Assert.False(reader.TryReadBytes(left + 1, out bytes) || bytes.Length != 0);
            Assert.False(reader.TryReadBytes(-1, out _));
            Assert.False(reader.TryReadBytes(int.MinValue, out _));
            if (left < 4) Assert.False(reader.TryReadUInt32(out uint four) || four != 0);
            if (left < 2) Assert.False(reader.TryReadUInt16(out ushort two) || two != 0);
            if (left < 1) Assert.False(reader.TryReadByte(out byte one) || one != 0);
            Assert.Equal((position, left), (reader.Position, reader.RemainingBytes));
        }
    }

    [Theory]
    [InlineData("03AABB")]
    [InlineData("FFFFFFFF0FAABB")]
    [InlineData("FFFFFFFFFFFFFFFFFF01AABB")]
    [InlineData("8080808010AABB")]
    public void A_prefix_larger_than_what_is_left_is_refused(string hex)
    {
        var reader = new SpanReader(Convert.FromHexString(hex));
        Assert.False(reader.TryReadLengthPrefixed(out ReadOnlySpan<byte> bytes));
        Assert.Equal((0, 0), (bytes.Length, reader.Position));
    }

    [Fact]
    public void A_bounded_varint_over_its_bound_is_refused()
    {
        byte[] source = new byte[Varint.BytesMax];
        foreach (ulong value in VarintTests.Numbers())
        {
            Varint.Write(source, value);
            foreach (int bound in (int[])[0, 1, 127, 128, 65_535, int.MaxValue])
            {
                var reader = new SpanReader(source);
                bool expected = value <= (ulong)bound;
                Assert.True(reader.TryReadVarint(bound, out int read) == expected, $"{value} against {bound}");
                Assert.Equal(expected ? (int)value : 0, read);
                Assert.Equal(expected ? Varint.Size(value) : 0, reader.Position);
            }

            var negative = new SpanReader(source);
            Assert.False(negative.TryReadVarint(-1, out _));
        }
    }

    [Fact]
    public void A_write_that_does_not_fit_fails_and_changes_nothing()
    {
        for (int room = 0; room < 8; room++)
        {
            byte[] destination = new byte[room];
            var writer = new SpanWriter(destination);
            Assert.False(writer.TryWriteUInt64(ulong.MaxValue));
            Assert.False(writer.TryWriteVarint(1UL << 63));
            Assert.False(writer.TryWriteBytes(Enumerable.Repeat((byte)1, room + 1).ToArray()));
            Assert.False(writer.TryWriteLengthPrefixed(Enumerable.Repeat((byte)1, room).ToArray()));
            if (room < 4) Assert.False(writer.TryWriteUInt32(uint.MaxValue));
            if (room < 2) Assert.False(writer.TryWriteUInt16(ushort.MaxValue));
            if (room < 1) Assert.False(writer.TryWriteByte(1));
            Assert.Equal((0, room), (writer.Position, writer.FreeBytes));
            Assert.All(destination, value => Assert.Equal(0, value));
        }
    }

    [Fact]
    public void A_write_that_fits_exactly_succeeds()
    {
        byte[] destination = new byte[130];
        var writer = new SpanWriter(destination);
        Assert.True(writer.TryWriteLengthPrefixed(new byte[128]));
        Assert.Equal(0, writer.FreeBytes);
        Assert.True(writer.TryWriteBytes([]));
        Assert.False(writer.TryWriteLengthPrefixed([]));
    }
}
