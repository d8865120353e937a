using System.Buffers.Binary;
using System.IO.Pipelines;
using Varve.Sharing;

namespace Varve.Tests.Sharing;

public sealed class FrameTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(5_000)]
    [InlineData(1 << 20)]
    public async Task Frames_come_out_as_they_went_in_wherever_they_are_cut(int pieceBytes)
    {
        var buffer = new FrameBuffer();
        int[] lengths = pieceBytes < 5_000 ? [0, 1, 300, 40_000] : [0, 1, 300, 70_000, 0, 3_000_000, 12];
        for (int i = 0; i < lengths.Length; i++)
        {
            int start = buffer.Begin(FrameKind.Value, (uint)i);
            buffer.Rest(Body(i, lengths[i]));
            Assert.Equal(lengths[i] + SharingProtocol.KindAndRequestBytes, buffer.End(start));
        }

        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0));
        Task writing = WriteAsync(pipe.Writer, buffer.Written, pieceBytes);
        using var reader = new FrameReader(pipe.Reader, 4_000_000);
        for (int i = 0; i < lengths.Length; i++)
        {
            Frame frame = (await ReadAsync(reader))!.Value;
            Assert.Equal((FrameKind.Value, (uint)i), (frame.Kind, frame.Request));
            Assert.True(frame.Body.Span.SequenceEqual(Body(i, lengths[i])), $"body {i}");
        }

        await writing;
        Assert.Null(await ReadAsync(reader));
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(4u)]
    [InlineData(1_001u)]
    [InlineData(uint.MaxValue)]
    public async Task A_length_that_cannot_be_is_refused_before_its_bytes_come(uint length)
    {
        var pipe = new Pipe();
        byte[] header = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(header, length);
        await pipe.Writer.WriteAsync(header);
        using var reader = new FrameReader(pipe.Reader, 1_000);
        Assert.True(await reader.FillAsync(default));
        Assert.Throws<InvalidDataException>(() => reader.TryTake(out _));
    }

    [Fact]
    public async Task A_frame_that_is_cut_short_by_the_end_is_none()
    {
        var buffer = new FrameBuffer();
        int start = buffer.Begin(FrameKind.Get, 1);
        buffer.Rest(new byte[100]);
        buffer.End(start);
        for (int length = 0; length < buffer.Length; length++)
        {
            var pipe = new Pipe();
            await pipe.Writer.WriteAsync(buffer.Written[..length]);
            await pipe.Writer.CompleteAsync();
            using var reader = new FrameReader(pipe.Reader, 1_000);
            Assert.Null(await ReadAsync(reader));
        }
    }

    [Fact]
    public void A_frame_whose_content_cannot_be_written_leaves_nothing_behind()
    {
        using var stream = new MemoryStream();
        var sender = new FrameSender(stream) { FrameBytesMax = 100 };
        Assert.Throws<ArgumentException>(() => sender.Send(FrameKind.Get, 1, "\uD800", static (body, text) => body.Text(text)));
        Assert.Throws<ArgumentException>(() => sender.Send(FrameKind.Get, 1, new byte[96], static (body, bytes) => body.Rest(bytes)));
        Assert.Equal(0, stream.Length);
        sender.Send(FrameKind.Get, 1, new byte[95], static (body, bytes) => body.Rest(bytes));
        Assert.Equal(104, stream.Length);
        sender.Close();
        Assert.Throws<ConnectionLostException>(() => sender.Send(FrameKind.Ping, 2));
    }

    private static byte[] Body(int number, int length)
    {
        byte[] body = new byte[length];
        new Random(number).NextBytes(body);
        return body;
    }

    private static async Task WriteAsync(PipeWriter writer, ReadOnlyMemory<byte> bytes, int pieceBytes)
    {
        for (int at = 0; at < bytes.Length; at += pieceBytes)
            await writer.WriteAsync(bytes.Slice(at, Math.Min(pieceBytes, bytes.Length - at)));
        await writer.CompleteAsync();
    }

    private static async Task<Frame?> ReadAsync(FrameReader reader)
    {
        Frame frame;
        while (!reader.TryTake(out frame))
        {
            if (!await reader.FillAsync(default)) return null;
        }

        return frame;
    }
}
