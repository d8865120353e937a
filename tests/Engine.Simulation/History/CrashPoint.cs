namespace Varve.Simulation;

/// <summary>A moment of a history at which the machine might stop: the disk, and what had been promised by then.</summary>
/// <param name="Disk">A copy of its own; crash it as often as wanted.</param>
/// <param name="SyncedFloor">What a power cut must leave.</param>
/// <param name="BufferedFloor">What the death of the process must leave.</param>
/// <param name="LastSequence">The last sequence that anybody had been told.</param>
/// <param name="Wall">What the wall clock showed.</param>
/// <param name="WallMax">The most that it ever showed, milliseconds since 1970.</param>
/// <param name="TimeFloor">The store's time goes on from here, whatever the next clock shows.</param>
/// <param name="Next">The call that was about to be made.</param>
internal sealed record CrashPoint(
    SimulatedDisk Disk, ulong SyncedFloor, ulong BufferedFloor, ulong LastSequence,
    DateTimeOffset Wall, long WallMax, long TimeFloor, DiskCall? Next);

/// <summary>
/// Collects the crash points of a run: one before every call that changes the disk. What a cut in the middle of a call leaves is
/// among the outcomes of the point before it (a sync) or behind it (anything else), and a call that changes nothing adds none.
/// </summary>
internal sealed class CrashPointRecorder(HistoryModel model, ManualClock clock)
{
    public List<CrashPoint> Points { get; } = [];

    /// <summary>The database once it is open; its durable sequence is a promise.</summary>
    public Database? Database { get; set; }

    /// <summary>A fault plan that faults nothing.</summary>
    public Fault? Observe(SimulatedDisk disk, DiskCall call)
    {
        if (Changes(call.Operation)) Record(disk, call);
        return null;
    }

    public void Record(SimulatedDisk disk, DiskCall? next)
    {
        ulong durable = Database?.DurableSequence ?? 0;
        ulong syncedFloor = Math.Max(durable, model.SyncedFloor);
        ulong bufferedFloor = Math.Max(durable, model.BufferedFloor);
        DateTimeOffset wall = clock.GetUtcNow();
        Points.Add(new CrashPoint(
            disk.Fork(), syncedFloor, bufferedFloor, model.LastSequence,
            wall, Math.Max(model.WallMax, wall.ToUnixTimeMilliseconds()), model.TimeFloor, next));
    }

    private static bool Changes(DiskOperation operation) =>
        operation is not (DiskOperation.Exists or DiskOperation.List or DiskOperation.Read or DiskOperation.GetAvailableBytes);
}
