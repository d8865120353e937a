using System.Runtime.InteropServices;

namespace Varve.Workloads.Peers;

/// <summary>The calls of SQLite that are used (sqlite3.h).</summary>
internal static unsafe partial class SqliteNative
{
    public const string Library = "sqlite3";

    public const int Ok = 0;
    public const int Row = 100;
    public const int Done = 101;

    public const int OpenReadWrite = 0x2;
    public const int OpenCreate = 0x4;
    /// <summary>No lock in a connection: each belongs to one thread.</summary>
    public const int OpenNoMutex = 0x8000;
    public const uint PreparePersistent = 1;

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sqlite3_open_v2(string path, nint* database, int flags, byte* fileSystem);

    [LibraryImport(Library)] public static partial int sqlite3_close_v2(nint database);
    [LibraryImport(Library)] public static partial byte* sqlite3_errmsg(nint database);
    [LibraryImport(Library)] public static partial int sqlite3_busy_timeout(nint database, int milliseconds);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sqlite3_exec(nint database, string statement, nint callback, nint argument, byte** error);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int sqlite3_prepare_v3(nint database, string text, int textBytes, uint flags, nint* statement, byte** rest);

    [LibraryImport(Library)] public static partial int sqlite3_step(nint statement);
    [LibraryImport(Library)] public static partial int sqlite3_reset(nint statement);
    [LibraryImport(Library)] public static partial int sqlite3_finalize(nint statement);

    /// <param name="statement">Of a connection.</param>
    /// <param name="index">From 1.</param>
    /// <param name="bytes">Must stay where it is until the statement is reset or bound anew.</param>
    /// <param name="length">In bytes.</param>
    /// <param name="free">0: the caller's own, not copied.</param>
    [LibraryImport(Library), SuppressGCTransition]
    public static partial int sqlite3_bind_blob(nint statement, int index, byte* bytes, int length, nint free);

    [LibraryImport(Library), SuppressGCTransition] public static partial byte* sqlite3_column_blob(nint statement, int column);
    [LibraryImport(Library), SuppressGCTransition] public static partial int sqlite3_column_bytes(nint statement, int column);
}
