using System.CommandLine;
using Varve.Simulate;
using Varve.Simulation;

var root = new RootCommand("Runs whole histories of the engine on a simulated disk, from seeds. The same seed gives the same history.");
root.Subcommands.Add(Sweep.CreateCommand("histories", "Long histories with clean ends, kills and power cuts.", count: 1000,
    (seed, pool) => History.Run(HistoryOptions.Draw(seed), pool)));
root.Subcommands.Add(Sweep.CreateCommand("cuts", "Short histories, crashed at every call that changes the disk.", count: 1000,
    (seed, pool) => History.CutEverywhere(HistoryOptions.DrawSmall(seed), pool)));
root.Subcommands.Add(Sweep.CreateCommand("faults", "Short histories, run anew with each call to the disk failing.", count: 20,
    (seed, pool) => FaultHistory.FailEverywhere(HistoryOptions.DrawSmall(seed), pool)));
root.Subcommands.Add(DamageCommand.Create());
root.Subcommands.Add(FuzzCommand.Create());
return root.Parse(args).Invoke();
