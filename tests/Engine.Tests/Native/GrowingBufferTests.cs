using Varve.Native;

namespace Varve.Tests.Native;

public sealed class GrowingBufferTests
{
    [Fact]
    public void It_holds_what_was_set_last_whatever_the_lengths_before()
    {
        var random = new Random(1);
        var buffer = default(GrowingBuffer);
        foreach (int bytes in (int[])[0, 1, 255, 256, 257, 10, 512, 513, 0, 100_000, 3, 100_001])
        {
            byte[] content = new byte[bytes];
            random.NextBytes(content);
            buffer.Set(content);
            Assert.Equal(bytes, buffer.Length);
            Assert.True(buffer.Span.SequenceEqual(content), $"{bytes} bytes");
        }

        buffer.Dispose();
    }

    [Fact]
    public void It_is_empty_before_the_first_content_and_after_the_dispose()
    {
        var buffer = default(GrowingBuffer);
        Assert.True(buffer.Span.IsEmpty);
        buffer.Dispose();
        buffer.Set([1, 2, 3]);
        buffer.Dispose();
        buffer.Dispose();
        Assert.Equal(0, buffer.Length);
        Assert.True(buffer.Span.IsEmpty);
        buffer.Set([4]);
        Assert.True(buffer.Span.SequenceEqual((byte[])[4]));
        buffer.Dispose();
    }

    [Fact]
    public unsafe void Memory_over_a_mebibyte_goes_back_with_the_next_smaller_content()
    {
        const int KeptBytesMax = 1 << 20;
        var buffer = default(GrowingBuffer);
        buffer.Set(new byte[2 * KeptBytesMax]);
        byte* place = buffer.Data;
        buffer.Set(new byte[KeptBytesMax + 1]);
        Assert.True(place == buffer.Data, "among large contents it stays");
        buffer.Set([1, 2, 3]);
        Assert.True(place != buffer.Data, "it was given back");
        Assert.True(buffer.Span.SequenceEqual((byte[])[1, 2, 3]));

        buffer.Set(new byte[KeptBytesMax / 2]);
        place = buffer.Data;
        buffer.Set([4]);
        Assert.True(place == buffer.Data, "a mebibyte is kept");
        buffer.Dispose();
    }

    [Fact]
    public void Room_is_as_long_as_asked_for_and_shown_when_filled()
    {
        var buffer = default(GrowingBuffer);
        buffer.SetLength(5).Fill(7);
        Assert.True(buffer.Span.SequenceEqual((byte[])[7, 7, 7, 7, 7]));
        Assert.Equal(100_000, buffer.SetLength(100_000).Length);
        Assert.Equal(0, buffer.SetLength(0).Length);
        Assert.True(buffer.Span.IsEmpty);
        buffer.Dispose();
    }

    [Fact]
    public unsafe void Its_memory_stays_where_it_is_until_the_content_outgrows_it()
    {
        var buffer = default(GrowingBuffer);
        buffer.Set(new byte[100]);
        byte* place = buffer.Data;
        for (int bytes = 0; bytes <= 256; bytes++)
        {
            buffer.Set(new byte[bytes]);
            Assert.True(place == buffer.Data, $"moved at {bytes} bytes");
        }

        // Twice what was asked for: a content that grows byte by byte moves rarely.
        buffer.Set(new byte[1_000]);
        place = buffer.Data;
        buffer.Set(new byte[2_000]);
        Assert.True(place == buffer.Data);
        buffer.Dispose();
    }
}
