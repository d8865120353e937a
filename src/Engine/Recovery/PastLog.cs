using Varve.Levels;
using Varve.Log;

namespace Varve.Recovery;

/// <summary>What an open makes of the log that it found: the past of the one that it begins.</summary>
internal static class PastLog
{
    /// <summary>
    /// The past as the manifest has it, and the era that ends now. Without any era where entries came to the tables whose records a
    /// power cut took from the log: a feed would pass over them.
    /// </summary>
    public static LogPast Of(ManifestState state, LogRecoveryResult? log)
    {
        ulong lastSequence = Math.Max(state.FlushedSequence, log?.LastWritten ?? 0);

        // The bound stands since the era began: nothing above it, nothing was written.
        if (lastSequence <= state.SequenceBound || state.LogEra is not { } era) return state.LogPast;
        if (log?.End is not { } end || end.LastSequence < lastSequence) return new LogPast(lastSequence, []);
        return new LogPast(lastSequence, [.. state.LogPast.PastEras, new LogPastEra(era, end, state.LogPast.PrecedingSequence)]);
    }

    /// <summary>The segments of that past that are kept, durable also where the era that ends now did not end in order.</summary>
    public static LogHistory LoadHistory(LogContext context, long bytesMax, LogPast past, LogRecoveryResult? log, bool isUnclean)
    {
        LogHistory history = LogHistory.Load(context, bytesMax, past);
        if (!isUnclean || past.PastEras.Count == 0) return history;
        try
        {
            log?.Window?.WriteToSlot(context.Files);
            history.Sync(from: past.PastEras[^1].Era.FirstSegment);
            return history;
        }
        catch (StorageException)
        {
            // Its entries are in tables: the feed loses its history, the database nothing.
            return new LogHistory(context, bytesMax, past.PrecedingSequence);
        }
    }
}
