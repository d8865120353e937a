using Varve.Files;
using Varve.Maintenance;

namespace Varve;

/// <summary>
/// Looks into the files of a database one by one: without opening it, without its lock, changing nothing, and as far as damaged ones can
/// be read. For people who want to know what is there; a program that wants data opens the database.
/// </summary>
/// <remarks>
/// Safe for concurrent use. Files of a database that is open meanwhile may change or go while they are read; what is shown then is of
/// different moments. Content never makes these methods throw: what is wrong stands in the problems, of which each file has 1,000 at most.
/// </remarks>
public static class DatabaseInspector
{
    /// <summary>All files of a directory, by name, header and manifest; tables and log segments are not read as a whole.</summary>
    /// <param name="directory">The database's directory.</param>
    /// <exception cref="DirectoryNotFoundException">It is not there.</exception>
    /// <exception cref="StorageException">The system refused a call.</exception>
    public static DirectoryInspection InspectDirectory(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        return new DirectoryInspector(LocalFileSystem.Instance, Path.GetFullPath(directory)).Run();
    }

    /// <summary>The edits of a manifest and what they come to.</summary>
    /// <param name="path">A file <c>MANIFEST-NNNNNN</c>.</param>
    /// <exception cref="StorageException">The system refused a call.</exception>
    public static ManifestInspection InspectManifest(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return ManifestInspector.Run(LocalFileSystem.Instance, path);
    }

    /// <summary>The frames of a log slot. Memory: a batch at a time.</summary>
    /// <param name="path">A file <c>NNNN.log</c>.</param>
    /// <param name="onFrame">Given each whole frame, in order.</param>
    /// <param name="onEntry">Given each operation of each batch that is in this file as a whole.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="StorageException">The system refused a call.</exception>
    public static LogInspection InspectLog(
        string path,
        Action<LogFrameInspection>? onFrame = null,
        InspectedEntryAction? onEntry = null,
        CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new LogInspector(path, onFrame, onEntry).Run(LocalFileSystem.Instance, cancellation);
    }

    /// <summary>
    /// The blocks of a table, each checked, values in blocks of their own included. Memory: a block and a value at a time.
    /// </summary>
    /// <param name="path">A file <c>NNNNNN.table</c>.</param>
    /// <param name="onEntry">Given each entry of each sound block, in order.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="StorageException">The system refused a call.</exception>
    public static TableInspection InspectTable(
        string path, InspectedEntryAction? onEntry = null, CancellationToken cancellation = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var inspector = new TableInspector(LocalFileSystem.Instance, path, onEntry);
        return inspector.Run(cancellation);
    }
}
