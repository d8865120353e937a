using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Varve.Native;
using Varve.Simulation;

namespace Varve.Simulate;

/// <summary>Runs a range of seeds on all cores, says how far it is, and at the end which seeds failed and how to run one again.</summary>
internal sealed class Sweep
{
    private const int FailuresShown = 20;

    private readonly string _name;
    private readonly string _ownOptions;
    private readonly int _firstSeed;
    private readonly int _count;
    private readonly TimeSpan _timeMax;
    private readonly Func<int, RegionPool, HistoryResult> _run;
    private readonly Lock _gate = new();
    private readonly List<(int Seed, string Message)> _failures = [];
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private int _nextSeed;
    private long _histories;
    private long _batches;
    private long _calls;
    private long _crashPoints;
    private long _recoveries;

    private Sweep(
        string name, string ownOptions, int firstSeed, int count, TimeSpan timeMax, Func<int, RegionPool, HistoryResult> run)
    {
        _name = name;
        _ownOptions = ownOptions;
        _firstSeed = firstSeed;
        _count = count;
        _timeMax = timeMax;
        _run = run;
        _nextSeed = firstSeed;
    }

    /// <param name="name">The verb.</param>
    /// <param name="description">What it does.</param>
    /// <param name="count">Seeds, if not told.</param>
    /// <param name="own">Options of this verb alone.</param>
    /// <param name="run">Runs one seed.</param>
    public static Command CreateCommand(
        string name, string description, int count, Option[] own, Func<ParseResult, int, RegionPool, HistoryResult> run)
    {
        var firstSeed = new Option<int>("--seed") { Description = "The first seed.", DefaultValueFactory = _ => 1 };
        var seeds = new Option<int>("--count") { Description = "How many seeds.", DefaultValueFactory = _ => count };
        var seconds = new Option<int>("--seconds") { Description = "No new seed is begun after so many seconds; 0: no limit." };
        var threads = new Option<int>("--threads")
        {
            Description = "Histories at a time; default: one a core.",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        var command = new Command(name, description) { firstSeed, seeds, seconds, threads };
        foreach (Option option in own) command.Options.Add(option);
        command.SetAction(parsed =>
        {
            int secondsMax = parsed.GetValue(seconds);
            TimeSpan timeMax = secondsMax == 0 ? TimeSpan.MaxValue : TimeSpan.FromSeconds(secondsMax);
            string again = string.Concat(own.Where(option => parsed.GetResult(option) is { Implicit: false })
                .Select(option => $" {option.Name} {parsed.GetResult(option)!.Tokens[0].Value}"));
            return new Sweep(name, again, parsed.GetValue(firstSeed), parsed.GetValue(seeds), timeMax, RunSeed)
                .Run(parsed.GetValue(threads));

            HistoryResult RunSeed(int seed, RegionPool pool) => run(parsed, seed, pool);
        });
        return command;
    }

    private int Run(int threadCount)
    {
        var pool = new RegionPool();
        pool.AddUser();
        var threads = new Thread[threadCount];
        for (int i = 0; i < threadCount; i++)
        {
            threads[i] = new Thread(() => RunSeeds(pool)) { IsBackground = true };
            threads[i].Start();
        }

        foreach (Thread thread in threads)
        {
            while (!thread.Join(TimeSpan.FromSeconds(2))) Console.Error.WriteLine(Describe());
        }

        Console.WriteLine(Describe());
        if (_failures.Count == 0) return 0;
        Console.WriteLine($"Failed seeds: {string.Join(", ", _failures.Select(failure => failure.Seed).Order())}");
        int first = _failures.Min(failure => failure.Seed);
        Console.WriteLine($"Again: dotnet run -c Release --project tools/Varve.Simulate -- {_name}{_ownOptions} --seed {first} --count 1");
        return 1;
    }

    private void RunSeeds(RegionPool pool)
    {
        while (true)
        {
            int seed;
            lock (_gate)
            {
                if (_nextSeed - _firstSeed >= _count || _watch.Elapsed > _timeMax) return;
                seed = _nextSeed++;
            }

            try
            {
                Add(_run(seed, pool));
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

    private void Add(HistoryResult result)
    {
        lock (_gate)
        {
            _histories++;
            _batches += result.Batches;
            _calls += result.Calls;
            _crashPoints += result.CrashPoints;
            _recoveries += result.Recoveries;
        }
    }

    private string Describe()
    {
        lock (_gate)
        {
            return string.Create(CultureInfo.InvariantCulture,
                $"{_name}: {_histories:N0} of {_count:N0} seeds from {_firstSeed} in {_watch.Elapsed.TotalSeconds:F0} s: " +
                $"{_batches:N0} batches, {_calls:N0} calls, {_crashPoints:N0} points, all visited, " +
                $"{_recoveries:N0} recoveries, {_failures.Count} failed");
        }
    }
}
