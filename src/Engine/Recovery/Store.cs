using Varve.Catalog;
using Varve.Commit;
using Varve.Compaction;
using Varve.Feed;
using Varve.Levels;
using Varve.Log;
using Varve.Reading;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Recovery;

/// <summary>An open database's parts, put together, and how they end. Writing parts are null in a store opened for reading.</summary>
internal sealed class Store
{
    public required EngineSetup Setup { get; init; }

    public required IDisposable DirectoryLock { get; init; }

    public required BlockCache Cache { get; init; }

    public required TableStore Tables { get; init; }

    public required ReadViews Views { get; init; }

    public required SnapshotList Snapshots { get; init; }

    public required StoreClock Clock { get; init; }

    public required MapCatalog Catalog { get; init; }

    public required ChangeSource Changes { get; init; }

    public required LevelStore Levels { get; init; }

    public required EngineEvents Events { get; init; }

    /// <summary>What the open found in the log; null where there was none.</summary>
    public required LogRecoveryResult? Recovery { get; init; }

    /// <summary>True when the manifest did not state a clean end.</summary>
    public required bool WasUnclean { get; init; }

    public required ReaderThreads Readers { get; init; }

    public LogWriter? Log { get; init; }

    public CommitQueue? Commit { get; init; }

    public Upkeep? Upkeep { get; init; }

    public WritePacer? Pacer { get; init; }

    public DurablePoint? Durable { get; init; }

    /// <summary>Everything up to it survives a power cut; in a database opened for reading, everything it shows.</summary>
    public ulong DurableSequence => Durable?.Sequence ?? Views.VisibleSequence;

    /// <summary>
    /// Ends upkeep, then the log, and notes in the manifest where the log ends. Whatever fails, locks and memory are given back.
    /// </summary>
    public void Close()
    {
        Exception? failure = null;
        try
        {
            Changes.Close();
            Upkeep?.Stop();
            if (Commit is not null) EndLog(Commit);
        }
        catch (Exception cause)
        {
            failure = cause;
            throw;
        }
        finally
        {
            Commit?.JoinAsyncLeader();
            Readers.Stop();
            Tables.Neighbours?.Stop();
            Views.Close();
            Levels.Dispose();
            Log?.Dispose();
            ObsoleteTables.Delete(Tables);
            Tables.Dispose();
            DirectoryLock.Dispose();
            Setup.Pool.RemoveUser();
            Events.Post(new DatabaseClosedEvent { Failure = failure });
            Events.Stop();
        }
    }

    private void EndLog(CommitQueue commit)
    {
        commit.Run(CommitKind.Close);

        // Without an end in the manifest the next open recovers as after a crash: right after a failure.
        if (commit.LogEnd is { } end) Levels.Commit(new LevelEdit { CleanEnd = end });
        else if (commit.StopCause is { } cause)
            throw new DatabaseReadOnlyException(
                "Writing had stopped before the close, so the end is not a clean one: " + cause.Message, cause);
    }
}
