using System.Runtime.InteropServices;
using static Varve.Workloads.Peers.RocksNative;

namespace Varve.Workloads.Peers;

/// <summary>
/// RocksDB: three memtables, 10-bit filters, LZ4; gets by pinned slices, several by its batched call; a reused write batch.
/// </summary>
internal sealed unsafe class RocksStore : Store
{
    private const int Lz4 = 4;
    private static readonly string[] s_work =
    [
        "rocksdb.num-running-compactions", "rocksdb.compaction-pending", "rocksdb.num-running-flushes", "rocksdb.mem-table-flush-pending",
    ];

    private readonly nint _database;
    private readonly nint _write = rocksdb_writeoptions_create();
    private readonly nint _read = rocksdb_readoptions_create();
    private readonly nint _batch = rocksdb_writebatch_create();
    private readonly nint _family;
    private readonly bool _ownsDatabase;

    public RocksStore(StoreOptions settings)
    {
        _ownsDatabase = true;
        rocksdb_writeoptions_set_sync(_write, settings.IsSynced ? (byte)1 : (byte)0);
        nint options = rocksdb_options_create();
        rocksdb_options_set_create_if_missing(options, 1);
        rocksdb_options_set_write_buffer_size(options, (nuint)settings.MemtableBytes);
        rocksdb_options_set_max_write_buffer_number(options, 3);
        rocksdb_options_increase_parallelism(options, Environment.ProcessorCount);
        rocksdb_options_set_compression(options, Lz4);
        nint table = rocksdb_block_based_options_create();
        rocksdb_block_based_options_set_block_cache(table, rocksdb_cache_create_lru((nuint)settings.CacheBytes));
        rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10));
        rocksdb_options_set_block_based_table_factory(options, table);
        byte* error = null;
        nint family;
        // By families, because some calls want the handle of the default one.
        fixed (byte* name = "default\0"u8)
            _database = rocksdb_open_column_families(options, settings.Directory, 1, &name, &options, &family, &error);
        NativeError.ThrowIfSet("rocksdb", error);
        _family = family;
        rocksdb_options_destroy(options);
    }

    private RocksStore(RocksStore shared)
    {
        _database = shared._database;
        _write = shared._write;
        _family = shared._family;
    }

    public override void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        byte* error = null;
        fixed (byte* keyBytes = key, valueBytes = value)
        {
            rocksdb_put(_database, _write, keyBytes, (nuint)key.Length, valueBytes, (nuint)value.Length, &error);
        }

        NativeError.ThrowIfSet("rocksdb", error);
    }

    public override void PutMany(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, int count)
    {
        nuint keyBytes = (nuint)(keys.Length / count);
        nuint valueBytes = (nuint)(values.Length / count);
        rocksdb_writebatch_clear(_batch);
        fixed (byte* firstKey = keys, firstValue = values)
        {
            for (nuint i = 0; i < (nuint)count; i++)
                rocksdb_writebatch_put(_batch, firstKey + i * keyBytes, keyBytes, firstValue + i * valueBytes, valueBytes);
        }

        byte* error = null;
        rocksdb_write(_database, _write, _batch, &error);
        NativeError.ThrowIfSet("rocksdb", error);
    }

    public override void Delete(ReadOnlySpan<byte> key)
    {
        byte* error = null;
        fixed (byte* keyBytes = key) rocksdb_delete(_database, _write, keyBytes, (nuint)key.Length, &error);
        NativeError.ThrowIfSet("rocksdb", error);
    }

    public override void DeleteRange(ReadOnlySpan<byte> start, ReadOnlySpan<byte> end)
    {
        byte* error = null;
        fixed (byte* first = start, behind = end)
            rocksdb_delete_range_cf(_database, _write, _family, first, (nuint)start.Length, behind, (nuint)end.Length, &error);
        NativeError.ThrowIfSet("rocksdb", error);
    }

    public override int Get(ReadOnlySpan<byte> key, Span<byte> destination)
    {
        byte* error = null;
        nint slice;
        fixed (byte* keyBytes = key) slice = rocksdb_get_pinned(_database, _read, keyBytes, (nuint)key.Length, &error);
        NativeError.ThrowIfSet("rocksdb", error);
        if (slice == 0) return -1;
        nuint length;
        byte* value = rocksdb_pinnableslice_value(slice, &length);
        new ReadOnlySpan<byte>(value, (int)length).CopyTo(destination);
        rocksdb_pinnableslice_destroy(slice);
        return (int)length;
    }

    public override void GetMany(ReadOnlySpan<byte> keys, Span<byte> values, Span<int> lengths)
    {
        int count = lengths.Length;
        int keyBytes = keys.Length / count;
        int valueBytes = values.Length / count;
        byte** starts = stackalloc byte*[count];
        nuint* sizes = stackalloc nuint[count];
        nint* slices = stackalloc nint[count];
        byte** errors = stackalloc byte*[count];
        fixed (byte* first = keys)
        {
            for (int i = 0; i < count; i++)
            {
                starts[i] = first + i * keyBytes;
                sizes[i] = (nuint)keyBytes;
            }

            rocksdb_batched_multi_get_cf(_database, _read, _family, (nuint)count, starts, sizes, slices, errors, isSorted: 0);
        }

        for (int i = 0; i < count; i++)
        {
            NativeError.ThrowIfSet("rocksdb", errors[i]);
            lengths[i] = -1;
            if (slices[i] == 0) continue;
            nuint length;
            byte* value = rocksdb_pinnableslice_value(slices[i], &length);
            lengths[i] = (int)length;
            new ReadOnlySpan<byte>(value, lengths[i]).CopyTo(values[(i * valueBytes)..]);
            rocksdb_pinnableslice_destroy(slices[i]);
        }
    }

    public override StoreCursor OpenCursor() => new RocksCursor(rocksdb_create_iterator(_database, _read));

    public override Store ForAnotherThread() => new RocksStore(this);

    public override bool TrySettle()
    {
        int calm = 0;
        while (calm < 3)
        {
            calm = IsCalm() ? calm + 1 : 0;
            Thread.Sleep(10);
        }

        return true;
    }

    public override void Dispose()
    {
        rocksdb_writebatch_destroy(_batch);
        if (!_ownsDatabase) return;
        rocksdb_column_family_handle_destroy(_family);
        rocksdb_close(_database);
    }

    private bool IsCalm()
    {
        foreach (string property in s_work)
        {
            ulong value;
            if (rocksdb_property_int(_database, property, &value) == 0 && value != 0) return false;
        }

        return true;
    }

    private sealed class RocksCursor(nint iterator) : StoreCursor
    {
        public override ReadOnlySpan<byte> Key
        {
            get
            {
                nuint length;
                byte* key = rocksdb_iter_key(iterator, &length);
                return new ReadOnlySpan<byte>(key, (int)length);
            }
        }

        public override ReadOnlySpan<byte> Value
        {
            get
            {
                nuint length;
                byte* value = rocksdb_iter_value(iterator, &length);
                return new ReadOnlySpan<byte>(value, (int)length);
            }
        }

        public override bool SeekToFirst()
        {
            rocksdb_iter_seek_to_first(iterator);
            return rocksdb_iter_valid(iterator) != 0;
        }

        public override bool SeekToLast()
        {
            rocksdb_iter_seek_to_last(iterator);
            return rocksdb_iter_valid(iterator) != 0;
        }

        public override bool Seek(ReadOnlySpan<byte> key)
        {
            fixed (byte* keyBytes = key) rocksdb_iter_seek(iterator, keyBytes, (nuint)key.Length);
            return rocksdb_iter_valid(iterator) != 0;
        }

        public override bool SeekForPrevious(ReadOnlySpan<byte> key)
        {
            fixed (byte* keyBytes = key) rocksdb_iter_seek_for_prev(iterator, keyBytes, (nuint)key.Length);
            return rocksdb_iter_valid(iterator) != 0;
        }

        public override bool Next()
        {
            rocksdb_iter_next(iterator);
            return rocksdb_iter_valid(iterator) != 0;
        }

        public override bool Previous()
        {
            rocksdb_iter_prev(iterator);
            return rocksdb_iter_valid(iterator) != 0;
        }

        public override void Dispose() => rocksdb_iter_destroy(iterator);
    }
}

/// <summary>Errors of the C interfaces of RocksDB and LevelDB: a text that the callee allocated.</summary>
internal static unsafe class NativeError
{
    public static void ThrowIfSet(string peer, byte* error)
    {
        if (error is not null) throw new IOException($"{peer}: {Marshal.PtrToStringUTF8((nint)error)}");
    }
}
