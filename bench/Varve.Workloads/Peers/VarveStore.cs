namespace Varve.Workloads.Peers;

/// <summary>Varve by its public API, with its defaults but for the durability that all peers share.</summary>
internal sealed class VarveStore : Store
{
    private readonly Database _database;
    private readonly SortedMap _map;
    private readonly MultiGet _gets;

    public VarveStore(string directory, long budgetBytes)
    {
        _database = Database.Open(directory, new DatabaseOptions { MemoryBudgetBytes = budgetBytes, Durability = Durability.Buffered });
        _map = _database.GetMap("bench");
        _gets = _database.CreateMultiGet();
    }

    public override void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => _map.Put(key, value);

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

    public override bool TrySettle()
    {
        _database.WaitForUpkeep();
        return true;
    }

    public override void Dispose() => _database.Close();

    private sealed class VarveCursor(Cursor cursor) : StoreCursor
    {
        public override ReadOnlySpan<byte> Key => cursor.Key;

        public override ReadOnlySpan<byte> Value => cursor.Value;

        public override bool SeekToFirst() => cursor.SeekToFirst();

        public override bool SeekToLast() => cursor.SeekToLast();

        public override bool Seek(ReadOnlySpan<byte> key) => cursor.Seek(key);

        public override bool Next() => cursor.Next();

        public override bool Previous() => cursor.Previous();

        public override void Dispose() => cursor.Dispose();
    }
}
