using System.CommandLine;
using Varve.Simulate;
using Varve.Simulate.Gateway;
using Varve.Simulate.Handover;
using Varve.Simulation;

const int Sets = 4;

var length = new Option<int>("--length")
{
    Description = "Histories of so many operations that do everything there is; 0: 20 to 60 drawn ones.",
};
var errors = new Option<string>("--errors")
{
    Description = $"What calls fail with, separated by commas: {string.Join(", ", FaultKind.Disk.Select(kind => kind.Name))}; or all.",
    DefaultValueFactory = _ => "eio,enospc",
};

var root = new RootCommand("Runs whole histories of the engine on a simulated disk, from seeds. The same seed gives the same history.");
root.Subcommands.Add(Sweep.CreateCommand("histories", "Long histories with clean ends, kills, power cuts, failing disks and damage.", 1000,
    [], (_, seed) => HistoryOptions.Draw(seed), (_, options, with) => Histories(options, with), takesCanary: true));
root.Subcommands.Add(Sweep.CreateCommand("sets", "The same histories under several sets of options; they must end the same.", 200,
    [], (_, seed) => HistoryOptions.Draw(seed), (_, options, with) => History.RunUnderSets(options, with.Pool, Sets)));
root.Subcommands.Add(Sweep.CreateCommand("cuts", "Short histories, crashed at every call that changes the disk.", 1000,
    [length], Draw, (_, options, with) => History.CutEverywhere(options, with.Pool, with.WrapFiles), takesCanary: true));
root.Subcommands.Add(Sweep.CreateCommand("faults", "Short histories, run anew with each call to the disk failing.", 20,
    [length, errors], Draw, (parsed, options, with) => FaultHistory.FailEverywhere(options, with.Pool, KindsOf(parsed))));
root.Subcommands.Add(Sweep.CreateCommand("allocations", "Short histories, run anew with each request for native memory refused.", 20,
    [length], Draw, (_, options, with) => FaultHistory.FailEverywhere(options, with.Pool, FaultKind.Memory)));
root.Subcommands.Add(Sweep.CreateCommand("long", "Mixed: of 64 seeds 1 of cuts, 4 of sets, the rest histories.", int.MaxValue,
    [], (_, seed) => IsCuts(seed) ? HistoryOptions.DrawSmall(seed) : HistoryOptions.Draw(seed),
    (_, options, with) => Mixed(options, with), takesCanary: true));
root.Subcommands.Add(LitmusCommand.Create());
root.Subcommands.Add(DamageCommand.Create());
root.Subcommands.Add(FuzzCommand.Create());
root.Subcommands.Add(HandoverCommand.Create());
root.Subcommands.Add(HandoverCommand.CreateChild());
root.Subcommands.Add(ChaosCommand.Create());
return root.Parse(args).Invoke();

static HistoryResult Histories(HistoryOptions options, SweepRun with) => History.Run(options, with.Pool, with.WrapFiles);

static HistoryResult Mixed(HistoryOptions options, SweepRun with)
{
    if (IsCuts(options.Seed)) return History.CutEverywhere(options, with.Pool, with.WrapFiles);
    return options.Seed % 16 == 5 ? History.RunUnderSets(options, with.Pool, Sets) : Histories(options, with);
}

static bool IsCuts(int seed) => seed % 64 == 32;

HistoryOptions Draw(ParseResult parsed, int seed)
{
    int count = parsed.GetValue(length);
    return count == 0 ? HistoryOptions.DrawSmall(seed) : HistoryOptions.DrawWhole(seed, count);
}

IReadOnlyList<FaultKind> KindsOf(ParseResult parsed)
{
    string[] names = parsed.GetValue(errors)!.Split(',');
    if (names is ["all"]) return FaultKind.Disk;
    return [.. names.Select(name => FaultKind.Disk.FirstOrDefault(kind => kind.Name == name)
        ?? throw new ArgumentException($"There is no error '{name}'."))];
}
