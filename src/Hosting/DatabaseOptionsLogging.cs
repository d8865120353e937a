using Microsoft.Extensions.Logging;

namespace Varve.Extensions.Hosting;

/// <summary>From a database's events to a log.</summary>
public static class DatabaseOptionsLogging
{
    private static readonly TimeSpan LongStall = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Writes every event to a log, behind the handler that <see cref="DatabaseOptions.OnEvent"/> already has. For databases that are
    /// opened without a host; <c>AddVarve</c> does it by itself.
    /// </summary>
    /// <param name="options">Changed by the call.</param>
    /// <param name="logger">Called on the database's thread for events.</param>
    /// <returns>The same options.</returns>
    public static DatabaseOptions LogTo(this DatabaseOptions options, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(logger);
        options.OnEvent += happened => Log(logger, happened);
        return options;
    }

    private static void Log(ILogger logger, DatabaseEvent happened)
    {
        (LogLevel level, int number, Exception? failure) = Classify(happened);
        string name = happened.GetType().Name;
        logger.Log(level, new EventId(number, name), new EventLogEntry(happened), failure, static (entry, _) => entry.ToString());
    }

    /// <summary>The numbers are those of docs/observability.md: log filters use them, so they never change.</summary>
    private static (LogLevel Level, int Number, Exception? Failure) Classify(DatabaseEvent happened) => happened switch
    {
        DatabaseOpenedEvent opened => (opened.WasClosedCleanly ? LogLevel.Information : LogLevel.Warning, 1, null),
        DatabaseClosedEvent closed => (closed.Failure is null ? LogLevel.Information : LogLevel.Error, 2, closed.Failure),
        FlushCompletedEvent => (LogLevel.Debug, 3, null),
        FlushFailedEvent flush => (LogLevel.Warning, 4, flush.Failure),
        CompactionCompletedEvent => (LogLevel.Debug, 5, null),
        CompactionFailedEvent compaction => (LogLevel.Warning, 6, compaction.Failure),
        DamageFoundEvent found => (LogLevel.Error, 7, found.Damage),
        WritingStoppedEvent stopped => (LogLevel.Critical, 8, stopped.Cause),
        StallBeganEvent => (LogLevel.Debug, 9, null),
        StallEndedEvent stall => (stall.Duration < LongStall ? LogLevel.Information : LogLevel.Warning, 10, null),
        LogRecycledEvent => (LogLevel.Debug, 11, null),
        VerificationCompletedEvent verified => (verified.DamagedTables == 0 ? LogLevel.Information : LogLevel.Error, 12, null),
        _ => (LogLevel.Information, 0, null),
    };
}
