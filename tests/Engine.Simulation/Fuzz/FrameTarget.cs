using System.Buffers.Binary;
using System.IO.Pipelines;
using Varve.Sharing;

namespace Varve.Simulation;

/// <summary>
/// The frames of a connection, which come in pieces: the same ones whatever the pieces, up to where no frame can be or the rest of one is
/// missing.
/// </summary>
internal class FrameTarget() : FuzzTarget("frames")
{
    private const int FrameBytesMax = 1 << 20;
    private const int LargeBytes = 40 << 10;

    public override IReadOnlyList<byte[]> Seeds { get; } = MakeSeeds();

    public override void Check(ReadOnlySpan<byte> input)
    {
        List<byte[]> expected = FindFrames(input, out bool isBroken);
        List<byte[]> taken = [];
        bool isRefused = false;
        try
        {
            Take(input, taken);
        }
        catch (InvalidDataException)
        {
            isRefused = true;
        }

        if (isRefused != isBroken) throw new HistoryViolationException($"refused: {isRefused}, and should be: {isBroken}");
        if (taken.Count != expected.Count) throw new HistoryViolationException($"{taken.Count} frames of {expected.Count} were taken");
        for (int i = 0; i < taken.Count; i++)
        {
            if (!taken[i].AsSpan().SequenceEqual(expected[i])) throw new HistoryViolationException($"frame {i} is another one");
        }
    }

    /// <summary>In pieces whose lengths the input draws.</summary>
    protected virtual void Take(ReadOnlySpan<byte> input, List<byte[]> taken)
    {
        var random = new Random(input.Length + (input.IsEmpty ? 0 : input[^1]));
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 0, minimumSegmentSize: 64, useSynchronizationContext: false));
        using var reader = new FrameReader(pipe.Reader, FrameBytesMax);
        while (!input.IsEmpty)
        {
            int bytes = Math.Min(input.Length, random.Next(1, random.Next(3) == 0 ? 50_000 : 100));
            input[..bytes].CopyTo(pipe.Writer.GetSpan(bytes));
            pipe.Writer.Advance(bytes);
            input = input[bytes..];
            bool isWritten = pipe.Writer.FlushAsync().IsCompletedSuccessfully;
            if (!isWritten || !Fill(reader)) throw new HistoryViolationException("bytes did not come");
            while (reader.TryTake(out Frame frame)) taken.Add(BytesOf(frame));
        }

        pipe.Writer.Complete();
        while (Fill(reader))
        {
            if (reader.TryTake(out _)) throw new HistoryViolationException("a frame came late");
        }
    }

    private static bool Fill(FrameReader reader)
    {
        ValueTask<bool> filled = reader.FillAsync(CancellationToken.None);
        if (!filled.IsCompleted) throw new HistoryViolationException("it waits for bytes that are there");
        return filled.GetAwaiter().GetResult();
    }

    private static byte[] BytesOf(Frame frame)
    {
        byte[] bytes = new byte[SharingProtocol.KindAndRequestBytes + frame.Body.Length];
        bytes[0] = (byte)frame.Kind;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(1), frame.Request);
        frame.Body.CopyTo(bytes.AsMemory(SharingProtocol.KindAndRequestBytes));
        return bytes;
    }

    private static List<byte[]> FindFrames(ReadOnlySpan<byte> input, out bool isBroken)
    {
        List<byte[]> frames = [];
        isBroken = false;
        while (input.Length >= SharingProtocol.LengthBytes)
        {
            uint bytes = BinaryPrimitives.ReadUInt32LittleEndian(input);
            input = input[SharingProtocol.LengthBytes..];
            isBroken = bytes is < SharingProtocol.KindAndRequestBytes or > FrameBytesMax;
            if (isBroken || bytes > (uint)input.Length) break;
            frames.Add(input[..(int)bytes].ToArray());
            input = input[(int)bytes..];
        }

        return frames;
    }

    private static List<byte[]> MakeSeeds()
    {
        var small = new FrameBuffer();
        foreach (FrameKind kind in Enum.GetValues<FrameKind>())
        {
            int start = small.Begin(kind, (uint)kind * 1_000_003);
            small.Rest(new byte[(int)kind % 7]);
            small.End(start);
        }

        var large = new FrameBuffer();
        foreach (int bytes in new[] { 3, LargeBytes, 100, LargeBytes })
        {
            int start = large.Begin(FrameKind.Value, 7);
            large.Rest([.. Enumerable.Range(0, bytes).Select(i => (byte)(i / 251))]);
            large.End(start);
        }

        return [small.Written.ToArray(), large.Written.ToArray()];
    }
}
