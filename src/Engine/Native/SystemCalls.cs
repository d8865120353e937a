using Microsoft.Win32.SafeHandles;

namespace Varve.Native;

/// <summary>What a path names.</summary>
internal enum PathKind
{
    Nothing,

    /// <summary>A regular file, or anything else that is not a directory: to open it tells what it is.</summary>
    File,
    Directory,
}

/// <summary>How an attempt to lock a file ended.</summary>
internal enum LockOutcome
{
    Acquired,
    HeldByWriter,
    HeldByReaders,
    NoFile,
}

/// <summary>
/// The few system calls on files that .NET lacks or does not check (it swallows errors of <c>fsync</c>, knows no
/// <c>fdatasync</c>, no sync of a directory, no <c>O_DIRECT</c>). Every method throws <see cref="StorageException"/> with the
/// system's error number; calls cut short or interrupted go on by themselves. Safe for concurrent use.
/// </summary>
/// <remarks>Linux is verified by tests; macOS and Windows are written from their documentation and not verified.</remarks>
internal abstract class SystemCalls
{
    /// <summary>The calls of the system that this process runs on.</summary>
    public static SystemCalls Current { get; } =
        OperatingSystem.IsWindows() ? new WindowsSystemCalls()
        : OperatingSystem.IsMacOS() ? new MacSystemCalls()
        : new LinuxSystemCalls();

    /// <summary>Opens an existing file; not inherited by child processes, a symbolic link is refused.</summary>
    public abstract SafeFileHandle OpenExisting(string path, bool writable);

    /// <summary>Creates a file that does not exist yet (mode 0600), for reading and writing.</summary>
    public abstract SafeFileHandle CreateNew(string path);

    /// <summary>
    /// Makes a new, empty file bypass the page cache, and returns what offset, length and memory of its reads and writes
    /// must then be a multiple of; 1 when the file system cannot and the file stays as it was.
    /// </summary>
    public abstract int BypassPageCache(SafeFileHandle file, string path);

    /// <summary>
    /// Locks a file at once or not at all, exclusively (the file is created when missing) or shared (nothing is created).
    /// The lock lives as long as the handle. A second lock in the same process is refused like anybody else's.
    /// </summary>
    public abstract LockOutcome TryLock(string path, bool exclusive, out SafeFileHandle? handle);

    /// <summary>Reads until the destination is full or the file ends; returns the bytes read.</summary>
    public abstract int Read(SafeFileHandle file, string path, Span<byte> destination, long offset);

    /// <summary>Reads only what needs no wait for the device; returns the bytes read, 0 where the system cannot.</summary>
    public virtual int ReadCached(SafeFileHandle file, Span<byte> destination, long offset) => 0;

    /// <summary>Writes all bytes; after an exception any part of them may be in the file.</summary>
    public abstract void Write(SafeFileHandle file, string path, ReadOnlySpan<byte> source, long offset);

    public abstract long GetLength(SafeFileHandle file, string path);

    public abstract void SetLength(SafeFileHandle file, string path, long bytes);

    /// <summary>Takes disk space for the first bytes of a file and raises its length to them; never shortens it.</summary>
    public abstract void Allocate(SafeFileHandle file, string path, long bytes);

    /// <summary>Makes data and length durable.</summary>
    public abstract void Sync(SafeFileHandle file, string path);

    /// <summary>Turns read-ahead off. Advice: a system that does not take it is no error.</summary>
    public abstract void AdviseRandomReads(SafeFileHandle file);

    /// <summary>
    /// Maps the first bytes of a file, shared and kept in memory; 0 where the system cannot or refuses, and on file systems that take new
    /// space for bytes that were allocated before: a store that finds none ends the process.
    /// </summary>
    public virtual nint TryMap(SafeFileHandle file, int bytes) => 0;

    /// <summary>Makes mapped pages take stores; false when a store would fail.</summary>
    public virtual bool TryPopulate(nint address, int bytes) => false;

    /// <summary>Ends a mapping of <see cref="TryMap"/>.</summary>
    public virtual void Unmap(nint address, int bytes)
    {
    }

    /// <summary>What a path names; a symbolic link is itself (a file) or, when followed, what it leads to.</summary>
    public abstract PathKind GetKind(string path, bool followLinks);

    /// <summary>Creates one directory (mode 0700); no error when it is there already.</summary>
    public abstract void CreateDirectory(string path);

    /// <summary>Removes a file's name; no error when it is not there.</summary>
    public abstract void Delete(string path);

    /// <summary>Renames a file, replacing the target.</summary>
    public abstract void Rename(string from, string to);

    /// <summary>Gives an existing file a second name; an error when that name exists.</summary>
    public abstract void Link(string existing, string created);

    /// <summary>
    /// Makes the names in a directory durable; false when this process may not open the directory. A file system that has no such
    /// operation is taken at its word.
    /// </summary>
    public abstract bool TrySyncDirectory(string path);
}
