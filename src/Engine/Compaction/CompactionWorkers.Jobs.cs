using System.Diagnostics;
using Varve.Diagnostics;
using Varve.Levels;
using Varve.Tables;

namespace Varve.Compaction;

// How a job is done, and how threads without one help where a job has several parts.
internal sealed partial class CompactionWorkers
{
    private void Run(CompactionPick pick, LevelMap map)
    {
        if (pick.IsDrop)
        {
            _context.Levels.Commit(pick.CreateEdit([]));
            _counters.CountDrop(pick.Inputs.Count);
            return;
        }

        long started = _context.Scheduler.Clock.GetTimestamp();
        if (pick.IsTrivialMove)
        {
            _context.Levels.Commit(pick.CreateEdit([]));
            _reports.MoveDone(pick, _context.Scheduler.Clock.GetElapsedTime(started));
            return;
        }

        using Activity? activity = _reports.StartCompaction(pick);
        try
        {
            Merge(pick, map, started, activity);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            activity.Fail(failure);
            throw;
        }
    }

    private void Merge(CompactionPick pick, LevelMap map, long started, Activity? activity)
    {
        KeySlice[] parts = PartBorders.Choose(pick, _context.Options, _workers.Length);
        TableFormatOptions format = pick.IsBottom ? _context.BottomFormat : _context.UpperFormat;
        using var job = new CompactionJob(
            pick,
            map,
            _context.Snapshots.GetReadableSequences(),
            _context.Snapshots.GetReclaimBound(),
            _context.Options,
            parts,
            () => _context.CreateOutput(format));
        LevelEdit edit;
        try
        {
            if (parts.Length == 1) job.WritePart(0, _stopping);
            else WriteShared(job);
            edit = job.Finish();
        }
        catch
        {
            job.Abandon();
            throw;
        }

        _context.Levels.Commit(edit);
        TimeSpan elapsed = _context.Scheduler.Clock.GetElapsedTime(started);
        _reports.CompactionDone(pick, edit, elapsed, activity);
        _pressure.Measure(pick, elapsed);
    }

    /// <summary>Writes a part of somebody's job; false when there is none to write.</summary>
    private bool TryHelp()
    {
        SharedJob? helped = null;
        int part = 0;
        using (_jobsGuard.Hold())
        {
            foreach (SharedJob shared in _shared)
            {
                if (!shared.TryTake(out part)) continue;
                helped = shared;
                break;
            }
        }

        helped?.Write(part);
        return helped is not null;
    }

    /// <summary>Writes all parts of a job, with whoever helps. Nobody is at work on it when this returns or throws.</summary>
    private void WriteShared(CompactionJob job)
    {
        using var shared = new SharedJob(job, _context.Scheduler, _stopping);
        using (_jobsGuard.Hold()) _shared.Add(shared);
        foreach (Worker worker in _workers) worker.Wanted.Set();
        while (shared.TryTake(out int part)) shared.Write(part);
        using (_jobsGuard.Hold()) _shared.Remove(shared);
        shared.WaitForParts();
    }
}
