using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Varve.Mcp.Cli.Servers.Tasks;
using Varve.Mcp.Subscriptions;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Servers;

/// <summary>Tells subscribers which resources have changed, from the store's feed of changes: whoever made the change.</summary>
internal sealed partial class ResourceFeed(ISharedStore store, ServedServers served, ILogger<ResourceFeed> logger)
    : BackgroundService, IResourceChanges
{
    public event Action<string>? Changed;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var feed = new StoreFeed { IncludeNotDurable = true };
                await foreach (ChangeBatch batch in store.ReadChangesAsync(feed, stoppingToken)) Report(batch);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (ChangeHistoryLostException lost)
            {
                // More was written than is kept for slow readers. What any of it changed is not known; of tasks it is said.
                LogLost(logger, lost);
                ReportTasks();
            }
        }
    }

    private void Report(ChangeBatch batch)
    {
        if (Changed is not { } changed) return;
        bool hasTasks = false;
        foreach (Change change in batch.Changes)
        {
            hasTasks |= change.MapName == TaskStore.Map;
            bool isKey = change.Kind is ChangeKind.Put or ChangeKind.Delete;
            if (!isKey || !served.HasStore || Idempotency.InternalMaps.IsInternal(change.MapName)) continue;
            changed(StoreServer.UriOf(change.MapName, System.Text.Encoding.UTF8.GetString(change.Key.Span)));
        }

        if (hasTasks) ReportTasks();
    }

    private void ReportTasks()
    {
        if (!served.HasTasks) return;
        foreach (string uri in TasksServer.ResourceUris) Changed?.Invoke(uri);
    }

    [LoggerMessage(1, LogLevel.Warning, "Notices of changed resources fell behind the writes; some were left out.")]
    private static partial void LogLost(ILogger logger, Exception lost);
}
