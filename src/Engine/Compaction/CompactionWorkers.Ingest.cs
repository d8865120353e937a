using Varve.Diagnostics;
using Varve.Levels;
using Varve.Memory;
using Varve.Native;
using Varve.Tables;

namespace Varve.Compaction;

// How tables of an ingest or a flush come to their levels beside running jobs.
internal sealed partial class CompactionWorkers
{
    /// <summary>Replaced, never changed: the planner may hold one.</summary>
    private IReadOnlyList<LeveledTable> _arriving = [];

    /// <summary>The sequence of an ingest, from before its edit until an edit that succeeded says what became of it; 0: none.</summary>
    private ulong _unsettledSequence;

    public bool HasUnsettledIngest => Volatile.Read(ref _unsettledSequence) != 0;

    /// <summary>Installs what a flush wrote; in level 0 where a job has begun to write around the place it was meant for.</summary>
    /// <exception cref="StorageException">As for any edit.</exception>
    public void InstallFlush(LevelEdit edit, MemTable flushed)
    {
        if (edit.Added is [] or [{ Level: 0 }, ..])
        {
            _context.Levels.Commit(edit, flushed);
            return;
        }

        using (_jobsGuard.Hold())
        {
            // An ingest waits until all before it is flushed, and nothing is written meanwhile.
            Invariant.Holds(_arriving.Count == 0);
            edit = PlaceFlush(edit);
            _arriving = edit.Added;
        }

        try
        {
            _context.Levels.Commit(edit, flushed);
        }
        finally
        {
            using (_jobsGuard.Hold()) _arriving = [];
            Wake();
        }
    }

    private LevelEdit PlaceFlush(LevelEdit edit)
    {
        LevelMap map = _context.Levels.Pin();
        try
        {
            var placed = new LevelEdit { FlushedSequence = edit.FlushedSequence };
            foreach (LeveledTable added in edit.Added)
            {
                bool isFree = IngestPlacement.LevelFor(added.Info, map, _running) == added.Level;
                placed.Add(isFree ? added.Level : 0, added.Info);
            }

            return placed;
        }
        finally
        {
            map.Release();
        }
    }

    /// <summary>
    /// Installs finished tables, each as deep as it may stand, by one edit, which also says that all up to it is in tables.
    /// </summary>
    /// <param name="tables">Written with sequence 0; they share no key.</param>
    /// <param name="sequence">The ingest's. Everything before it is in tables; nothing is written until this returns.</param>
    /// <exception cref="StorageException">The disk refused; the tables are not installed, nor will be.</exception>
    /// <exception cref="CommitOutcomeUnknownException">
    /// The disk refused; the next open may find the tables, unless <see cref="SettleIngest"/> succeeds before.
    /// </exception>
    public void Install(IReadOnlyList<TableInfo> tables, ulong sequence)
    {
        var edit = new LevelEdit { FlushedSequence = sequence };
        using (_jobsGuard.Hold())
        {
            LevelMap map = _context.Levels.Pin();
            foreach (TableInfo table in tables) edit.Add(IngestPlacement.LevelFor(table, map, _running), table.AtSequence(sequence));
            map.Release();
            _arriving = edit.Added;
        }

        Volatile.Write(ref _unsettledSequence, sequence);
        try
        {
            _context.Levels.Commit(edit);
            Volatile.Write(ref _unsettledSequence, 0);
        }
        catch (StorageException failure)
        {
            _counters.CountFailure();
            if (ErrorNumbers.IsSync(failure) || !TrySettle()) throw new CommitOutcomeUnknownException(failure);
            throw;
        }
        finally
        {
            using (_jobsGuard.Hold()) _arriving = [];
            UpdatePressure();
            Wake();
        }
    }

    /// <summary>
    /// An edit that succeeds after a failed one settles that the failed one did not happen. It passes over the ingest's sequence: a replay
    /// that meets the marks of an ingest behind what is flushed, and later frames, knows that the manifest has lost it.
    /// </summary>
    public void SettleIngest()
    {
        ulong sequence = Volatile.Read(ref _unsettledSequence);
        if (sequence == 0) return;
        _context.Levels.Commit(new LevelEdit { FlushedSequence = sequence });
        Volatile.Write(ref _unsettledSequence, 0);
    }

    private bool TrySettle()
    {
        try
        {
            SettleIngest();
            return true;
        }
        catch (StorageException)
        {
            return false;
        }
    }
}
