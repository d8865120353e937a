using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Varve.Extensions.Hosting;

/// <summary>Asks one database how it is. Reads figures only: it neither writes nor waits.</summary>
internal sealed class VarveHealthCheck(OpenDatabases? databases, string databaseName) : IHealthCheck
{
    /// <summary>From here on compaction is so far behind that writes are about to stand still.</summary>
    private const double DegradedPressure = 0.9;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(Check(context.Registration.FailureStatus));

    private HealthCheckResult Check(HealthStatus failureStatus)
    {
        string subject = VarveRegistration.Describe(databaseName);
        if (databases is null) return new HealthCheckResult(failureStatus, $"{subject} was not added to the services.");
        Database? database = databases.Find(databaseName);
        if (database is null) return new HealthCheckResult(failureStatus, $"{subject} is not open.");
        try
        {
            return Judge(subject, database, database.GetHealth(), failureStatus);
        }
        catch (ObjectDisposedException)
        {
            return new HealthCheckResult(failureStatus, $"{subject} is closed.");
        }
    }

    private static HealthCheckResult Judge(string subject, Database database, DatabaseHealth health, HealthStatus failureStatus)
    {
        var data = new Dictionary<string, object>
        {
            ["directory"] = database.Directory,
            ["writable"] = health.IsWritable,
            ["writePressure"] = health.WritePressure,
            ["latestSequence"] = database.LatestSequence,
            ["durableSequence"] = database.DurableSequence,
            ["damagedFiles"] = health.Damages.Select(damage => damage.Path).ToArray(),
        };
        if (health.WriteStopCause is { } cause)
        {
            string stopped = $"{subject} takes no writes until it is opened again: {cause.Message}";
            return new HealthCheckResult(failureStatus, stopped, cause, data);
        }

        if (health.Damages is [var first, ..])
            return HealthCheckResult.Degraded($"{subject} has {health.Damages.Count} damaged files: {first.Message}", first, data);

        if (health.UpkeepFailure is { } failure)
            return HealthCheckResult.Degraded($"{subject} cannot flush or compact: {failure.Message}", failure, data);

        return health.WritePressure >= DegradedPressure
            ? HealthCheckResult.Degraded($"{subject} slows writes down: its compaction is far behind.", data: data)
            : HealthCheckResult.Healthy($"{subject} is well.", data);
    }
}
