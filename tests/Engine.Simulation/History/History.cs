using Varve.Files;
using Varve.Native;

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
internal sealed partial class History
{
    private readonly HistoryOptions _options;
    private readonly HistoryModel _model;
    private readonly RegionPool _pool;
    private readonly RecoveryCheck _recovery;
    private readonly HistoryFeed _feed;
    private readonly HistoryOutcomes _outcomes;
    private readonly bool _cutsEverywhere;
    private readonly HistoryRandom _random;
    private readonly int _lastGeneration;
    private SimulatedDisk _disk;
    private int _stepsLeft;
    private int _set;
    private bool _isQuiet;

    /// <summary>An earlier open of the same generation may have written down what its clock shows.</summary>
    private bool _hasOpened;
    private ManualClock? _clock;
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
        _random = new HistoryRandom(options.Seed);
        _stepsLeft = options.StepsMax;

        // One more that only opens, checks and closes: the last that works may end in a crash, too.
        _lastGeneration = cutsEverywhere ? options.Generations - 1 : options.Generations;
        _disk = new SimulatedDisk(options.Seed)
        {
            DirectWriteAlignment = options.DirectWriteAlignment,
            MapsFiles = options.MapsFiles,
        };
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
            ExpiringPercent = 0,
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
                _clock = scheduler.Clock;
                _model.StartClock(_clock, _random);
                var recorder = new CrashPointRecorder(_model, _clock);
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
