using Varve.Idempotency;

namespace Varve.Mcp;

/// <summary>How the journal treats the calls of a tool. Goes on the tool's method; without it the defaults hold.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class DurableToolAttribute : Attribute
{
    private RecoveryMode? _recovery;
    private int _deduplicateSeconds;

    /// <summary>
    /// What happens to a call that was under way when the process ended. Default: it is run again where the tool takes a
    /// <see cref="DurableContext"/>, is read-only or idempotent; else it fails, and its effect is unknown.
    /// </summary>
    public RecoveryMode Recovery
    {
        get => _recovery ?? RecoveryMode.Fail;
        set => _recovery = value;
    }

    /// <summary>
    /// Whether the arguments are kept until the call expires. Default true. Without them nothing can be run again: the recovery is to fail.
    /// </summary>
    public bool JournalArguments { get; set; } = true;

    /// <summary>
    /// Seconds, from the beginning of a call, in which a call of the same principal with the same arguments and without an idempotency key
    /// gets its outcome instead of running again. Default 0: each call runs.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Below zero.</exception>
    public int DeduplicateSeconds
    {
        get => _deduplicateSeconds;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _deduplicateSeconds = value;
        }
    }

    internal RecoveryMode? RecoverySet => _recovery;
}
