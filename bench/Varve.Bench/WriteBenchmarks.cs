using BenchmarkDotNet.Attributes;

namespace Varve.Bench;

/// <summary>Single writes, upkeep beside them: flushes and compactions run as they do in real life.</summary>
public class WriteBenchmarks
{
    private const int Keys = 1 << 16;
    private const int EntriesOfBatch = 100;

    private readonly byte[] _key = BenchKeys.CreateKey();
    private readonly byte[] _value = BenchKeys.CreateValue();
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-bench-").FullName;
    private Database _database = null!;
    private SortedMap _map = null!;
    private WriteBatch _batch = null!;
    private int _number;

    [GlobalSetup]
    public void Open()
    {
        _database = Database.Open(_directory, new DatabaseOptions { Durability = Durability.Buffered });
        _map = _database.GetMap("bench");
        _batch = _database.CreateBatch();
    }

    [GlobalCleanup]
    public void Close()
    {
        _batch.Dispose();
        _database.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Benchmark]
    public int PutBuffered()
    {
        WriteNextKey();
        _map.Put(_key, _value);
        return _number;
    }

    [Benchmark]
    public int PutNotHandedOver()
    {
        WriteNextKey();
        _map.Put(_key, _value, Durability.None);
        return _number;
    }

    [Benchmark]
    public int Delete()
    {
        WriteNextKey();
        _map.Delete(_key);
        return _number;
    }

    /// <summary>Time and bytes are of an entry.</summary>
    [Benchmark(OperationsPerInvoke = EntriesOfBatch)]
    public int Batch()
    {
        _batch.Clear();
        for (int i = 0; i < EntriesOfBatch; i++)
        {
            WriteNextKey();
            _batch.Put(_map, _key, _value);
        }

        _database.Write(_batch);
        return _number;
    }

    private void WriteNextKey() => BenchKeys.Write(_key, _number = BenchKeys.After(_number, Keys));
}
