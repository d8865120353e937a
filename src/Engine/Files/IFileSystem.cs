namespace Varve.Files;

/// <summary>
/// The one way to the disk. Tests replace it by a simulated disk that loses, tears and reorders what was not synced, and
/// fails any call. Every method throws <see cref="StorageException"/> when the system refuses. Safe for concurrent use.
/// </summary>
internal interface IFileSystem
{
    /// <summary>Opens a file; descriptors are close-on-exec, symbolic links are not followed, new files get mode 0600.</summary>
    IFile Open(string path, FileOpening opening);

    bool FileExists(string path);

    bool DirectoryExists(string path);

    /// <summary>The names (without directory) of the files in a directory, in ordinal order.</summary>
    IReadOnlyList<string> ListFiles(string directory);

    /// <summary>Creates a directory (mode 0700) with all its missing ancestors, and syncs the parent of each one created.</summary>
    void CreateDirectory(string path);

    /// <summary>Removes a file's name; no error when it is not there.</summary>
    void Delete(string path);

    /// <summary>Renames, replacing the target. Durable only after <see cref="SyncDirectory"/>.</summary>
    void Rename(string from, string to);

    /// <summary>Gives an existing file a second name (hard link); fails when the new name exists.</summary>
    void Link(string existing, string created);

    /// <summary>Makes the directory's names durable: created, renamed and deleted files.</summary>
    void SyncDirectory(string path);

    /// <summary>Bytes that may still be written to the file system that holds the directory.</summary>
    long GetAvailableBytes(string directory);

    /// <summary>
    /// Locks a LOCK file at once or not at all: exclusive for writers (the file is created, and holds the owner's process id),
    /// shared for readers (nothing is created or written). The lock goes with the process; the file is never deleted.
    /// </summary>
    /// <exception cref="DatabaseLockedException">Somebody else holds it.</exception>
    IDisposable Lock(string path, bool exclusive);
}

internal enum FileOpening
{
    /// <summary>Must exist; reads only.</summary>
    Read,

    /// <summary>Must exist; reads and writes.</summary>
    ReadWrite,

    /// <summary>Must not exist; reads and writes.</summary>
    CreateNew,

    /// <summary>
    /// Must not exist; reads and writes past the page cache where the file system can (see <see cref="IFile.WriteAlignment"/>).
    /// </summary>
    CreateNewDirect,
}

/// <summary>An open file. Positions are explicit, so reads need no order; one writer at a time.</summary>
internal interface IFile : IDisposable
{
    string Path { get; }

    long Length { get; }

    /// <summary>
    /// What offset, length and memory of a write must be a multiple of: 1 for any, else the page cache is bypassed.
    /// The last write is padded and the length set afterwards.
    /// </summary>
    int WriteAlignment { get; }

    /// <summary>Reads until the destination is full or the file ends; returns the bytes read.</summary>
    int Read(Span<byte> destination, long offset);

    /// <summary>
    /// Reads what the system has in memory, without waiting for the device; returns the bytes read, 0 also where the system does not tell.
    /// </summary>
    int ReadCached(Span<byte> destination, long offset) => 0;

    /// <summary>Writes all bytes. After an exception any part of them may be in the file.</summary>
    void Write(ReadOnlySpan<byte> source, long offset);

    /// <summary>
    /// Makes data and length durable (<c>fdatasync</c>). After a failure nothing may be concluded, and it is not tried again.
    /// </summary>
    void Sync();

    void SetLength(long bytes);

    /// <summary>Takes disk space for the first <paramref name="bytes"/> bytes, raising the length to it; new bytes read as zero.</summary>
    void Allocate(long bytes);

    /// <summary>
    /// Maps the first bytes of a file that has them all on disk. Null where the system cannot, refuses, or cannot promise that stores into
    /// allocated bytes need no new space.
    /// </summary>
    IFileMapping? TryMap(int bytes) => null;

    /// <summary>Tells the system that reads will be at random places, so that it does not read ahead.</summary>
    void AdviseRandomReads();
}
