using Varve.Files;
using Varve.Native;
using Varve.Recovery;

namespace Varve.Simulation;

/// <summary>How a generation ends.</summary>
internal enum GenerationEnd
{
    Close,
    Kill,
    PowerCut,
}

/// <summary>
/// A whole life of a database, from one seed: open, work, end cleanly or by a crash, open again. Everything that is read is held
/// against the model at once; every recovery is checked. The same seed gives the same history, call by call.
/// </summary>
internal sealed class History
{
    private readonly HistoryOptions _options;
    private readonly HistoryModel _model;
    private readonly RegionPool _pool;
    private readonly RecoveryCheck _recovery;
    private readonly HistoryFeed _feed;
    private readonly bool _cutsEverywhere;
    private readonly HistoryRandom _random;
    private SimulatedDisk _disk;
    private readonly int _lastGeneration;
    private int _stepsLeft;
    private int _set;
    private bool _isQuiet;
    private string _step = "";

    private History(HistoryOptions options, RegionPool pool, bool cutsEverywhere)
    {
        _options = options;
        _model = new HistoryModel(options);
        _pool = pool;
        _cutsEverywhere = cutsEverywhere;
        _recovery = new RecoveryCheck(_model, pool);
        _feed = new HistoryFeed(_model);
        _random = new HistoryRandom(options.Seed);
        _stepsLeft = options.StepsMax;

        // One more that only opens, checks and closes: the last that works may end in a crash, too.
        _lastGeneration = cutsEverywhere ? options.Generations - 1 : options.Generations;
        _disk = new SimulatedDisk(options.Seed) { DirectWriteAlignment = options.DirectWriteAlignment };
    }

    /// <summary>Wraps the file system that the engine is given; a canary makes it lie.</summary>
    public Func<IFileSystem, IFileSystem>? WrapFiles { get; init; }

    /// <summary>Runs a long history with clean ends, kills and power cuts.</summary>
    public static HistoryResult Run(HistoryOptions options, RegionPool pool, Func<IFileSystem, IFileSystem>? wrapFiles = null) =>
        new History(options, pool, cutsEverywhere: false) { WrapFiles = wrapFiles }.Run();

    /// <summary>Runs a history with clean ends and kills, and crashes it at every call that changes the disk.</summary>
    public static HistoryResult CutEverywhere(HistoryOptions options, RegionPool pool, Func<IFileSystem, IFileSystem>? wrapFiles = null) =>
        new History(options, pool, cutsEverywhere: true) { WrapFiles = wrapFiles }.Run();

    /// <summary>
    /// Runs the same operations under other options and another order of threads each time, every run checked as any other, and compares
    /// what is there in the end. One writer, and nothing that may be lost: what is done depends on nothing but the seed.
    /// </summary>
    public static HistoryResult RunUnderSets(HistoryOptions options, RegionPool pool, int sets)
    {
        HistoryOptions same = options with
        {
            Writers = 1,
            BufferedPercent = 100,
            Without = options.Without | HistoryFeatures.Faults | HistoryFeatures.RecoveryCrashes | HistoryFeatures.PowerCuts,
        };
        HistoryResult first = new History(same, pool, cutsEverywhere: false).Run();
        HistoryTally tally = first.Tally with { };
        for (int set = 1; set < sets; set++)
        {
            HistoryOptions other = same.Redraw(unchecked(options.Seed * 31 + set));
            HistoryResult result = new History(other, pool, cutsEverywhere: false) { _set = set }.Run();
            tally.Add(result.Tally);
            if (result.Content == first.Content && result.Batches == first.Batches) continue;
            throw new HistoryViolationException($"{same}\n  ends otherwise under these options: {other}");
        }

        return first with { Tally = tally };
    }

