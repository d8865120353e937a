using System.Buffers.Binary;
using Varve.Feed;
using Varve.Tests.Files;

namespace Varve.Tests.House;

/// <summary>Holds every operation to its line in allocation-budget.txt.</summary>
public sealed class AllocationTests(AllocationTests.Store store) : IClassFixture<AllocationTests.Store>
{
    private const int EntryCount = 20_000;
    private const int Repetitions = 1_000;
    private const int Rounds = 30;

    private readonly Database _database = store.Database;
    private readonly SortedMap _map = store.Map;
    private readonly Snapshot _snapshot = store.Snapshot;
    private readonly byte[] _value = new byte[100];
    private readonly byte[] _destination = new byte[64 << 10];
    private readonly byte[] _key = new byte[16];
    private readonly byte[] _largeKey = Store.LongKey;

    private readonly SortedMap<Guid, long> _typedById = store.Database.GetMap<Guid, long>("typed by id");

    private readonly SortedMap<(string, int, DateTime), long> _typedByTuple =
        store.Database.GetMap("typed by tuple", KeyCodec.Tuple<string, int, DateTime>(), ValueCodec.For<long>());

    public static TheoryData<string> Operations => [.. AllocationBudget.Bytes.Keys];

    [Theory]
    [MemberData(nameof(Operations))]
    public void An_operation_allocates_no_more_than_its_budget(string operation)
    {
        using Cursor cursor = _map.CreateCursor(operation.EndsWith("memtable", StringComparison.Ordinal) ? _snapshot : null);
        using WriteBatch batch = _database.CreateBatch();
        using MultiGet gets = _database.CreateMultiGet();
        Action<int> run = ActionOf(operation, cursor, batch, gets);

        // Caches, pools and thread-local state fill, and the code is compiled for good. Of several rounds the least counts: the store's own
        // threads may take a pooled object at the moment when this one wants it.
        run(2 * Repetitions);
        long allowed = AllocationBudget.Bytes[operation];
        long once = operation.StartsWith("Step of", StringComparison.Ordinal) ? AllocationBudget.Bytes["Enumeration"] : 0;
        long allocated = long.MaxValue;
        for (int round = 0; round < Rounds && allocated > allowed * Repetitions + once; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            run(Repetitions);
            allocated = Math.Min(allocated, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Assert.True(
            allocated <= allowed * Repetitions + once,
            $"{operation}: {(double)(allocated - once) / Repetitions:F1} bytes each, the budget is {allowed}");
    }

    /// <summary>Closures are made here, before anything is measured.</summary>
    private Action<int> ActionOf(string operation, Cursor cursor, WriteBatch batch, MultiGet gets) => operation switch
    {
        "TryGet from a memtable" => count => Get(count, step: 8),
        "TryGet from a table" => count => Get(count, step: 2),
        "TryGet of an absent key" => count => Get(count, step: 3),
        "TryGet of a long key" => Repeat(() => _map.TryGet(Store.LongKey, _destination, out _)),
        "TryGet of a separate value" => Repeat(() => _map.TryGet("separate"u8, _destination, out _)),
        "TryGet with the version" => Repeat(() => _map.TryGet(KeyOf(8), _destination, out _, out _)),
        "TryGet of an entry that expires" => Repeat(() => Assert.True(store.Expiring.TryGet(KeyOf(8), _destination, out _))),
        "Step of an enumeration of entries that expire" => count => EnumerateExpiring(count),
        "Conditional put" => ConditionalPut,
        "Write of a batch with conditions" => Repeat(() => WriteIfPresent(batch)),
        "Put with a time to live" => Repeat(() => store.Expiring.Put(KeyOf(1), _value, TimeSpan.FromHours(1))),
        "Range delete" => Repeat(() => store.Cleared.DeleteRange(KeyOf(1), [])),
        "Batch of the feed" => ReadFeed,
        "TryGet at a snapshot" => Repeat(() => _map.TryGet(KeyOf(8), _destination, out _, _snapshot)),
        "Contains" => Repeat(() => _map.Contains(KeyOf(2))),
        "Multi-get of 8 keys" => Repeat(() => GetMany(gets, 8, step: 3)),
        "Multi-get with a separate value" => Repeat(() => GetSeparate(gets)),
        "Lease from a memtable" => Repeat(() => Lease(KeyOf(8))),
        "Lease from a table" => Repeat(() => Lease(KeyOf(2))),
        "Lease of a separate value" => Repeat(() => Lease("separate"u8)),
        "GetAsync of what is in memory" => Repeat(() => GetAwaited(_largeKey)),
        "Step of an enumeration of keys" => count => EnumerateKeys(count),
        "Put, None" => count => Put(count, Durability.None),
        "Put, Buffered" => count => Put(count, Durability.Buffered),
        "Put, Synced" => count => Put(count / 10, Durability.Synced),
        "Delete" => Repeat(() => _map.Delete(KeyOf(1))),
        "Write of a reused batch" => Repeat(() => Write(batch)),
        "Cursor.Next over tables" or "Cursor.Next over tables and a memtable" => count => Forward(cursor, count),
        "Cursor.Previous over tables" or "Cursor.Previous over tables and a memtable" => count => Backward(cursor, count),
        "Cursor.Seek" => Repeat(() => cursor.Seek(KeyOf(2_001))),
        "Cursor.SeekForPrevious" => Repeat(() => cursor.SeekForPrevious(KeyOf(2_001))),
        "Step of an ascending enumeration" => count => Enumerate(1, Direction.Ascending, count),
        "Step of a descending enumeration" => count => Enumerate(1, Direction.Descending, count),
        "Typed get and put of a number by a Guid" => TypedGetAndPut,
        "Typed get of a tuple and a text" => TypedGetByTuple,
        "Text put and contains" => TextPutAndContains,
        "UUIDv7" => Repeat(() => UuidV7.Next()),
        "Step of a typed enumeration" => count => EnumerateTyped(count),
        "Snapshot" => Repeat(() => _database.CreateSnapshot().Dispose()),
        "Cursor" => Repeat(OpenCursor),
        "Enumeration" => count => Enumerate(count, Direction.Ascending, limit: 3),
        _ => throw new InvalidOperationException($"allocation-budget.txt names an operation that is not measured: {operation}"),
    };

    private static Action<int> Repeat(Action action) => count =>
    {
        for (int i = 0; i < count; i++) action();
    };

    private ReadOnlySpan<byte> KeyOf(int number)
    {
        BinaryPrimitives.WriteInt64BigEndian(_key, number);
        return _key;
    }

    private void Get(int count, int step)
    {
        int found = 0;
        for (int i = 0; i < count; i++)
        {
            if (_map.TryGet(KeyOf(step * i % EntryCount), _destination, out _)) found++;
        }

        Assert.True(found > 0);
    }

    private void GetMany(MultiGet gets, int keys, int step)
    {
        gets.Clear();
        for (int i = 0; i < keys; i++) gets.Add(_map, KeyOf(step * i));
        gets.Run();
        Assert.True(gets.TryGetValue(0, out _));
    }

    private void GetSeparate(MultiGet gets)
    {
        gets.Clear();
        gets.Add(_map, "separate"u8);
        gets.Add(_map, KeyOf(2));
        gets.Run();
        Assert.True(gets.TryGetValue(1, out _));
    }

    private void Lease(ReadOnlySpan<byte> key)
    {
        using ValueLease lease = _map.Lease(key);
        Assert.True(lease.IsFound);
    }

    private void GetAwaited(byte[] key)
    {
        ValueTask<byte[]?> read = _map.GetAsync(key);
        Assert.True(read.IsCompletedSuccessfully);
        Assert.NotNull(read.Result);
    }

    private void EnumerateKeys(int limit)
    {
        int count = 0;
        foreach (ReadOnlySpan<byte> _ in _map.All(Direction.Descending, limit).Keys) count++;
        Assert.Equal(limit, count);
    }

    private void EnumerateExpiring(int limit)
    {
        int count = 0;
        foreach (Entry entry in store.Expiring.All(limit: limit))
        {
            if (entry.Expiry is not null) count++;
        }

        Assert.Equal(limit, count);
    }

    private void ConditionalPut(int count)
    {
        store.Other.TryGet("k"u8, [], out _, out EntryVersion version);
        for (int i = 0; i < count; i++) Assert.True(store.Other.TryPutIfVersion("k"u8, _value, version, out version));
    }

    private void WriteIfPresent(WriteBatch batch)
    {
        batch.Clear();
        batch.RequirePresent(_map, KeyOf(2));
        batch.RequireAbsent(_map, KeyOf(2 * EntryCount));
        batch.Put(_map, KeyOf(2), _value);
        Assert.True(_database.TryWrite(batch).IsCommitted);
    }

    private void ReadFeed(int count)
    {
        for (int i = 0; i < count; i++) Assert.True(store.Feed.TryRead(out _));
    }

    private void Put(int count, Durability durability)
    {
        for (int i = 0; i < count; i++) _map.Put(KeyOf(i), _value, durability);
    }

    private void Write(WriteBatch batch)
    {
        batch.Clear();
        for (int i = 0; i < 10; i++) batch.Put(_map, KeyOf(i), _value);
        _database.Write(batch);
    }

    private static void Forward(Cursor cursor, int count)
    {
        cursor.SeekToFirst();
        for (int i = 0; i < count; i++)
        {
            if (!cursor.Next()) cursor.SeekToFirst();
        }
    }

    private static void Backward(Cursor cursor, int count)
    {
        cursor.SeekToLast();
        for (int i = 0; i < count; i++)
        {
            if (!cursor.Previous()) cursor.SeekToLast();
        }
    }

    private void Enumerate(int times, Direction direction, int limit)
    {
        for (int i = 0; i < times; i++)
        {
            using EntryRange.Enumerator entries = _map.All(direction, limit).GetEnumerator();
            int count = 0;
            while (entries.MoveNext()) count++;
            Assert.Equal(limit, count);
        }
    }

    private void TypedGetAndPut(int count)
    {
        for (int i = 0; i < count; i++)
        {
            var id = new Guid(i, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
            _typedById.Put(id, i);
            Assert.True(_typedById.TryGet(id, out long value) && value == i && _typedById.Contains(id));
        }
    }

    private void TypedGetByTuple(int count)
    {
        (string, int, DateTime) key = ("some text", 7, DateTime.UnixEpoch);
        _typedByTuple.Put(key, 1);
        for (int i = 0; i < count; i++) Assert.True(_typedByTuple.TryGet(key, out _));
    }

    private void TextPutAndContains(int count)
    {
        for (int i = 0; i < count; i++)
        {
            _map.Put("a key in text", "a value in text");
            Assert.True(_map.Contains("a key in text"));
        }
    }

    private void EnumerateTyped(int count)
    {
        SortedMap<long, long> map = store.Numbers;
        int left = count;
        foreach ((long key, long value) in map.All(limit: count))
        {
            Assert.True(key == value);
            left--;
        }

        Assert.Equal(0, left);
    }

    private void OpenCursor()
    {
        using Cursor cursor = _map.CreateCursor();
        cursor.SeekToFirst();
    }

    /// <summary>The even keys, a long one and a separate value in tables; every eighth key again in the memtable.</summary>
    public sealed class Store : IDisposable
    {
        private readonly TemporaryDirectory _directory = new();
        private readonly Database _cleared;

        public Store()
        {
            Database = Database.Open(
                Path.Combine(_directory.Path, "main"), new DatabaseOptions { MemoryBudgetBytes = 128 << 20, Durability = Durability.None });
            _cleared = Database.Open(Path.Combine(_directory.Path, "cleared"), new DatabaseOptions { Durability = Durability.None });
            Cleared = _cleared.GetMap("map");
            Map = Database.GetMap("map");
            for (int i = 0; i < EntryCount; i += 2) Put(i);
            Map.Put("separate"u8, new byte[20_000]);
            Map.Put(LongKey, new byte[100]);
            Expiring = Database.GetMap("expiring");
            for (int i = 0; i < EntryCount; i += 8) PutExpiring(i);
            Other = Database.GetMap("other");
            Database.Compact();
            for (int i = 0; i < EntryCount; i += 8) Put(i);
            Snapshot = Database.CreateSnapshot();
            Feed = Database.CreateChangeReader(Database.LatestSequence, new ChangeFeedOptions());
            for (int i = 0; i < (2 + Rounds) * Repetitions; i++) Other.Put(BitConverter.GetBytes(i), new byte[100]);
            Database.Sync();
            for (int i = 0; i < EntryCount; i += 16) PutExpiring(i);
            Numbers = Database.GetMap<long, long>("numbers");
            for (int i = 0; i < 2 * Repetitions; i++) Numbers.Put(i, i);
        }

        public static byte[] LongKey { get; } = new byte[2000];

        public Database Database { get; }

        public SortedMap Map { get; }

        public Snapshot Snapshot { get; }

        public SortedMap<long, long> Numbers { get; }

        /// <summary>Every eighth key, for days.</summary>
        public SortedMap Expiring { get; }

        public SortedMap Other { get; }

        /// <summary>Of a database of its own: range deletes fill memtables early, and other reads must not meet what is flushed.</summary>
        public SortedMap Cleared { get; }

        /// <summary>Stands before some thousand batches of one put of a hundred bytes.</summary>
        internal ChangeReader Feed { get; }

        public void Dispose()
        {
            Feed.Dispose();
            _cleared.Dispose();
            Snapshot.Dispose();
            Database.Dispose();
            _directory.Dispose();
        }

        private void PutExpiring(int number)
        {
            byte[] key = new byte[16];
            BinaryPrimitives.WriteInt64BigEndian(key, number);
            Expiring.Put(key, new byte[100], TimeSpan.FromDays(1));
        }

        private void Put(int number)
        {
            byte[] key = new byte[16];
            BinaryPrimitives.WriteInt64BigEndian(key, number);
            Map.Put(key, new byte[100]);
        }
    }
}
