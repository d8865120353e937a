using System.Diagnostics;
using Varve.Commit;
using Varve.Diagnostics;
using Varve.Levels;
using Varve.Memory;
using Varve.Native;
using Varve.Reading;
using Varve.Runtime;

namespace Varve.Compaction;

/// <summary>
/// What the store does by itself: one thread flushes frozen memtables, in order, and ticks once a second; others compact; one makes the
/// log's next segment ready. Each job that fails is tried again, later each time; what it wrote is deleted.
/// </summary>
internal sealed partial class Upkeep : IFlushRoom
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromSeconds(1);

    /// <summary>Memory that nobody has rented for so long goes back to the system.</summary>
    private static readonly TimeSpan IdleMemoryKept = TimeSpan.FromSeconds(60);

    private readonly UpkeepContext _context;
    private readonly EngineSignal _flushWanted;
    private readonly UpkeepSignals _changes;
    private readonly UpkeepReports _reports;
    private readonly CompactionWorkers _compaction;
    private readonly LogSpares _logSpares;
    private readonly CancellationTokenSource _stopping = new();
    private EngineThread? _flusher;
    private CommitQueue? _commit;
    private volatile Exception? _flushFailure;
    private volatile bool _isFlushing;
    private ulong _visibleAtLastTick;

    public Upkeep(UpkeepContext context)
    {
        _context = context;
        _flushWanted = context.Scheduler.CreateSignal("flush wanted");
        _changes = new UpkeepSignals(context.Scheduler);
        _reports = new UpkeepReports(context.Events, Counters);
        _compaction = new CompactionWorkers(context, Counters, _reports, _changes, _stopping.Token, IsFlushDue);
        _logSpares = new LogSpares(context, Counters);
    }

    public UpkeepCounters Counters { get; } = new();

    /// <summary>Starts the threads.</summary>
    public void Start(CommitQueue commit)
    {
        _commit = commit;
        _context.Levels.SyncFailed = commit.Stop;
        _visibleAtLastTick = _context.Views.VisibleSequence;
        UpdatePressure();
        _flusher = _context.Scheduler.StartThread("varve flush", FlushOrStop);
        _compaction.Start(commit);
        _logSpares.Start(commit);
    }

    /// <summary>Ends the threads; jobs under way are given up and their output deleted. Writers that wait for room fail.</summary>
    public void Stop()
    {
        _stopping.Cancel();
        _flushWanted.Set();
        _changes.Raise();
        _flusher?.Join();
        _compaction.Join();
        _logSpares.Stop();
    }

    public void WaitForRoom()
    {
        if (HasRoom()) return;
        StallReason reason = HasMemory ? StallReason.Compaction : StallReason.Flush;
        long began = _context.Scheduler.Clock.GetTimestamp();
        _reports.StallBegan(reason);
        try
        {
            _changes.WaitUntil(HasRoom);
        }
        finally
        {
            _reports.StallEnded(reason, _context.Scheduler.Clock.GetElapsedTime(began));
        }
    }

    public void OnFrozen()
    {
        UpdatePressure();
        _flushWanted.Set();
    }

    public MemTable CreateMemTable(long roomBytes) => new(_context.Pool, _context.Options.MemtableBytes, roomBytes);

    /// <summary>What ended the last flush or compaction that failed; null once one of the kind has succeeded.</summary>
    public Exception? LastFailure => _flushFailure ?? _compaction.LastFailure;

    /// <summary>What ended the last flush; null when it succeeded.</summary>
    public Exception? FlushFailure => _flushFailure;

    /// <summary>Returns once everything up to the sequence is in tables; throws what ends a flush meanwhile.</summary>
    /// <param name="sequence">What is to be in tables.</param>
    /// <param name="before">The failure that is known already: the flush is tried again now, not when its pause ends.</param>
    public void WaitForFlushed(ulong sequence, Exception? before)
    {
        if (before is not null) _flushWanted.Set();
        _changes.WaitUntil(() =>
        {
            // Frozen memtables leave in order, and an ingest takes sequences that no memtable has.
            if (_context.Views.Unpinned.Frozen is not [.., MemTable oldest] || oldest.FirstSequence > sequence) return true;
            if (_flushFailure is { } failure && !ReferenceEquals(failure, before)) throw failure;
            ThrowIfStopping();
            return false;
        });
    }

    /// <summary>Returns once no memtable waits for its flush and nothing wants compaction.</summary>
    public void WaitUntilDone()
    {
        _compaction.BeginCalm();
        try
        {
            _changes.WaitUntil(() =>
            {
                if ((_flushFailure ?? _compaction.LastFailure) is { } failure) throw failure;
                ThrowIfStopping();
                return _context.Views.Unpinned.Frozen.Length == 0 && !_isFlushing && _compaction.IsDone;
            });
        }
        finally
        {
            _compaction.EndCalm();
        }
    }

    /// <summary>Brings all entries up to the sequence to the bottom level.</summary>
    public void Compact(ulong sequence, CancellationToken cancellation) => _compaction.RunRequest(sequence, cancellation);

    private bool IsFlushDue() => _flushFailure is null && _context.Views.Unpinned.Frozen.Length > 0;

    private bool HasMemory => _context.Views.Unpinned.Frozen.Length < _context.MemtableCountMax - 1;

    private bool HasRoom()
    {
        bool hasMemory = HasMemory;
        if (hasMemory && !_compaction.MustCatchUp) return true;
        if (!hasMemory && _flushFailure is { } failure) throw failure;
        ThrowIfStopping();
        return false;
    }

    private void ThrowIfStopping() => ObjectDisposedException.ThrowIf(_stopping.IsCancellationRequested, typeof(Database));

    /// <summary>What no flush expects is a bug: it ends the thread and stops the database, not the process.</summary>
    private void FlushOrStop()
    {
        try
        {
            FlushUntilStopped();
        }
        catch (Exception bug)
        {
            _reports.FlushFailed(bug);
            _commit!.Stop(bug);
            _flushFailure = bug;
            _changes.Raise();
        }
    }

    private void FlushUntilStopped()
    {
        var backoff = new Backoff();
        while (!_stopping.IsCancellationRequested)
        {
            if (_context.Views.Unpinned.Frozen is not [.., MemTable oldest])
            {
                if (!_flushWanted.Wait(TickPeriod)) Tick();
                continue;
            }

            try
            {
                _isFlushing = true;
                Flush(oldest);
                backoff.Reset();
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception failure)
            {
                _reports.FlushFailed(failure);
                if (failure is not (StorageException or MemoryBudgetException)) _commit!.Stop(failure);
                if (failure is StorageException refusal && ErrorNumbers.IsNoSpace(refusal)) _commit!.DeleteLogSpares();
                _flushFailure = failure;
                _compaction.Wake();
                _changes.Raise();
                _flushWanted.Wait(backoff.Next());
                continue;
            }
            finally
            {
                _isFlushing = false;
            }

            _changes.Raise();
        }
    }

    /// <summary>Only this thread removes frozen memtables, so the one at hand stays alive through the current view.</summary>
    private void Flush(MemTable table)
    {
        using Activity? activity = _reports.StartFlush(table.EntryCount);
        try
        {
            Flush(table, activity);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            activity.Fail(failure);
            throw;
        }
    }

    private void Flush(MemTable table, Activity? activity)
    {
        long started = _context.Scheduler.Clock.GetTimestamp();
        LevelEdit edit = WriteTable(table);

        // Before the new view, so that nobody who sees it meets the failure of an earlier try.
        _flushFailure = null;
        ulong flushedSequence = table.LastSequence;
        long entries = table.EntryCount;
        _compaction.InstallFlush(edit, table);
        _reports.FlushDone(edit, entries, _context.Scheduler.Clock.GetElapsedTime(started), activity);
        RetireLog(flushedSequence);
        ObsoleteTables.Delete(_context.Tables);
        UpdatePressure();
        _compaction.Wake();
    }

    private LevelEdit WriteTable(MemTable table)
    {
        ReadView view = _context.Views.Pin();
        try
        {
            int level = FlushPlacement.LevelFor(table, view, _context.Options);
            using OutputTables output = _context.CreateOutput(level == 0 ? _context.UpperFormat : _context.BottomFormat);
            try
            {
                ulong[] readable = _context.Snapshots.GetReadableSequences();
                ulong reclaimBound = _context.Snapshots.GetReclaimBound();
                return FlushJob.Write(table, level, view.Levels, readable, reclaimBound, output, _stopping.Token);
            }
            catch
            {
                output.Abandon();
                throw;
            }
        }
        finally
        {
            view.Release();
        }
    }

    /// <summary>The flush is installed, whatever happens to the log's old segments.</summary>
    private void RetireLog(ulong flushedSequence)
    {
        try
        {
            long oldestBefore = _commit!.OldestLogSegment;
            _commit.RetireLog(flushedSequence);
            long recycled = _commit.OldestLogSegment - oldestBefore;
            if (recycled > 0) _reports.LogRecycled(recycled, _commit.LiveLogBytes);
        }
        catch (StorageException)
        {
            Counters.CountFailure();
        }
    }

    /// <summary>A second without a flush: an idle log gets its mark, idle memory goes back, compaction may use the calm.</summary>
    private void Tick()
    {
        ulong visible = _context.Views.VisibleSequence;
        bool isIdle = visible == _visibleAtLastTick;
        _visibleAtLastTick = visible;
        _commit!.RequestMark();
        _context.Pool.Trim(IdleMemoryKept);
        ObsoleteTables.Delete(_context.Tables);
        _compaction.OnTick(isIdle);
        PersistClock();
    }

    /// <summary>The next tick tries again.</summary>
    private void PersistClock()
    {
        try
        {
            _context.Levels.PersistClock();
        }
        catch (StorageException)
        {
            Counters.CountFailure();
        }
    }

    private void UpdatePressure() => _compaction.UpdatePressure();
}
