using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Varve.Idempotency;
using Varve.Mcp.Cli.Servers.Tasks;
using Varve.Mcp.Gateway;
using Varve.Mcp.Subscriptions;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Servers;

/// <summary>Tells subscribers which resources have changed, from the store's feed of changes: whoever made the change.</summary>
internal sealed partial class ResourceFeed(ISharedStore store, ServedServers served, ILogger<ResourceFeed> logger)
    : BackgroundService, IResourceChanges, ITaskChanges
{
    public event Action<string>? Changed;

    public event Action<Predicate<string>>? ManyChanged;

    public event Action<string, string>? TaskChanged;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                bool isFollowing = false;
                var feed = new StoreFeed { IncludeNotDurable = true };
                await foreach (ChangeBatch batch in store.ReadChangesAsync(feed, stoppingToken))
                {
                    // The first batch says that from now on nothing is missed. What came before it, for those who were early, is not known.
                    if (!isFollowing) ManyChanged?.Invoke(static _ => true);
                    isFollowing = true;
                    Report(batch);
                }
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (ChangeHistoryLostException lost)
            {
                // More was written than is kept for slow readers. What any of it changed is not known: the next feed says it of everything.
                LogLost(logger, lost);
            }
        }
    }

    private void Report(ChangeBatch batch)
    {
        bool hasTasks = false;
        foreach (Change change in batch.Changes)
        {
            hasTasks |= change.MapName == TaskStore.Map;
            if (served.HasTasks && change is { MapName: TaskStore.Map, Kind: ChangeKind.Put }) ReportTask(change);
            if (served.HasStore && !InternalMaps.IsInternal(change.MapName)) Report(change);
        }

        if (!hasTasks || !served.HasTasks) return;
        foreach (string uri in TasksServer.ResourceUris) Changed?.Invoke(uri);
    }

    private void Report(Change change)
    {
        if (change.Kind is ChangeKind.Put or ChangeKind.Delete)
            Changed?.Invoke(StoreServer.UriOf(change.MapName, Encoding.UTF8.GetString(change.Key.Span)));
        else ManyChanged?.Invoke(uri => StoreServer.TryReadUri(uri, out string? map, out byte[]? key) && Covers(change, map, key));
    }

    private void ReportTask(in Change change)
    {
        try
        {
            if (JsonSerializer.Deserialize(change.Value.Span, ServerJson.TypeOf<TaskItem>()) is { } task)
                TaskChanged?.Invoke(task.Id, task.Status);
        }
        catch (JsonException)
        {
            // A value that a client has put there by the store's own tools is no task.
        }
    }

    /// <summary>Whether a change of more than one key is one of this key.</summary>
    private static bool Covers(in Change change, string map, ReadOnlySpan<byte> key)
    {
        if (map != change.MapName) return false;
        if (change.Kind == ChangeKind.DropMap) return true;
        if (key.SequenceCompareTo(change.Key.Span) < 0) return false;
        int atEnd = key.SequenceCompareTo(change.EndKey.Span);
        return change.Kind == ChangeKind.Ingest ? atEnd <= 0 : atEnd < 0 || change.EndKey.IsEmpty;
    }

    [LoggerMessage(1, LogLevel.Warning, "Notices of changed resources fell behind the writes; all are told that theirs may have changed.")]
    private static partial void LogLost(ILogger logger, Exception lost);
}
