using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Messages;
using Varve.Mcp.Sessions;

namespace Varve.Mcp.Subscriptions;

/// <summary>
/// Subscriptions of both eras: by resources/subscribe for a session, by subscriptions/listen for as long as that request is open.
/// </summary>
internal sealed class SubscriptionHandlers(ResourceSubscriptions subscriptions, SessionRegistry sessions, IOptions<VarveMcpOptions> options)
{
    private const int NoticesQueuedMax = 1_024;

    private readonly CancellationTokenSource _ending = new();
    private Subscriber? _stdioClient;
    private int _streams;

    public async ValueTask<EmptyResult> SubscribeAsync(RequestContext<SubscribeRequestParams> request, CancellationToken cancellation)
    {
        string uri = request.Params.Uri;
        await ChangeAsync(
            request.Server,
            client =>
            {
                if (!subscriptions.TryAdd(client, uri)) throw TooMany();
            },
            record => record with { Subscriptions = [.. record.Subscriptions.Union([uri], StringComparer.Ordinal)] },
            cancellation);
        return new EmptyResult();
    }

    public async ValueTask<EmptyResult> UnsubscribeAsync(RequestContext<UnsubscribeRequestParams> request, CancellationToken cancellation)
    {
        string uri = request.Params.Uri;
        await ChangeAsync(
            request.Server,
            client => subscriptions.Remove(client, uri),
            record => record with { Subscriptions = [.. record.Subscriptions.Except([uri], StringComparer.Ordinal)] },
            cancellation);
        return new EmptyResult();
    }

    /// <summary>Acknowledges, then sends what was asked for until the request is cancelled.</summary>
    public async ValueTask<EmptyResult> ListenAsync(
        RequestContext<SubscriptionsListenRequestParams> request, CancellationToken cancellation)
    {
        if (Interlocked.Increment(ref _streams) > options.Value.Http.StreamsMax)
        {
            Interlocked.Decrement(ref _streams);
            throw ErrorCodes.Overload("open streams");
        }
        Channel<JsonRpcNotification> notices = Channel.CreateBounded<JsonRpcNotification>(
            new BoundedChannelOptions(NoticesQueuedMax) { SingleReader = true, FullMode = BoundedChannelFullMode.DropOldest });
        RequestId id = request.JsonRpcRequest.Id;
        void Queue(string method, JsonObject parameters) => notices.Writer.TryWrite(Notice(id, method, parameters));
        Subscriber client = new(uri =>
        {
            Queue(NotificationMethods.ResourceUpdatedNotification, new JsonObject { ["uri"] = uri });
            return Task.CompletedTask;
        });
        using ListWatch lists = new(request.Server.ServerOptions, request.Params.Notifications, method => Queue(method, []));
        try
        {
            SubscriptionsListenNotifications granted = lists.Granted;
            if (request.Params.Notifications.ResourceSubscriptions is { Count: > 0 } uris && CanSubscribe(request.Server.ServerOptions))
            {
                foreach (string uri in uris)
                    if (!subscriptions.TryAdd(client, uri)) throw TooMany();
                granted.ResourceSubscriptions = [.. uris];
            }
            JsonObject accepted = new() { ["notifications"] = JsonSerializer.SerializeToNode(granted, McpJsonUtilities.DefaultOptions) };
            JsonRpcNotification acknowledgement = Notice(id, NotificationMethods.SubscriptionsAcknowledgedNotification, accepted);
            await request.Server.SendMessageAsync(acknowledgement, cancellation);
            using CancellationTokenRegistration ending = _ending.Token.Register(() => notices.Writer.TryComplete());
            await foreach (JsonRpcNotification notice in notices.Reader.ReadAllAsync(cancellation))
                await request.Server.SendMessageAsync(notice, cancellation);
        }
        finally
        {
            Interlocked.Decrement(ref _streams);
            subscriptions.RemoveAll(client);
        }
        return new EmptyResult();
    }

    /// <summary>Ends all streams, because their client is gone: a call comes to its end by itself, a stream does not.</summary>
    public void EndStreams() => _ending.Cancel();

    internal static bool CanSubscribe(McpServerOptions options) =>
        options.ResourceCollection is not null || options.Handlers.ReadResourceHandler is not null;

    private static JsonRpcNotification Notice(RequestId id, string method, JsonObject parameters)
    {
        parameters["_meta"] = new JsonObject { [MetaKeys.SubscriptionId] = id.Id is long number ? number : id.ToString() };
        return new JsonRpcNotification { Method = method, Params = parameters };
    }

    private static McpProtocolException TooMany() => new("Too many subscriptions of one client.", McpErrorCode.InvalidParams);

    /// <summary>A session listens as a session, and what it listens to is kept with it; the one client of stdio as itself.</summary>
    private async ValueTask ChangeAsync(
        McpServer server, Action<Subscriber> change, Func<SessionRecord, SessionRecord> changeRecord, CancellationToken cancellation)
    {
        if (sessions.TryEnterReady(server.SessionId) is not { } session)
        {
            change(_stdioClient ??= new Subscriber(uri => server.SendNotificationAsync(
                NotificationMethods.ResourceUpdatedNotification, new ResourceUpdatedNotificationParams { Uri = uri })));
            return;
        }
        try
        {
            change(session.Subscriber);
            await sessions.ChangeAsync(session, changeRecord, cancellation);
        }
        finally
        {
            sessions.Leave(session);
        }
    }
}
