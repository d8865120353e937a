using static Varve.Workloads.Peers.LevelNative;

namespace Varve.Workloads.Peers;

/// <summary>LevelDB: 64 MB memtables, 256 MB cache, 10-bit filters, its own compression (snappy), its log unsynced.</summary>
internal sealed unsafe class LevelStore : Store
{
    private readonly nint _database;
    private readonly nint _write = leveldb_writeoptions_create();
    private readonly nint _read = leveldb_readoptions_create();

    public LevelStore(string directory)
    {
        nint options = leveldb_options_create();
        leveldb_options_set_create_if_missing(options, 1);
        leveldb_options_set_write_buffer_size(options, 64 << 20);
        leveldb_options_set_cache(options, leveldb_cache_create_lru(256 << 20));
        leveldb_options_set_filter_policy(options, leveldb_filterpolicy_create_bloom(10));
        byte* error = null;
        _database = leveldb_open(options, directory, &error);
        NativeError.ThrowIfSet("leveldb", error);
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

    /// <summary>LevelDB does not say whether it compacts.</summary>
    public override bool TrySettle() => false;

    public override void Dispose() => leveldb_close(_database);

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
