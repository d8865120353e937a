namespace Varve.Idempotency;

/// <summary>Where an invocation stands. Stored on disk: never renumber.</summary>
public enum InvocationState
{
    /// <summary>To be run by whoever dispatches: <see cref="Journal.RecoverAsync"/>.</summary>
    Queued = 1,

    /// <summary>Under way, or was when its process ended.</summary>
    Running = 2,

    /// <summary>For an answer from outside. Not run again by itself.</summary>
    Waiting = 3,

    /// <summary>Ended without a final outcome: what its guards did is kept, and the next call with its key runs it again.</summary>
    Open = 4,

    /// <summary>Ended with an outcome, which may be an error.</summary>
    Completed = 5,

    /// <summary>Was under way when its process ended, and is not to be run again: its effect is unknown.</summary>
    Stopped = 6,

    /// <summary>Given up: after too many recoveries, or because it can no longer be run.</summary>
    Dead = 7,

    /// <summary>Ended by an operator.</summary>
    Aborted = 8,

    /// <summary>Ended by its caller, without an outcome.</summary>
    Cancelled = 9,
}

/// <summary>What happens to an invocation that was under way when its process ended. Stored on disk: never renumber.</summary>
public enum RecoveryMode
{
    /// <summary>It is run again from the start; guards give back what they have done.</summary>
    Resume = 1,

    /// <summary>It ends as <see cref="InvocationState.Stopped"/>.</summary>
    Fail = 2,
}

/// <summary>How far a step has come. Stored on disk: never renumber.</summary>
public enum StepState
{
    /// <summary>A guard's result is there.</summary>
    Stored = 1,

    /// <summary>An attempt was begun; where it is not under way, its effect is unknown.</summary>
    Started = 2,

    /// <summary>The last attempt failed, and another may follow.</summary>
    Retryable = 3,

    /// <summary>The attempt failed, and none follows.</summary>
    Failed = 4,

    /// <summary>A write of a map happened.</summary>
    Written = 5,
}
