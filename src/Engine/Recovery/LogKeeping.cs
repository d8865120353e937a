using Varve.Levels;
using Varve.Log;
using Varve.Native;

namespace Varve.Recovery;

/// <summary>
/// Whether an open keeps the log that a crash has left, now durable, and leaves it to the flush to write tables. Otherwise the open writes
/// tables itself and begins an era.
/// </summary>
internal static class LogKeeping
{
    /// <summary>
    /// A log for two memtables has eight segments or nine. Opens that end in a crash before the flush add one each: at some point it ends.
    /// </summary>
    private const int SegmentsMax = 16;

    /// <summary>The log to go on with; null where it is not kept.</summary>
    /// <param name="log">What was read.</param>
    /// <param name="replay">What became of it.</param>
    /// <param name="state">The manifest's.</param>
    public static KeptLog? Choose(LogRecoveryResult? log, Replay replay, ManifestState state)
    {
        // The manifest has what an ingest added or nobody has: its marks say so only until something was logged behind them.
        if (log?.Keepable is not { } found || log.RecordCount == 0 || replay.IngestSequence > 0) return null;
        if (found.Segments.Count > SegmentsMax || replay.FilledCount >= MemoryPlan.MemtableCountMax) return null;

        // Where the manifest and the log do not belong together, the edit that would add the log's tables tells what is wrong.
        return HasTableFrom(replay.FirstSequence, state) ? null : found;
    }

    /// <summary>
    /// The history of a log that goes on: past eras, and what the era has in tables already. The sequence bound stays that of the era's
    /// begin: what is given out above it stands in the log first.
    /// </summary>
    public static LogHistory LoadHistory(LogContext context, long bytesMax, ManifestState state, KeptLog kept, LevelEdit edit)
    {
        LogEra era = state.LogEra!.Value;
        LogPast past = state.LogPast;
        LogSegmentHeader first = kept.Segments[0].Header;
        if (first.Number > era.FirstSegment)
        {
            var end = new LogEnd(first.Number - 1, first.PredecessorValidBytes, first.StartSequence);
            past = new LogPast(end.LastSequence, [.. past.PastEras, new LogPastEra(era, end, past.PrecedingSequence)]);
        }

        LogHistory history = Load(context, bytesMax, past, era);
        edit.LogPast = state.LogPast with { PastEras = history.SelectKept(state.LogPast.PastEras) };
        return history;
    }

    private static LogHistory Load(LogContext context, long bytesMax, LogPast past, LogEra era)
    {
        LogHistory history = LogHistory.Load(context, bytesMax, past);
        try
        {
            history.Sync(from: era.FirstSegment);
            return history;
        }
        catch (StorageException)
        {
            // Its entries are in tables: the feed loses its history, the database nothing.
            return new LogHistory(context, bytesMax, past.PrecedingSequence);
        }
    }

    private static bool HasTableFrom(ulong sequence, ManifestState state)
    {
        foreach (LeveledTable table in state.Tables)
        {
            if (table.Info.LargestSequence >= sequence) return true;
        }

        return false;
    }
}
