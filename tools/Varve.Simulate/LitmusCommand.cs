using System.CommandLine;
using System.Globalization;
using Varve.Simulation;

namespace Varve.Simulate;

/// <summary>The litmus tests for a long time: first each broken copy, which must be caught, then the engine's own parts.</summary>
internal static class LitmusCommand
{
    private const int Seeds = 2_000;

    private static readonly TimeSpan BrokenTimeMax = TimeSpan.FromMinutes(1);

    public static Command Create()
    {
        var seconds = new Option<int>("--seconds")
        {
            Description = "How long the real threads of each part run.",
            DefaultValueFactory = _ => 60,
        };
        var command = new Command("litmus", "The concurrent parts under forced contention, and broken copies that must be caught.")
        {
            seconds,
        };
        command.SetAction(parsed => Run(TimeSpan.FromSeconds(parsed.GetValue(seconds))));
        return command;
    }

    private static int Run(TimeSpan time)
    {
        int failures = 0;
        foreach ((string name, LitmusMaker make) in LitmusList.Broken)
        {
            failures += Report(name, expectsViolation: true, () => LitmusRunner.RunFor(make, BrokenTimeMax));
            failures += Report($"{name} (seeds)", expectsViolation: true, () => LitmusRunner.RunSeeds(make, 1, Seeds));
        }

        foreach ((string name, LitmusMaker make) in LitmusList.Sound)
        {
            failures += Report(name, expectsViolation: false, () => LitmusRunner.RunFor(make, time));
            failures += Report($"{name} (seeds)", expectsViolation: false, () => LitmusRunner.RunSeeds(make, 1, Seeds));
        }

        Console.WriteLine(failures == 0 ? "litmus: nothing failed" : $"litmus: {failures} failed");
        return failures == 0 ? 0 : 1;
    }

    /// <summary>1 for what did not end as expected.</summary>
    private static int Report(string name, bool expectsViolation, Func<long> run)
    {
        try
        {
            long rounds = run();
            string counted = string.Create(CultureInfo.InvariantCulture, $"{rounds:N0} rounds");
            Console.WriteLine(expectsViolation ? $"NOT CAUGHT in {counted}: {name}" : $"held for {counted}: {name}");
            return expectsViolation ? 1 : 0;
        }
        catch (HistoryViolationException violation)
        {
            bool isCaught = expectsViolation && violation.InnerException is HistoryViolationException;
            Console.WriteLine(isCaught ? $"caught: {name} ({violation.Message})" : $"FAILED: {name}: {violation.Message}");
            return isCaught ? 0 : 1;
        }
    }
}
