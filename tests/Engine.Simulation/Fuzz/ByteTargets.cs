using System.Buffers.Binary;
using System.Text;
using Varve.Bytes;

namespace Varve.Simulation;

/// <summary>Variable-length numbers: what is read means the same when it is written again.</summary>
internal sealed class VarintTarget() : FuzzTarget("varint")
{
    public override IReadOnlyList<byte[]> Seeds { get; } =
        [[0], [0x7F], [0x80, 1], [0xFF, 0xFF, 0x7F], [.. Enumerable.Repeat((byte)0xFF, 9), 1]];

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (!Varint.TryRead(input, out ulong value, out int length)) return;
        if (length is < 1 or > Varint.BytesMax || length > input.Length) throw new HistoryViolationException($"length {length}");
        Span<byte> written = stackalloc byte[Varint.BytesMax];
        int writtenBytes = Varint.Write(written, value);
        if (writtenBytes > length || writtenBytes != Varint.Size(value))
            throw new HistoryViolationException($"{value} takes {writtenBytes} bytes, Size says {Varint.Size(value)}, {length} were read");
        if (!Varint.TryRead(written[..writtenBytes], out ulong again, out _) || again != value)
            throw new HistoryViolationException($"{value} is read again as {again}");
    }
}

/// <summary>The numbers in keys: one form for each number, and their order is that of their bytes.</summary>
internal sealed class OrderedVarintTarget() : FuzzTarget("ordered-varint")
{
    private readonly byte[] _before = new byte[OrderedVarint.BytesMax];
    private ulong _valueBefore;
    private int _lengthBefore;

    public override IReadOnlyList<byte[]> Seeds { get; } =
        [[0], [0x7F], [0x80, 0x80], [0xC0, 0x40, 0], [0xFE, 1, 0, 0, 0, 0, 0, 0], [.. new byte[9].Select(_ => (byte)0xFF)]];

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (!OrderedVarint.TryRead(input, out ulong value, out int length)) return;
        Span<byte> written = stackalloc byte[OrderedVarint.BytesMax];
        int writtenBytes = OrderedVarint.Write(written, value);
        if (!written[..writtenBytes].SequenceEqual(input[..length]))
            throw new HistoryViolationException($"{value} is {Convert.ToHexString(written[..writtenBytes])} when it is written again");
        ReadOnlySpan<byte> before = _before.AsSpan(0, _lengthBefore);
        if (_lengthBefore > 0 && Math.Sign(before.SequenceCompareTo(written[..writtenBytes])) != _valueBefore.CompareTo(value))
            throw new HistoryViolationException($"{_valueBefore} and {value} do not order as their bytes");
        written[..writtenBytes].CopyTo(_before);
        (_valueBefore, _lengthBefore) = (value, writtenBytes);
    }
}

/// <summary>
/// A block, behind the size it shall decompress to (u16). Input and output both lie between guard pages.
/// </summary>
internal sealed class Lz4Target() : FuzzTarget("lz4")
{
    private readonly GuardedBytes _output = new(1 << 16);

    public override IReadOnlyList<byte[]> Seeds { get; } = [.. MakeContents().Select(MakeSeed)];

    public override void Check(ReadOnlySpan<byte> input)
    {
        if (input.Length < sizeof(ushort)) return;
        byte[] room = new byte[BinaryPrimitives.ReadUInt16LittleEndian(input)];
        Span<byte> output = _output.PlaceAtEnd(room);
        if (!Lz4Block.TryDecompress(input[sizeof(ushort)..], output)) return;
        byte[] compressed = new byte[Lz4Block.CompressedBytesMax(output.Length)];
        int bytes = Lz4Block.Compress(output, compressed);
        if (bytes == 0 && output.Length > 0) return;
        if (!Lz4Block.TryDecompress(compressed.AsSpan(0, bytes), room) || !output.SequenceEqual(room))
            throw new HistoryViolationException($"{output.Length} bytes are not the same when they are compressed again");
    }

    private static IEnumerable<byte[]> MakeContents()
    {
        var random = new Random(1);
        yield return Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("a block of text, a block of texts; ", 40)));
        yield return new byte[3_000];
        byte[] mixed = new byte[4_000];
        random.NextBytes(mixed.AsSpan(1_000, 1_500));
        mixed.AsSpan(1_100, 700).CopyTo(mixed.AsSpan(3_000));
        yield return mixed;
        yield return [.. "short"u8];
    }

    private static byte[] MakeSeed(byte[] content)
    {
        byte[] compressed = new byte[sizeof(ushort) + Lz4Block.CompressedBytesMax(content.Length)];
        BinaryPrimitives.WriteUInt16LittleEndian(compressed, (ushort)content.Length);
        int bytes = Lz4Block.Compress(content, compressed.AsSpan(sizeof(ushort)));
        return compressed[..(sizeof(ushort) + bytes)];
    }
}
