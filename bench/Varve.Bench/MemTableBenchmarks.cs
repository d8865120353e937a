using BenchmarkDotNet.Attributes;
using Varve.Entries;
using Varve.Memory;
using Varve.Native;

namespace Varve.Bench;

/// <summary>The memtable alone.</summary>
public class MemTableBenchmarks
{
    private const int Keys = 1 << 16;
    private const long CapacityBytes = 64 << 20;

    private readonly byte[] _key = BenchKeys.CreateKey();
    private readonly byte[] _value = BenchKeys.CreateValue();
    private MemTable _written = null!;
    private MemTable _read = null!;
    private EntryCursor _cursor = null!;
    private ulong _sequence;
    private int _number;

    [GlobalSetup]
    public void Fill()
    {
        _written = Create();
        _read = Create();
        for (int number = 0; number < Keys; number++)
        {
            BenchKeys.Write(_key, number);
            _read.Insert(_key, Trailer.Pack((ulong)number + 1, EntryKind.Value), _value);
        }

        _cursor = _read.CreateCursor(Trailer.SequenceMax);
        _cursor.SeekToFirst();
    }

    [GlobalCleanup]
    public void Release()
    {
        _cursor.Dispose();
        _read.Release();
        _written.Release();
    }

    [Benchmark]
    public int Insert()
    {
        if (_written.IsFull)
        {
            _written.Release();
            _written = Create();
        }

        _number = BenchKeys.After(_number, Keys);
        BenchKeys.Write(_key, _number);
        _written.Insert(_key, Trailer.Pack(++_sequence, EntryKind.Value), _value);
        return _number;
    }

    [Benchmark]
    public int Get()
    {
        _number = BenchKeys.After(_number, Keys);
        BenchKeys.Write(_key, _number);
        _read.TryGet(_key, Trailer.SequenceMax, out MemEntry entry);
        return entry.ValueLength;
    }

    [Benchmark]
    public int Next()
    {
        _cursor.Next();
        if (!_cursor.IsValid) _cursor.SeekToFirst();
        return _cursor.ValueLength;
    }

    private static MemTable Create() => new(RegionPool.Shared, CapacityBytes);
}
