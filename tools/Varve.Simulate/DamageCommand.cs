using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Varve.Native;
using Varve.Simulation;

namespace Varve.Simulate;

/// <summary>Damages the files of a database one by one, and says what became of each kind of damage.</summary>
internal sealed class DamageCommand
{
    private const int FailuresShown = 20;
    private static readonly TimeSpan DamageTimeMax = TimeSpan.FromMinutes(10);

    private readonly Lock _gate = new();
    private readonly DamageRun _run;
    private readonly int _seed;
    private readonly Func<long, long> _choose;
    private readonly long _count;
    private readonly TimeSpan _timeMax;
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly SortedDictionary<string, long[]> _outcomes = new(StringComparer.Ordinal);
    private readonly Dictionary<Thread, (long Damage, TimeSpan Since)> _current = [];
    private readonly List<long> _failures = [];
    private long _next;

    private DamageCommand(DamageRun run, int seed, Func<long, long> choose, long count, TimeSpan timeMax)
    {
        _run = run;
        _seed = seed;
        _choose = choose;
        _count = count;
        _timeMax = timeMax;
    }

    public static Command Create()
    {
        var seed = new Option<int>("--seed") { Description = "Of the database, and of what is drawn.", DefaultValueFactory = _ => 1 };
        var count = new Option<int>("--count") { Description = "How many damages are drawn.", DefaultValueFactory = _ => 20_000 };
        var all = new Option<bool>("--all") { Description = "Every damage there is, from --first on, instead of drawn ones." };
        var first = new Option<long>("--first") { Description = "With --all: the number of the first damage." };
        var number = new Option<long?>("--damage") { Description = "The one damage of this number." };
        var seconds = new Option<int>("--seconds") { Description = "No new damage is begun after so many seconds; 0: no limit." };
        var threads = new Option<int>("--threads")
        {
            Description = "Damages at a time.",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        var command = new Command("damage", "Damages every file of a database in every way: found, or harmless.")
        {
            seed, count, all, first, number, seconds, threads,
        };
        command.SetAction(parsed =>
        {
            var pool = new RegionPool();
            pool.AddUser();
            var run = new DamageRun(parsed.GetValue(seed), pool);
            foreach (string line in run.Describe()) Console.WriteLine(line);
            long begin = parsed.GetValue(first);
            Func<long, long> choose = parsed.GetValue(number) is { } one ? _ => one
                : parsed.GetValue(all) ? at => begin + at
                : at => run.Draw((int)at);
            long damages = parsed.GetValue(number) is not null ? 1 : parsed.GetValue(all) ? run.Count - begin : parsed.GetValue(count);
            int secondsMax = parsed.GetValue(seconds);
            TimeSpan timeMax = secondsMax == 0 ? TimeSpan.MaxValue : TimeSpan.FromSeconds(secondsMax);
            return new DamageCommand(run, parsed.GetValue(seed), choose, damages, timeMax).Run(parsed.GetValue(threads));
        });
        return command;
    }

    private int Run(int threadCount)
    {
        Thread[] threads = [.. Enumerable.Range(0, threadCount).Select(_ => new Thread(CheckDamages) { IsBackground = true })];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads)
        {
            while (!thread.Join(TimeSpan.FromSeconds(5)))
            {
                Console.Error.WriteLine(DescribeProgress());
                if (FindStuck() is { } stuck) return Report(stuck, "it does not end");
            }
        }

        Console.WriteLine(DescribeProgress());
        foreach ((string kind, long[] counts) in _outcomes)
        {
            IEnumerable<string> parts = Enum.GetValues<DamageOutcome>().Where(outcome => counts[(int)outcome] > 0)
                .Select(outcome => string.Create(CultureInfo.InvariantCulture, $"{outcome} {counts[(int)outcome]:N0}"));
            Console.WriteLine($"  {kind,-16} {string.Join(", ", parts)}");
        }

        return _failures.Count == 0 ? 0 : 1;
    }

    private void CheckDamages()
    {
        while (true)
        {
            long damage;
            lock (_gate)
            {
                if (_next >= _count || _watch.Elapsed > _timeMax) return;
                damage = _choose(_next++);
                _current[Thread.CurrentThread] = (damage, _watch.Elapsed);
            }

            try
            {
                (string kind, DamageOutcome outcome) = _run.Check(damage);
                lock (_gate)
                {
                    if (!_outcomes.TryGetValue(kind, out long[]? counts))
                        _outcomes.Add(kind, counts = new long[Enum.GetValues<DamageOutcome>().Length]);
                    counts[(int)outcome]++;
                }
            }
            catch (HistoryViolationException violation)
            {
                Report(damage, violation.Message);
            }

            lock (_gate) _current.Remove(Thread.CurrentThread);
        }
    }

    private long? FindStuck()
    {
        lock (_gate)
        {
            foreach ((long damage, TimeSpan since) in _current.Values)
            {
                if (_watch.Elapsed - since > DamageTimeMax) return damage;
            }
        }

        return null;
    }

    private int Report(long damage, string message)
    {
        lock (_gate)
        {
            _failures.Add(damage);
            if (_failures.Count > FailuresShown) return 1;
            Console.WriteLine($"damage {damage}: {message}");
            Console.WriteLine($"Again: dotnet run -c Release --project tools/Varve.Simulate -- damage --seed {_seed} --damage {damage}\n");
            return 1;
        }
    }

    private string DescribeProgress()
    {
        lock (_gate)
        {
            return string.Create(CultureInfo.InvariantCulture,
                $"damage: {_next:N0} of {_count:N0} (of {_run.Count:N0}) in {_watch.Elapsed.TotalSeconds:F0} s, {_failures.Count} failed");
        }
    }
}
