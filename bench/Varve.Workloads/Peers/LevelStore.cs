using static Varve.Workloads.Peers.LevelNative;

namespace Varve.Workloads.Peers;

/// <summary>LevelDB: 10-bit filters, its own compression (snappy); a reused write batch.</summary>
internal sealed unsafe class LevelStore : Store
{
    private readonly nint _database;
    private readonly nint _write = leveldb_writeoptions_create();
    private readonly nint _read = leveldb_readoptions_create();
    private readonly nint _batch = leveldb_writebatch_create();
    private readonly bool _ownsDatabase;

    public LevelStore(StoreOptions settings)
    {
        _ownsDatabase = true;
        leveldb_writeoptions_set_sync(_write, settings.IsSynced ? (byte)1 : (byte)0);
        nint options = leveldb_options_create();
        leveldb_options_set_create_if_missing(options, 1);
        leveldb_options_set_write_buffer_size(options, (nuint)settings.MemtableBytes);
        leveldb_options_set_cache(options, leveldb_cache_create_lru((nuint)settings.CacheBytes));
        leveldb_options_set_filter_policy(options, leveldb_filterpolicy_create_bloom(10));
        byte* error = null;
        _database = leveldb_open(options, settings.Directory, &error);
        NativeError.ThrowIfSet("leveldb", error);
    }

    private LevelStore(nint database, nint write)
    {
        _database = database;
        _write = write;
    }

    public override void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        byte* error = null;
        fixed (byte* keyBytes = key, valueBytes = value)
        {
            leveldb_put(_database, _write, keyBytes, (nuint)key.Length, valueBytes, (nuint)value.Length, &error);
        }

        NativeError.ThrowIfSet("leveldb", error);
    }

    public override void PutMany(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, int count)
    {
        nuint keyBytes = (nuint)(keys.Length / count);
        nuint valueBytes = (nuint)(values.Length / count);
        leveldb_writebatch_clear(_batch);
        fixed (byte* firstKey = keys, firstValue = values)
        {
            for (nuint i = 0; i < (nuint)count; i++)
                leveldb_writebatch_put(_batch, firstKey + i * keyBytes, keyBytes, firstValue + i * valueBytes, valueBytes);
        }

        byte* error = null;
        leveldb_write(_database, _write, _batch, &error);
        NativeError.ThrowIfSet("leveldb", error);
    }

    public override void Delete(ReadOnlySpan<byte> key)
    {
        byte* error = null;
        fixed (byte* keyBytes = key) leveldb_delete(_database, _write, keyBytes, (nuint)key.Length, &error);
        NativeError.ThrowIfSet("leveldb", error);
    }

    public override int Get(ReadOnlySpan<byte> key, Span<byte> destination)
    {
        byte* error = null;
        nuint length;
        byte* value;
        fixed (byte* keyBytes = key) value = leveldb_get(_database, _read, keyBytes, (nuint)key.Length, &length, &error);
        NativeError.ThrowIfSet("leveldb", error);
        if (value is null) return -1;
        new ReadOnlySpan<byte>(value, (int)length).CopyTo(destination);
        leveldb_free(value);
        return (int)length;
    }

    public override StoreCursor OpenCursor() => new LevelCursor(leveldb_create_iterator(_database, _read));

    public override Store ForAnotherThread() => new LevelStore(_database, _write);

    /// <summary>LevelDB does not say whether it compacts.</summary>
    public override bool TrySettle() => false;

    public override void Dispose()
    {
        leveldb_writebatch_destroy(_batch);
        if (_ownsDatabase) leveldb_close(_database);
    }

    private sealed class LevelCursor(nint iterator) : StoreCursor
    {
        public override ReadOnlySpan<byte> Key
        {
            get
            {
                nuint length;
                byte* key = leveldb_iter_key(iterator, &length);
                return new ReadOnlySpan<byte>(key, (int)length);
            }
        }

        public override ReadOnlySpan<byte> Value
        {
            get
            {
                nuint length;
                byte* value = leveldb_iter_value(iterator, &length);
                return new ReadOnlySpan<byte>(value, (int)length);
            }
        }

        public override bool SeekToFirst()
        {
            leveldb_iter_seek_to_first(iterator);
            return leveldb_iter_valid(iterator) != 0;
        }

        public override bool SeekToLast()
        {
            leveldb_iter_seek_to_last(iterator);
            return leveldb_iter_valid(iterator) != 0;
        }

        public override bool Seek(ReadOnlySpan<byte> key)
        {
            fixed (byte* keyBytes = key) leveldb_iter_seek(iterator, keyBytes, (nuint)key.Length);
            return leveldb_iter_valid(iterator) != 0;
        }

        public override bool SeekForPrevious(ReadOnlySpan<byte> key)
        {
            if (!Seek(key)) return SeekToLast();
            return Key.SequenceEqual(key) || Previous();
        }

        public override bool Next()
        {
            leveldb_iter_next(iterator);
            return leveldb_iter_valid(iterator) != 0;
        }

        public override bool Previous()
        {
            leveldb_iter_prev(iterator);
            return leveldb_iter_valid(iterator) != 0;
        }

        public override void Dispose() => leveldb_iter_destroy(iterator);
    }
}
