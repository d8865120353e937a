using BenchmarkDotNet.Attributes;
using Varve.Bytes;

namespace Varve.Bench;

/// <summary>Checksum, hash and compression, of a record and of a block.</summary>
public class CodecBenchmarks
{
    private const int RecordBytes = BenchKeys.KeyBytes + BenchKeys.ValueBytes;
    private const int BlockBytes = 8 << 10;

    private readonly byte[] _key = BenchKeys.CreateKey();
    private readonly byte[] _block = new byte[BlockBytes];
    private readonly byte[] _compressed = new byte[Lz4Block.CompressedBytesMax(BlockBytes)];
    private int _compressedBytes;

    [GlobalSetup]
    public void Fill()
    {
        // As a block of entries: each value repeats its first half.
        for (int at = 0; at + RecordBytes <= BlockBytes; at += RecordBytes)
        {
            byte[] value = BenchKeys.CreateValue();
            new Random(at).NextBytes(value.AsSpan(0, value.Length / 2));
            value.AsSpan(0, value.Length / 2).CopyTo(value.AsSpan(value.Length / 2));
            value.CopyTo(_block, at + BenchKeys.KeyBytes);
        }

        _compressedBytes = Lz4Block.Compress(_block, _compressed);
    }

    [Benchmark]
    public int ChecksumOfRecord() => (int)Crc32C.Compute(_block.AsSpan(0, RecordBytes));

    [Benchmark]
    public int ChecksumOfBlock() => (int)Crc32C.Compute(_block);

    [Benchmark]
    public int HashOfKey() => (int)KeyHash.Compute(_key);

    [Benchmark]
    public int Compress() => Lz4Block.Compress(_block, _compressed);

    [Benchmark]
    public int Decompress() => Lz4Block.TryDecompress(_compressed.AsSpan(0, _compressedBytes), _block) ? 1 : 0;
}
