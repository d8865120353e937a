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
    private readonly bool _cutsEverywhere;
    private readonly Random _random;
    private SimulatedDisk _disk;
    private string _step = "";

    private History(HistoryOptions options, RegionPool pool, bool cutsEverywhere)
    {
        _options = options;
        _model = new HistoryModel(options);
        _pool = pool;
        _cutsEverywhere = cutsEverywhere;
        _recovery = new RecoveryCheck(_model, pool);
        _random = new Random(options.Seed ^ 0x5EED);
        _disk = new SimulatedDisk(options.Seed) { DirectWriteAlignment = options.DirectWriteAlignment };
    }

    /// <summary>Wraps the file system that the engine is given; a canary makes it lie.</summary>
    public Func<IFileSystem, IFileSystem>? WrapFiles { get; init; }

    /// <summary>Runs a long history with clean ends, kills and power cuts.</summary>
    public static HistoryResult Run(HistoryOptions options, RegionPool pool, Func<IFileSystem, IFileSystem>? wrapFiles = null) =>
        new History(options, pool, cutsEverywhere: false) { WrapFiles = wrapFiles }.Run();

    /// <summary>As <see cref="Run(HistoryOptions, RegionPool, Func{IFileSystem, IFileSystem}?)"/>, and crashes at every call that changes the disk.</summary>
    public static HistoryResult CutEverywhere(HistoryOptions options, RegionPool pool, Func<IFileSystem, IFileSystem>? wrapFiles = null) =>
        new History(options, pool, cutsEverywhere: true) { WrapFiles = wrapFiles }.Run();

    private HistoryResult Run()
    {
        long calls = 0;
        long points = 0;
        ulong trace = 0;
        for (int generation = 0; generation < _options.Generations; generation++)
        {
            try
            {
                _step = $"generation {generation}";
                var scheduler = new DeterministicScheduler(_random.Next());
                SimulatedDisk disk = _disk.Crash(CrashMode.KeepAll, 0, scheduler);
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

        return new HistoryResult(_model.Batches.Count, calls, points, _recovery.Count, trace);
    }

    private void RunGeneration(int generation, DeterministicScheduler scheduler, SimulatedDisk disk, CrashPointRecorder recorder)
    {
        IFileSystem files = WrapFiles?.Invoke(disk) ?? disk;
        EngineSetup setup = _options.CreateSetup(files, scheduler, new SeededRandom(_random.Next()), _pool);
        ulong floor = _model.BufferedFloor;
        if (!_cutsEverywhere && _random.Next(4) == 0) _recovery.CheckReadOnly(setup, disk, floor);
        Database database = Database.Open(setup, new DatabaseOptions { Durability = Durability.Buffered });
        recorder.Database = database;
        var reads = new HistoryReads(database, _model);
        ulong last = reads.FindLastSequence();
        _recovery.CheckFloor(last, floor);
        _model.Recovered(last);
        reads.CheckAll(last);

        GenerationEnd end = _cutsEverywhere ? (GenerationEnd)_random.Next(2) : (GenerationEnd)_random.Next(3);
        bool isLast = generation == _options.Generations - 1;
        if (end == GenerationEnd.PowerCut && _random.Next(2) == 0) disk.Faults = FaultPlan.PowerCutAt(disk.CallCount + _random.Next(1, 400));
        var work = new HistoryWork(_options, _model, database, disk, scheduler, _random);
        work.Run(step => _step = $"generation {generation}, operation {step}");
        _step = $"generation {generation}, end by {end}";
        if (end == GenerationEnd.Close && !work.IsOver)
        {
            work.JoinWriters();
            reads.Resolve(database.LatestSequence);
            _model.PromiseSynced(_model.LastSequence);
            if (isLast) RecoveryCheck.CheckSound(database);
            database.Close();
            recorder.Database = null;
            if (_cutsEverywhere) recorder.Record(disk, null);
            CheckNothingIsOpen(disk);
            _disk = disk;
            return;
        }

        if (_cutsEverywhere && !disk.IsOff) recorder.Record(disk, null);
        CrashMode mode = end == GenerationEnd.PowerCut || disk.IsOff ? (_random.Next(2) == 0 ? CrashMode.KeepNothing : CrashMode.Random) : CrashMode.KeepAll;
        if (!disk.IsOff) _model.PromiseDurable(database.DurableSequence);
        _model.Crashed(mode);
        _disk = disk.Crash(mode, _random.Next(), null);
        disk.Faults = null;
        work.GiveUp();
        database.Dispose();
    }

    private static void CheckNothingIsOpen(SimulatedDisk disk)
    {
        if (disk.OpenFileCount != 0) throw new HistoryViolationException($"{disk.OpenFileCount} files are open after a clean close");
    }
}

/// <summary>What a history did.</summary>
/// <param name="Batches">Batches written.</param>
/// <param name="Calls">Calls to the disk, recoveries of crash points not counted.</param>
/// <param name="CrashPoints">Moments at which it was crashed.</param>
/// <param name="Recoveries">Recoveries checked at them.</param>
/// <param name="Trace">A hash over the order in which threads ran: equal for equal seeds.</param>
internal sealed record HistoryResult(int Batches, long Calls, long CrashPoints, long Recoveries, ulong Trace);
