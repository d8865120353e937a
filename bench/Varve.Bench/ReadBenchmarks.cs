using BenchmarkDotNet.Attributes;

namespace Varve.Bench;

/// <summary>Single reads of a database whose even keys are in tables, and in the cache, and whose odd keys are in the memtable.</summary>
public class ReadBenchmarks
{
    private const int Pairs = 1 << 16;

    private readonly byte[] _key = BenchKeys.CreateKey();
    private readonly byte[] _destination = new byte[BenchKeys.ValueBytes];
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-bench-").FullName;
    private Database _database = null!;
    private SortedMap _map = null!;
    private Cursor _cursor = null!;
    private int _number;

    [GlobalSetup]
    public void Fill()
    {
        _database = Database.Open(_directory, new DatabaseOptions { Durability = Durability.None, MemoryBudgetBytes = 256 << 20 });
        _map = _database.GetMap("bench");
        Put(first: 0);
        _database.Compact();
        Put(first: 1);
        _cursor = _map.CreateCursor();
        _cursor.SeekToFirst();
    }

    [GlobalCleanup]
    public void Close()
    {
        _cursor.Dispose();
        _database.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Benchmark]
    public int GetFromTable() => Get(2 * NextPair());

    [Benchmark]
    public int GetFromMemtable() => Get(2 * NextPair() + 1);

    [Benchmark]
    public int GetAbsent() => Get(2 * Pairs + NextPair());

    [Benchmark]
    public int CursorNext()
    {
        if (!_cursor.Next()) _cursor.SeekToFirst();
        return _cursor.Value.Length;
    }

    [Benchmark]
    public int CursorPrevious()
    {
        if (!_cursor.Previous()) _cursor.SeekToLast();
        return _cursor.Value.Length;
    }

    [Benchmark]
    public int CursorSeek()
    {
        BenchKeys.Write(_key, 2 * NextPair());
        _cursor.Seek(_key);
        return _cursor.Value.Length;
    }

    [Benchmark]
    public int CursorSeekForPrevious()
    {
        BenchKeys.Write(_key, 2 * NextPair());
        _cursor.SeekForPrevious(_key);
        return _cursor.Value.Length;
    }

    private int NextPair() => _number = BenchKeys.After(_number, Pairs);

    private int Get(int number)
    {
        BenchKeys.Write(_key, number);
        _map.TryGet(_key, _destination, out int length);
        return length;
    }

    private void Put(int first)
    {
        byte[] value = BenchKeys.CreateValue();
        for (int number = first; number < 2 * Pairs; number += 2)
        {
            BenchKeys.Write(_key, number);
            _map.Put(_key, value);
        }
    }
}
