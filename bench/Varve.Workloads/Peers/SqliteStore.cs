using System.Runtime.InteropServices;
using static Varve.Workloads.Peers.SqliteNative;

namespace Varve.Workloads.Peers;

/// <summary>
/// SQLite: one table of blobs without row ids, write-ahead log; synchronous off when buffered, full when synced; statements prepared once,
/// blobs bound and read in place. Its cache is as large as that of the others. Mapping its file was measured: no difference above the noise
/// in memory, and a fill more than ten times slower beyond it, where every fault reads ahead.
/// </summary>
internal sealed unsafe class SqliteStore : Store
{
    private const int BusyMilliseconds = 60_000;

    private readonly StoreOptions _options;
    private readonly nint _database;
    private readonly nint _put;
    private readonly nint _get;
    private readonly nint _delete;
    private readonly nint _deleteRange;
    private readonly nint _begin;
    private readonly nint _commit;

    /// <summary>With its statements prepared.</summary>
    private SqliteCursor? _idleCursor;

    public SqliteStore(StoreOptions options)
    {
        _options = options;
        Directory.CreateDirectory(options.Directory);
        nint database;
        string path = Path.Combine(options.Directory, "bench.sqlite");
        int result = sqlite3_open_v2(path, &database, OpenReadWrite | OpenCreate | OpenNoMutex, null);
        _database = database;
        Check(result);
        Check(sqlite3_busy_timeout(_database, BusyMilliseconds));
        Execute("PRAGMA journal_mode = WAL");
        Execute(options.IsSynced ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = OFF");
        Execute($"PRAGMA cache_size = -{options.CacheBytes / 1024}");
        if (options.KeepsLog) Execute("PRAGMA wal_autocheckpoint = 0");
        Execute("CREATE TABLE IF NOT EXISTS entries (k BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID");
        _put = Prepare("INSERT OR REPLACE INTO entries (k, v) VALUES (?1, ?2)");
        _get = Prepare("SELECT v FROM entries WHERE k = ?1");
        _delete = Prepare("DELETE FROM entries WHERE k = ?1");
        _deleteRange = Prepare("DELETE FROM entries WHERE k >= ?1 AND k < ?2");
        _begin = Prepare("BEGIN IMMEDIATE");
        _commit = Prepare("COMMIT");
    }

    public override void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => RunWith(_put, key, value);

    public override void PutMany(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, int count)
    {
        int keyBytes = keys.Length / count;
        int valueBytes = values.Length / count;
        Run(_begin);
        for (int i = 0; i < count; i++) RunWith(_put, keys.Slice(i * keyBytes, keyBytes), values.Slice(i * valueBytes, valueBytes));
        Run(_commit);
    }

    public override void Delete(ReadOnlySpan<byte> key) => RunWith(_delete, key, []);

    public override void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end) => RunWith(_deleteRange, start, end);

    public override int Get(ReadOnlySpan<byte> key, Span<byte> destination)
    {
        int length = -1;
        fixed (byte* keyBytes = key)
        {
            Check(sqlite3_bind_blob(_get, 1, keyBytes, key.Length, 0));
            int result = sqlite3_step(_get);
            if (result == Row)
            {
                byte* value = sqlite3_column_blob(_get, 0);
                length = sqlite3_column_bytes(_get, 0);
                new ReadOnlySpan<byte>(value, length).CopyTo(destination);
            }
            else if (result != Done)
            {
                Check(result);
            }

            Check(sqlite3_reset(_get));
        }

        return length;
    }

    public override StoreCursor OpenCursor()
    {
        SqliteCursor cursor = _idleCursor ?? new SqliteCursor(this);
        _idleCursor = null;
        return cursor;
    }

    public override Store ForAnotherThread() => new SqliteStore(_options);

    /// <summary>There is no work behind a put: its checkpoints run in a writer's call.</summary>
    public override bool TrySettle() => true;

