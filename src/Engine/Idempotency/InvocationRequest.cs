using Varve.Sharing;

namespace Varve.Idempotency;

/// <summary>What is to be run, as <see cref="Journal.BeginAsync"/> is asked.</summary>
public sealed class InvocationRequest
{
    /// <summary>The principal of whoever has none: <c>local</c>.</summary>
    public const string LocalPrincipal = "local";

    /// <summary>Greatest length of <see cref="Key"/>: 128 bytes.</summary>
    public const int KeyBytesMax = 128;

    /// <summary>The operation's name; not empty.</summary>
    public required string Name { get; init; }

    /// <summary>
    /// The arguments, in one form for equal ones (JSON with its members in order, for example): with the name they are the fingerprint of
    /// the request, by which a key that comes again is known to mean the same.
    /// </summary>
    public ReadOnlyMemory<byte> Arguments { get; init; }

    /// <summary>
    /// Whether the arguments are kept. Default true. Else only their fingerprint is, and nothing can be run again after a crash:
    /// <see cref="Recovery"/> must be <see cref="RecoveryMode.Fail"/>.
    /// </summary>
    public bool KeepsArguments { get; init; } = true;

    /// <summary>Who asks; default <c>local</c>. Keys of different principals have nothing to do with each other. Not a secret.</summary>
    public string Principal { get; init; } = LocalPrincipal;

    /// <summary>The idempotency key, 1 to 128 bytes from space to tilde (ASCII); null: the request is one of its own.</summary>
    public string? Key { get; init; }

    /// <summary>What happens when the process ends meanwhile. A key never changes this.</summary>
    public required RecoveryMode Recovery { get; init; }

    /// <summary>
    /// What the caller wants to know when the invocation is run again without it: no part of the fingerprint, and of a key that comes
    /// again it is that of the first request that counts. Default empty. Kept as long as the request.
    /// </summary>
    public ReadOnlyMemory<byte> Origin { get; init; }

    /// <summary>
    /// From the invocation's id to rows of the caller's that are committed with the record that a run begins, where it is
    /// <see cref="BeginKind.Fresh"/>; null: none.
    /// </summary>
    public Func<Guid, IReadOnlyList<StoreOperation>>? Rows { get; init; }

    internal void Validate()
    {
        ArgumentException.ThrowIfNullOrEmpty(Name);
        ArgumentNullException.ThrowIfNull(Principal);
        if (!Enum.IsDefined(Recovery)) throw new ArgumentException($"There is no recovery {Recovery}.", nameof(Recovery));
        if (!KeepsArguments && Recovery != RecoveryMode.Fail)
            throw new ArgumentException("Without its arguments an invocation cannot be resumed: Recovery must be Fail.", nameof(Recovery));
        if (Key is null) return;
        bool isPrintable = Key.All(character => character is >= ' ' and <= '~');
        if (isPrintable && Key.Length is >= 1 and <= KeyBytesMax) return;
        throw new ArgumentException($"An idempotency key has 1 to {KeyBytesMax} printable ASCII characters.", nameof(Key));
    }
}

/// <summary>What <see cref="Journal.BeginAsync"/> made of a request.</summary>
public enum BeginKind
{
    /// <summary>It is to be run now, by whoever asked: <see cref="BeginResult.Context"/>.</summary>
    Fresh = 0,

    /// <summary>One with the same key was under way and has ended since: <see cref="BeginResult.Outcome"/>.</summary>
    Joined = 1,

    /// <summary>One with the same key had ended before: <see cref="BeginResult.Outcome"/>.</summary>
    Replayed = 2,

    /// <summary>The key stands for another operation or other arguments.</summary>
    Conflict = 3,
}

/// <summary>What became of a request.</summary>
public sealed class BeginResult
{
    private BeginResult(BeginKind kind, InvocationContext? context, InvocationOutcome? outcome)
    {
        Kind = kind;
        Context = context;
        Outcome = outcome;
    }

    /// <summary>Which of the four it is.</summary>
    public BeginKind Kind { get; }

    /// <summary>The run that the caller is to make; null but for <see cref="BeginKind.Fresh"/>.</summary>
    public InvocationContext? Context { get; }

    /// <summary>The outcome that is there; null for <see cref="BeginKind.Fresh"/> and <see cref="BeginKind.Conflict"/>.</summary>
    public InvocationOutcome? Outcome { get; }

    internal static BeginResult Conflict { get; } = new(BeginKind.Conflict, null, null);

    internal static BeginResult Fresh(InvocationContext context) => new(BeginKind.Fresh, context, null);

    internal static BeginResult Of(InvocationOutcome outcome, bool hasJoined) =>
        new(hasJoined ? BeginKind.Joined : BeginKind.Replayed, null, outcome);
}

/// <summary>How an invocation has ended.</summary>
public sealed class InvocationOutcome
{
    internal InvocationOutcome(Guid id, FinishedRow row)
    {
        Id = id;
        State = row.State;
        IsError = row.IsError;
        Content = row.Outcome;
        FinishedAt = DateTimeOffset.FromUnixTimeMilliseconds(row.FinishedMilliseconds);
    }

    /// <summary>The invocation.</summary>
    public Guid Id { get; }

    /// <summary>
    /// <see cref="InvocationState.Completed"/>; or one of the states behind it, which the journal sets by itself: then there is no content.
    /// </summary>
    public InvocationState State { get; }

    /// <summary>Whether it was completed as an error, or was not completed.</summary>
    public bool IsError { get; }

    /// <summary>What <see cref="InvocationContext.CompleteAsync"/> was given.</summary>
    public ReadOnlyMemory<byte> Content { get; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset FinishedAt { get; }
}
