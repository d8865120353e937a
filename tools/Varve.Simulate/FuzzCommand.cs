using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Varve.Native;
using Varve.Simulation;

namespace Varve.Simulate;

/// <summary>Gives one decoder inputs from a seed.</summary>
internal sealed class FuzzCommand
{
    private const int FailuresShown = 5;
    private const int CorpusSeed = 1;
    private const int CorpusInputs = 12;
    private const int CorpusBytesMax = 1_000;

    /// <summary>A check this long never ends.</summary>
    private static readonly TimeSpan CheckTimeMax = TimeSpan.FromMinutes(10);

    private readonly FuzzTarget[] _targets;
    private readonly int _seed;
    private readonly TimeSpan _timeMax;
    private readonly string? _saves;
    private readonly Lock _gate = new();
    private readonly Stopwatch _watch = Stopwatch.StartNew();
    private readonly Dictionary<Thread, (int Input, TimeSpan Since)> _current = [];
    private int _inputs;
    private int _failures;

    /// <param name="targets">The same decoder, once for each thread.</param>
    /// <param name="seed">Of the inputs.</param>
    /// <param name="timeMax">How long.</param>
    /// <param name="saves">Where inputs that fail are kept; null: nowhere.</param>
    private FuzzCommand(FuzzTarget[] targets, int seed, TimeSpan timeMax, string? saves)
    {
        _targets = targets;
        _seed = seed;
        _timeMax = timeMax;
        _saves = saves;
    }

    public static Command Create()
    {
        var targetName = new Option<string>("--target") { Description = "One decoder, or all.", DefaultValueFactory = _ => "all" };
        var seed = new Option<int>("--seed") { Description = "Of all inputs.", DefaultValueFactory = _ => 1 };
        var seconds = new Option<int>("--seconds") { Description = "For all targets together.", DefaultValueFactory = _ => 300 };
        var input = new Option<int?>("--input") { Description = "The one input of this number." };
        var save = new Option<string>("--save") { Description = "A directory in which inputs that fail are kept, each in a file." };
        var corpus = new Option<string>("--corpus")
        {
            Description = "Writes inputs to keep for every target below this directory, and ends.",
        };
        var threads = new Option<int>("--threads")
        {
            Description = "Inputs at a time.",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        var command = new Command("fuzz", "Gives decoders malformed inputs: answers or typed errors, nothing else.")
        {
            targetName, seed, seconds, input, save, corpus, threads,
        };
        command.SetAction(parsed =>
        {
            var pool = new RegionPool();
            pool.AddUser();
            var engine = new FuzzTargets(pool);
            int count = parsed.GetValue(input) is null ? parsed.GetValue(threads) : 1;
            FuzzTarget[][] all = [.. Enumerable.Range(0, count).Select(_ => (FuzzTarget[])[.. engine.Make(), .. ImportTarget.Make()])];
            if (parsed.GetValue(corpus) is { } directory) return WriteCorpus(all[0], directory);
            string chosen = parsed.GetValue(targetName)!;
            int[] places = [.. Enumerable.Range(0, all[0].Length).Where(place => chosen == "all" || all[0][place].Name == chosen)];
            if (places.Length == 0)
            {
                Console.Error.WriteLine($"Targets: all, {string.Join(", ", all[0].Select(target => target.Name))}");
                return 2;
            }

            TimeSpan share = TimeSpan.FromSeconds(parsed.GetValue(seconds)) / places.Length;
            bool isSound = true;
            foreach (int place in places)
            {
                FuzzTarget[] targets = [.. all.Select(targets => targets[place])];
                isSound &= new FuzzCommand(targets, parsed.GetValue(seed), share, parsed.GetValue(save)).Run(parsed.GetValue(input));
            }

            return isSound ? 0 : 1;
        });
        return command;
    }

    /// <summary>
    /// The valid inputs, and some made of them that are not: what a decoder was given first stays what it is given ever after.
    /// </summary>
    private static int WriteCorpus(FuzzTarget[] targets, string directory)
    {
        foreach (FuzzTarget target in targets)
        {
            string place = Directory.CreateDirectory(Path.Combine(directory, target.Name)).FullName;
            using var run = new FuzzRun(target, CorpusSeed);
            IEnumerable<byte[]> inputs = target.Seeds.Concat(Enumerable.Range(0, CorpusInputs).Select(run.MakeInput));
            int number = 0;
            foreach (byte[] input in inputs.Where(input => input.Length <= CorpusBytesMax))
                File.WriteAllBytes(Path.Combine(place, string.Create(CultureInfo.InvariantCulture, $"{number++:d3}.bin")), input);
        }

        return 0;
    }

    private bool Run(int? only)
    {
        Thread[] threads = [.. _targets.Select(target => new Thread(() => CheckInputs(target, only)) { IsBackground = true })];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads)
        {
            while (!thread.Join(TimeSpan.FromSeconds(1)))
            {
                if (FindStuck() is not { } stuck) continue;
                Console.WriteLine($"{_targets[0].Name}, seed {_seed}, input {stuck}: it does not end");
                return false;
            }
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"fuzz {_targets[0].Name}: {_inputs:N0} inputs in {_watch.Elapsed.TotalSeconds:F0} s, {_failures} failed"));
        return _failures == 0;
    }

    private void CheckInputs(FuzzTarget target, int? only)
    {
        using var run = new FuzzRun(target, _seed);
        while (TakeInput(only) is { } input)
        {
            try
            {
                run.Check(input);
            }
            catch (HistoryViolationException violation)
            {
                Report(run, input, violation);
            }

            lock (_gate) _current.Remove(Thread.CurrentThread);
        }
    }

    private int? TakeInput(int? only)
    {
        lock (_gate)
        {
            bool isOver = only is null ? _watch.Elapsed > _timeMax || _failures >= FailuresShown : _inputs > 0;
            if (isOver) return null;
            int input = only ?? _inputs;
            _inputs++;
            _current[Thread.CurrentThread] = (input, _watch.Elapsed);
            return input;
        }
    }

    private int? FindStuck()
    {
        lock (_gate)
        {
            foreach ((int input, TimeSpan since) in _current.Values)
            {
                if (_watch.Elapsed - since > CheckTimeMax) return input;
            }
        }

        return null;
    }

    private void Report(FuzzRun run, int input, HistoryViolationException violation)
    {
        lock (_gate)
        {
            string name = _targets[0].Name;
            _failures++;
            Console.WriteLine(violation.Message);
            Console.WriteLine(
                $"Again: dotnet run -c Release --project tools/Varve.Simulate -- fuzz --target {name} --seed {_seed} --input {input}\n");
            if (_saves is null) return;
            Directory.CreateDirectory(_saves);
            File.WriteAllBytes(Path.Combine(_saves, $"{name}-{_seed}-{input}.bin"), run.MakeInput(input));
        }
    }
}