    public override void Dispose()
    {
        _idleCursor?.Close();
        foreach (nint statement in (ReadOnlySpan<nint>)[_put, _get, _delete, _deleteRange, _begin, _commit]) sqlite3_finalize(statement);
        sqlite3_close_v2(_database);
    }

    private nint Prepare(string text)
    {
        nint statement;
        Check(sqlite3_prepare_v3(_database, text, -1, PreparePersistent, &statement, null));
        return statement;
    }

    private void RunWith(nint statement, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        fixed (byte* firstBytes = first, secondBytes = second)
        {
            Check(sqlite3_bind_blob(statement, 1, firstBytes, first.Length, 0));
            if (second.Length > 0) Check(sqlite3_bind_blob(statement, 2, secondBytes, second.Length, 0));
            Run(statement);
        }
    }

    private void Run(nint statement)
    {
        int result = sqlite3_step(statement);
        if (result != Done) Check(result);
        Check(sqlite3_reset(statement));
    }

    private void Execute(string text) => Check(sqlite3_exec(_database, text, 0, 0, null));

    private void Check(int result)
    {
        if (result == Ok) return;
        throw new IOException($"sqlite: error {result}: {Marshal.PtrToStringUTF8((nint)sqlite3_errmsg(_database))}");
    }

    /// <summary>Queries in both orders, from a key and from the end; one of them is at a row.</summary>
    private sealed class SqliteCursor : StoreCursor
    {
        private readonly SqliteStore _store;
        private readonly nint _up;
        private readonly nint _upFrom;
        private readonly nint _down;
        private readonly nint _downFrom;
        private nint _current;

        /// <summary>A key that was bound has to stay where it is.</summary>
        private readonly byte[] _bound = GC.AllocateUninitializedArray<byte>(1024, pinned: true);

        public SqliteCursor(SqliteStore store)
        {
            _store = store;
            _up = store.Prepare("SELECT k, v FROM entries ORDER BY k");
            _upFrom = store.Prepare("SELECT k, v FROM entries WHERE k >= ?1 ORDER BY k");
            _down = store.Prepare("SELECT k, v FROM entries ORDER BY k DESC");
            _downFrom = store.Prepare("SELECT k, v FROM entries WHERE k <= ?1 ORDER BY k DESC");
            _current = _up;
        }

        public override ReadOnlySpan<byte> Key => Column(0);

        public override ReadOnlySpan<byte> Value => Column(1);

        public override bool SeekToFirst() => Start(_up);

        public override bool SeekToLast() => Start(_down);

        public override bool Seek(ReadOnlySpan<byte> key) => StartAt(_upFrom, key);

        public override bool SeekForPrevious(ReadOnlySpan<byte> key) => StartAt(_downFrom, key);

        public override bool Next() => Step();

        public override bool Previous() => Step();

        public override void Dispose()
        {
            _store.Check(sqlite3_reset(_current));
            if (_store._idleCursor is null) _store._idleCursor = this;
            else Close();
        }

        public void Close()
        {
            foreach (nint statement in (ReadOnlySpan<nint>)[_up, _upFrom, _down, _downFrom]) sqlite3_finalize(statement);
        }

        private bool StartAt(nint statement, ReadOnlySpan<byte> key)
        {
            _store.Check(sqlite3_reset(_current));
            key.CopyTo(_bound);
            fixed (byte* bound = _bound) _store.Check(sqlite3_bind_blob(statement, 1, bound, key.Length, 0));
            _current = statement;
            return Step();
        }

        private bool Start(nint statement)
        {
            _store.Check(sqlite3_reset(_current));
            _current = statement;
            return Step();
        }

        private bool Step()
        {
            int result = sqlite3_step(_current);
            if (result is not (Row or Done)) _store.Check(result);
            return result == Row;
        }

        private ReadOnlySpan<byte> Column(int number)
        {
            byte* bytes = sqlite3_column_blob(_current, number);
            return new ReadOnlySpan<byte>(bytes, sqlite3_column_bytes(_current, number));
        }
    }
}
