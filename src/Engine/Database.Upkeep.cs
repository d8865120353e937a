using Varve.Commit;
using Varve.Compaction;
using Varve.Maintenance;

namespace Varve;

// What the database does by itself, asked for now; and figures.
public sealed partial class Database
{
    /// <summary>
    /// How far compaction is behind, 0 to 1. Writes slow smoothly from 0 on: to the pace of compaction at one half, to a stop at
    /// 1.
    /// </summary>
    public double WritePressure => _store.Pacer?.Pressure ?? 0;

    /// <summary>Writes the memtable's entries to a table and returns when it is durable. Never needed: upkeep is automatic.</summary>
    /// <exception cref="StorageException">The system refused; it will be tried again.</exception>
    public void Flush()
    {
        ThrowIfClosed();
        ulong sequence = LatestSequence;
        Exception? failureBefore = UpkeepParts.FlushFailure;
        Commit.Run(CommitKind.Rotate);
        UpkeepParts.WaitForFlushed(sequence, failureBefore);
    }

    /// <summary>Brings everything written so far to the bottom level: the smallest on disk, the fastest to read. Never needed.</summary>
    /// <param name="cancellation">Ends the wait; what has been compacted stays so.</param>
    /// <exception cref="StorageException">The system refused; it will be tried again.</exception>
    /// <exception cref="CorruptDataException">A table that is to be compacted is damaged.</exception>
    public void Compact(CancellationToken cancellation = default)
    {
        Flush();
        UpkeepParts.Compact(LatestSequence, cancellation);
    }

    /// <summary>
    /// Returns when no memtable waits for its flush and no level for compaction: the state a calm database comes to by itself.
    /// </summary>
    /// <exception cref="StorageException">The system refuses the work.</exception>
    public void WaitForUpkeep()
    {
        ThrowIfClosed();
        UpkeepParts.WaitUntilDone();
    }

    /// <summary>
    /// Gives memory that lies ready for reuse back to the system at once; it goes back by itself after a minute of idleness.
    /// </summary>
    public void Trim()
    {
        ThrowIfClosed();
        _store.Setup.Pool.Trim(TimeSpan.Zero);
    }

    /// <summary>Figures of this moment.</summary>
    public DatabaseStatistics GetStatistics()
    {
        ThrowIfClosed();
        return StatisticsReader.Read(_store);
    }

    /// <summary>Whether all is well at this moment: cheap enough to be asked each second.</summary>
    public DatabaseHealth GetHealth()
    {
        ThrowIfClosed();
        Exception? stopCause = _store.Commit?.StopCause;
        return new DatabaseHealth
        {
            IsWritable = _store.Commit is not null && stopCause is null,
            WriteStopCause = stopCause,
            UpkeepFailure = _store.Upkeep?.LastFailure,
            WritePressure = WritePressure,
            Damages = _store.Events.GetDamages(),
        };
    }

    /// <summary>
    /// Reads every byte of every table and checks checksums, order and counts; and CURRENT, the manifest, and what of the log is in no
    /// table yet. Reads and writes go on beside it. For a database that is not open see <see cref="DatabaseInspector"/>.
    /// </summary>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>.</param>
    /// <returns>What was checked, and every damage found.</returns>
    public VerifyReport Verify(IProgress<VerifyProgress>? progress = null, CancellationToken cancellation = default)
    {
        ThrowIfClosed();
        return Verification.Run(_store, progress, cancellation);
    }

    /// <summary>
    /// Makes a second directory that opens as this database at one moment: the same maps and the same id. Takes no room and hardly any time
    /// on the same file system, where tables are hard links; elsewhere they are copied and checked. Reads and writes go on beside it.
    /// </summary>
    /// <param name="directory">Is created; must be empty where it exists.</param>
    /// <param name="progress">Told after each table.</param>
    /// <param name="cancellation">Asked before each table; what was made is deleted then.</param>
    /// <returns>The sequence of the moment: every write acknowledged before the call is in it.</returns>
    /// <exception cref="IOException">The directory is not empty.</exception>
    /// <exception cref="StorageException">The system refused; what was made is deleted.</exception>
    /// <exception cref="CorruptDataException">A table that had to be copied is damaged.</exception>
    /// <exception cref="DatabaseReadOnlyException">The database takes no writes: what is in memory cannot go to tables.</exception>
    public ulong Checkpoint(
        string directory, IProgress<CheckpointProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        cancellation.ThrowIfCancellationRequested();
        ThrowIfClosed();
        ulong sequence = LatestSequence;
        Flush();
        return CheckpointJob.Run(_store, sequence, Path.GetFullPath(directory), progress, cancellation);
    }

    /// <summary>
    /// Adds a version to a backup directory: this database at one moment. Only tables that no earlier version has are copied, each checked
    /// as it is read and read back once it is written. Reads and writes go on beside it. See <see cref="BackupRepository"/>.
    /// </summary>
    /// <param name="backupDirectory">Is created; holds backups of this database only. Best on another disk.</param>
    /// <param name="progress">Told after each table.</param>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>; the next backup goes on from there.</param>
    /// <returns>The version: every write acknowledged before the call is in it.</returns>
    /// <exception cref="IOException">The directory holds backups of another database, or a database.</exception>
    /// <exception cref="DatabaseLockedException">Another backup is being made there, or versions are being read or pruned.</exception>
    /// <exception cref="CorruptDataException">A table is damaged; no version was made.</exception>
    /// <exception cref="StorageException">The system refused; no version was made. The next backup goes on with what is copied.</exception>
    /// <exception cref="DatabaseReadOnlyException">The database takes no writes: what is in memory cannot go to tables.</exception>
    public BackupResult Backup(
        string backupDirectory, IProgress<BackupProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(backupDirectory);
        cancellation.ThrowIfCancellationRequested();
        ThrowIfClosed();
        ulong sequence = LatestSequence;
        Flush();
        return new BackupStore(_store.Setup.Files, Path.GetFullPath(backupDirectory)).Add(_store, sequence, progress, cancellation);
    }

    private Upkeep UpkeepParts => _store.Upkeep
        ?? throw new DatabaseReadOnlyException($"The database in '{Directory}' was opened for reading only.");
}
