using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Subscriptions;

namespace Varve.Mcp.Sessions;

/// <summary>The sessions over HTTP: those that are ready, and, by their records, those that can be made ready again.</summary>
internal sealed partial class SessionRegistry(
    IOptions<VarveMcpOptions> options, IOptions<McpServerOptions> serverOptions, ISessionStore store, IEventLog events,
    ResourceSubscriptions subscriptions, TimeProvider time, ILoggerFactory loggers, IServiceProvider services) : BackgroundService
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan EndTimeout = TimeSpan.FromSeconds(5);

    // Calls that are still under way behind it go on when the server starts again, where there is a journal.
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, HttpSession> _ready = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _restoring = new(1, 1);
    private readonly ResumableStreams _streams = new(events, time);
    private readonly ILogger _logger = loggers.CreateLogger("Varve.Mcp.Sessions");

    /// <summary>A new session, entered. It is kept from the moment on in which its client has introduced itself.</summary>
    public async ValueTask<HttpSession> CreateAsync(string principal, CancellationToken cancellation)
    {
        if (_ready.Count >= options.Value.Http.SessionsMax) await SweepAsync(options.Value.Http.SessionsMax - 1, cancellation);
        string id = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(16));
        HttpSession session = Start(id, principal, serverOptions.Value);
        session.TryEnter(time.GetUtcNow());
        _ready[id] = session;
        return session;
    }

    /// <summary>A session of this principal, entered; null where there is none, or it is somebody else's.</summary>
    public async ValueTask<HttpSession?> EnterAsync(string id, string principal, CancellationToken cancellation)
    {
        if (TryEnterReady(id) is not { } session)
        {
            await _restoring.WaitAsync(cancellation);
            try
            {
                session = TryEnterReady(id) ?? await RestoreAsync(id, principal, cancellation);
            }
            finally
            {
                _restoring.Release();
            }
        }
        if (session is null || session.Principal == principal) return session;
        Leave(session);
        return null;
    }

    public void Leave(HttpSession session) => session.Leave(time.GetUtcNow());

    /// <summary>A session that is ready, entered; null on stdio, for a request without session, and when it just ended.</summary>
    public HttpSession? TryEnterReady(string? id) =>
        id is not null && _ready.TryGetValue(id, out HttpSession? session) && session.TryEnter(time.GetUtcNow()) ? session : null;

    /// <summary>The client ends its session: nothing of it remains.</summary>
    public async ValueTask RemoveAsync(HttpSession session)
    {
        await store.RemoveAsync(session.Id, CancellationToken.None);
        if (session.TryEnd(evenIfInUse: true)) await EndAsync(session);
        await events.RemoveSessionAsync(session.Id, CancellationToken.None);
    }

    /// <summary>Changes what is kept of a session, where it is kept already.</summary>
    public async ValueTask ChangeAsync(HttpSession session, Func<SessionRecord, SessionRecord> change, CancellationToken cancellation)
    {
        SessionRecord? changed = session.Change(record => record is null ? null : change(record));
        if (changed is null || await store.TryReplaceAsync(changed, cancellation)) return;
        // Ended elsewhere. Whoever changes it may be one of its requests, which the end waits for.
        if (session.TryEnd(evenIfInUse: true)) _ = EndAsync(session).AsTask();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(SweepInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await TrySweepAsync(stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops; what is kept stays kept.
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        Task free = Task.WhenAll(_ready.Values.Select(session => session.WhenFree()));
        await free.WaitAsync(DrainTimeout, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (HttpSession session in _ready.Values)
            if (session.TryEnd(evenIfInUse: true)) await EndAsync(session);
    }

    private async ValueTask TrySweepAsync(CancellationToken cancellation)
    {
        try
        {
            await SweepAsync(options.Value.Http.SessionsMax, cancellation);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            // A store that fails now may be back in a minute; until then sessions stay as they are.
            LogSweepFailed(_logger, exception);
        }
    }

    /// <summary>Saves when sessions were used, ends those that were not for long, and lets those go that need not be ready.</summary>
    internal async ValueTask SweepAsync(int countMax, CancellationToken cancellation)
    {
        DateTimeOffset now = time.GetUtcNow();
        foreach (HttpSession session in _ready.Values)
        {
            (DateTimeOffset lastUsed, bool isInUse) = session.Use;
            if (isInUse) lastUsed = now;
            if (session.Record is { } record && lastUsed - record.LastUsed >= SweepInterval)
                await ChangeAsync(session, kept => kept with { LastUsed = lastUsed }, cancellation);
            if (lastUsed < now - options.Value.Http.SessionReadyIdle && session.TryEnd(evenIfInUse: false)) await EndAsync(session);
        }
        foreach (string id in await store.ExpireAsync(now - options.Value.Http.SessionIdle, countMax, cancellation))
        {
            if (_ready.TryGetValue(id, out HttpSession? session) && session.TryEnd(evenIfInUse: true)) await EndAsync(session);
            await events.RemoveSessionAsync(id, cancellation);
            LogExpired(_logger, id[..4]);
        }
    }

    private async ValueTask EndAsync(HttpSession session)
    {
        // This one alone: the session may be ready again by now.
        _ready.TryRemove(KeyValuePair.Create(session.Id, session));
        subscriptions.RemoveAll(session.Subscriber);
        // A tool that does not hear of its cancellation keeps nobody waiting.
        await Task.WhenAny(session.DisposeAsync().AsTask(), Task.Delay(EndTimeout, time));
    }

    private HttpSession Start(string id, string principal, McpServerOptions sessionOptions)
    {
        StreamableHttpServerTransport transport = _streams.CreateTransport(
            id, (client, cancellation) => IntroducedAsync(id, client, cancellation), loggers);
        return new HttpSession(id, principal, transport, McpServer.Create(transport, sessionOptions, loggers, services));
    }

    /// <summary>Before the answer to initialize is sent: a client that knows the session's id finds it again.</summary>
    private async ValueTask IntroducedAsync(string id, InitializeRequestParams client, CancellationToken cancellation)
    {
        if (!_ready.TryGetValue(id, out HttpSession? session) || session.Record is not null) return;
        SessionRecord? record = session.Change(kept => kept ?? new SessionRecord(id, session.Principal, client, time.GetUtcNow()));
        await store.AddAsync(record!, cancellation);
    }

    private async ValueTask<HttpSession?> RestoreAsync(string id, string principal, CancellationToken cancellation)
    {
        SessionRecord? record = await store.FindAsync(id, cancellation);
        if (record is null || record.Principal != principal) return null;
        HttpSession session = Start(id, principal, ServerOptionsCopy.For(serverOptions.Value, record.Client));
        session.Change(_ => record);
        session.Delivered = await events.FindLastAsync(id, EventIds.UnsolicitedStream, null, cancellation) ?? 0;
        session.TryEnter(time.GetUtcNow());
        // Known before its callback runs: the record that stands is the one that was found.
        _ready[id] = session;
        await session.Transport.HandleInitializeRequestAsync(record.Client);
        if (record.LogLevel is { } level) await LogLevels.RestoreAsync(session.Transport, level, cancellation);
        foreach (string uri in record.Subscriptions)
        {
            // What changed meanwhile is not known: each of its resources counts as changed once.
            subscriptions.TryAdd(session.Subscriber, uri);
            await session.Subscriber.SendAsync(uri);
        }
        return session;
    }

    [LoggerMessage(1, LogLevel.Information, "Session {Session}… ended: nobody used it, or there were too many.")]
    private static partial void LogExpired(ILogger logger, string session);

    [LoggerMessage(2, LogLevel.Warning, "Idle sessions could not be ended; it is tried again in a minute.")]
    private static partial void LogSweepFailed(ILogger logger, Exception exception);
}
