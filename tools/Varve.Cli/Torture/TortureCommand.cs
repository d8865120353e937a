using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Varve.Cli.Output;

namespace Varve.Cli.Torture;

/// <summary><c>varve torture</c>: real processes, real files, and what an unkind world does to them.</summary>
internal static class TortureCommand
{
    private const int RoundsDefault = 20;
    private const int Streams = 2;

    /// <summary>How often each kind comes: the ones that need a disk of their own are slow.</summary>
    private static readonly (TortureKind Kind, int Weight)[] Weights =
    [
        (TortureKind.Kill, 8), (TortureKind.KillInRecovery, 4), (TortureKind.Stop, 2), (TortureKind.Descriptors, 1),
        (TortureKind.Memory, 1), (TortureKind.Full, 2), (TortureKind.ReadOnly, 1), (TortureKind.Abort, 2),
    ];

    public static VarveCommand Create(Terminal terminal)
    {
        var data = new Option<string>("--data", "-d")
        {
            Description = "Where to make the database: a new or empty directory, which is kept. When not given, a temporary one.",
            HelpName = "DIR",
        };
        var rounds = new Option<int>("--rounds", "-n")
        {
            Description = "How many times a writer is maltreated.",
            HelpName = "N",
            DefaultValueFactory = _ => RoundsDefault,
        };
        var seconds = new Option<int?>("--seconds") { Description = "Begin no new round after this time.", HelpName = "S" };
        var seed = new Option<int>("--seed")
        {
            Description = "What is drawn, but for the machine's own timing.",
            HelpName = "N",
            DefaultValueFactory = _ => 1,
        };
        var only = new Option<TortureKind[]>("--only")
        {
            Description = "These kinds of rounds alone: " + string.Join(", ", Enum.GetNames<TortureKind>()) + ".",
            HelpName = "KIND",
            AllowMultipleArgumentsPerToken = true,
        };
        Option<bool> json = Inputs.Json();
        var command = new VarveCommand(
            "torture",
            "Kill, stop and starve processes that write, fill their disk, pull it away; after each round nothing acknowledged may be lost.",
            "varve torture",
            "varve torture --rounds 500 --seed 7",
            "sudo varve torture --only Full Abort --rounds 50")
        {
            data,
            rounds,
            seconds,
            seed,
            only,
            json,
        };
        command.Run((parsed, cancellation) =>
        {
            string? named = parsed.GetValue(data);
            if (named is not null && Directory.Exists(named) && Directory.EnumerateFileSystemEntries(named).Any())
            {
                throw CommandFailureException.Usage($"The directory '{named}' is not empty; the torture makes a database of its own.");
            }

            var plan = new Plan(
                named, parsed.GetValue(rounds), parsed.GetValue(seconds), parsed.GetValue(seed), parsed.GetValue(only) ?? []);
            return Run(terminal, plan, parsed.GetValue(json), cancellation);
        });
        return command;
    }

