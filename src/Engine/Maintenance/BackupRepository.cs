using Varve.Files;
using Varve.Maintenance;
using Varve.Runtime;

namespace Varve;

/// <summary>
/// A directory of backups of one database, made by <see cref="Database.Backup"/>: versions that share the tables they have in common. See
/// docs/recovery-tools.md.
/// </summary>
/// <remarks>Needs no open database. Safe for concurrent use; while one changes the directory, another call is refused.</remarks>
public static class BackupRepository
{
    /// <summary>The versions, the oldest first. Those that cannot be read are left out; <see cref="Verify"/> names them.</summary>
    /// <param name="backupDirectory">The backup directory.</param>
    /// <exception cref="DirectoryNotFoundException">It is not there.</exception>
    /// <exception cref="DatabaseLockedException">A backup is being made, or pruned.</exception>
    /// <exception cref="StorageException">The system refused a call.</exception>
    public static IReadOnlyList<BackupVersion> List(string backupDirectory) => Of(backupDirectory).List();

    /// <summary>Reads every byte that any version needs and compares it with the checksums it was backed up with.</summary>
    /// <param name="backupDirectory">The backup directory.</param>
    /// <param name="progress">Told after each table.</param>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="DirectoryNotFoundException">It is not there.</exception>
    /// <exception cref="DatabaseLockedException">A backup is being made, or pruned.</exception>
    /// <exception cref="StorageException">The system refused a call.</exception>
    public static BackupVerifyReport Verify(
        string backupDirectory, IProgress<BackupProgress>? progress = null, CancellationToken cancellation = default) =>
        Of(backupDirectory).Verify(progress, cancellation);

    /// <summary>Makes a new database directory of a version. Every byte is checked as it is read, and read back once written.</summary>
    /// <param name="backupDirectory">The backup directory.</param>
    /// <param name="newDirectory">Is created; must be empty where it exists.</param>
    /// <param name="version">The version's number; null: the newest.</param>
    /// <param name="progress">Told after each table.</param>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>; what was made is deleted then.</param>
    /// <returns>What was restored.</returns>
    /// <exception cref="ArgumentException">There is no such version.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no backup.</exception>
    /// <exception cref="IOException">The new directory is not empty.</exception>
    /// <exception cref="CorruptDataException">The version is damaged; what was made is deleted. An older one may be whole.</exception>
    /// <exception cref="DatabaseLockedException">A backup is being made, or pruned.</exception>
    /// <exception cref="StorageException">The system refused a call; what was made is deleted.</exception>
    public static BackupVersion Restore(
        string backupDirectory,
        string newDirectory,
        long? version = null,
        IProgress<BackupProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(newDirectory);
        return Of(backupDirectory).Restore(Path.GetFullPath(newDirectory), version, RandomSource.System, progress, cancellation);
    }

    /// <summary>Removes all versions but the newest, and the tables that only they needed.</summary>
    /// <param name="backupDirectory">The backup directory.</param>
    /// <param name="keep">How many versions stay, at least 1.</param>
    /// <exception cref="CorruptDataException">A version that is to stay cannot be read, nor what it needs: nothing was removed.</exception>
    /// <exception cref="DirectoryNotFoundException">The directory is not there.</exception>
    /// <exception cref="IOException">It is the directory of a database.</exception>
    /// <exception cref="DatabaseLockedException">A backup is being made, restored or read.</exception>
    /// <exception cref="StorageException">The system refused a call; the versions that stay are whole. Call it again.</exception>
    public static BackupPruneReport Prune(string backupDirectory, int keep)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(keep, 1);
        return Of(backupDirectory).Prune(keep);
    }

    private static BackupStore Of(string backupDirectory)
    {
        ArgumentException.ThrowIfNullOrEmpty(backupDirectory);
        return new BackupStore(LocalFileSystem.Instance, Path.GetFullPath(backupDirectory));
    }
}
