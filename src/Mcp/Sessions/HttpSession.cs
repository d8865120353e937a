using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Subscriptions;

namespace Varve.Mcp.Sessions;

/// <summary>A session that is ready: its server runs and takes messages.</summary>
/// <remarks>
/// Whoever uses it enters first and leaves at the end; it is ended only while nobody is in it, or when the client or the host says so.
/// </remarks>
internal sealed class HttpSession : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly Task _running;
    private CancellationTokenSource? _listening;
    private TaskCompletionSource? _free;
    private SessionRecord? _record;
    private DateTimeOffset _lastUsed;
    private int _users;
    private bool _isEnding;

    public HttpSession(string id, string principal, StreamableHttpServerTransport transport, McpServer server)
    {
        (Id, Principal, Transport, Server) = (id, principal, transport, server);
        Subscriber = new Subscriber(uri => server.SendNotificationAsync(
            NotificationMethods.ResourceUpdatedNotification, new ResourceUpdatedNotificationParams { Uri = uri }));
        _running = server.RunAsync(CancellationToken.None);
    }

    public string Id { get; }

    public string Principal { get; }

    public StreamableHttpServerTransport Transport { get; }

    public McpServer Server { get; }

    /// <summary>
    /// The session as one that listens to resources. What it hears goes by the stream of messages that answer no request.
    /// </summary>
    public Subscriber Subscriber { get; }

    /// <summary>Cancelled when the session ends.</summary>
    public CancellationToken Ending => _ending.Token;

    /// <summary>The number of the last unsolicited message that a client was given.</summary>
    public uint Delivered { get; set; }

    /// <summary>When somebody was in it last, and whether somebody is.</summary>
    public (DateTimeOffset LastUsed, bool IsInUse) Use
    {
        get { lock (_gate) return (_lastUsed, _users > 0); }
    }

    /// <summary>What is kept of it; null until the client has introduced itself.</summary>
    public SessionRecord? Record
    {
        get { lock (_gate) return _record; }
    }

    /// <summary>Changes what is kept, and returns it to be saved.</summary>
    public SessionRecord? Change(Func<SessionRecord?, SessionRecord?> change)
    {
        lock (_gate) return _record = change(_record);
    }

    public bool TryEnter(DateTimeOffset now)
    {
        lock (_gate)
        {
            if (_isEnding) return false;
            _users++;
            _lastUsed = now;
            return true;
        }
    }

    public void Leave(DateTimeOffset now)
    {
        lock (_gate)
        {
            _users--;
            _lastUsed = now;
            if (_users == 0) _free?.TrySetResult();
        }
    }

    /// <summary>Ends when nobody is inside, and also where somebody enters later.</summary>
    public Task WhenFree()
    {
        lock (_gate)
        {
            if (_users == 0) return Task.CompletedTask;
            _free ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _free.Task;
        }
    }

    /// <summary>From here on nobody enters; false where it is ending already, or somebody is inside and need not leave.</summary>
    public bool TryEnd(bool evenIfInUse)
    {
        lock (_gate)
        {
            if (_isEnding || (_users > 0 && !evenIfInUse)) return false;
            return _isEnding = true;
        }
    }

    /// <summary>The one stream of unsolicited messages is now the caller's: an older one ends, so that no message is sent twice.</summary>
    public CancellationTokenSource Listen(CancellationToken cancellation)
    {
        CancellationTokenSource listening = CancellationTokenSource.CreateLinkedTokenSource(cancellation, _ending.Token);
        CancellationTokenSource? older = Interlocked.Exchange(ref _listening, listening);
        try
        {
            older?.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The older one ended by itself just now.
        }
        return listening;
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await Transport.DisposeAsync();
        await Server.DisposeAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
