using System.Diagnostics.CodeAnalysis;
using Varve.Commit;
using Varve.Files;
using Varve.Levels;
using Varve.Native;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>
/// The threads that compact: each asks the planner for a job that does not meet the jobs of the others, runs it, asks again.
/// </summary>
internal sealed partial class CompactionWorkers
{
    private readonly UpkeepContext _context;
    private readonly UpkeepCounters _counters;
    private readonly UpkeepReports _reports;
    private readonly UpkeepSignals _changes;
    private readonly CancellationToken _stopping;
    private readonly Func<bool> _isFlushDue;
    private readonly CompactionPlanner _planner;
    private readonly EngineLock _jobsGuard;
    private readonly List<CompactionPick> _running = [];
    private readonly List<SharedJob> _shared = [];
    private readonly Dictionary<long, CorruptDataException> _damaged = [];
    private readonly Worker[] _workers;
    private readonly CompactionPressure _pressure;
    private CommitQueue? _commit;
    private bool _isIdle;
    private int _calmWaits;
    private bool _isDone;
    private Exception? _bug;
    private volatile Exception? _lastFailure;

    /// <param name="context">The parts to work with.</param>
    /// <param name="counters">What is counted.</param>
    /// <param name="reports">Who is told.</param>
    /// <param name="changes">Raised when something here changed.</param>
    /// <param name="stopping">Ends the threads.</param>
    /// <param name="isFlushDue">
    /// True while a table of level 0 is about to come: a calm database that merged before it came would merge the same again.
    /// </param>
    public CompactionWorkers(
        UpkeepContext context,
        UpkeepCounters counters,
        UpkeepReports reports,
        UpkeepSignals changes,
        CancellationToken stopping,
        Func<bool> isFlushDue)
    {
        _isFlushDue = isFlushDue;
        _context = context;
        _counters = counters;
        _reports = reports;
        _changes = changes;
        _stopping = stopping;
        _planner = new CompactionPlanner(context.Options);
        _pressure = new CompactionPressure(context);
        _jobsGuard = context.Scheduler.CreateLock("compaction jobs");
        _workers = new Worker[context.CompactionThreads];
        for (int i = 0; i < _workers.Length; i++)
        {
            _workers[i] = new Worker(
                context.Scheduler.CreateSignal("compaction wanted"),
                context.Scheduler.CreateSignal("compaction pause"));
        }
    }

    /// <summary>What the disk said to the last job that failed; null once one has succeeded.</summary>
    public Exception? LastFailure => _lastFailure;

    /// <summary>True when the planner, asked last, had nothing to do and no job runs. Throws when compaction has ended by a bug.</summary>
    public bool IsDone
    {
        get
        {
            using (_jobsGuard.Hold())
            {
                ThrowIfBroken();
                return _isDone;
            }
        }
    }

    /// <summary>True while writes must stop: compaction is as far behind as it may be, and at work.</summary>
    public bool MustCatchUp => _pressure.IsGreatest && _lastFailure is null && !IsDone;

    public void Start(CommitQueue commit)
    {
        _commit = commit;
        for (int i = 0; i < _workers.Length; i++)
        {
            Worker worker = _workers[i];
            worker.Thread = _context.Scheduler.StartThread($"varve compaction {i + 1}", () => CompactOrStop(worker));
        }
    }

    public void Join()
    {
        Wake();
        foreach (Worker worker in _workers)
        {
            worker.Pause.Set();
            worker.Thread?.Join();
        }
    }

    /// <summary>The tables changed: there may be work.</summary>
    public void Wake()
    {
        using (_jobsGuard.Hold()) _isDone = false;
        foreach (Worker worker in _workers) worker.Wanted.Set();
    }

    /// <summary>
    /// Somebody waits until nothing is left to do: what else a calm database would do after a while is done now. As often as it begins, it
    /// ends.
    /// </summary>
    public void BeginCalm()
    {
        using (_jobsGuard.Hold()) _calmWaits++;
        Wake();
    }

    public void EndCalm()
    {
        using (_jobsGuard.Hold()) _calmWaits--;
    }

    public void OnTick(bool isIdle)
    {
        bool begins;
        using (_jobsGuard.Hold())
        {
            begins = isIdle && !_isIdle;
            _isIdle = isIdle;
        }

        if (begins || HasExpired()) Wake();
    }

    /// <summary>True when the planner may find work that only time has made.</summary>
    private bool HasExpired()
    {
        ulong bound = _context.Snapshots.GetReclaimBound();
        LevelMap map = _context.Levels.Pin();
        try
        {
            for (int level = 0; level < LevelMap.LevelCount; level++)
            {
                foreach (Table table in map.Tables(level))
                {
                    if (CompactionAssembly.IsMostlyExpired(table.Info, bound)) return true;
                }
            }

            return false;
        }
        finally
        {
            map.Release();
        }
    }

    /// <summary>Tells the pace of writes how far compaction is behind.</summary>
    public void UpdatePressure() => _pressure.Update();

    /// <summary>What no job expects is a bug: it ends the thread and stops the database, not the process.</summary>
    private void CompactOrStop(Worker worker)
    {
        try
        {
            _context.Scheduler.YieldToOthers();
            CompactUntilStopped(worker);
        }
        catch (Exception bug)
        {
            using (_jobsGuard.Hold()) _bug ??= bug;
            _counters.CountFailure();
            _commit!.Stop(bug);
            _changes.Raise();
        }
    }

