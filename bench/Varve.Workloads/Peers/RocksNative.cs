using System.Runtime.InteropServices;

namespace Varve.Workloads.Peers;

/// <summary>
/// The calls of RocksDB's C interface that are used (rocksdb/c.h). Those that only look something up skip the transition of the collector.
/// </summary>
internal static unsafe partial class RocksNative
{
    public const string Library = "rocksdb";

    [LibraryImport(Library)] public static partial nint rocksdb_options_create();
    [LibraryImport(Library)] public static partial void rocksdb_options_destroy(nint options);
    [LibraryImport(Library)] public static partial void rocksdb_options_set_create_if_missing(nint options, byte value);
    [LibraryImport(Library)] public static partial void rocksdb_options_set_write_buffer_size(nint options, nuint bytes);
    [LibraryImport(Library)] public static partial void rocksdb_options_set_max_write_buffer_number(nint options, int count);
    [LibraryImport(Library)] public static partial void rocksdb_options_increase_parallelism(nint options, int threads);
    [LibraryImport(Library)] public static partial void rocksdb_options_set_compression(nint options, int kind);
    [LibraryImport(Library)] public static partial void rocksdb_options_set_block_based_table_factory(nint options, nint table);
    [LibraryImport(Library)] public static partial nint rocksdb_block_based_options_create();
    [LibraryImport(Library)] public static partial void rocksdb_block_based_options_set_block_cache(nint table, nint cache);
    [LibraryImport(Library)] public static partial void rocksdb_block_based_options_set_filter_policy(nint table, nint policy);
    [LibraryImport(Library)] public static partial nint rocksdb_cache_create_lru(nuint bytes);
    [LibraryImport(Library)] public static partial nint rocksdb_filterpolicy_create_bloom_full(double bitsPerKey);
    [LibraryImport(Library)] public static partial nint rocksdb_writeoptions_create();
    [LibraryImport(Library)] public static partial void rocksdb_writeoptions_set_sync(nint writeOptions, byte value);
    [LibraryImport(Library)] public static partial nint rocksdb_readoptions_create();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint rocksdb_open_column_families(
        nint options, string directory, int count, byte** names, nint* familyOptions, nint* families, byte** error);

    [LibraryImport(Library)] public static partial void rocksdb_column_family_handle_destroy(nint family);

    [LibraryImport(Library)] public static partial void rocksdb_close(nint database);

    [LibraryImport(Library)]
    public static partial void rocksdb_put(
        nint database, nint writeOptions, byte* key, nuint keyBytes, byte* value, nuint valueBytes, byte** error);

    [LibraryImport(Library)]
    public static partial void rocksdb_delete(nint database, nint writeOptions, byte* key, nuint keyBytes, byte** error);

    [LibraryImport(Library)]
    public static partial nint rocksdb_get_pinned(nint database, nint readOptions, byte* key, nuint keyBytes, byte** error);

    [LibraryImport(Library)]
    public static partial void rocksdb_batched_multi_get_cf(
        nint database, nint readOptions, nint family, nuint count,
        byte** keys, nuint* keyBytes, nint* slices, byte** errors, byte isSorted);

    [LibraryImport(Library)]
    public static partial void rocksdb_delete_range_cf(
        nint database, nint writeOptions, nint family, byte* start, nuint startBytes, byte* end, nuint endBytes, byte** error);

    [LibraryImport(Library)] public static partial nint rocksdb_writebatch_create();
    [LibraryImport(Library)] public static partial void rocksdb_writebatch_destroy(nint batch);
    [LibraryImport(Library), SuppressGCTransition] public static partial void rocksdb_writebatch_clear(nint batch);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial void rocksdb_writebatch_put(nint batch, byte* key, nuint keyBytes, byte* value, nuint valueBytes);

    [LibraryImport(Library)] public static partial void rocksdb_write(nint database, nint writeOptions, nint batch, byte** error);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial byte* rocksdb_pinnableslice_value(nint slice, nuint* bytes);

    [LibraryImport(Library)] public static partial void rocksdb_pinnableslice_destroy(nint slice);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int rocksdb_property_int(nint database, string name, ulong* value);

    [LibraryImport(Library)] public static partial nint rocksdb_create_iterator(nint database, nint readOptions);
    [LibraryImport(Library)] public static partial void rocksdb_iter_destroy(nint iterator);
    [LibraryImport(Library), SuppressGCTransition] public static partial byte rocksdb_iter_valid(nint iterator);
    [LibraryImport(Library)] public static partial void rocksdb_iter_seek_to_first(nint iterator);
    [LibraryImport(Library)] public static partial void rocksdb_iter_seek_to_last(nint iterator);
    [LibraryImport(Library)] public static partial void rocksdb_iter_seek(nint iterator, byte* key, nuint keyBytes);
    [LibraryImport(Library)] public static partial void rocksdb_iter_seek_for_prev(nint iterator, byte* key, nuint keyBytes);
    [LibraryImport(Library)] public static partial void rocksdb_iter_next(nint iterator);
    [LibraryImport(Library)] public static partial void rocksdb_iter_prev(nint iterator);
    [LibraryImport(Library), SuppressGCTransition] public static partial byte* rocksdb_iter_key(nint iterator, nuint* bytes);
    [LibraryImport(Library), SuppressGCTransition] public static partial byte* rocksdb_iter_value(nint iterator, nuint* bytes);
}
