using Varve.Native;
using Varve.Recovery;

namespace Varve.Simulation;

/// <summary>Opens the disk that a crash left, checks what is there, and that the store goes on.</summary>
internal sealed class RecoveryCheck(HistoryModel model, RegionPool pool)
{
    public const string LaterName = "later";

    /// <summary>Recoveries that were checked.</summary>
    public long Count { get; private set; }

    /// <summary>Every outcome of a crash point: nothing kept, everything, and one drawn.</summary>
    public void CheckAllOutcomes(CrashPoint point, int seed)
    {
        if (point.Disk.HasUnsynced)
        {
            Check(point, CrashMode.KeepNothing, seed, mayNest: true);
            Check(point, CrashMode.Random, seed + 1, mayNest: true);
        }

        Check(point, CrashMode.KeepAll, seed + 2, mayNest: true);
    }

    private void Check(CrashPoint point, CrashMode mode, int seed, bool mayNest)
    {
        Count++;
        ulong floor = mode == CrashMode.KeepAll ? point.BufferedFloor : point.SyncedFloor;
        try
        {
            var random = new Random(seed);
            bool nests = mayNest && random.Next(8) == 0;
            bool keepsLog = (mode == CrashMode.KeepAll && mayNest) || model.Options.SyncedPercent == 100;
            var scheduler = new DeterministicScheduler(seed);
            scheduler.Clock.SetUtcNow(HistoryModel.DrawWall(random, point.Wall));
            CrashPointRecorder? recorder = nests ? new CrashPointRecorder(model, scheduler.Clock) : null;
            SimulatedDisk left = Run(point, mode, seed, floor, keepsLog, random, scheduler, recorder, out ulong last);
            if (random.Next(4) == 0) CheckAgain(point, left, last, scheduler.Clock.GetUtcNow(), seed);
            if (recorder is not null) CheckNested(recorder, point, random);
        }
        catch (Exception violation)
        {
            throw HistoryViolationException.At($"crash before {point.Next?.ToString() ?? "the end"}, {mode}, seed {seed}", violation);
        }
    }

    private SimulatedDisk Run(
        CrashPoint point,
        CrashMode mode,
        int seed,
        ulong floor,
        bool keepsLog,
        Random random,
        DeterministicScheduler scheduler,
        CrashPointRecorder? recorder,
        out ulong lastSequence)
    {
        SimulatedDisk disk = point.Disk.Crash(mode, seed, scheduler);
        if (recorder is not null) disk.Faults = call => recorder.Observe(disk, call);
        ulong last = 0;
        bool isNew = point.TimeFloor == 0;
        scheduler.Run(() =>
        {
            HistoryOptions options = model.Options.Has(HistoryFeatures.Redraws) ? model.Options.Redraw(seed) : model.Options;
            EngineSetup setup = options.CreateSetup(disk, scheduler, new SeededRandom(seed), pool);
            if (random.Next(8) == 0) CheckReadOnly(setup, disk, floor, point.WallMax, isNew);
            using Database database = Database.Open(setup, new DatabaseOptions());
            disk.Faults = null;
            var reads = new HistoryReads(database, model, point.WallMax, isNew);
            reads.Time.CheckFloor(point.TimeFloor);
            last = reads.FindLastSequence();
            CheckFloor(last, floor);
            reads.CheckAll(last);
            HistoryFeed.CheckWhole(database, model, last, isWhole: model.Options.KeepsWholeHistory && keepsLog);
            if (database.LatestSequence < point.LastSequence)
                throw new HistoryViolationException($"sequences go on from {database.LatestSequence}, {point.LastSequence} was given out");
            if (random.Next(4) == 0) CheckCheckpoints(setup, disk);
            GoOn(database);
            if (random.Next(4) == 0) CheckSound(database);
            reads.CheckAll(last, otherNames: [LaterName]);
            database.Close();
        });
        lastSequence = last;
        return disk;
    }

