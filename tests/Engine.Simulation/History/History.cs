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
    private readonly HistoryOutcomes _outcomes;
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
        _feed = new HistoryFeed(_model);
        _outcomes = new HistoryOutcomes(_model);
        _random = new Random(options.Seed ^ 0x5EED);
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
                _model.StartClock(scheduler.Clock, _random);
                var recorder = new CrashPointRecorder(_model, scheduler.Clock);
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
        var events = new HistoryEvents();
        EngineSetup setup = _options.CreateSetup(files, scheduler, new SeededRandom(_random.Next()), _pool) with { OnEvent = events.Take };
        ulong floor = _model.BufferedFloor;
        if (!_cutsEverywhere && _random.Next(4) == 0) _recovery.CheckReadOnly(setup, disk, floor, _model.WallMaxBefore, isNew: _model.TimeFloor == 0);
        long wall = scheduler.Clock.GetUtcNow().ToUnixTimeMilliseconds();
        Database database = Database.Open(setup, new DatabaseOptions { Durability = Durability.Buffered });
        recorder.Database = database;
        var reads = new HistoryReads(database, _model, _model.WallMaxBefore, isNew: _model.TimeFloor == 0);
        reads.Time.CheckFloor(_model.TimeFloor);
        _model.PromiseTime(wall);
        ulong last = reads.FindLastSequence();
        _recovery.CheckFloor(last, floor);
        _model.Recovered(last);
        _outcomes.Check(last);
        reads.CheckAll(last);
        _feed.Check();
        _feed.Begin(database, last);

        var work = new HistoryWork(_options, _model, database, scheduler, _random)
        {
            Setup = setup,
            Reads = reads,
            Outcomes = _outcomes,
            Feed = _feed,
        };
        GenerationEnd end = _cutsEverywhere ? (GenerationEnd)_random.Next(2) : (GenerationEnd)_random.Next(3);
        if (end == GenerationEnd.PowerCut && _random.Next(2) == 0)
            CutPowerDuring(work, database, disk, scheduler.Clock, disk.CallCount + _random.Next(1, 400));
        work.Run(step => _step = $"generation {generation}, operation {step}");
        _step = $"generation {generation}, end by {end}";
        if (_cutsEverywhere) recorder.Record(disk, null);
        if (end != GenerationEnd.Close && !work.IsOver)
            Crash(work, database, disk, scheduler.Clock, end == GenerationEnd.Kill ? CrashMode.KeepAll : DrawCut(), _random.Next());
        work.End();
        if (work.IsOver)
        {
            // What the engine still does to this disk nobody will see; it gives its memory and threads back.
            recorder.Database = null;
            disk.Faults = null;
            _feed.Close();
            database.Dispose();
            return;
        }

        events.CheckCalm();

        reads.Resolve(database.LatestSequence);
        _outcomes.Check(database.LatestSequence);
        _feed.End(database);
        if (generation == _options.Generations - 1) RecoveryCheck.CheckSound(database);
        long time = reads.Time.Read();
        database.Close();
        _model.StopClock(scheduler.Clock);
        _model.PromiseTime(time);
        events.CheckClosed();
        _model.PromiseSynced(_model.LastSequence);
        recorder.Database = null;
        if (_cutsEverywhere) recorder.Record(disk, null);
        if (disk.OpenFileCount != 0) throw new HistoryViolationException($"{disk.OpenFileCount} files are open after a clean close");
        _disk = disk;
    }

    private CrashMode DrawCut() => _random.Next(2) == 0 ? CrashMode.KeepNothing : CrashMode.Random;

    private void CutPowerDuring(HistoryWork work, Database database, SimulatedDisk disk, ManualClock clock, long call)
    {
        int seed = _random.Next();
        CrashMode mode = DrawCut();
        disk.Faults = made =>
        {
            if (made.Index == call && !work.IsOver) Crash(work, database, disk, clock, mode, seed);
            return null;
        };
    }

    /// <summary>The disk of this moment is the next generation's; what this one does from here on never happened.</summary>
    private void Crash(HistoryWork work, Database database, SimulatedDisk disk, ManualClock clock, CrashMode mode, int seed)
    {
        work.IsOver = true;
        _model.StopClock(clock);
        _model.PromiseDurable(database.DurableSequence);
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
internal sealed record HistoryResult(int Batches, long Calls, long CrashPoints, long Recoveries, ulong Trace);