    private static int Run(Terminal terminal, Plan plan, bool isJson, CancellationToken cancellation)
    {
        string scratch = Directory.CreateTempSubdirectory("varve-torture-").FullName;
        try
        {
            string directory = plan.Directory is null ? Path.Combine(scratch, "data") : Path.GetFullPath(plan.Directory);
            using LoopDisk? disk = LoopDisk.TryCreate(scratch, out string why);
            var result = new TortureResult(plan.Seed);
            if (disk is null) result.Skip("Full, ReadOnly, Abort", why);
            if (OperatingSystem.IsWindows()) result.Skip("Stop, Descriptors, Memory", "they take a Unix shell");
            foreach (string skipped in result.Skipped) terminal.Error.WriteLine("skipped: " + skipped);
            RunRounds(terminal, plan, directory, disk, result, cancellation);
            if (isJson) JsonOutput.Write(terminal, result);
            else Show(terminal, result);
            if (result.Faults.Count == 0) return ExitCode.Ok;
            throw new CommandFailureException(
                ExitCode.CheckFailed, $"{Figures.Count(result.Faults.Count, "promise", "promises")} broken; the seed was {plan.Seed}.");
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }

    private static void RunRounds(
        Terminal terminal, Plan plan, string directory, LoopDisk? disk, TortureResult result, CancellationToken cancellation)
    {
        var random = new Random(plan.Seed);
        var usual = new TortureRounds(directory, null, Streams, random, cancellation);
        TortureRounds? onDisk =
            disk is null ? null : new TortureRounds(Path.Combine(disk.MountPoint, "data"), disk, Streams, random, cancellation);
        (TortureKind Kind, int Weight)[] kinds = [.. Weights.Where(entry => IsPossible(entry.Kind, plan, onDisk))];
        if (kinds.Length == 0) throw CommandFailureException.Usage("None of these kinds of rounds can be had on this machine.");
        long started = Stopwatch.GetTimestamp();
        terminal.RunWithProgress("torture", show =>
        {
            for (int round = 0; round < plan.Rounds && !cancellation.IsCancellationRequested; round++)
            {
                if (plan.Seconds is { } most && Stopwatch.GetElapsedTime(started).TotalSeconds >= most) break;
                TortureKind kind = Draw(kinds, random);
                IReadOnlyList<string> faults = (NeedsDisk(kind) ? onDisk! : usual).Run(kind);
                result.Add(kind, round, faults);
                foreach (string fault in faults) terminal.WriteError($"round {round} ({kind}): {fault}");
                show((round + 1.0) / plan.Rounds);
            }
        });
        cancellation.ThrowIfCancellationRequested();
        result.Acknowledged = usual.Acknowledged + (onDisk?.Acknowledged ?? 0);
        result.Seconds = Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static bool NeedsDisk(TortureKind kind) => kind is TortureKind.Full or TortureKind.ReadOnly or TortureKind.Abort;

    private static bool IsPossible(TortureKind kind, Plan plan, TortureRounds? onDisk)
    {
        if (plan.Only.Length > 0 && !plan.Only.Contains(kind)) return false;
        if (NeedsDisk(kind)) return onDisk is not null;
        return !OperatingSystem.IsWindows() || kind is TortureKind.Kill or TortureKind.KillInRecovery;
    }

    private static TortureKind Draw((TortureKind Kind, int Weight)[] kinds, Random random)
    {
        int drawn = random.Next(kinds.Sum(entry => entry.Weight));
        foreach ((TortureKind kind, int weight) in kinds)
        {
            if (drawn < weight) return kind;
            drawn -= weight;
        }

        return kinds[^1].Kind;
    }

    private static void Show(Terminal terminal, TortureResult result)
    {
        Table table = new Table().Border(TableBorder.Rounded).AddColumn("what happened to the writer").AddColumn("rounds");
        table.Columns[1].RightAligned();
        foreach ((string kind, int rounds) in result.Rounds) table.AddRow(kind, Figures.Count(rounds));
        terminal.Console.Write(table);
        string rounded = Figures.Count(result.Rounds.Values.Sum(), "round", "rounds");
        string time = result.Seconds.ToString("N0", CultureInfo.InvariantCulture);
        string acknowledged = Figures.Count(result.Acknowledged, "batch", "batches");
        string broken = Figures.Count(result.Faults.Count, "promise", "promises");
        terminal.Writer.WriteLine($"{rounded} in {time} s, {acknowledged} acknowledged, {broken} broken");
    }

    private sealed record Plan(string? Directory, int Rounds, int? Seconds, int Seed, TortureKind[] Only);
}

/// <summary>What <c>torture --json</c> prints.</summary>
internal sealed class TortureResult(int seed)
{
    public int Seed { get; } = seed;

    public SortedDictionary<string, int> Rounds { get; } = new(StringComparer.Ordinal);

    public long Acknowledged { get; set; }

    public double Seconds { get; set; }

    public List<string> Skipped { get; } = [];

    public List<TortureFault> Faults { get; } = [];

    public void Skip(string kinds, string why) => Skipped.Add($"{kinds}: {why}");

    public void Add(TortureKind kind, int round, IReadOnlyList<string> faults)
    {
        string name = kind.ToString();
        Rounds[name] = Rounds.GetValueOrDefault(name) + 1;
        foreach (string fault in faults) Faults.Add(new TortureFault(round, name, fault));
    }
}

/// <summary>One broken promise of <see cref="TortureResult"/>.</summary>
internal sealed record TortureFault(int Round, string Kind, string Description);
