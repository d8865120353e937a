using Varve.Files;
using Varve.Recovery;

namespace Varve.Simulation;

/// <summary>One generation: open, on whatever disk there is; check, work, and end.</summary>
internal sealed partial class History
{
    private void RunGeneration(int generation, DeterministicScheduler scheduler, SimulatedDisk disk, CrashPointRecorder recorder)
    {
        IFileSystem files = WrapFiles?.Invoke(disk) ?? disk;
        var events = new HistoryEvents();
        EngineSetup setup = OptionsOf(generation).CreateSetup(files, scheduler, new SeededRandom(_random.Next()), _pool);
        bool isNew = _model.TimeFloor == 0;
        if (!_cutsEverywhere && _random.Next(4) == 0)
            _recovery.CheckReadOnly(setup, disk, _model.BufferedFloor, _model.WallMaxBefore, isNew);
        _hasOpened = false;
        if (CrashesWhileOpening(setup, disk)) return;
        HistoryFaults faults = DrawFaults(disk);
        long wall = scheduler.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        Database database = Open(setup with { OnEvent = events.Take }, disk, faults);
        recorder.Database = database;
        faults.IsPaused = true;
        var reads = new HistoryReads(database, _model, _hasOpened ? _model.WallMax : _model.WallMaxBefore, isNew);
        reads.Time.CheckFloor(_model.TimeFloor);
        _model.PromiseTime(wall);
        ulong last = reads.FindLastSequence();
        _recovery.CheckFloor(last, faults.HasLostPages ? _model.SyncedFloor : _model.BufferedFloor);
        _model.Recovered(last);
        _outcomes.Check(last);
        reads.CheckAll(last);
        faults.IsPaused = false;
        _feed.Check();
        _feed.Begin(database, last);

        var work = new HistoryWork(_options, _model, database, scheduler, _random)
        {
            Setup = setup,
            Reads = reads,
            Outcomes = _outcomes,
            Feed = _options.Has(HistoryFeatures.Feed) ? _feed : null,
            HasFailed = faults.IsDrawn ? () => faults.HasFailed : null,
            StepsMax = _stepsLeft,
        };
        GenerationEnd end = DrawEnd();
        if (end == GenerationEnd.PowerCut && _random.Next(2) == 0)
            CutPowerDuring(work, database, disk, faults, disk.CallCount + _random.Next(1, 400));
        work.Run(step => _step = $"generation {generation}, operation {step}");
        _stepsLeft -= work.Steps;
        _model.Tally.FaultyCalls += faults.FaultyCalls;
        _step = $"generation {generation}, end by {end}";
        if (_cutsEverywhere) recorder.Record(disk, null);
        if (end != GenerationEnd.Close && !work.IsOver)
            Crash(work, database, disk, faults, end == GenerationEnd.Kill ? CrashMode.KeepAll : DrawCut(), _random.Next());
        work.End();
        recorder.Database = null;
        if (!work.IsOver)
        {
            End(generation, database, work, reads, faults, events);
            if (_cutsEverywhere) recorder.Record(disk, null);
            if (disk.OpenFileCount != 0) throw new HistoryViolationException($"{disk.OpenFileCount} files are open after the close");
            _disk = disk;
            return;
        }

        // What the engine still does to this disk nobody will see; it gives its memory and threads back.
        disk.Faults = null;
        _feed.Close();
        database.Dispose();
    }

    /// <summary>The generation ends in order: what is there is checked, and the database closed.</summary>
    private void End(
        int generation, Database database, HistoryWork work, HistoryReads reads, HistoryFaults faults, HistoryEvents events)
    {
        bool closesOnBadDisk = _random.Next(2) == 0;
        if (faults.HasFailed)
        {
            faults.IsPaused = true;
            if (faults.WasOnlyFull && _options.Has(HistoryFeatures.Faults)) work.CheckGoesOn();
            reads.Resolve(database.LatestSequence);
            reads.CheckAll(database.LatestSequence);
            _outcomes.Check(database.LatestSequence);
            _feed.End(database);
            faults.IsPaused = !closesOnBadDisk;
        }
        else
        {
            faults.Heal();
            events.CheckCalm();
            reads.Resolve(database.LatestSequence);
            _outcomes.Check(database.LatestSequence);
            _feed.End(database);
            if (generation == _lastGeneration) RecoveryCheck.CheckSound(database);
        }

        _model.PromiseDurable(database.DurableSequence);
        long time = reads.Time.Read();
        try
        {
            database.Close();
            _model.PromiseTime(time);
            if (!faults.HasFailed) events.CheckClosed();
            _model.PromiseSynced(_model.LastSequence);
        }
        catch (Exception failure) when (faults.HasFailed && failure is StorageException or DatabaseReadOnlyException)
        {
            // The next open recovers as after a kill.
            if (faults.HasLostPages) _model.Crashed(CrashMode.KeepNothing);
        }

        _model.StopClock(_clock!);
        faults.Heal();
    }

