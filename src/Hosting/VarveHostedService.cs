using Microsoft.Extensions.Hosting;

namespace Varve.Extensions.Hosting;

/// <summary>
/// Opens every database before the first service of the host is started, so that a recovery is over when requests come, and closes them
/// when the last has stopped.
/// </summary>
internal sealed class VarveHostedService(OpenDatabases databases, IEnumerable<VarveRegistration> registrations) : IHostedLifecycleService
{
    /// <exception cref="IOException">A database cannot be opened; the host does not start.</exception>
    public Task StartingAsync(CancellationToken cancellationToken) => Task.Run(
        () =>
        {
            foreach (VarveRegistration registration in registrations)
            {
                cancellationToken.ThrowIfCancellationRequested();
                databases.Open(registration.Name);
            }
        },
        cancellationToken);

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Not given up when the host's patience ends: what is written is synced.</summary>
    public Task StoppedAsync(CancellationToken cancellationToken) => Task.Run(databases.CloseAll, CancellationToken.None);
}
