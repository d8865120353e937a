using Varve.Files;
using Varve.Levels;
using Varve.Native;
using Varve.Recovery;

namespace Varve.Simulation;

/// <summary>
/// One short history, run again and again: each call to the disk, or each request for native memory, fails once, and fails with all
/// that come after it. Every error is a typed one, nothing hangs, nothing leaks, reads stay right, and what was acknowledged is there once
/// the machine is well again.
/// </summary>
internal sealed class FaultHistory(HistoryOptions options, RegionPool pool)
{
    private const long SwitchPointsMax = 1_000_000;

    private readonly HistoryTally _tally = new();
    private long _runs;
    private long _calls;
    private int _batches;

    /// <summary>Visits every point for every kind of failure, once and for ever; throws if one could not be visited.</summary>
    public static HistoryResult FailEverywhere(HistoryOptions options, RegionPool pool, IReadOnlyList<FaultKind> kinds) =>
        new FaultHistory(options with { Generations = 1, Writers = 1 }, pool).Run(kinds);

    private HistoryResult Run(IReadOnlyList<FaultKind> kinds)
    {
        FaultPoint unhurt = Visit(new FaultPoint(null, 0, ForEver: false));
        long points = 0;
        foreach (FaultKind kind in kinds)
        {
            long count = kind.IsMemory ? unhurt.Requests : unhurt.Calls;
            foreach (bool forEver in new[] { false, true })
            {
                for (long index = 1; index <= count; index++)
                {
                    var point = new FaultPoint(kind, index, forEver);
                    if (!Visit(point).HasStruck) throw new HistoryViolationException($"{options}\n  {point}: the history never came to it");
                    points++;
                }
            }
        }

        return new HistoryResult(_batches, _calls, points, _runs, Trace: 0, Content: 0, _tally);
    }

    private FaultPoint Visit(FaultPoint point)
    {
        var disk = new SimulatedDisk(options.Seed)
        {
            DirectWriteAlignment = options.DirectWriteAlignment,
            MapsFiles = options.MapsFiles,
        };
        try
        {
            Run(disk, point);
            _runs++;
            return point;
        }
        catch (Exception violation)
        {
            throw HistoryViolationException.At($"{options}\n  {point}", violation);
        }
    }

    private void Run(SimulatedDisk empty, FaultPoint point)
    {
        var model = new HistoryModel(options);
        var memory = new SimulatedMemory();
        var scheduler = new DeterministicScheduler(options.Seed) { SwitchPointsMax = SwitchPointsMax, Memory = memory };
        SimulatedDisk disk = empty.Crash(CrashMode.KeepAll, options.Seed, scheduler);
        point.Arm(disk, memory);
        scheduler.Run(() => Work(model, scheduler, disk, point));
        model.StopClock(scheduler.Clock);
        point.Disarm();
        CheckNothingIsHeld(disk, memory);

        // Where no call to the disk failed, no deletion was left for the next open.
        if (point is { HasClosed: true, Kind: null or { IsMemory: true } }) CheckNoRubbish(disk);
        _calls += disk.CallCount;
        _batches += model.Batches.Count;

        // The process ends, or the power is cut as well. What a failed sync has thrown away only a process may have believed in.
        SimulatedDisk left = disk.Crash(point.CutsPower ? CrashMode.KeepNothing : CrashMode.KeepAll, point.Seed);
        CheckReopened(model, left, point.Seed, onlySynced: point.CutsPower || point.FailedSync == FailedSync.DropsUnsynced);
        _tally.Add(model.Tally);
    }

    private void Work(HistoryModel model, DeterministicScheduler scheduler, SimulatedDisk disk, FaultPoint point)
    {
        var random = new Random(options.Seed);
        EngineSetup setup = options.CreateSetup(disk, scheduler, new SeededRandom(options.Seed), pool);
        Database? database = null;
        try
        {
            database = Database.Open(setup, new DatabaseOptions { Durability = Durability.Buffered });
        }
        catch (Exception failure) when (point.HasStruck && (failure is StorageException || point.MayEndIn(failure)))
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
                HasFailed = () => point.HasStruck,
                RunsOutOfManagedMemory = point.Kind == FaultKind.NoManagedMemory,
                Setup = setup,
                Reads = reads,
                Outcomes = outcomes,
                Feed = feed,
            };
            work.Run(_ => { });
            work.End();
            CheckReadsGoOn(database, reads, point, feed);
            outcomes.Check(database.LatestSequence);
            model.PromiseDurable(database.DurableSequence);
            try
            {
                database.Close();
                model.PromiseSynced(model.LastSequence);
                point.HasClosed = true;
            }
            catch (Exception failure) when (point.HasStruck
                && (failure is StorageException or DatabaseReadOnlyException || point.MayEndIn(failure)))
            {
                // The next open recovers as after a crash.
            }
        }
    }

    /// <summary>On a machine that is well again, whether or not the database still takes writes.</summary>
    private static void CheckReadsGoOn(Database database, HistoryReads reads, FaultPoint point, HistoryFeed feed)
    {
        point.IsPaused = true;
        reads.Resolve(database.LatestSequence);
        reads.CheckAll(database.LatestSequence);
        feed.End(database);
        point.IsPaused = false;
    }

    private static void CheckNothingIsHeld(SimulatedDisk disk, SimulatedMemory memory)
    {
        if (disk.OpenFileCount != 0) throw new HistoryViolationException($"{disk.OpenFileCount} files are open after the close");
        if (disk.LockCount != 0) throw new HistoryViolationException($"{disk.LockCount} files are locked after the close");
        if (memory.HeldCount != 0) throw new HistoryViolationException($"{memory.HeldCount} pieces of memory are held after the close");
    }

    /// <summary>After a clean close there is one manifest, and of tables only those it names.</summary>
    private static void CheckNoRubbish(SimulatedDisk disk)
    {
        ManifestState state = Manifest.Load(disk, HistoryOptions.Directory)!;
        string[] known = [.. state.Tables.Select(table => FileNames.Table(table.Info.Number)).Order(StringComparer.Ordinal)];
        string[] names = [.. disk.ListFiles(HistoryOptions.Directory).Order(StringComparer.Ordinal)];
        string[] tables = [.. names.Where(name => FileNames.TryParseTable(name, out _))];
        if (!known.SequenceEqual(tables))
        {
            throw new HistoryViolationException(
                $"there are the tables [{string.Join(", ", tables)}], known are [{string.Join(", ", known)}]");
        }

        int manifests = names.Count(name => name.StartsWith("MANIFEST", StringComparison.Ordinal));
        if (manifests != 1) throw new HistoryViolationException($"there are {manifests} manifests");
        if (names.FirstOrDefault(name => name.EndsWith(".tmp", StringComparison.Ordinal)) is { } temporary)
            throw new HistoryViolationException($"{temporary} was left over");
    }

    private void CheckReopened(HistoryModel model, SimulatedDisk left, int seed, bool onlySynced)
    {
        var memory = new SimulatedMemory();
        var scheduler = new DeterministicScheduler(seed) { SwitchPointsMax = SwitchPointsMax, Memory = memory };
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
        CheckNothingIsHeld(disk, memory);
        CheckNoRubbish(disk);
    }
}
