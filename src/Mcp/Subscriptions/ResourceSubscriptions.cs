using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Subscriptions;

/// <summary>
/// Who listens to which resource. Several changes within the interval are one notice, sent at its end; the first is sent at once.
/// </summary>
internal sealed partial class ResourceSubscriptions : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Watched> _watched = new(StringComparer.Ordinal);
    private readonly IResourceChanges[] _sources;
    private readonly TimeSpan _interval;
    private readonly int _perClientMax;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;

    public ResourceSubscriptions(
        IEnumerable<IResourceChanges> sources, IOptions<VarveMcpOptions> options, TimeProvider time, ILoggerFactory loggers)
    {
        (_sources, _time, _logger) = ([.. sources], time, loggers.CreateLogger("Varve.Mcp.Subscriptions"));
        (_interval, _perClientMax) = (options.Value.UpdateInterval, options.Value.SubscriptionsMax);
        foreach (IResourceChanges source in _sources)
        {
            source.Changed += Report;
            source.ManyChanged += ReportMany;
        }
    }

    public void Dispose()
    {
        foreach (IResourceChanges source in _sources)
        {
            source.Changed -= Report;
            source.ManyChanged -= ReportMany;
        }
        lock (_gate)
            foreach (Watched watched in _watched.Values) watched.Timer?.Dispose();
    }

    /// <summary>From now on this client hears of changes of the resource; false where it subscribed to as many as it may.</summary>
    public bool TryAdd(Subscriber client, string uri)
    {
        lock (_gate)
        {
            if (client.Uris.Contains(uri)) return true;
            if (client.Uris.Count >= _perClientMax) return false;
            client.Uris.Add(uri);
            if (!_watched.TryGetValue(uri, out Watched? watched)) _watched.Add(uri, watched = new Watched());
            watched.Subscribers.Add(client);
            return true;
        }
    }

    public void Remove(Subscriber client, string uri)
    {
        lock (_gate)
            if (client.Uris.Remove(uri)) RemoveLocked(client, uri);
    }

    public void RemoveAll(Subscriber client)
    {
        lock (_gate)
        {
            foreach (string uri in client.Uris) RemoveLocked(client, uri);
            client.Uris.Clear();
        }
    }

    /// <summary>A resource changed.</summary>
    public void Report(string uri)
    {
        lock (_gate)
        {
            if (!_watched.TryGetValue(uri, out Watched? watched) || watched.IsDue) return;
            watched.IsDue = true;
            TimeSpan wait = watched.Sent is { } sent ? sent + _interval - _time.GetUtcNow() : TimeSpan.Zero;
            if (wait > TimeSpan.Zero)
            {
                watched.Timer?.Dispose();
                watched.Timer = _time.CreateTimer(_ => Send(uri, watched), null, wait, Timeout.InfiniteTimeSpan);
                return;
            }
        }
        // Not on the reporter's thread: it may be the one that commits.
        ThreadPool.QueueUserWorkItem(_ => Send(uri, null));
    }

    /// <summary>All resources changed whose URIs a test holds for.</summary>
    public void ReportMany(Predicate<string> uris)
    {
        string[] watched;
        lock (_gate) watched = [.. _watched.Keys];
        foreach (string uri in watched)
            if (uris(uri)) Report(uri);
    }

    private void RemoveLocked(Subscriber client, string uri)
    {
        Watched watched = _watched[uri];
        watched.Subscribers.Remove(client);
        if (watched.Subscribers.Count > 0) return;
        watched.Timer?.Dispose();
        _watched.Remove(uri);
    }

    private void Send(string uri, Watched? expected)
    {
        Subscriber[] subscribers;
        lock (_gate)
        {
            if (!_watched.TryGetValue(uri, out Watched? watched) || (expected is not null && expected != watched)) return;
            (watched.IsDue, watched.Sent) = (false, _time.GetUtcNow());
            subscribers = [.. watched.Subscribers];
        }
        foreach (Subscriber subscriber in subscribers) _ = SendAsync(subscriber, uri);
    }

    private async Task SendAsync(Subscriber subscriber, string uri)
    {
        try
        {
            await subscriber.SendAsync(uri);
        }
        catch (Exception exception)
        {
            // One client that is gone keeps no other from hearing of it; its stream ends it.
            LogUnsent(_logger, exception, LogText.Of(uri));
        }
    }

    [LoggerMessage(1, LogLevel.Debug, "A subscriber could not be told that '{Uri}' changed.")]
    private static partial void LogUnsent(ILogger logger, Exception exception, string uri);

    private sealed class Watched
    {
        public HashSet<Subscriber> Subscribers { get; } = [];

        public DateTimeOffset? Sent { get; set; }

        public bool IsDue { get; set; }

        public ITimer? Timer { get; set; }
    }
}

/// <summary>One client that listens, and how it is told.</summary>
internal sealed class Subscriber(Func<string, Task> send)
{
    /// <summary>What it subscribed to; guarded by <see cref="ResourceSubscriptions"/>.</summary>
    public HashSet<string> Uris { get; } = new(StringComparer.Ordinal);

    public Task SendAsync(string uri) => send(uri);
}
