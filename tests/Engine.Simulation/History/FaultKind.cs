namespace Varve.Simulation;

/// <summary>One way in which the machine refuses what the engine asks of it.</summary>
/// <param name="Name">As the command line has it.</param>
/// <param name="ErrorCode">What a call to the disk fails with; 0 where memory is refused instead.</param>
/// <param name="LandsHalf">Half of what a failing write was to write is in the file.</param>
internal sealed record FaultKind(string Name, int ErrorCode, bool LandsHalf = false)
{
    public static FaultKind InputOutput { get; } = new("eio", Errors.InputOutput);

    public static FaultKind NoSpace { get; } = new("enospc", Errors.NoSpace);

    /// <summary>Native memory is refused, as the system does.</summary>
    public static FaultKind NoMemory { get; } = new("memory", 0);

    /// <summary>Managed memory runs out at the place where native memory is asked for: not typed, nobody expects it.</summary>
    public static FaultKind NoManagedMemory { get; } = new("managed", 0);

    /// <summary>
    /// Every way in which calls to the disk fail. EINTR never gets through the system calls, but must not break what is above.
    /// </summary>
    public static IReadOnlyList<FaultKind> Disk { get; } =
    [
        InputOutput,
        NoSpace,
        new("edquot", Errors.Quota),
        new("emfile", Errors.TooManyOpen),
        new("eacces", Errors.NoAccess),
        new("eintr", Errors.Interrupted),
        new("short-eio", Errors.InputOutput, LandsHalf: true),
        new("short-enospc", Errors.NoSpace, LandsHalf: true),
    ];

    /// <summary>Every way in which memory runs out.</summary>
    public static IReadOnlyList<FaultKind> Memory { get; } = [NoMemory, NoManagedMemory];

    public bool IsMemory => ErrorCode == 0;

    public Exception CreateRefusal() => this == NoManagedMemory
        ? new OutOfMemoryException("The simulated machine has no managed memory.")
        : new MemoryBudgetException("The simulated machine has no memory.");

    public Fault CreateFault(FailedSync failedSync) =>
        LandsHalf ? Fault.HalfWrite(ErrorCode, failedSync) : Fault.Error(ErrorCode, failedSync);
}
