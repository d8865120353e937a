using System.CommandLine;
using Varve.Simulate;
using Varve.Simulation;

const int Sets = 4;

var root = new RootCommand("Runs whole histories of the engine on a simulated disk, from seeds. The same seed gives the same history.");
root.Subcommands.Add(Sweep.CreateCommand("histories", "Long histories with clean ends, kills, power cuts, failing disks and damage.", 1000,
    HistoryOptions.Draw, Histories));
root.Subcommands.Add(Sweep.CreateCommand("sets", "The same histories under several sets of options; they must end the same.", count: 200,
    HistoryOptions.Draw, (options, run) => History.RunUnderSets(options, run.Pool, Sets)));
root.Subcommands.Add(Sweep.CreateCommand("cuts", "Short histories, crashed at every call that changes the disk.", count: 1000,
    HistoryOptions.DrawSmall, (options, run) => History.CutEverywhere(options, run.Pool, run.WrapFiles)));
root.Subcommands.Add(Sweep.CreateCommand("faults", "Short histories, run anew with each call to the disk failing.", count: 20,
    HistoryOptions.DrawSmall, (options, run) => FaultHistory.FailEverywhere(options, run.Pool)));
root.Subcommands.Add(Sweep.CreateCommand("long", "All of them, mixed: of 64 seeds 1 of cuts, 4 of sets, the rest histories.", int.MaxValue,
    seed => IsCuts(seed) ? HistoryOptions.DrawSmall(seed) : HistoryOptions.Draw(seed), Mixed));
return root.Parse(args).Invoke();

static HistoryResult Histories(HistoryOptions options, SweepRun run) => History.Run(options, run.Pool, run.WrapFiles);

static HistoryResult Mixed(HistoryOptions options, SweepRun run)
{
    if (IsCuts(options.Seed)) return History.CutEverywhere(options, run.Pool, run.WrapFiles);
    return options.Seed % 16 == 5 ? History.RunUnderSets(options, run.Pool, Sets) : Histories(options, run);
}

static bool IsCuts(int seed) => seed % 64 == 32;
