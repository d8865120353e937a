namespace Varve.Idempotency;

/// <summary>What the journal itself has to say. Guards never try again because of one.</summary>
public abstract class JournalException : Exception
{
    private protected JournalException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}

/// <summary>Thrown by a step: trying again would not help. An at-least-once guard throws it on at once.</summary>
public class NonRetryableException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What is wrong.</param>
    /// <param name="cause">What was caught; null where nothing was.</param>
    public NonRetryableException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}

/// <summary>
/// Ends an invocation without a final outcome: its key stays open, what its guards did is kept, and the next call with the key runs again.
/// </summary>
public class RetryableException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What went wrong for the time being.</param>
    /// <param name="cause">What was caught; null where nothing was.</param>
    public RetryableException(string message, Exception? cause = null)
        : base(message, cause)
    {
    }
}

/// <summary>An alias was used twice in one run of an invocation: give each guard, and each write of one map, an alias of its own.</summary>
public sealed class AliasReusedException : JournalException
{
    internal AliasReusedException(string alias, string message)
        : base(message) => Alias = alias;

    /// <summary>The guard's or write's alias; the map's name for writes without one.</summary>
    public string Alias { get; }
}

/// <summary>A guard was called inside another one: only the outer one would be kept.</summary>
public sealed class NestedGuardException : JournalException
{
    internal NestedGuardException(string alias, string outerAlias)
        : base($"The guard '{alias}' is called inside the guard '{outerAlias}'. Call it before or behind it; writes of maps may be inside.")
    {
        Alias = alias;
        OuterAlias = outerAlias;
    }

    /// <summary>The inner guard.</summary>
    public string Alias { get; }

    /// <summary>The guard around it.</summary>
    public string OuterAlias { get; }
}

/// <summary>The stored result of a guard is of another type than the one asked for, or cannot be read as it.</summary>
public sealed class StepTypeMismatchException : JournalException
{
    internal StepTypeMismatchException(string alias, string stored, string asked, Exception? cause = null)
        : base(
            stored == asked
                ? $"The result that the guard '{alias}' has stored can no longer be read as a {asked}."
                : $"The guard '{alias}' has stored a result of type {stored}, and a {asked} is asked for.",
            cause)
    {
        Alias = alias;
        Stored = stored;
        Asked = asked;
    }

    /// <summary>The guard.</summary>
    public string Alias { get; }

    /// <summary>The name of the stored type.</summary>
    public string Stored { get; }

    /// <summary>The name of the type asked for.</summary>
    public string Asked { get; }
}

/// <summary>
/// Only with <see cref="JournalOptions.ValidatesSteps"/>: an at-least-once step ran twice, and gave two results. After a crash it would do
/// the same.
/// </summary>
public sealed class StepNotRepeatableException : JournalException
{
    internal StepNotRepeatableException(string alias, string first, string second)
        : base($"The step '{alias}' is not repeatable: it gave {first}, and run again {second}.") => Alias = alias;

    /// <summary>The guard.</summary>
    public string Alias { get; }
}

/// <summary>
/// An at-most-once guard was begun earlier and not completed: it failed, or the process ended inside of it. It is not run again.
/// </summary>
public sealed class AtMostOnceFailedBeforeCompletingException : JournalException
{
    internal AtMostOnceFailedBeforeCompletingException(string alias, StepRow step)
        : base(step.State == StepState.Failed
            ? $"'{alias}' failed earlier and is not run again: {step.Type}: {step.Message}"
            : $"'{alias}' was under way when its process stopped and is not run again: whether it took effect is unknown.")
    {
        Alias = alias;
        IsEffectUnknown = step.State != StepState.Failed;
        FailureType = step.Type;
        Failure = step.Message;
    }

    /// <summary>The guard.</summary>
    public string Alias { get; }

    /// <summary>True when the process stopped inside of it; false when it threw.</summary>
    public bool IsEffectUnknown { get; }

    /// <summary>The full name of the exception's type; empty when the process stopped.</summary>
    public string FailureType { get; }

    /// <summary>The exception's message; empty when the process stopped.</summary>
    public string Failure { get; }
}

/// <summary>A restarted invocation came to a guard whose attempts had been used up before the restart.</summary>
public sealed class RetriesExhaustedException : JournalException
{
    internal RetriesExhaustedException(string alias, StepRow step)
        : base($"'{alias}' was tried {step.Tries.InRound} times before the restart and is not tried again: {step.Type}: {step.Message}")
    {
        Alias = alias;
        FailureType = step.Type;
        Failure = step.Message;
    }

    /// <summary>The guard.</summary>
    public string Alias { get; }

    /// <summary>The full name of the last exception's type.</summary>
    public string FailureType { get; }

    /// <summary>The last exception's message.</summary>
    public string Failure { get; }
}

/// <summary>The run no longer owns its invocation: it was aborted, taken over, or has ended. Nothing was written.</summary>
public sealed class InvocationLostException : JournalException
{
    internal InvocationLostException(Guid id)
        : base($"The invocation {id} is no longer this run's: it was aborted, taken over, or has ended. Nothing was written.") =>
        InvocationId = id;

    /// <summary>The invocation.</summary>
    public Guid InvocationId { get; }
}

/// <summary>There are as many invocations under way as the journal may hold; nothing was begun.</summary>
public sealed class JournalFullException : JournalException
{
    internal JournalFullException(int invocationsMax)
        : base($"The journal holds {invocationsMax:N0} invocations (JournalOptions.InvocationsMax) and none of them is finished.")
    {
    }
}

/// <summary>An idempotency key was sent again with another operation or other arguments.</summary>
public sealed class IdempotencyConflictException : JournalException
{
    internal IdempotencyConflictException(string key)
        : base($"The idempotency key '{key}' was used before for another operation or other arguments.") => Key = key;

    /// <summary>The key.</summary>
    public string Key { get; }
}

/// <summary>What an earlier run of an operation has ended with, told to one who asks with the same key.</summary>
public sealed class InvocationFailedException : JournalException
{
    internal InvocationFailedException(Guid id, InvocationState state, string type, string failure)
        : base(type.Length > 0 ? $"{type}: {failure}" : failure)
    {
        InvocationId = id;
        State = state;
        FailureType = type;
        Failure = failure;
    }

    /// <summary>The invocation.</summary>
    public Guid InvocationId { get; }

    /// <summary>How it ended.</summary>
    public InvocationState State { get; }

    /// <summary>The full name of the exception's type; empty where there was none.</summary>
    public string FailureType { get; }

    /// <summary>The exception's message, or the journal's own words.</summary>
    public string Failure { get; }
}

/// <summary>Bounds of a range that cannot hold anything.</summary>
public sealed class InvalidRangeException : ArgumentException
{
    internal InvalidRangeException(string message)
        : base(message)
    {
    }
}