    /// <summary>What was recovered and written after it is there after another cut, too.</summary>
    private void CheckAgain(CrashPoint point, SimulatedDisk disk, ulong last, DateTimeOffset before, int seed)
    {
        var scheduler = new DeterministicScheduler(seed);
        scheduler.Clock.SetUtcNow(HistoryModel.DrawWall(new Random(seed), before));
        long wallMax = Math.Max(point.WallMax, before.ToUnixTimeMilliseconds());
        SimulatedDisk again = disk.Crash(CrashMode.KeepNothing, seed, scheduler);
        scheduler.Run(() =>
        {
            EngineSetup setup = model.Options.CreateSetup(again, scheduler, new SeededRandom(seed), pool);
            using Database database = Database.Open(setup, new DatabaseOptions());
            new HistoryReads(database, model, wallMax).CheckAll(last, otherNames: [LaterName]);
            HistoryFeed.CheckWhole(database, model, last, isWhole: model.Options.KeepsWholeHistory && model.Options.SyncedPercent == 100);
            if (database.GetMap(LaterName).Get("key"u8) is not [1, 2, 3])
                throw new HistoryViolationException("a synced write after the recovery is lost");
        });
    }

    /// <summary>A power cut in the middle of the recovery: what had been synced before the first crash must still be there.</summary>
    private void CheckNested(CrashPointRecorder recorder, CrashPoint before, Random random)
    {
        for (int i = 0; i < 2 && recorder.Points.Count > 0; i++)
        {
            CrashPoint point = recorder.Points[random.Next(recorder.Points.Count)];
            CrashMode mode = random.Next(2) == 0 ? CrashMode.KeepNothing : CrashMode.Random;
            CrashPoint nested = point with { SyncedFloor = before.SyncedFloor, TimeFloor = before.TimeFloor, LastSequence = 0 };
            Check(nested, mode, random.Next(), mayNest: false);
        }
    }

    /// <summary>A read-only open shows the same and changes nothing.</summary>
    public void CheckReadOnly(EngineSetup setup, SimulatedDisk disk, ulong floor, long wallMax, bool isNew)
    {
        if (!disk.ListAllFiles().Any(path => path.EndsWith("CURRENT", StringComparison.Ordinal))) return;
        Func<DiskCall, Fault?>? before = disk.Faults;
        disk.Faults = static call => call.Operation switch
        {
            DiskOperation.Open or DiskOperation.Exists or DiskOperation.List or DiskOperation.Read or DiskOperation.Lock => null,
            _ => throw new HistoryViolationException($"a read-only open makes the call {call}"),
        };
        using (Database database = Database.Open(setup, new DatabaseOptions { Mode = OpenMode.ReadOnly }))
        {
            var reads = new HistoryReads(database, model, wallMax, isNew);
            ulong last = reads.FindLastSequence();
            CheckFloor(last, floor);
            reads.CheckAll(last);
            HistoryFeed.CheckWhole(database, model, last, isWhole: false);
        }

        disk.Faults = before;
    }

    /// <summary>A checkpoint that a crash left is whole, or no database at all.</summary>
    private void CheckCheckpoints(EngineSetup setup, SimulatedDisk disk)
    {
        foreach (string path in disk.ListAllFiles())
        {
            bool isCheckpoint = path.StartsWith(HistoryWork.CheckpointPrefix[1..], StringComparison.Ordinal);
            if (!isCheckpoint || Path.GetFileName(path) != "CURRENT") continue;
            EngineSetup copy = setup with { Directory = "/" + Path.GetDirectoryName(path) };
            using Database database = Database.Open(copy, new DatabaseOptions { Mode = OpenMode.ReadOnly });
            var reads = new HistoryReads(database, model);
            reads.CheckAll(reads.FindLastSequence(), otherNames: database.ListMaps().Contains(LaterName) ? [LaterName] : []);
            CheckSound(database);
        }
    }

    public void CheckFloor(ulong last, ulong floor)
    {
        ulong promised = model.LastBatchUpTo(floor);
        if (last < promised) throw new HistoryViolationException($"recovered up to {last}, but {promised} was acknowledged");
    }

    public static void CheckSound(Database database)
    {
        VerifyReport report = database.Verify();
        if (!report.IsSound) throw new HistoryViolationException($"verify: {report.Damages[0].Message}");
    }

    /// <summary>Writing works, with sequences above all that are there.</summary>
    public static void GoOn(Database database)
    {
        SortedMap later = database.GetMap(LaterName);
        ulong latest = database.LatestSequence;
        ulong sequence = later.Put("key"u8, [1, 2, 3], Durability.Synced);
        if (sequence <= latest) throw new HistoryViolationException($"a write got sequence {sequence} after {latest}");
        if (later.Get("key"u8) is not [1, 2, 3]) throw new HistoryViolationException("a write after the recovery is not read back");
    }
}
