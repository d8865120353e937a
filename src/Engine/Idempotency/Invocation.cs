namespace Varve.Idempotency;

/// <summary>An invocation as the journal has it at one moment: for listings, dispatchers and operators.</summary>
public sealed class Invocation
{
    internal Invocation(Guid id, RequestRow request, StoredState state)
    {
        Id = id;
        Request = request;
        Stored = state;
    }

    /// <summary>Its id, a UUID of version 7: ids sort by the time they were made.</summary>
    public Guid Id { get; }

    /// <summary>The operation's name.</summary>
    public string Name => Request.Name;

    /// <summary>Who asked.</summary>
    public string Principal => Request.Principal;

    /// <summary>The idempotency key; null where there is none.</summary>
    public string? Key => Request.Key;

    /// <summary>The arguments; null where they were not to be kept.</summary>
    public ReadOnlyMemory<byte>? Arguments => Request.Arguments;

    /// <summary>What happens when its process ends while it is under way.</summary>
    public RecoveryMode Recovery => Request.Recovery;

    /// <summary>The invocation that it repeats by an operator's wish; null where it does not.</summary>
    public Guid? ReplayOf => Request.ReplayOf;

    /// <summary>What the request said of where it came from; empty where that was nothing.</summary>
    public ReadOnlyMemory<byte> Origin => Request.Origin;

    /// <summary>When it was asked for.</summary>
    public DateTimeOffset CreatedAt => DateTimeOffset.FromUnixTimeMilliseconds(Request.CreatedMilliseconds);

    /// <summary>Where it stands.</summary>
    public InvocationState State => Stored.Pending?.State ?? Stored.Finished!.State;

    /// <summary>True when it has an outcome, or will never have one.</summary>
    public bool IsFinished => Stored.Finished is not null;

    /// <summary>Its outcome; null while it is not finished.</summary>
    public InvocationOutcome? Outcome => Stored.Finished is { } finished ? new InvocationOutcome(Id, finished) : null;

    /// <summary>How often it was run, the run under way included.</summary>
    public int Attempts => Stored.Counts.Attempts;

    /// <summary>How often of these because a process had ended, since somebody last asked for it.</summary>
    public int Recoveries => Stored.Counts.Recoveries;

    /// <summary>Which run it is; grows with each, and every write of a run is refused once there is a later one.</summary>
    public long Epoch => Stored.Counts.Epoch;

    /// <summary>The incarnation (<see cref="Journal.Incarnation"/>) that runs it; empty where nobody does.</summary>
    public Guid Owner => Stored.Pending?.Owner ?? Guid.Empty;

    internal RequestRow Request { get; }

    internal StoredState Stored { get; }
}

/// <summary>The row that says where an invocation stands: one of the two.</summary>
/// <param name="Pending">Null when it is finished.</param>
/// <param name="Finished">Null while it is not.</param>
/// <param name="Value">The row's bytes.</param>
internal sealed record StoredState(PendingRow? Pending, FinishedRow? Finished, byte[] Value)
{
    public RunCounts Counts => Pending?.Counts ?? Finished!.Counts;

    /// <summary>True when it may go some time after <see cref="Milliseconds"/>.</summary>
    public bool IsAtRest => Pending is null || Pending.IsIdle;

    public long Milliseconds => Pending?.SinceMilliseconds ?? Finished!.FinishedMilliseconds;

    /// <summary>Where its row in the expiry map stands.</summary>
    public ExpiryKind ExpiryKindOf(bool hasKey)
    {
        if (Pending is not null) return ExpiryKind.Idle;
        if (Finished!.State == InvocationState.Dead) return ExpiryKind.Dead;
        return hasKey ? ExpiryKind.Keyed : ExpiryKind.Unkeyed;
    }
}

/// <summary>A step of an invocation, for operators.</summary>
/// <param name="Alias">The alias of the guard or of the map write; null for a map write without one.</param>
/// <param name="Map">The map, for a map write; else null.</param>
/// <param name="State">How far it has come.</param>
/// <param name="Attempts">Attempts of the guard so far, in all runs.</param>
/// <param name="Type">The name of the result's type, or of the exception's; empty where there is none.</param>
/// <param name="Text">The result as JSON, or the exception's message; empty where there is none.</param>
public sealed record InvocationStep(string? Alias, string? Map, StepState State, int Attempts, string Type, string Text);