    private HistoryOptions OptionsOf(int generation) =>
        generation > 0 && _options.Has(HistoryFeatures.Redraws) ? _options.Redraw(_random.Next() ^ _set) : _options;

    private GenerationEnd DrawEnd()
    {
        var end = (GenerationEnd)_random.Next(3);
        if (_isQuiet || !_options.Has(HistoryFeatures.Crashes)) return GenerationEnd.Close;
        bool mayCut = !_cutsEverywhere && _options.Has(HistoryFeatures.PowerCuts);
        return end == GenerationEnd.PowerCut && !mayCut ? GenerationEnd.Kill : end;
    }

    private HistoryFaults DrawFaults(SimulatedDisk disk)
    {
        int seed = _random.Next();
        bool isDrawn = !_cutsEverywhere && !_isQuiet && _options.Has(HistoryFeatures.Faults) && _random.Next(3) == 0;
        var faults = new HistoryFaults(disk, isDrawn ? new HistoryRandom(seed) : null);
        if (faults.IsDrawn) _feed.MayBeLost = _feed.LogMayFail = true;
        if (!_cutsEverywhere) disk.Faults = faults.Strike;
        return faults;
    }

    /// <summary>An open that the disk refuses leaves nothing behind, and succeeds once the disk is well.</summary>
    private Database Open(EngineSetup setup, SimulatedDisk disk, HistoryFaults faults)
    {
        var options = new DatabaseOptions { Durability = Durability.Buffered };
        try
        {
            return Database.Open(setup, options);
        }
        catch (StorageException) when (faults.HasFailed)
        {
            if (disk.OpenFileCount != 0)
                throw new HistoryViolationException($"{disk.OpenFileCount} files are open after an open that failed");
            faults.Heal();
            _hasOpened = true;
            return Database.Open(setup, options);
        }
    }

    /// <summary>The machine goes down before the open has ended. True: it did, and the generation is over.</summary>
    private bool CrashesWhileOpening(EngineSetup setup, SimulatedDisk disk)
    {
        bool isDrawn = _random.Next(6) == 0;
        int calls = _random.Next(1, 80);
        int seed = _random.Next();
        CrashMode mode = _random.Next(3) == 0 ? CrashMode.KeepAll : DrawCut();
        if (!isDrawn || _isQuiet || _cutsEverywhere || !_options.Has(HistoryFeatures.RecoveryCrashes)) return false;
        bool isDown = false;
        long call = disk.CallCount + calls;
        disk.CapacityBytes = long.MaxValue;
        disk.Faults = made =>
        {
            if (made.Index == call)
            {
                isDown = true;
                LeaveTo(disk, mode, seed);
            }

            return null;
        };
        _hasOpened = true;
        Database.Open(setup, new DatabaseOptions()).Dispose();
        disk.Faults = null;
        return isDown;
    }

    /// <summary>What the last generation has closed is hurt, in copies.</summary>
    private void CheckDamage()
    {
        _random.Begin(_options.Seed, -1);
        if (_cutsEverywhere || WrapFiles is not null || !_options.Has(HistoryFeatures.Damage)) return;
        for (int i = _random.Next(5); i > 0; i--)
        {
            try
            {
                new HistoryDamage(_model, _pool).Check(_disk, new HistoryRandom(_random.Next()));
            }
            catch (HistoryViolationException violation)
            {
                throw HistoryViolationException.At($"{_options}\n  damage", violation);
            }
        }
    }

    private CrashMode DrawCut() => _random.Next(2) == 0 ? CrashMode.KeepNothing : CrashMode.Random;

    private void CutPowerDuring(HistoryWork work, Database database, SimulatedDisk disk, HistoryFaults faults, long call)
    {
        int seed = _random.Next();
        CrashMode mode = DrawCut();
        disk.Faults = made =>
        {
            if (made.Index == call && !work.IsOver) Crash(work, database, disk, faults, mode, seed);
            return faults.Strike(made);
        };
    }

    private void Crash(HistoryWork work, Database database, SimulatedDisk disk, HistoryFaults faults, CrashMode mode, int seed)
    {
        work.IsOver = true;
        _model.PromiseDurable(database.DurableSequence);
        if (faults.HasLostPages) _model.Crashed(CrashMode.KeepNothing);
        LeaveTo(disk, mode, seed);
    }

    /// <summary>The disk of this moment is the next generation's; what this one does from here on never happened.</summary>
    private void LeaveTo(SimulatedDisk disk, CrashMode mode, int seed)
    {
        _model.StopClock(_clock!);
        _model.Crashed(mode);
        _feed.MayBeLost |= mode != CrashMode.KeepAll && _options.SyncedPercent < 100;
        _disk = disk.Fork().Crash(mode, seed);
    }
}
