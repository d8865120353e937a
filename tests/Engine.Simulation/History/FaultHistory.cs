using Varve.Native;
using Varve.Recovery;

namespace Varve.Simulation;

/// <summary>
/// One short history, run again and again with another call to the disk failing, once or for ever: every error is a typed one, nothing
/// hangs, reads stay right, and what was acknowledged is there once the disk is well again.
/// </summary>
internal sealed class FaultHistory(HistoryOptions options, RegionPool pool)
{
    private const long SwitchPointsMax = 1_000_000;

    private long _runs;
    private long _calls;
    private int _batches;

    public static HistoryResult FailEverywhere(HistoryOptions options, RegionPool pool) =>
        new FaultHistory(options with { Generations = 1, Writers = 1 }, pool).Run();

    private HistoryResult Run()
    {
        foreach (int errorCode in new[] { Errors.InputOutput, Errors.NoSpace })
        {
            foreach (bool forEver in new[] { false, true })
            {
                int call = 1;
                while (FailAt(call, errorCode, forEver)) call++;
            }
        }

        return new HistoryResult(_batches, _calls, _runs, _runs, Trace: 0);
    }

    /// <summary>False when the history ended before that call.</summary>
    private bool FailAt(int call, int errorCode, bool forEver)
    {
        var failedSync = (FailedSync)(call % 3);
        string what = $"call {call} fails {(forEver ? "for ever" : "once")} with {Errors.Describe(errorCode)}, a failed sync {failedSync}";
        var disk = new SimulatedDisk(options.Seed) { DirectWriteAlignment = options.DirectWriteAlignment };
        try
        {
            var fault = Fault.Error(errorCode, failedSync);
            bool hasFailed = Run(disk, forEver ? FaultPlan.From(call, fault) : FaultPlan.Once(call, fault), call, failedSync);
            _runs++;
            return hasFailed;
        }
        catch (Exception violation)
        {
            throw HistoryViolationException.At($"{options}\n  {what}", violation);
        }
    }

    private bool Run(SimulatedDisk empty, Func<DiskCall, Fault?> plan, int call, FailedSync failedSync)
    {
        var model = new HistoryModel(options);
        var scheduler = new DeterministicScheduler(options.Seed) { SwitchPointsMax = SwitchPointsMax };
        SimulatedDisk disk = empty.Crash(CrashMode.KeepAll, options.Seed, scheduler);
        bool hasFailed = false;
        disk.Faults = made =>
        {
            Fault? fault = plan(made);
            hasFailed |= fault is not null;
            return fault;
        };
        scheduler.Run(() => Work(model, scheduler, disk, () => hasFailed));
        model.StopClock(scheduler.Clock);
        _calls += disk.CallCount;
        _batches += model.Batches.Count;
        disk.Faults = null;

        // The process ends, or the power is cut as well. What a failed sync has thrown away only a process may have believed in.
        bool isCut = call % 2 == 0;
        SimulatedDisk left = disk.Crash(isCut ? CrashMode.KeepNothing : CrashMode.KeepAll, call);
        CheckReopened(model, left, call, onlySynced: isCut || failedSync == FailedSync.DropsUnsynced);
        return hasFailed;
    }

    private void Work(HistoryModel model, DeterministicScheduler scheduler, SimulatedDisk disk, Func<bool> hasFailed)
    {
        var random = new Random(options.Seed);
        EngineSetup setup = options.CreateSetup(disk, scheduler, new SeededRandom(options.Seed), pool);
        Database? database = null;
        try
        {
            database = Database.Open(setup, new DatabaseOptions { Durability = Durability.Buffered });
        }
        catch (StorageException) when (hasFailed())
        {
            return;
        }

        using (database)
        {
            var feed = new HistoryFeed(model) { MayBeLost = true, LogMayFail = true };
            feed.Begin(database, 0);
            var reads = new HistoryReads(database, model);
            var outcomes = new HistoryOutcomes(model);
            var work = new HistoryWork(options, model, database, scheduler, random)
            {
                HasFailed = hasFailed,
                Setup = setup,
                Reads = reads,
                Outcomes = outcomes,
                Feed = feed,
            };
            work.Run(_ => { });
            work.End();
            CheckReadsGoOn(database, reads, disk, feed);
            outcomes.Check(database.LatestSequence);
            model.PromiseDurable(database.DurableSequence);
            try
            {
                database.Close();
                model.PromiseSynced(model.LastSequence);
            }
            catch (Exception failure) when (hasFailed() && failure is StorageException or DatabaseReadOnlyException)
            {
                // The next open recovers as after a crash.
            }
        }

        if (disk.OpenFileCount != 0) throw new HistoryViolationException($"{disk.OpenFileCount} files are open after the close");
    }

    /// <summary>On a disk that is well again, whether or not the database still takes writes.</summary>
    private static void CheckReadsGoOn(Database database, HistoryReads reads, SimulatedDisk disk, HistoryFeed feed)
    {
        Func<DiskCall, Fault?>? plan = disk.Faults;
        disk.Faults = null;
        reads.Resolve(database.LatestSequence);
        reads.CheckAll(database.LatestSequence);
        feed.End(database);
        disk.Faults = plan;
    }

    private void CheckReopened(HistoryModel model, SimulatedDisk left, int seed, bool onlySynced)
    {
        var scheduler = new DeterministicScheduler(seed) { SwitchPointsMax = SwitchPointsMax };
        model.StartClock(scheduler.Clock, new Random(seed));
        SimulatedDisk disk = left.Crash(CrashMode.KeepAll, seed, scheduler);
        scheduler.Run(() =>
        {
            EngineSetup setup = options.CreateSetup(disk, scheduler, new SeededRandom(seed), pool);
            using Database database = Database.Open(setup, new DatabaseOptions());
            var reads = new HistoryReads(database, model);
            ulong last = reads.FindLastSequence();
            new RecoveryCheck(model, pool).CheckFloor(last, onlySynced ? model.SyncedFloor : model.BufferedFloor);
            reads.CheckAll(last);
            HistoryFeed.CheckWhole(database, model, last, isWhole: false);
            RecoveryCheck.CheckSound(database);
            RecoveryCheck.GoOn(database);
            database.Close();
        });
    }
}
