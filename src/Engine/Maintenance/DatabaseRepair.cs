using Varve.Files;
using Varve.Maintenance;
using Varve.Runtime;

namespace Varve;

/// <summary>Makes a database that is damaged one that opens, out of everything that can still be read.</summary>
/// <remarks>
/// Never deletes: what is replaced goes to a folder <c>damaged-NNNN</c> below the directory. A repair that ends early has changed nothing
/// and can be run again. Copy the directory first where there is room. See docs/recovery-tools.md.
/// </remarks>
public static class DatabaseRepair
{
    /// <summary>
    /// Reads every file and, where something is wrong, writes a manifest of what is left: sound tables as they are, the readable entries of
    /// damaged ones, every whole batch of a damaged log. A sound database is left as it is.
    /// </summary>
    /// <param name="directory">The database's directory; nobody may have it open.</param>
    /// <param name="options">Default: the repair is done.</param>
    /// <param name="progress">Told how far the reading is.</param>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>; nothing has changed then.</param>
    /// <returns>What was found, done and lost.</returns>
    /// <exception cref="DirectoryNotFoundException">There is no database.</exception>
    /// <exception cref="DatabaseLockedException">A process has it open.</exception>
    /// <exception cref="CorruptDataException">Not one file tells whose database it was: there is nothing to make one of.</exception>
    /// <exception cref="StorageException">
    /// The system refused a call, say a read of a bad sector: the database is as it was, or, where the very last step was refused, the
    /// repaired one. Bring the files to a sound disk first, and run it again.
    /// </exception>
    public static RepairReport Run(
        string directory,
        RepairOptions? options = null,
        IProgress<VerifyProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        return Run(LocalFileSystem.Instance, RandomSource.System, Path.GetFullPath(directory), options, progress, cancellation);
    }

    internal static RepairReport Run(
        IFileSystem files,
        RandomSource random,
        string directory,
        RepairOptions? options = null,
        IProgress<VerifyProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        if (!files.DirectoryExists(directory)) throw new DirectoryNotFoundException($"There is no directory '{directory}'.");
        bool isDryRun = options?.DryRun ?? false;
        ThrowIfNoDatabase(files, directory);
        using IDisposable held = files.Lock(Path.Combine(directory, FileNames.Lock), exclusive: !isDryRun);
        var verification = new DirectoryVerification(files, directory, progress, cancellation);
        DirectoryVerifyReport found = verification.Run();
        return new RepairJob(files, random, directory, isDryRun, cancellation).Run(verification, found);
    }

    /// <summary>Before the directory is locked: the lock would leave a file in somebody else's.</summary>
    private static void ThrowIfNoDatabase(IFileSystem files, string directory)
    {
        foreach (string name in files.ListFiles(directory))
        {
            if (name == FileNames.Current || FileNames.TryParseTable(name, out _) || FileNames.TryParseLogSlot(name, out _)) return;
        }

        throw new DirectoryNotFoundException($"There is no database in '{directory}'.");
    }
}
