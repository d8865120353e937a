using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Varve.Files;
using Varve.Native;
using Varve.Simulation;

namespace Varve.Simulate;

/// <summary>What a history is run with.</summary>
/// <param name="Pool">Of memory.</param>
/// <param name="WrapFiles">Makes the disk lie, to see that it is noticed; null: it does not.</param>
internal sealed record SweepRun(RegionPool Pool, Func<IFileSystem, IFileSystem>? WrapFiles);

/// <summary>
/// Runs a range of seeds on all cores, says how far it is, and at the end which seeds failed, and by which command the smallest history
/// of the first of them that still fails is run again.
/// </summary>
internal sealed class Sweep
{
    private const int FailuresShown = 20;

    private readonly SweepArguments _arguments;
    private readonly Func<int, HistoryOptions> _draw;
    private readonly Func<HistoryOptions, SweepRun, HistoryResult> _run;
    private readonly SweepRun _with;
    private readonly Lock _gate = new();
    private readonly List<(int Seed, string Message)> _failures = [];
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly HistoryTally _tally = new();
    private int _begunSeeds;
    private long _histories;
    private long _batches;
    private long _calls;
    private long _crashPoints;
    private long _recoveries;

    private Sweep(SweepArguments arguments, Func<int, HistoryOptions> draw, Func<HistoryOptions, SweepRun, HistoryResult> run)
    {
        _arguments = arguments;
        _draw = draw;
        _run = run;
        var pool = new RegionPool();
        pool.AddUser();
        _with = new SweepRun(pool, arguments.Canary is { } slip ? files => new LyingFiles(files, slip) : null);
    }

    /// <param name="name">The verb.</param>
    /// <param name="description">What it does.</param>
    /// <param name="count">Seeds, if not told.</param>
    /// <param name="own">Options of this verb alone.</param>
    /// <param name="draw">What a seed decides.</param>
    /// <param name="run">Runs it.</param>
    /// <param name="takesCanary">Whether it can be told to make the disk lie.</param>
    public static Command CreateCommand(
        string name,
        string description,
        int count,
        Option[] own,
        Func<ParseResult, int, HistoryOptions> draw,
        Func<ParseResult, HistoryOptions, SweepRun, HistoryResult> run,
        bool takesCanary = false)
    {
        var options = new SweepOptions(count, own, takesCanary);
        var command = new Command(name, description);
        foreach (Option option in options.All) command.Options.Add(option);
        command.SetAction(parsed => new Sweep(
            options.Read(name, parsed), seed => draw(parsed, seed), (drawn, with) => run(parsed, drawn, with)).Run());
        return command;
    }

    private int Run()
    {
        var threads = new Thread[_arguments.Threads];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(RunSeeds) { IsBackground = true };
            threads[i].Start();
        }

        foreach (Thread thread in threads)
        {
            while (!thread.Join(TimeSpan.FromSeconds(2))) Console.Error.WriteLine(Describe());
        }

        _watch.Stop();
        Console.WriteLine(Describe());
        if (_failures.Count == 0) return 0;
        Console.WriteLine($"Failed seeds: {string.Join(", ", _failures.Select(failure => failure.Seed).Order())}");
        Shrink(_failures.Min(failure => failure.Seed));
        return 1;
    }

    private void RunSeeds()
    {
        while (true)
        {
            int seed;
            lock (_gate)
            {
                bool isEnough = _begunSeeds >= _arguments.Count || _watch.Elapsed > _arguments.TimeMax
                    || _tally.Operations >= _arguments.Operations;
                if (isEnough) return;
                seed = unchecked(_arguments.FirstSeed + _begunSeeds++);
            }

            try
            {
                Add(_run(_arguments.Limit(_draw(seed)), _with));
            }
            catch (HistoryViolationException violation)
            {
                lock (_gate)
                {
                    _failures.Add((seed, violation.Message));
                    if (_failures.Count <= FailuresShown) Console.WriteLine(violation.Message + "\n");
                }
            }
        }
    }

    private void Shrink(int seed)
    {
        HistoryOptions drawn = _draw(seed);
        string command = "dotnet run -c Release --project tools/Varve.Simulate -- "
            + $"{_arguments.Verb}{_arguments.Own} --seed {seed} --count 1";
        if (_arguments.Canary is not null) command += $" --canary \"{_arguments.Canary}\"";
        Console.WriteLine($"Again: {command}{HistoryShrinker.Arguments(_arguments.Limit(drawn), drawn)}");
        var shrinker = new HistoryShrinker(options => _run(options, _with));
        HistoryOptions smallest = shrinker.Shrink(_arguments.Limit(drawn));
        if (shrinker.Violation is not { } violation)
        {
            Console.WriteLine("It does not fail alone: something outside the seed decides, which is an error of the simulation.");
            return;
        }

        Console.WriteLine($"\nThe smallest of {shrinker.Runs} tried that still fails:\n{violation.Message}");
        Console.WriteLine($"Again: {command}{HistoryShrinker.Arguments(smallest, drawn)}");
    }

    private void Add(HistoryResult result)
    {
        lock (_gate)
        {
            _histories++;
            _batches += result.Batches;
            _calls += result.Calls;
            _crashPoints += result.CrashPoints;
            _recoveries += result.Recoveries;
            _tally.Add(result.Tally);
        }
    }

    private string Describe()
    {
        lock (_gate)
        {
            bool isEndless = _arguments.Count == int.MaxValue;
            string seeds = isEndless ? "" : string.Create(CultureInfo.InvariantCulture, $" of {_arguments.Count:N0}");
            double seconds = _watch.Elapsed.TotalSeconds;
            return string.Create(CultureInfo.InvariantCulture,
                $"{_arguments.Verb}: {_histories:N0}{seeds} seeds from {_arguments.FirstSeed} in {seconds:F0} s: " +
                $"{_batches:N0} batches, {_calls:N0} calls, {_crashPoints:N0} points, all visited, " +
                $"{_recoveries:N0} recoveries, {_failures.Count} failed\n" +
                $"{_tally}\n{_tally.Operations / seconds:N0} operations a second, " +
                $"{_tally.Operations / Environment.CpuUsage.TotalTime.TotalSeconds:N0} a second of one core");
        }
    }
}
