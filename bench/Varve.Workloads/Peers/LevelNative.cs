using System.Runtime.InteropServices;

namespace Varve.Workloads.Peers;

/// <summary>The calls of LevelDB's C interface that are used (leveldb/c.h).</summary>
internal static unsafe partial class LevelNative
{
    public const string Library = "leveldb";

    [LibraryImport(Library)] public static partial nint leveldb_options_create();
    [LibraryImport(Library)] public static partial void leveldb_options_set_create_if_missing(nint options, byte value);
    [LibraryImport(Library)] public static partial void leveldb_options_set_write_buffer_size(nint options, nuint bytes);
    [LibraryImport(Library)] public static partial void leveldb_options_set_cache(nint options, nint cache);
    [LibraryImport(Library)] public static partial void leveldb_options_set_filter_policy(nint options, nint policy);
    [LibraryImport(Library)] public static partial nint leveldb_cache_create_lru(nuint bytes);
    [LibraryImport(Library)] public static partial nint leveldb_filterpolicy_create_bloom(int bitsPerKey);
    [LibraryImport(Library)] public static partial nint leveldb_writeoptions_create();
    [LibraryImport(Library)] public static partial void leveldb_writeoptions_set_sync(nint writeOptions, byte value);
    [LibraryImport(Library)] public static partial nint leveldb_readoptions_create();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint leveldb_open(nint options, string directory, byte** error);

    [LibraryImport(Library)] public static partial void leveldb_close(nint database);

    [LibraryImport(Library)]
    public static partial void leveldb_put(
        nint database, nint writeOptions, byte* key, nuint keyBytes, byte* value, nuint valueBytes, byte** error);

    [LibraryImport(Library)]
    public static partial void leveldb_delete(nint database, nint writeOptions, byte* key, nuint keyBytes, byte** error);

    [LibraryImport(Library)] public static partial nint leveldb_writebatch_create();
    [LibraryImport(Library)] public static partial void leveldb_writebatch_destroy(nint batch);
    [LibraryImport(Library), SuppressGCTransition] public static partial void leveldb_writebatch_clear(nint batch);

    [LibraryImport(Library), SuppressGCTransition]
    public static partial void leveldb_writebatch_put(nint batch, byte* key, nuint keyBytes, byte* value, nuint valueBytes);

    [LibraryImport(Library)] public static partial void leveldb_write(nint database, nint writeOptions, nint batch, byte** error);

    [LibraryImport(Library)]
    public static partial byte* leveldb_get(nint database, nint readOptions, byte* key, nuint keyBytes, nuint* valueBytes, byte** error);

    [LibraryImport(Library)] public static partial void leveldb_free(byte* pointer);
    [LibraryImport(Library)] public static partial nint leveldb_create_iterator(nint database, nint readOptions);
    [LibraryImport(Library)] public static partial void leveldb_iter_destroy(nint iterator);
    [LibraryImport(Library), SuppressGCTransition] public static partial byte leveldb_iter_valid(nint iterator);
    [LibraryImport(Library)] public static partial void leveldb_iter_seek_to_first(nint iterator);
    [LibraryImport(Library)] public static partial void leveldb_iter_seek_to_last(nint iterator);
    [LibraryImport(Library)] public static partial void leveldb_iter_seek(nint iterator, byte* key, nuint keyBytes);
    [LibraryImport(Library)] public static partial void leveldb_iter_next(nint iterator);
    [LibraryImport(Library)] public static partial void leveldb_iter_prev(nint iterator);
    [LibraryImport(Library), SuppressGCTransition] public static partial byte* leveldb_iter_key(nint iterator, nuint* bytes);
    [LibraryImport(Library), SuppressGCTransition] public static partial byte* leveldb_iter_value(nint iterator, nuint* bytes);
}
