namespace Varve.Simulation;

/// <summary>Runs one history again and again, hurting one more call each time, until a run comes through unhurt.</summary>
internal static class CrashSweep
{
    /// <summary>
    /// Cuts the power at call 1, 2, 3 and so on. After each cut, and after the run that no cut struck, every outcome (nothing,
    /// all, and one per seed) is given to <paramref name="check"/> with words for its messages.
    /// </summary>
    /// <typeparam name="TState">What a run acknowledged; made anew for every run.</typeparam>
    public static void CutPowerAtEveryCall<TState>(
        Func<SimulatedDisk> makeDisk,
        Func<TState> makeState,
        Action<SimulatedDisk, TState> history,
        Action<SimulatedDisk, TState, string> check,
        int seeds)
    {
        bool wasCut = true;
        for (int call = 1; wasCut; call++)
        {
            SimulatedDisk disk = makeDisk();
            TState state = makeState();
            disk.Faults = FaultPlan.PowerCutAt(disk.CallCount + call);
            try
            {
                history(disk, state);
            }
            catch (SimulatedPowerCutException)
            {
                // The history ends where the power does.
            }

            wasCut = disk.LastFault is not null;
            string where = wasCut ? $"power cut at call {call} ({disk.LastFault})" : "power cut after the end";
            check(disk.Crash(CrashMode.KeepNothing), state, $"{where}, nothing kept");
            check(disk.Crash(CrashMode.KeepAll), state, $"{where}, all kept");
            for (int seed = 0; seed < seeds; seed++) check(disk.Crash(CrashMode.Random, seed), state, $"{where}, seed {seed}");
        }
    }

    /// <summary>
    /// Lets call 1, 2, 3 and so on fail, once or with all later ones for ever. The history handles the failures; it is over when
    /// a run meets none.
    /// </summary>
    public static void FailEveryCall(Func<SimulatedDisk> makeDisk, Fault fault, bool forEver, Action<SimulatedDisk, string> history)
    {
        bool hasFailed = true;
        for (int call = 1; hasFailed; call++)
        {
            SimulatedDisk disk = makeDisk();
            long index = disk.CallCount + call;
            disk.Faults = forEver ? FaultPlan.From(index, fault) : FaultPlan.Once(index, fault);
            history(disk, $"call {call} fails {(forEver ? "for ever" : "once")} with {Errors.Describe(fault.ErrorCode)}");
            hasFailed = disk.LastFault is not null;
        }
    }
}
