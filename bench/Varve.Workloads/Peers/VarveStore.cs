namespace Varve.Workloads.Peers;

/// <summary>Varve by its public API, with its defaults but for the budget and the durability that all peers share.</summary>
internal sealed class VarveStore : Store
{
    private readonly Database _database;
    private readonly SortedMap _map;
    private readonly MultiGet _gets;
    private readonly WriteBatch _batch;
    private readonly bool _ownsDatabase;

    public VarveStore(StoreOptions options)
        : this(
            Database.Open(
                options.Directory,
                new DatabaseOptions
                {
                    MemoryBudgetBytes = options.BudgetBytes,
                    Durability = options.IsSynced ? Durability.Synced : Durability.Buffered,
                }),
            ownsDatabase: true)
    {
    }

    private VarveStore(Database database, bool ownsDatabase)
    {
        _database = database;
        _ownsDatabase = ownsDatabase;
        _map = database.GetMap("bench");
        _gets = database.CreateMultiGet();
        _batch = database.CreateBatch();
    }

    public override void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => _map.Put(key, value);

    public override void PutMany(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, int count)
    {
        int keyBytes = keys.Length / count;
        int valueBytes = values.Length / count;
        _batch.Clear();
        for (int i = 0; i < count; i++) _batch.Put(_map, keys.Slice(i * keyBytes, keyBytes), values.Slice(i * valueBytes, valueBytes));
        _database.Write(_batch);
    }

    public override void Delete(ReadOnlySpan<byte> key) => _map.Delete(key);

    public override void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) => _map.DeleteRange(start, end);

    public override int Get(ReadOnlySpan<byte> key, Span<byte> destination) => _map.TryGet(key, destination, out int length) ? length : -1;

    public override void GetMany(ReadOnlySpan<byte> keys, Span<byte> values, Span<int> lengths)
    {
        int keyBytes = keys.Length / lengths.Length;
        int valueBytes = values.Length / lengths.Length;
        _gets.Clear();
        for (int i = 0; i < lengths.Length; i++) _gets.Add(_map, keys.Slice(i * keyBytes, keyBytes));
        _gets.Run();
        for (int i = 0; i < lengths.Length; i++)
        {
            bool isPresent = _gets.TryGetValue(i, out ReadOnlySpan<byte> value);
            lengths[i] = isPresent ? value.Length : -1;
            value.CopyTo(values[(i * valueBytes)..]);
        }
    }

    public override StoreCursor OpenCursor() => new VarveCursor(_map.CreateCursor());

    public override Store ForAnotherThread() => new VarveStore(_database, ownsDatabase: false);

    public override bool TrySettle()
    {
        _database.WaitForUpkeep();
        return true;
    }

    public override void Dispose()
    {
        _batch.Dispose();
        _gets.Dispose();
        if (_ownsDatabase) _database.Close();
    }

    private sealed class VarveCursor(Cursor cursor) : StoreCursor
    {
        public override ReadOnlySpan<byte> Key => cursor.Key;

        public override ReadOnlySpan<byte> Value => cursor.Value;

        public override bool SeekToFirst() => cursor.SeekToFirst();

        public override bool SeekToLast() => cursor.SeekToLast();

        public override bool Seek(ReadOnlySpan<byte> key) => cursor.Seek(key);

        public override bool SeekForPrevious(ReadOnlySpan<byte> key) => cursor.SeekForPrevious(key);

        public override bool Next() => cursor.Next();

        public override bool Previous() => cursor.Previous();

        public override void Dispose() => cursor.Dispose();
    }
}
