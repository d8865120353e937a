using Varve.Compaction;
using Varve.Log;
using Varve.Reading;

namespace Varve.Recovery;

/// <summary>How much of a database that takes writes survives a power cut. Safe for concurrent use.</summary>
internal sealed class DurablePoint(ReadViews views, LogWriter log, LevelStore levels, Upkeep upkeep)
{
    /// <summary>
    /// Everything up to it is synced in the log, or in tables. Never above what reads see, and of an ingest only once the manifest says
    /// what became of it: the log has its marks before.
    /// </summary>
    public ulong Sequence
    {
        get
        {
            // Read first: an ingest that it reaches was unsettled before it became visible.
            ulong visible = views.VisibleSequence;
            ulong logged = upkeep.HasUnsettledIngest ? 0 : log.SyncedSequence;
            return Math.Min(visible, Math.Max(logged, levels.FlushedSequence));
        }
    }
}
