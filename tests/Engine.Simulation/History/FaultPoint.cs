namespace Varve.Simulation;

/// <summary>
/// One failure of a history: the call, or the request for memory, that fails, and whether all later ones do. Counts both as they come.
/// </summary>
/// <param name="Kind">Null: nothing fails.</param>
/// <param name="Index">From 1, among what is asked while the point is not paused.</param>
/// <param name="ForEver">All later ones fail, too.</param>
internal sealed record FaultPoint(FaultKind? Kind, long Index, bool ForEver)
{
    private SimulatedDisk? _disk;
    private SimulatedMemory? _memory;

    /// <summary>Calls to the disk so far.</summary>
    public long Calls { get; private set; }

    /// <summary>Requests for native memory so far.</summary>
    public long Requests { get; private set; }

    public bool HasStruck { get; private set; }

    /// <summary>The database was closed cleanly.</summary>
    public bool HasClosed { get; set; }

    /// <summary>Nothing fails, and nothing is counted.</summary>
    public bool IsPaused { get; set; }

    /// <summary>What a failed sync leaves: each in its turn.</summary>
    public FailedSync FailedSync => (FailedSync)(Index % 3);

    /// <summary>Whether the power is cut at the end, or only the process ends: in turn.</summary>
    public bool CutsPower => Index % 2 == 0;

    public int Seed => (int)Index;

    public void Arm(SimulatedDisk disk, SimulatedMemory memory)
    {
        _disk = disk;
        _memory = memory;
        disk.Faults = _ => IsPaused || !Strikes(++Calls, isMemory: false) ? null : Kind!.CreateFault(FailedSync);
        memory.Refuses = _ => IsPaused || !Strikes(++Requests, isMemory: true) ? null : Kind!.CreateRefusal();
    }

    public void Disarm()
    {
        _disk!.Faults = null;
        _memory!.Refuses = null;
    }

    /// <summary>True for what running out of memory may end in, beside what a failing disk does.</summary>
    public bool MayEndIn(Exception failure) =>
        failure is MemoryBudgetException || (Kind == FaultKind.NoManagedMemory && failure is OutOfMemoryException);

    public override string ToString() => Kind is null
        ? "nothing fails"
        : $"{(Kind.IsMemory ? "request for memory" : "call")} {Index} fails {(ForEver ? "for ever" : "once")} with {Kind.Name}, "
            + $"a failed sync {FailedSync}, then {(CutsPower ? "the power is cut" : "the process ends")}";

    private bool Strikes(long index, bool isMemory)
    {
        bool strikes = Kind is not null && Kind.IsMemory == isMemory && (index == Index || (ForEver && index > Index));
        HasStruck |= strikes;
        return strikes;
    }
}
