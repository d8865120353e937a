using System.Buffers.Text;
using Microsoft.Win32.SafeHandles;
using Varve.Native;

namespace Varve.Files;

/// <summary>
/// A held LOCK file: the system's own lock on an open descriptor, so it goes with the process however that ends. The file is
/// never deleted: a lock on a file without a name would keep nobody out.
/// </summary>
internal sealed class DirectoryLock : IDisposable
{
    private const int OwnerBytesMax = 11;

    private readonly SafeFileHandle? _handle;

    /// <param name="handle">Null for a reader of a directory that has no LOCK file: no writer was ever there, nothing is held.</param>
    private DirectoryLock(SafeFileHandle? handle) => _handle = handle;

    public void Dispose() => _handle?.Dispose();

    internal static DirectoryLock Acquire(SystemCalls system, string path, bool exclusive)
    {
        switch (system.TryLock(path, exclusive, out SafeFileHandle? handle))
        {
            case LockOutcome.NoFile:
                return new DirectoryLock(null);
            case LockOutcome.Acquired:
                if (exclusive) WriteOwner(system, handle!, path);
                return new DirectoryLock(handle);
            case LockOutcome.HeldByWriter:
                throw new DatabaseLockedException(DirectoryOf(path), ReadOwner(system, path));
            default:
                // Readers write nothing, so the file names a writer that has gone.
                throw new DatabaseLockedException(DirectoryOf(path), ownerProcessId: 0);
        }
    }

    // owner := decimal process id | '\n'
    private static void WriteOwner(SystemCalls system, SafeFileHandle handle, string path)
    {
        Span<byte> owner = stackalloc byte[OwnerBytesMax];
        Utf8Formatter.TryFormat(Environment.ProcessId, owner, out int digits);
        owner[digits] = (byte)'\n';
        try
        {
            // Cut last: on a full disk the block that is there already can be written, and what follows the line end is not read.
            system.Write(handle, path, owner[..(digits + 1)], 0);
            system.SetLength(handle, path, digits + 1);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>The process id in the file; 0 when it is not there (the owner may be just about to write it).</summary>
    private static int ReadOwner(SystemCalls system, string path)
    {
        Span<byte> owner = stackalloc byte[OwnerBytesMax];
        using SafeFileHandle handle = system.OpenExisting(path, writable: false);
        int read = system.Read(handle, path, owner, 0);
        bool isNumber = Utf8Parser.TryParse(owner[..read], out int processId, out int digits);
        bool isWhole = isNumber && digits < read && owner[digits] == (byte)'\n';
        return isWhole ? processId : 0;
    }

    private static string DirectoryOf(string path) => Path.GetDirectoryName(path) ?? path;
}
