using System.Runtime.InteropServices;

namespace Varve.Workloads.Peers;

/// <summary>The calls of LMDB that are used (lmdb.h).</summary>
internal static unsafe partial class LmdbNative
{
    public const string Library = "lmdb";

    public const uint NoSync = 0x10000;
    public const uint ReadOnly = 0x20000;
    public const uint WriteMap = 0x80000;
    /// <summary>Readers belong to their transactions, not to threads.</summary>
    public const uint NoThreadLocal = 0x200000;
    public const uint NoReadAhead = 0x800000;

    public const int NotFound = -30798;
    public const int First = 0;
    public const int Last = 6;
    public const int Next = 8;
    public const int Previous = 12;
    public const int SetRange = 17;

    /// <summary>MDB_val.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Value
    {
        public nuint Bytes;
        public byte* Data;
    }

    [LibraryImport(Library)] public static partial int mdb_env_create(nint* environment);
    [LibraryImport(Library)] public static partial int mdb_env_set_mapsize(nint environment, ulong bytes);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int mdb_env_open(nint environment, string directory, uint flags, uint mode);

    [LibraryImport(Library)] public static partial void mdb_env_close(nint environment);
    [LibraryImport(Library)] public static partial int mdb_txn_begin(nint environment, nint parent, uint flags, nint* transaction);
    [LibraryImport(Library)] public static partial int mdb_txn_commit(nint transaction);
    [LibraryImport(Library)] public static partial void mdb_txn_abort(nint transaction);
    [LibraryImport(Library)] public static partial void mdb_txn_reset(nint transaction);
    [LibraryImport(Library)] public static partial int mdb_txn_renew(nint transaction);
    [LibraryImport(Library)] public static partial int mdb_dbi_open(nint transaction, byte* name, uint flags, uint* handle);
    [LibraryImport(Library)] public static partial int mdb_put(nint transaction, uint handle, Value* key, Value* value, uint flags);
    [LibraryImport(Library)] public static partial int mdb_del(nint transaction, uint handle, Value* key, Value* value);
    [LibraryImport(Library)] public static partial int mdb_get(nint transaction, uint handle, Value* key, Value* value);
    [LibraryImport(Library)] public static partial int mdb_cursor_open(nint transaction, uint handle, nint* cursor);
    [LibraryImport(Library)] public static partial int mdb_cursor_get(nint cursor, Value* key, Value* value, int operation);
    [LibraryImport(Library)] public static partial int mdb_cursor_renew(nint transaction, nint cursor);
    [LibraryImport(Library)] public static partial void mdb_cursor_close(nint cursor);
}
