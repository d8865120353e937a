using Varve.Files;
using Varve.Levels;
using Varve.Recovery;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>
/// Makes a second directory that opens as the database at one sequence: its tables, by hard links, and a manifest of its own.
/// </summary>
/// <remarks>
/// The log is not taken along. Tables hold everything up to the flushed sequence and nothing above it, at any time: memtables are frozen
/// between two commits and flushed in order. So the level map and the manifest's state of one moment are the database at that sequence.
/// </remarks>
internal static class CheckpointJob
{
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
        LevelMap levels = store.Levels.Pin(out ManifestState state);
        try
        {
            sequence = Math.Max(sequence, state.FlushedSequence);
            NewDirectory.Make(
                store.Setup.Files,
                directory,
                NewDirectory.StateOf(state, sequence, store.Clock.Mark),
                store.Setup.Random,
                made => BringTables(store.Setup.Files, levels, directory, made, progress, cancellation),
                cancellation);
            return sequence;
        }
        finally
        {
            levels.Release();
        }
    }

    private static void BringTables(
        IFileSystem files, LevelMap levels, string directory, List<string> made, IProgress<CheckpointProgress>? progress,
        CancellationToken cancellation)
    {
        bool links = true;
        long bytes = 0;
        for (int level = 0; level < LevelMap.LevelCount; level++)
        {
            foreach (Table table in levels.Tables(level).ToArray())
            {
                cancellation.ThrowIfCancellationRequested();
                string target = Path.Combine(directory, FileNames.Table(table.Info.Number));
                made.Add(target);
                links = links && HardLink.TryMake(files, table.FilePath, target);
                if (!links) TableCopy.Run(files, table.FilePath, target, table.Info, cancellation);
                bytes += table.Info.FileBytes;
                progress?.Report(new CheckpointProgress(bytes, levels.FileBytes));
            }
        }
    }
}
