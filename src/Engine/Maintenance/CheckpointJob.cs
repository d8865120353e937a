using Varve.Bytes;
using Varve.Diagnostics;
using Varve.Files;
using Varve.Levels;
using Varve.Log;
using Varve.Native;
using Varve.Recovery;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>
/// Makes a second directory that opens as the database at one sequence: its tables, by hard links, and a manifest of its own.
/// </summary>
/// <remarks>
/// The log is not taken along. Tables hold everything up to the flushed sequence and nothing above it, at any time: memtables are frozen
/// between two commits and flushed in order. So the level map and the manifest's state of one moment are the database at that sequence.
/// CURRENT comes last: a directory without it is no database, and no open takes it for one.
/// </remarks>
internal static class CheckpointJob
{
    private const int CopyBytes = 1 << 20;

    /// <param name="store">The open store.</param>
    /// <param name="sequence">
    /// What was visible before the last flush: an ingest that failed may have taken it, so that no flush reaches it.
    /// </param>
    /// <param name="directory">Full path.</param>
    /// <param name="progress">Told after each table.</param>
    /// <param name="cancellation">Asked before each table.</param>
    /// <returns>The sequence that the checkpoint shows.</returns>
    public static ulong Run(
        Store store, ulong sequence, string directory, IProgress<CheckpointProgress>? progress, CancellationToken cancellation)
    {
        IFileSystem files = store.Setup.Files;
        LevelMap levels = store.Levels.Pin(out ManifestState state);
        try
        {
            sequence = Math.Max(sequence, state.FlushedSequence);
            files.CreateDirectory(directory);
            ThrowIfNotEmpty(files, directory);

            // Before anything else, so that whoever opens the directory meanwhile does not begin a database in it.
            using IDisposable held = files.Lock(Path.Combine(directory, FileNames.Lock), exclusive: true);
            ThrowIfNotEmpty(files, directory);
            var made = new List<string>();
            try
            {
                BringTables(store, levels, directory, made, progress, cancellation);
                cancellation.ThrowIfCancellationRequested();
                using var manifest = new ManifestWriter(files, directory, StateOf(state, sequence), store.Setup.Random);
                manifest.Append(new LevelEdit());
            }
            catch
            {
                Delete(files, directory, made);
                throw;
            }

            return sequence;
        }
        finally
        {
            levels.Release();
        }
    }

    /// <summary>
    /// No log, and no clean end: the first open finds nothing to replay, and its sequences go on far above, so that the two databases do
    /// not give one number to different content soon. Its feed begins here: the log of what was before is not taken along.
    /// </summary>
    private static ManifestState StateOf(ManifestState state, ulong sequence)
    {
        LevelEdit edit = state.ToEdit();
        edit.LogEra = null;
        edit.LogPast = new LogPast(sequence, []);
        edit.CleanEnd = null;
        edit.FlushedSequence = sequence;
        edit.SequenceBound = Math.Max(state.SequenceBound, sequence);
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
            throw new IOException($"The directory '{directory}' for a checkpoint is not empty: it holds '{name}'.");
        }
    }

    private static void BringTables(
        Store store, LevelMap levels, string directory, List<string> made, IProgress<CheckpointProgress>? progress,
        CancellationToken cancellation)
    {
        IFileSystem files = store.Setup.Files;
        bool links = true;
        long bytes = 0;
        for (int level = 0; level < LevelMap.LevelCount; level++)
        {
            foreach (Table table in levels.Tables(level).ToArray())
            {
                cancellation.ThrowIfCancellationRequested();
                string target = Path.Combine(directory, FileNames.Table(table.Info.Number));
                made.Add(target);
                links = links && TryLink(files, table.FilePath, target);
                if (!links) Copy(files, table, target, cancellation);
                bytes += table.Info.FileBytes;
                progress?.Report(new CheckpointProgress(bytes, levels.FileBytes));
            }
        }
    }

    private static bool TryLink(IFileSystem files, string source, string target)
    {
        try
        {
            files.Link(source, target);
            return true;
        }
        catch (StorageException failure) when (ErrorNumbers.IsLinkRefusal(failure))
        {
            return false;
        }
    }

    /// <summary>A copy is checked as a whole: damage is not carried along unnoticed.</summary>
    private static void Copy(IFileSystem files, Table table, string target, CancellationToken cancellation)
    {
        using var buffer = new NativeBuffer(CopyBytes);
        using IFile source = files.Open(table.FilePath, FileOpening.Read);
        using IFile copy = files.Open(target, FileOpening.CreateNew);
        uint checksum = 0;
        long offset = 0;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            Span<byte> piece = buffer.Span[..source.Read(buffer.Span[..CopyBytes], offset)];
            if (piece.IsEmpty) break;
            checksum = Crc32C.Append(checksum, piece);
            copy.Write(piece, offset);
            offset += piece.Length;
        }

        if (offset != table.Info.FileBytes || checksum != table.Info.FileChecksum)
        {
            throw new CorruptDataException(
                table.FilePath,
                0,
                $"{offset} bytes, checksum {checksum:x8}; the manifest says {table.Info.FileBytes}, {table.Info.FileChecksum:x8}");
        }

        copy.Sync();
    }

    /// <summary>What a failed checkpoint has made; CURRENT first, so that what is left of it is no database.</summary>
    private static void Delete(IFileSystem files, string directory, List<string> made)
    {
        try
        {
            files.Delete(Path.Combine(directory, FileNames.Current));
            files.Delete(Path.Combine(directory, FileNames.CurrentTemporary));
            foreach (string name in files.ListFiles(directory))
            {
                if (FileNames.TryParseManifest(name, out _)) made.Add(Path.Combine(directory, name));
            }

            foreach (string path in made) files.Delete(path);
        }
        catch (StorageException)
        {
            // The checkpoint's own failure is the one to report. Without CURRENT nobody takes what is left for a database.
        }
    }
}
