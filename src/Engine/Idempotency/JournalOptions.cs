using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Varve.Idempotency;

/// <summary>How a journal works. Every default is meant to be kept.</summary>
public sealed class JournalOptions
{
    /// <summary>
    /// When requests, outcomes and steps are acknowledged; default <see cref="Durability.Synced"/>. What an at-most-once guard writes
    /// before an attempt is always synced.
    /// </summary>
    public Durability Durability { get; set; } = Durability.Synced;

    /// <summary>How guards try again, unless a call says otherwise.</summary>
    public RetryPolicy RetryPolicy { get; set; } = RetryPolicy.Default;

    /// <summary>
    /// How results become JSON. Default: System.Text.Json's defaults, by reflection. Programs that are trimmed give options with a
    /// <c>TypeInfoResolver</c> that knows the types.
    /// </summary>
    public JsonSerializerOptions Json { get; set; } = DefaultJson.Options;

    /// <summary>
    /// Whether at-least-once guards run everything twice and compare the results: for development. Default false. See
    /// <see cref="StepNotRepeatableException"/>.
    /// </summary>
    public bool ValidatesSteps { get; set; }

    /// <summary>How often an invocation is run again after crashes before it is dead, 0 or more; default 3.</summary>
    public int RecoveriesMax { get; set; } = 3;

    /// <summary>How long a finished invocation without a key is kept; default 1 hour.</summary>
    public TimeSpan UnkeyedRetention { get; set; } = TimeSpan.FromHours(1);

    /// <summary>How long a key is known, from the end of its invocation; default 24 hours. Also of those that wait or are open.</summary>
    public TimeSpan KeyedRetention { get; set; } = TimeSpan.FromHours(24);

    /// <summary>How long a dead invocation is kept, its key with it; default 7 days.</summary>
    public TimeSpan DeadRetention { get; set; } = TimeSpan.FromDays(7);

    /// <summary>
    /// Invocations in the journal at most, but for those that begin at one moment; 1 or more, default 100,000. Where less than two
    /// thousandths of it are left, those that came to rest first go before their time, until four are. Those under way are never dropped.
    /// </summary>
    public int InvocationsMax { get; set; } = 100_000;

    /// <summary>Bytes of invocations at rest, at most, 1 or more; default 1 GiB. Near it as <see cref="InvocationsMax"/>.</summary>
    public long RestBytesMax { get; set; } = 1L << 30;

    /// <summary>Clock and timers; default: the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Where the jitter of waits comes from; must be safe for concurrent use. Default: <see cref="Random.Shared"/>.</summary>
    public Random Random { get; set; } = Random.Shared;

    /// <summary>The name of this process among all that ever use the store; default: a new random one.</summary>
    public Guid Incarnation { get; set; } = Guid.NewGuid();

    internal JournalOptions Clone() => (JournalOptions)MemberwiseClone();

    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(RetryPolicy);
        ArgumentNullException.ThrowIfNull(Json);
        ArgumentNullException.ThrowIfNull(TimeProvider);
        ArgumentNullException.ThrowIfNull(Random);
        ArgumentOutOfRangeException.ThrowIfNegative(RecoveriesMax);
        ArgumentOutOfRangeException.ThrowIfLessThan(UnkeyedRetention, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(KeyedRetention, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(DeadRetention, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(InvocationsMax, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(RestBytesMax, 1);
        if (Incarnation == Guid.Empty) throw new ArgumentException("An incarnation has a name that is not empty.", nameof(Incarnation));
    }

    internal TimeSpan RetentionOf(ExpiryKind kind) => kind switch
    {
        ExpiryKind.Unkeyed => UnkeyedRetention,
        ExpiryKind.Dead => DeadRetention,
        _ => KeyedRetention,
    };

    /// <summary>Options that can be asked for any type that they know.</summary>
    /// <exception cref="InvalidOperationException">They know none, and reflection is switched off in this program.</exception>
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Where reflection is switched off this throws.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Where reflection is switched off this throws.")]
    internal static JsonSerializerOptions Complete(JsonSerializerOptions json)
    {
        if (!json.IsReadOnly) json.MakeReadOnly(populateMissingResolver: true);
        return json;
    }

    /// <summary>By a property, so that a program with options of its own never asks for it.</summary>
    private static class DefaultJson
    {
        public static JsonSerializerOptions Options { get; } = new();
    }
}

/// <summary>When and how often a guard tries again. The number of tries is kept durably: a restart goes on counting.</summary>
public sealed record RetryPolicy
{
    /// <summary>5 attempts; waits of up to 1 s, 2 s, 4 s, 8 s, each drawn evenly from zero up.</summary>
    public static RetryPolicy Default { get; } = new();

    /// <summary>One attempt.</summary>
    public static RetryPolicy Once { get; } = new() { AttemptsMax = 1 };

    /// <summary>Attempts at most, 1 or more, until the exception is thrown on; default 5.</summary>
    public int AttemptsMax { get; init; } = 5;

    /// <summary>The longest wait behind the first attempt; doubles with each further one. Default 1 s.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Where it stops to double; default 30 s.</summary>
    public TimeSpan DelayMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest wait behind an attempt, counted from 1.</summary>
    internal TimeSpan DelayAfter(int attempt)
    {
        const int DoublingsMax = 30;
        TimeSpan delay = FirstDelay * Math.Pow(2, Math.Min(attempt - 1, DoublingsMax));
        return delay < DelayMax ? delay : DelayMax;
    }
}
