using BenchmarkDotNet.Attributes;
using Varve.Entries;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;

namespace Varve.Bench;

/// <summary>The merge of four sources whose keys take turns.</summary>
public class MergeBenchmarks
{
    private const int Sources = 4;
    private const int Keys = 1 << 16;
    private const long CapacityBytes = 16 << 20;

    private readonly byte[] _key = BenchKeys.CreateKey();
    private readonly MemTable[] _tables = new MemTable[Sources];
    private MergingCursor _cursor = null!;
    private int _number;

    [GlobalSetup]
    public void Fill()
    {
        byte[] value = BenchKeys.CreateValue();
        for (int source = 0; source < Sources; source++)
        {
            _tables[source] = new MemTable(RegionPool.Shared, CapacityBytes);
            for (int number = source; number < Keys; number += Sources)
            {
                BenchKeys.Write(_key, number);
                _tables[source].Insert(_key, Trailer.Pack((ulong)number + 1, EntryKind.Value), value);
            }
        }

        _cursor = new MergingCursor([.. _tables.Select(table => table.CreateCursor(Trailer.SequenceMax))], commonPrefix: []);
        _cursor.SeekToFirst();
    }

    [GlobalCleanup]
    public void Release()
    {
        _cursor.Dispose();
        foreach (MemTable table in _tables) table.Release();
    }

    [Benchmark]
    public int Next()
    {
        _cursor.Next();
        if (!_cursor.IsValid) _cursor.SeekToFirst();
        return _cursor.ValueLength;
    }

    [Benchmark]
    public int Previous()
    {
        _cursor.Previous();
        if (!_cursor.IsValid) _cursor.SeekToLast();
        return _cursor.ValueLength;
    }

    [Benchmark]
    public int Seek()
    {
        _number = BenchKeys.After(_number, Keys);
        BenchKeys.Write(_key, _number);
        _cursor.Seek(_key, Trailer.SeekAt(Trailer.SequenceMax));
        return _cursor.ValueLength;
    }
}
