using Varve.Levels;
using Varve.Log;

namespace Varve.Recovery;

/// <summary>
/// What tells that a manifest has lost its end: such a one reads like that of a database that never got further. An open and a
/// verification ask the same.
/// </summary>
internal static class LostEdits
{
    /// <summary>
    /// What to say of a table that has no file. It names the manifest too: one that lost its end names tables that were rightly deleted
    /// since.
    /// </summary>
    public static string DescribeMissing(LeveledTable table, ManifestState state)
    {
        (string manifest, long end) = state.ReadUpTo!.Value;
        return $"the file is missing; the manifest '{manifest}', read up to byte {end}, has it on level {table.Level}";
    }

    /// <summary>
    /// Nothing is logged between the marks of an ingest and the manifest's edit that installs its tables: where the log says that the marks
    /// are durable, and the manifest has no such edit, the manifest has lost its end.
    /// </summary>
    /// <param name="ingestSequence">Of the last ingest that the log has above what the manifest states as flushed; 0: none.</param>
    /// <param name="log">What recovery has read.</param>
    /// <param name="state">The manifest's.</param>
    /// <returns>The damage; null when there is none.</returns>
    public static CorruptDataException? FindLostIngest(ulong ingestSequence, LogRecoveryResult log, ManifestState state)
    {
        if (ingestSequence == 0 || log.DurableMark < ingestSequence) return null;
        (string path, long offset) = state.ReadUpTo!.Value;
        return new CorruptDataException(
            path, offset, $"the edit of the ingest at sequence {ingestSequence} is missing, which the log says was durable");
    }

    /// <summary>
    /// What recovery adds must fit what the manifest has: entries that the manifest does not state as flushed are newer than those of its
    /// tables. Where they are not, the manifest is another than the log was written with.
    /// </summary>
    /// <param name="recovered">The edit that names the tables of the replayed log.</param>
    /// <param name="state">The manifest's.</param>
    /// <returns>The damage; null when there is none.</returns>
    public static CorruptDataException? FindMismatch(LevelEdit recovered, ManifestState state)
    {
        if (state.ReadUpTo is not var (path, offset)) return null;
        ManifestState next = state.Copy();
        string? problem = next.TryApply(recovered, out string? misfit) ? next.FindProblem() : misfit;
        if (problem is null) return null;
        return new CorruptDataException(path, offset, $"the manifest and the log do not belong together: {problem}");
    }
}
