namespace Varve.Log;

/// <summary>An era that has ended and of which segments may still be there; the manifest keeps it.</summary>
/// <param name="Era">Whose salt the segments have.</param>
/// <param name="End">Where it ended, as it was closed or recovered; what slots hold behind it is nothing.</param>
/// <param name="PrecedingSequence">The highest sequence written before the era.</param>
internal readonly record struct LogPastEra(LogEra Era, LogEnd End, ulong PrecedingSequence);

/// <summary>What the manifest says of the log before the current era.</summary>
/// <param name="PrecedingSequence">The highest sequence written before the current era.</param>
/// <param name="PastEras">In their order, at most <see cref="PastErasMax"/>.</param>
internal sealed record LogPast(ulong PrecedingSequence, IReadOnlyList<LogPastEra> PastEras)
{
    /// <summary>Bounds the manifest where a database is opened often and written little.</summary>
    public const int PastErasMax = 256;

    public static LogPast None { get; } = new(0, []);
}
