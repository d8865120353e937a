using Varve.Diagnostics;
using Varve.Files;
using Varve.Levels;
using Varve.Log;
using Varve.Runtime;

namespace Varve.Maintenance;

/// <summary>
/// Makes a directory that opens as a database: tables first, then a manifest, CURRENT last. A directory without CURRENT is no database,
/// and no open takes it for one.
/// </summary>
internal static class NewDirectory
{
    /// <param name="files">The way to the disk.</param>
    /// <param name="directory">Full path; created, and empty where it exists.</param>
    /// <param name="state">What the manifest is to say.</param>
    /// <param name="random">Where the manifest's salt comes from.</param>
    /// <param name="bringTables">Given the path of each table, before it makes the file: what fails later deletes it.</param>
    /// <param name="cancellation">Asked before the manifest is written.</param>
    public static void Make(
        IFileSystem files,
        string directory,
        ManifestState state,
        RandomSource random,
        Action<List<string>> bringTables,
        CancellationToken cancellation)
    {
        files.CreateDirectory(directory);
        ThrowIfNotEmpty(files, directory);

        // Before anything else, so that whoever opens the directory meanwhile does not begin a database in it.
        using IDisposable held = files.Lock(Path.Combine(directory, FileNames.Lock), exclusive: true);
        ThrowIfNotEmpty(files, directory);
        var made = new List<string>();
        try
        {
            bringTables(made);
            cancellation.ThrowIfCancellationRequested();
            using var manifest = new ManifestWriter(files, directory, state, random);
            manifest.Append(new LevelEdit());
        }
        catch
        {
            Delete(files, directory, made);
            throw;
        }
    }

    /// <summary>
    /// The state of a copy at a sequence: no log, and no clean end. The first open finds nothing to replay, and its sequences go on far
    /// above, so that the two databases do not give one number to different content soon. Its feed begins here: the log of what was before
    /// is not taken along. Its time goes on from the mark of the original's clock: what had expired there stays so.
    /// </summary>
    public static ManifestState StateOf(ManifestState state, ulong sequence, long clockMark)
    {
        LevelEdit edit = state.ToEdit();
        edit.LogEra = null;
        edit.LogPast = new LogPast(sequence, []);
        edit.CleanEnd = null;
        edit.FlushedSequence = sequence;
        edit.SequenceBound = Math.Max(state.SequenceBound, sequence);
        edit.ClockMarkMilliseconds = Math.Max(state.ClockMarkMilliseconds, clockMark);
        var copy = new ManifestState(state.DatabaseId);
        bool fits = copy.TryApply(edit, out string? problem);
        Invariant.Holds(fits, problem);
        return copy;
    }

    private static void ThrowIfNotEmpty(IFileSystem files, string directory)
    {
        foreach (string name in files.ListFiles(directory))
        {
            if (name == FileNames.Lock) continue;
            throw new IOException($"The directory '{directory}' for a copy of the database is not empty: it holds '{name}'.");
        }
    }

    /// <summary>What a failed copy has made; CURRENT first, so that what is left of it is no database.</summary>
    private static void Delete(IFileSystem files, string directory, List<string> made)
    {
        try
        {
            files.Delete(Path.Combine(directory, FileNames.Current));
            files.SyncDirectory(directory);
            files.Delete(Path.Combine(directory, FileNames.CurrentTemporary));
            foreach (string name in files.ListFiles(directory))
            {
                if (FileNames.TryParseManifest(name, out _)) made.Add(Path.Combine(directory, name));
            }

            foreach (string path in made) files.Delete(path);
        }
        catch (StorageException)
        {
            // The copy's own failure is the one to report. Without CURRENT nobody takes what is left for a database.
        }
    }
}
