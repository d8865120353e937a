namespace Varve;

/// <summary>A call to the operating system failed: disk full, no descriptor left, an I/O error, a missing right.</summary>
/// <remarks>Reads of data that does not touch the failed file go on. Safe to read from any thread.</remarks>
public sealed class StorageException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="operation">The call that failed, as the system names it: <c>pwrite</c>, <c>fdatasync</c>, <c>rename</c>.</param>
    /// <param name="path">The file or directory it was made on.</param>
    /// <param name="errorCode">The system's error number (<c>errno</c> on Unix, the Win32 code on Windows).</param>
    /// <param name="reason">The system's own words for it.</param>
    public StorageException(string operation, string path, int errorCode, string reason)
        : base($"{operation} failed on '{path}': {reason} (error {errorCode}).")
    {
        Operation = operation;
        Path = path;
        ErrorCode = errorCode;
    }

    /// <summary>The call that failed, as the system names it.</summary>
    public string Operation { get; }

    /// <summary>The file or directory the call was made on.</summary>
    public string Path { get; }

    /// <summary>The system's error number.</summary>
    public int ErrorCode { get; }
}

/// <summary>
/// A file of the database holds bytes that cannot be right: a checksum, an order or a length is wrong, or a file is missing.
/// </summary>
public sealed class CorruptDataException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="path">The damaged file.</param>
    /// <param name="offset">Where in the file, in bytes; 0 when the whole file is meant.</param>
    /// <param name="detail">What was found and what was expected.</param>
    public CorruptDataException(string path, long offset, string detail)
        : base($"'{path}' is damaged at offset {offset}: {detail}")
    {
        Path = path;
        Offset = offset;
        Detail = detail;
    }

    /// <summary>The damaged file.</summary>
    public string Path { get; }

    /// <summary>Where in the file, in bytes.</summary>
    public long Offset { get; }

    /// <summary>What was found and what was expected.</summary>
    public string Detail { get; }
}

/// <summary>Another process, or another <c>Database</c> in this one, has the directory open.</summary>
public sealed class DatabaseLockedException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="directory">The database's directory.</param>
    /// <param name="ownerProcessId">The owner's process id; 0 when it is not known.</param>
    public DatabaseLockedException(string directory, int ownerProcessId)
        : base(ownerProcessId > 0
            ? $"The database in '{directory}' is open in process {ownerProcessId}. Close it there first."
            : $"The database in '{directory}' is open in another process. Close it there first.")
    {
        Directory = directory;
        OwnerProcessId = ownerProcessId;
    }

    /// <summary>The database's directory.</summary>
    public string Directory { get; }

    /// <summary>The owner's process id; 0 when it is not known.</summary>
    public int OwnerProcessId { get; }
}

/// <summary>
/// The write was logged, but its sync failed: after the next open it may exist or not. Or it was sent to the process that has the database
/// open, and nothing came back.
/// </summary>
/// <remarks>
/// After a failed sync the database takes no further writes until it is opened again. Reads go on and do not show the write.
/// </remarks>
public sealed class CommitOutcomeUnknownException : IOException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="cause">The failed call.</param>
    public CommitOutcomeUnknownException(Exception cause)
        : base("The write was logged but could not be synced, so it may or may not exist after the next open: " + cause.Message, cause)
    {
    }

    internal CommitOutcomeUnknownException(string message, Exception? cause)
        : base(message, cause)
    {
    }
}

/// <summary>
/// The reader of a change feed fell behind: what follows its position was in parts of the log that are not kept any more.
/// </summary>
/// <remarks>
/// Read the data anew (from a snapshot, whose sequence is the position to go on from), or go on from <see cref="OldestSequence"/> and miss
/// what was between. <c>DatabaseOptions.ChangeHistoryBytes</c> says how much is kept.
/// </remarks>
public sealed class ChangeHistoryLostException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="afterSequence">The position asked for.</param>
    /// <param name="oldestSequence">The lowest position from which everything that follows is still there.</param>
    /// <param name="cause">The damage that ended the history; null when it was recycled.</param>
    public ChangeHistoryLostException(ulong afterSequence, ulong oldestSequence, Exception? cause = null)
        : base(
            $"The changes behind sequence {afterSequence} are not kept any more; the oldest position to follow is {oldestSequence}. "
            + "DatabaseOptions.ChangeHistoryBytes says how much is kept." + (cause is null ? "" : " " + cause.Message),
            cause)
    {
        AfterSequence = afterSequence;
        OldestSequence = oldestSequence;
    }

    /// <summary>The position asked for.</summary>
    public ulong AfterSequence { get; }

    /// <summary>The lowest position from which everything that follows is still there.</summary>
    public ulong OldestSequence { get; }
}

/// <summary>
/// The database takes no writes: it was opened read-only, or a failed sync or a broken invariant stopped writing until it is
/// opened again.
/// </summary>
public sealed class DatabaseReadOnlyException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="reason">Why no writes are taken.</param>
    /// <param name="cause">What stopped writing; null when the database was opened read-only.</param>
    public DatabaseReadOnlyException(string reason, Exception? cause = null)
        : base(reason, cause)
    {
    }
}

/// <summary>A write names a map that was dropped after its handle was taken. Nothing of the write happened.</summary>
/// <remarks><c>Database.GetMap</c> gives a new, empty map of the same name.</remarks>
public sealed class MapDroppedException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="mapName">The name that the map had.</param>
    public MapDroppedException(string mapName)
        : base($"The map '{mapName}' was dropped; nothing can be written through this handle. Get the map by its name anew.")
    {
        MapName = mapName;
    }

    /// <summary>The name that the map had.</summary>
    public string MapName { get; }
}

/// <summary>Too much of the memory budget is pinned by leases, cursors and snapshots, or native memory ran out.</summary>
public sealed class MemoryBudgetException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What was asked for, what is left, and the option that sets the bound.</param>
    public MemoryBudgetException(string message)
        : base(message)
    {
    }
}

/// <summary>
/// A bug in the engine: something that always holds did not. The database stops taking writes; what is on disk stays as it is.
/// </summary>
public sealed class InvariantViolatedException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">The condition that did not hold.</param>
    public InvariantViolatedException(string message)
        : base(message)
    {
    }
}
