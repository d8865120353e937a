using Varve.Diagnostics;

namespace Varve.Commit;

// How finished tables get their place in the one order of writes.
//
// Reads ask memtables before tables, and flushes go to level 0 in the order of sequences. So everything written before the ingest goes to
// tables first; its caller has flushed just before, so that writers wait here for little. No memtable holds sequences from both sides of
// the ingest then, nor will replay make one: the edit that installs the tables also says that everything up to it is in tables.
//
// The marks are synced before the edit. A crash between the two leaves sequences that nothing has; the other way round, a read-only
// open could show tables whose sequence it does not reach. Nothing is logged between the two: a frame that states
// the marks as durable says that the edit is, too.
internal sealed partial class GroupCommit
{
    private void Ingest(CommitRequest request)
    {
        if (FindDropped(request.Batch!) is { } dropped) throw new MapDroppedException(dropped.Name);
        RecordNames(request.Batch!);
        if (!_views.Unpinned.Active.IsEmpty) Rotate(roomBytes: 0);
        _room.WaitForFlushed(_lastSequence);
        Invariant.Holds(_views.Unpinned.Active.IsEmpty);

        _lastSequence = Log(request, _lastSequence);
        Persist(Durability.Synced);
        try
        {
            request.Install!(_lastSequence);
        }
        finally
        {
            // Also where it failed: the marks are in the log, and the next write goes on behind them.
            _views.Publish(_lastSequence);
        }

        // A witness in the log that the manifest has the tables.
        Mark();
    }

    /// <summary>Writes the names of maps that are new, before the tables that hold their entries.</summary>
    private void RecordNames(BatchBuffer marks)
    {
        if (marks.UnrecordedMaps.Count == 0) return;
        using var batch = new BatchBuffer();
        foreach (Entries.MapIdentity map in marks.UnrecordedMaps) batch.AddMap(map);
        CommitRequest names = new CommitRequest(wakeUp: null).Set(CommitKind.Write, batch, Durability.Buffered);
        AddNames(names);
        if (names.Batch!.Count == 0) return;
        Write([names]);
        if (names.Failure is { } failure) throw failure;
    }
}
