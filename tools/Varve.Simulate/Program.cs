using System.CommandLine;
using Varve.Simulate;
using Varve.Simulation;

var operations = new Option<int>("--operations")
{
    Description = "Histories of so many operations that do everything there is; 0: 20 to 60 drawn ones.",
};
var errors = new Option<string>("--errors")
{
    Description = $"What calls fail with, separated by commas: {string.Join(", ", FaultKind.Disk.Select(kind => kind.Name))}; or all.",
    DefaultValueFactory = _ => "eio,enospc",
};

var root = new RootCommand("Runs whole histories of the engine on a simulated disk, from seeds. The same seed gives the same history.");
root.Subcommands.Add(Sweep.CreateCommand("histories", "Long histories with clean ends, kills and power cuts.", count: 1000,
    [], (_, seed, pool) => History.Run(HistoryOptions.Draw(seed), pool)));
root.Subcommands.Add(Sweep.CreateCommand("cuts", "Short histories, crashed at every call that changes the disk.", count: 1000,
    [operations], (parsed, seed, pool) => History.CutEverywhere(Draw(parsed, seed), pool)));
root.Subcommands.Add(Sweep.CreateCommand("faults", "Short histories, run anew with each call to the disk failing.", count: 20,
    [operations, errors], (parsed, seed, pool) => FaultHistory.FailEverywhere(Draw(parsed, seed), pool, KindsOf(parsed))));
root.Subcommands.Add(Sweep.CreateCommand(
    "allocations", "Short histories, run anew with each request for native memory refused.", count: 20, [operations],
    (parsed, seed, pool) => FaultHistory.FailEverywhere(Draw(parsed, seed), pool, FaultKind.Memory)));
root.Subcommands.Add(LitmusCommand.Create());
return root.Parse(args).Invoke();

HistoryOptions Draw(ParseResult parsed, int seed)
{
    int count = parsed.GetValue(operations);
    return count == 0 ? HistoryOptions.DrawSmall(seed) : HistoryOptions.DrawWhole(seed, count);
}

IReadOnlyList<FaultKind> KindsOf(ParseResult parsed)
{
    string[] names = parsed.GetValue(errors)!.Split(',');
    if (names is ["all"]) return FaultKind.Disk;
    return [.. names.Select(name => FaultKind.Disk.FirstOrDefault(kind => kind.Name == name)
        ?? throw new ArgumentException($"There is no error '{name}'."))];
}
