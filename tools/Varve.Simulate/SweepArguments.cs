using System.CommandLine;
using Varve.Simulation;

namespace Varve.Simulate;

/// <summary>What every command can be told.</summary>
/// <param name="count">Seeds, if not told.</param>
/// <param name="own">Options of one command alone.</param>
/// <param name="takesCanary">Whether its histories lose power, so that a forgotten sync shows.</param>
internal sealed class SweepOptions(int count, Option[] own, bool takesCanary)
{
    private readonly Option<int> _firstSeed = new("--seed") { Description = "The first seed.", DefaultValueFactory = _ => 1 };
    private readonly Option<int> _count = new("--count") { Description = "How many seeds.", DefaultValueFactory = _ => count };
    private readonly Option<long> _operations = new("--operations")
    {
        Description = "No new seed is begun after so many operations; without --count, seeds go on until then. 0: no limit.",
    };

    private readonly Option<int> _seconds = new("--seconds") { Description = "No new seed is begun after so many seconds; 0: no limit." };
    private readonly Option<int> _threads = new("--threads")
    {
        Description = "Histories at a time; default: two a core, as a history often waits for its own threads.",
        DefaultValueFactory = _ => 2 * Environment.ProcessorCount,
    };

    private readonly Option<int> _steps = new("--steps")
    {
        Description = "Steps of the main thread in a history, at most.",
        DefaultValueFactory = _ => int.MaxValue,
    };

    private readonly Option<int> _writers = new("--writers")
    {
        Description = "Threads that write, at most.",
        DefaultValueFactory = _ => int.MaxValue,
    };

    private readonly Option<HistoryFeatures> _without = new("--without")
    {
        Description = $"What histories leave away, with commas between: {string.Join(", ", Enum.GetNames<HistoryFeatures>())}.",
        CustomParser = result => Enum.Parse<HistoryFeatures>(result.Tokens[0].Value, ignoreCase: true),
    };

    private readonly Option<string?> _canary = new("--canary")
    {
        Description = "Makes the disk forget a sync, which must be found: \"" +
            $"{LyingFiles.LogIsNotSynced}\", \"{LyingFiles.TablesAreNotSynced}\", " +
            $"\"{LyingFiles.ManifestIsNotSynced}\" or \"{LyingFiles.DirectoryIsNotSynced}\".",
    };

    public IEnumerable<Option> All =>
    [
        _firstSeed, _count, _operations, _seconds, _threads, _steps, _writers, _without,
        .. takesCanary ? [_canary] : Array.Empty<Option>(),
        .. own,
    ];

    public SweepArguments Read(string verb, ParseResult parsed)
    {
        long operations = parsed.GetValue(_operations);
        int seconds = parsed.GetValue(_seconds);
        bool isCounted = operations == 0 || parsed.GetResult(_count) is { Implicit: false };
        return new SweepArguments
        {
            Verb = verb,
            Own = string.Concat(own.Where(option => parsed.GetResult(option) is { Implicit: false })
                .Select(option => $" {option.Name} {parsed.GetResult(option)!.Tokens[0].Value}")),
            FirstSeed = parsed.GetValue(_firstSeed),
            Count = isCounted ? parsed.GetValue(_count) : int.MaxValue,
            Operations = operations == 0 ? long.MaxValue : operations,
            TimeMax = seconds == 0 ? TimeSpan.MaxValue : TimeSpan.FromSeconds(seconds),
            Threads = parsed.GetValue(_threads),
            Steps = parsed.GetValue(_steps),
            Writers = parsed.GetValue(_writers),
            Without = parsed.GetValue(_without),
            Canary = takesCanary ? parsed.GetValue(_canary) : null,
        };
    }
}

/// <summary>What a command was told.</summary>
internal sealed record SweepArguments
{
    public required string Verb { get; init; }

    /// <summary>The options of the command alone, as they were given.</summary>
    public required string Own { get; init; }

    public required int FirstSeed { get; init; }

    public required int Count { get; init; }

    public required long Operations { get; init; }

    public required TimeSpan TimeMax { get; init; }

    public required int Threads { get; init; }

    public required int Steps { get; init; }

    public required int Writers { get; init; }

    public required HistoryFeatures Without { get; init; }

    /// <summary>What the disk leaves out; null: nothing.</summary>
    public required string? Canary { get; init; }

    public HistoryOptions Limit(HistoryOptions drawn) => drawn with
    {
        StepsMax = Math.Min(drawn.StepsMax, Steps),
        Writers = Math.Min(drawn.Writers, Writers),
        Without = drawn.Without | Without,
    };
}
