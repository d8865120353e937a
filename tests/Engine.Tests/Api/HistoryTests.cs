using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;
using Varve.Native;

namespace Varve.Tests.Api;

/// <summary>The same history must give the same answers under all option sets: those of sorted dictionaries.</summary>
public sealed class HistoryTests
{
    /// <summary>Shared by all runs, as in one process: what one database gives back the next one takes, with whatever it held.</summary>
    private static readonly RegionPool Pool = MakePool();

    public static TheoryData<ulong> Seeds => [1, 2, 3, 4];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Random_histories_answer_like_sorted_dictionaries_under_all_option_sets(ulong seed)
    {
        Config config = Config.QuickThrowOnFailure
            .WithName($"seed {seed}")
            .WithMaxTest(1)
            .WithReplay(FSharpOption<Replay>.Some(new Replay(new Rnd(seed, 2 * seed + 1), FSharpOption<int>.None)));
        Check.One(config, Prop.ForAll(HistoryOperation.Histories(length: 60), PlayUnderAllOptionSets));
    }

    private static void PlayUnderAllOptionSets(HistoryOperation[] history)
    {
        foreach (OptionSet options in OptionSet.All) HistoryRun.Play(history, options, Pool);
    }

    private static RegionPool MakePool()
    {
        var pool = new RegionPool();
        pool.AddUser();
        return pool;
    }
}