    private HistoryResult Run()
    {
        long calls = 0;
        long points = 0;
        ulong trace = 0;
        for (int generation = 0; generation <= _lastGeneration; generation++)
        {
            try
            {
                _step = $"generation {generation}";
                _random.Begin(_options.Seed, generation);
                var scheduler = new DeterministicScheduler(_random.Next() ^ _set);
                SimulatedDisk disk = _disk.Crash(CrashMode.KeepAll, 0, scheduler);
                _isQuiet = !_cutsEverywhere && generation == _lastGeneration;
                if (_isQuiet) (_stepsLeft, disk.CapacityBytes) = (0, long.MaxValue);
                var recorder = new CrashPointRecorder(_model);
                if (_cutsEverywhere) disk.Faults = call => recorder.Observe(disk, call);
                scheduler.Run(() => RunGeneration(generation, scheduler, disk, recorder));
                calls += disk.CallCount;
                points += recorder.Points.Count;
                trace = trace * 31 + scheduler.TraceHash;
                for (int i = 0; i < recorder.Points.Count; i++)
                {
                    _step = $"generation {generation}, crash point {i}";
                    _recovery.CheckAllOutcomes(recorder.Points[i], _options.Seed * 7919 + i * 3);
                }
            }
            catch (Exception violation)
            {
                throw HistoryViolationException.At($"{_options}\n  {_step}", violation);
            }
        }

        CheckDamage();
        return new HistoryResult(_model.Batches.Count, calls, points, _recovery.Count, trace, _model.HashContent(), _model.Tally);
    }

    private void RunGeneration(int generation, DeterministicScheduler scheduler, SimulatedDisk disk, CrashPointRecorder recorder)
    {
        IFileSystem files = WrapFiles?.Invoke(disk) ?? disk;
        var events = new HistoryEvents();
        EngineSetup setup = OptionsOf(generation).CreateSetup(files, scheduler, new SeededRandom(_random.Next()), _pool);
        if (!_cutsEverywhere && _random.Next(4) == 0) _recovery.CheckReadOnly(setup, disk, _model.BufferedFloor);
        if (CrashesWhileOpening(setup, disk)) return;
        HistoryFaults faults = DrawFaults(disk);
        Database database = Open(setup with { OnEvent = events.Take }, disk, faults);
        recorder.Database = database;
        faults.IsPaused = true;
        var reads = new HistoryReads(database, _model);
        ulong last = reads.FindLastSequence();
        _recovery.CheckFloor(last, faults.HasLostPages ? _model.SyncedFloor : _model.BufferedFloor);
        _model.Recovered(last);
        reads.CheckAll(last);
        faults.IsPaused = false;
        _feed.Check();
        _feed.Begin(database, last);

        var work = new HistoryWork(_options, _model, database, scheduler, _random)
        {
            Setup = setup,
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
            _feed.End(database);
            faults.IsPaused = !closesOnBadDisk;
        }
        else
        {
            faults.Heal();
            events.CheckCalm();
            reads.Resolve(database.LatestSequence);
            _feed.End(database);
            if (generation == _lastGeneration) RecoveryCheck.CheckSound(database);
        }

        _model.PromiseDurable(database.DurableSequence);
        try
        {
            database.Close();
            if (!faults.HasFailed) events.CheckClosed();
            _model.PromiseSynced(_model.LastSequence);
        }
        catch (Exception failure) when (faults.HasFailed && failure is StorageException or DatabaseReadOnlyException)
        {
            // The next open recovers as after a kill.
            if (faults.HasLostPages) _model.Crashed(CrashMode.KeepNothing);
        }

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
        if (faults.IsDrawn) _feed.MayBeLost = true;
        if (!_cutsEverywhere) disk.Faults = faults.Strike;
        return faults;
    }

    /// <summary>An open that the disk refuses leaves nothing behind, and succeeds once the disk is well.</summary>
    private static Database Open(EngineSetup setup, SimulatedDisk disk, HistoryFaults faults)
    {
        var options = new DatabaseOptions { Durability = Durability.Buffered };
        try
        {
            return Database.Open(setup, options);
        }
        catch (StorageException) when (faults.HasFailed)
        {
            if (disk.OpenFileCount != 0) throw new HistoryViolationException($"{disk.OpenFileCount} files are open after an open that failed");
            faults.Heal();
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
        _model.Crashed(mode);
        _feed.MayBeLost |= mode != CrashMode.KeepAll && _options.SyncedPercent < 100;
        _disk = disk.Fork().Crash(mode, seed);
    }
}

/// <summary>What a history did.</summary>
/// <param name="Batches">Batches written.</param>
/// <param name="Calls">Calls to the disk, recoveries of crash points not counted.</param>
/// <param name="CrashPoints">Moments at which it was crashed.</param>
/// <param name="Recoveries">Recoveries checked at them.</param>
/// <param name="Trace">A hash over the order in which threads ran: equal for equal seeds.</param>
/// <param name="Content">A hash of what is there in the end.</param>
/// <param name="Tally">What it asked of the database.</param>
internal sealed record HistoryResult(
    int Batches, long Calls, long CrashPoints, long Recoveries, ulong Trace, ulong Content, HistoryTally Tally);
