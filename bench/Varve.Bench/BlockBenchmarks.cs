using BenchmarkDotNet.Attributes;
using Varve.Bytes;
using Varve.Entries;
using Varve.Tables;

namespace Varve.Bench;

/// <summary>The search in one data block of the usual size, and in the filter of its partition.</summary>
public unsafe class BlockBenchmarks
{
    private const int FilterKeys = 1 << 12;
    private const int FilterBitsPerKey = 10;
    private const int BlockBytes = 8 << 10;

    /// <summary>Readable behind a block.</summary>
    private const int BytesBehind = 64;

    private readonly byte[] _key = BenchKeys.CreateKey();
    private readonly NativeBuffer _block = new(2 * BlockBytes + BytesBehind);
    private readonly NativeBuffer _filter = new(BlockedBloom.LineCount(FilterKeys, FilterBitsPerKey) * BlockedBloom.LineBytes);
    private int _count;
    private int _number;

    [GlobalSetup]
    public void Fill()
    {
        byte[] value = BenchKeys.CreateValue();
        using var builder = new BlockBuilder();
        for (; builder.PayloadBytes < BlockBytes; _count++)
        {
            BenchKeys.Write(_key, 2 * _count);
            builder.Add(_key, Trailer.Pack(1, EntryKind.Value), value, KeyHash.Compute(_key));
        }

        builder.Encode(_count, _block.Span);
        for (int number = 0; number < FilterKeys; number++)
        {
            BenchKeys.Write(_key, number);
            BlockedBloom.Add(_filter.Span, KeyHash.Compute(_key));
        }
    }

    [GlobalCleanup]
    public void Free()
    {
        _block.Dispose();
        _filter.Dispose();
    }

    /// <summary>With the hash of the key, of which the fingerprint is a part.</summary>
    [Benchmark]
    public int Find()
    {
        NextKey(step: 2);
        DataBlock.TryFind(_block.Address, _key, (byte)(KeyHash.Compute(_key) >> 56), Trailer.SeekAt(1), out BlockEntry entry);
        return entry.ValueLength;
    }

    [Benchmark]
    public int LowerBound()
    {
        NextKey(step: 2);
        return DataBlock.LowerBound(_block.Address, _key, Trailer.SeekAt(1));
    }

    [Benchmark]
    public int Filter()
    {
        NextKey(step: 64);
        return BlockedBloom.MayContain(_filter.Address, _filter.Bytes / BlockedBloom.LineBytes, KeyHash.Compute(_key)) ? 1 : 0;
    }

    private void NextKey(int step)
    {
        _number = _number + 1 < _count ? _number + 1 : 0;
        BenchKeys.Write(_key, step * _number);
    }
}
