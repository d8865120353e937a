namespace Varve;

/// <summary>How a batch with conditions ended: written, or not because a condition did not hold. Neither is an error.</summary>
public readonly struct WriteOutcome
{
    private readonly ulong _firstSequence;
    private readonly int _count;
    private readonly int _failed;

    internal WriteOutcome(ulong sequence, int count)
    {
        IsCommitted = true;
        Sequence = sequence;
        _firstSequence = sequence - (ulong)count + 1;
        _count = count;
    }

    internal WriteOutcome(int failedCondition, SortedMap map, byte[] key, EntryVersion actual)
    {
        _failed = failedCondition;
        FailedMap = map;
        FailedKey = key;
        ActualVersion = actual;
    }

    /// <summary>True when all conditions held and the batch was written.</summary>
    public bool IsCommitted { get; }

    /// <summary>The sequence of the batch's last operation; the latest one for a batch without operations; 0 when not written.</summary>
    public ulong Sequence { get; }

    /// <summary>The first condition that did not hold, counted from 0 in the order in which they were added; -1 when all did.</summary>
    public int FailedCondition => IsCommitted ? -1 : _failed;

    /// <summary>The map of that condition; null when all held.</summary>
    public SortedMap? FailedMap { get; }

    /// <summary>The key of that condition; null when all held.</summary>
    public byte[]? FailedKey { get; }

    /// <summary>The version that the condition met instead; <see cref="EntryVersion.None"/> when the key was absent.</summary>
    public EntryVersion ActualVersion { get; }

    /// <summary>The version of the entry that an operation of the batch wrote: what a later condition on it asks for.</summary>
    /// <param name="operation">The operation, counted from 0 in the order of the batch.</param>
    /// <exception cref="InvalidOperationException">The batch was not written.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The batch has no such operation.</exception>
    public EntryVersion GetVersion(int operation)
    {
        if (!IsCommitted) throw new InvalidOperationException("The batch was not written: a condition did not hold.");
        ArgumentOutOfRangeException.ThrowIfNegative(operation);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(operation, _count);
        return new EntryVersion(_firstSequence + (ulong)operation);
    }
}
