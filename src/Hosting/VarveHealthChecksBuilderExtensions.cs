using Microsoft.Extensions.Diagnostics.HealthChecks;
using Varve.Extensions.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds health checks of Varve databases.</summary>
public static class VarveHealthChecksBuilderExtensions
{
    /// <summary>
    /// Adds a check of one database. It fails when the database is not open or takes no writes until the next open (a restart helps); it is
    /// degraded by a damaged file, by upkeep that fails, say on a full disk, and by compaction that is far behind. A database opened for
    /// reading only is healthy without taking writes. A name that <c>AddVarve</c> was not given fails the check.
    /// </summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="databaseName">As given to <c>AddVarve</c>; null: the one without a name.</param>
    /// <param name="name">The name of the check; default <c>varve</c>, or <c>varve:</c> and the database's name.</param>
    /// <param name="failureStatus">What a failure counts as; default <see cref="HealthStatus.Unhealthy"/>.</param>
    /// <param name="tags">To choose checks by.</param>
    /// <returns>The same builder.</returns>
    public static IHealthChecksBuilder AddVarve(
        this IHealthChecksBuilder builder,
        string? databaseName = null,
        string? name = null,
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        string asked = databaseName ?? Options.Options.DefaultName;
        string checkName = name ?? (asked.Length == 0 ? "varve" : "varve:" + asked);
        return builder.Add(new HealthCheckRegistration(checkName, provider => Create(provider, asked), failureStatus, tags));
    }

    private static VarveHealthCheck Create(IServiceProvider provider, string databaseName)
    {
        bool isKnown = provider.GetServices<VarveRegistration>().Any(known => known.Name == databaseName);
        return new VarveHealthCheck(isKnown ? provider.GetRequiredService<OpenDatabases>() : null, databaseName);
    }
}
