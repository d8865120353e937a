using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Varve.Native;
using Varve.Simulation;

namespace Varve.Simulate;

/// <summary>Gives decoders inputs from seeds, each target for the same time.</summary>
internal sealed class FuzzCommand
{
    private const int FailuresShown = 5;

    /// <summary>A check this long never ends.</summary>
    private static readonly TimeSpan CheckTimeMax = TimeSpan.FromSeconds(120);

    private readonly FuzzTarget _target;
    private readonly int _seed;
    private readonly TimeSpan _timeMax;
    private readonly string? _saves;
    private int _next;
    private int _failures;
    private volatile int _current = -1;

    private FuzzCommand(FuzzTarget target, int seed, TimeSpan timeMax, string? saves)
    {
        _target = target;
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
        var command = new Command("fuzz", "Gives decoders malformed inputs: answers or typed errors, nothing else.")
        {
            targetName, seed, seconds, input, save,
        };
        command.SetAction(parsed =>
        {
            var pool = new RegionPool();
            pool.AddUser();
            FuzzTarget[] all = [.. FuzzTargets.Make(pool), .. ImportTargets.Make()];
            string chosen = parsed.GetValue(targetName)!;
            FuzzTarget[] targets = chosen == "all" ? all : [.. all.Where(target => target.Name == chosen)];
            if (targets.Length == 0)
            {
                Console.Error.WriteLine($"Targets: all, {string.Join(", ", all.Select(target => target.Name))}");
                return 2;
            }

            TimeSpan share = TimeSpan.FromSeconds(parsed.GetValue(seconds)) / targets.Length;
            int failed = 0;
            foreach (FuzzTarget target in targets)
                failed += new FuzzCommand(target, parsed.GetValue(seed), share, parsed.GetValue(save)).Run(parsed.GetValue(input));
            return failed == 0 ? 0 : 1;
        });
        return command;
    }

    private int Run(int? only)
    {
        var watch = Stopwatch.StartNew();
        _next = only ?? 0;
        var thread = new Thread(() => CheckInputs(only, watch)) { IsBackground = true };
        thread.Start();
        (int input, TimeSpan since) = (-1, TimeSpan.Zero);
        while (!thread.Join(TimeSpan.FromSeconds(1)))
        {
            if (_current != input) (input, since) = (_current, watch.Elapsed);
            if (input < 0 || watch.Elapsed - since < CheckTimeMax) continue;
            Console.WriteLine($"{_target.Name}, seed {_seed}, input {input}: it does not end");
            return 1;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"fuzz {_target.Name}: {_next - (only ?? 0):N0} inputs in {watch.Elapsed.TotalSeconds:F0} s, {_failures} failed"));
        return _failures == 0 ? 0 : 1;
    }

    private void CheckInputs(int? only, Stopwatch watch)
    {
        using var run = new FuzzRun(_target, _seed);
        do
        {
            _current = _next++;
            try
            {
                run.Check(_current);
            }
            catch (HistoryViolationException violation)
            {
                Report(run, violation);
            }
        }
        while (only is null && watch.Elapsed < _timeMax && _failures < FailuresShown);

        _current = -1;
    }

    private void Report(FuzzRun run, HistoryViolationException violation)
    {
        _failures++;
        Console.WriteLine(violation.Message);
        Console.WriteLine(
            $"Again: dotnet run -c Release --project tools/Varve.Simulate -- fuzz --target {_target.Name} --seed {_seed} --input {_current}\n");
        if (_saves is null) return;
        Directory.CreateDirectory(_saves);
        File.WriteAllBytes(Path.Combine(_saves, $"{_target.Name}-{_seed}-{_current}.bin"), run.MakeInput(_current));
    }
}
