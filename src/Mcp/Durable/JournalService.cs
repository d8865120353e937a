using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Varve.Idempotency;

namespace Varve.Mcp.Durable;

/// <summary>
/// Before the first client comes, ends what an earlier process has left: a call that may run again waits for its key to come again, any
/// other has failed. Later removes what has expired.
/// </summary>
internal sealed partial class JournalService(Journal journal, TimeProvider time, ILogger<JournalService> logger) : BackgroundService
{
    private static readonly TimeSpan s_sweepInterval = TimeSpan.FromMinutes(1);

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await foreach (Invocation left in journal.ListUnfinishedAsync(cancellationToken))
        {
            InvocationContext? run = await journal.RecoverAsync(left, rowsAtEnd: null, cancellationToken);
            if (run is not null) await run.ReleaseAsync();
            LogLeft(logger, left.Name, left.Id, run is null ? "was ended" : "may be asked for again");
        }

        await journal.SweepAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_sweepInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await journal.SweepAsync(stoppingToken);
            }
            catch (Exception failure) when (failure is StorageException or DatabaseReadOnlyException or IOException)
            {
                LogUpkeep(logger, failure);
            }
        }
    }

    [LoggerMessage(1, LogLevel.Information, "The call of '{Tool}' ({Id}) that an earlier process left {Outcome}.")]
    private static partial void LogLeft(ILogger logger, string tool, Guid id, string outcome);

    [LoggerMessage(2, LogLevel.Warning, "What has expired could not be removed; it is tried again.")]
    private static partial void LogUpkeep(ILogger logger, Exception failure);
}
