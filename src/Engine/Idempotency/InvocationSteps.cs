namespace Varve.Idempotency;

/// <summary>What earlier runs of an invocation have recorded.</summary>
internal sealed class InvocationSteps
{
    public Dictionary<string, StepRow> Guards { get; } = new(StringComparer.Ordinal);

    public HashSet<WriteAlias> Writes { get; } = [];

    public long Bytes { get; private set; }

    public void Add(in PageEntry entry)
    {
        (string? guard, WriteAlias write) = JournalKeys.ReadStep(entry.Key.Span);
        if (guard is null) Writes.Add(write);
        else Guards[guard] = StepRow.Decode(entry.Value.Span);
        Bytes += entry.Key.Length + entry.Value.Length;
    }
}

/// <summary>A guard that a run has called.</summary>
/// <param name="Alias">Its alias.</param>
/// <param name="Known">What earlier runs have recorded; null when nothing.</param>
internal sealed record GuardOfRun(string Alias, StepRow? Known)
{
    /// <summary>The writes of maps that its last attempt has made; under the context's lock.</summary>
    public List<WriteAlias> Writes { get; } = [];
}

/// <summary>An attempt of a guard that is under way, known to whatever it calls.</summary>
internal sealed class GuardScope(InvocationContext context, GuardOfRun guard, int attempt)
{
    private static readonly AsyncLocal<GuardScope?> Current = new();

    private volatile bool _isOver;

    public string Alias => guard.Alias;

    public int Attempt => attempt;

    public List<WriteAlias> Writes => guard.Writes;

    /// <summary>The attempt that the calling code is part of; null outside of a guard of this run.</summary>
    public static GuardScope? Of(InvocationContext context) =>
        Current.Value is { _isOver: false } scope && scope.IsOf(context) ? scope : null;

    /// <summary>From here on the calling async method, and what it calls, is part of the attempt.</summary>
    public void Enter() => Current.Value = this;

    /// <summary>What the attempt has left running is no longer part of it.</summary>
    public void Leave() => _isOver = true;

    private bool IsOf(InvocationContext other) => ReferenceEquals(context, other);
}
