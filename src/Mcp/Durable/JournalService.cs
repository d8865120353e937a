using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Varve.Idempotency;

namespace Varve.Mcp.Durable;

/// <summary>Removes what has expired of calls and events, before the first client comes and then every minute.</summary>
internal sealed partial class JournalService(Journal journal, StoreEventLog events, TimeProvider time, ILogger<JournalService> logger)
    : BackgroundService
{
    private static readonly TimeSpan s_sweepInterval = TimeSpan.FromMinutes(1);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await SweepAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    internal async ValueTask SweepAsync(CancellationToken cancellation)
    {
        await journal.SweepAsync(cancellation);
        await events.SweepAsync(cancellation);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_sweepInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await SweepAsync(stoppingToken);
            }
            catch (Exception failure) when (failure is StorageException or DatabaseReadOnlyException or IOException)
            {
                LogUpkeep(logger, failure);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "What has expired could not be removed; it is tried again.")]
    private static partial void LogUpkeep(ILogger logger, Exception failure);
}