    private void CompactUntilStopped(Worker worker)
    {
        var backoff = new Backoff();
        while (!_stopping.IsCancellationRequested)
        {
            if (TryHelp()) continue;
            if (!TryTake(out CompactionPick? pick, out LevelMap? map))
            {
                _changes.Raise();
                worker.Wanted.Wait();
                continue;
            }

            Exception? failure = null;
            try
            {
                Run(pick, map);
            }
            catch (Exception exception)
            {
                failure = exception;
            }

            map.Release();
            if (failure is not null and not OperationCanceledException) OnFailure(pick, failure);
            Finished(pick);
            if (failure is null)
            {
                _lastFailure = null;
                backoff.Reset();
            }
            else
            {
                worker.Pause.Wait(backoff.Next());
            }
        }
    }

    /// <summary>The map is taken under the lock: what it shows and no running job has is still there.</summary>
    private bool TryTake([NotNullWhen(true)] out CompactionPick? pick, [NotNullWhen(true)] out LevelMap? map)
    {
        pick = null;
        LoadRanges();
        using (_jobsGuard.Hold())
        {
            map = _context.Levels.Pin();
            ulong[] readable = _context.Snapshots.GetReadableSequences();
            var known = new CompactionContext
            {
                Running = [.. _running],
                Excluded = _damaged.Keys,
                Arriving = _arriving,
                OldestSnapshot = readable[0],
                ReclaimBound = _context.Snapshots.GetReclaimBound(),
                IsIdle = (_isIdle || _calmWaits > 0) && !_isFlushDue(),
            };
            if (_request is { IsDone: false } request)
            {
                bool isOpen = _planner.TryNextForRange(map, known, range: null, request.Sequence, out pick);
                bool isStuck = isOpen && pick is null && _running.Count == 0 && _arriving.Count == 0;
                if (isStuck && _damaged.Count > 0) request.Failure = _damaged.Values.First();
                request.IsDone = !isOpen || isStuck;
            }

            pick ??= _planner.Next(map, known);
            if (pick is not null) _running.Add(pick);
            _isDone = _running.Count == 0;
        }

        if (pick is not null) return true;
        map.Release();
        map = null;
        return false;
    }

    /// <summary>
    /// Reads the range tombstones of tables that are new, outside the lock, so that the planner finds them. What cannot be read now is
    /// told to whoever reads there; only whole tables are not dropped for it.
    /// </summary>
    private void LoadRanges()
    {
        LevelMap map = _context.Levels.Pin();
        try
        {
            for (int level = 0; map.RangeTombstoneCount > 0 && level < LevelMap.LevelCount; level++)
            {
                foreach (Table table in map.Tables(level)) TryLoadRanges(table);
            }
        }
        finally
        {
            map.Release();
        }
    }

    private static void TryLoadRanges(Table table)
    {
        if (table.LoadedRanges is not null) return;
        try
        {
            _ = table.Ranges;
        }
        catch (Exception failure) when (failure is StorageException or CorruptDataException)
        {
            // A read there reports it.
        }
    }

    private void Finished(CompactionPick pick)
    {
        using (_jobsGuard.Hold()) _running.Remove(pick);
        ObsoleteTables.Delete(_context.Tables);
        UpdatePressure();
        Wake();
        _changes.Raise();
    }

    /// <summary>
    /// A damaged input is left where it is: reads in its range report it, no job takes it, all else goes on. A disk that refuses is
    /// tried again. Anything else is a bug, and nothing more is written.
    /// </summary>
    private void OnFailure(CompactionPick pick, Exception failure)
    {
        _reports.CompactionFailed(pick, failure);
        if (failure is CorruptDataException damage && FileNames.TryParseTable(Path.GetFileName(damage.Path), out long number))
        {
            using (_jobsGuard.Hold()) _damaged[number] = damage;
        }
        else
        {
            _lastFailure = failure;
            if (failure is not (StorageException or MemoryBudgetException)) _commit!.Stop(failure);
            if (failure is StorageException refusal && ErrorNumbers.IsNoSpace(refusal)) MakeRoom();
        }

        using (_jobsGuard.Hold())
        {
            if (_request is { } request) request.Failure = failure;
        }
    }

    /// <summary>On a full disk; before whoever asked for the compaction is told, so that it finds the room when it asks again.</summary>
    private void MakeRoom()
    {
        _commit!.DeleteLogSpares();
        bool isRequested;
        using (_jobsGuard.Hold()) isRequested = _request is not null;
        if (isRequested) _commit!.GiveLogReserveBack();
    }

    private void ThrowIfBroken()
    {
        if (_bug is { } bug) throw new DatabaseReadOnlyException("Compaction has stopped until the next open: " + bug.Message, bug);
    }

    private sealed class Worker(EngineSignal wanted, EngineSignal pause)
    {
        public EngineSignal Wanted { get; } = wanted;

        /// <summary>Set only to end the wait after a failure early.</summary>
        public EngineSignal Pause { get; } = pause;

        public EngineThread? Thread { get; set; }
    }
}
