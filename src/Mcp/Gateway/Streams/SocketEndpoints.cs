using System.Net.WebSockets;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Varve.Mcp.Gateway.Access;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Metrics;
using Varve.Mcp.Gateway.Rest;
using Varve.Mcp.Subscriptions;

namespace Varve.Mcp.Gateway.Streams;

/// <summary>WebSockets: <c>/ws/tools/{name}</c> and <c>/ws/notifications</c>.</summary>
internal sealed class SocketEndpoints(
    GatewayCalls calls, RateLimits limits, GatewayMetrics metrics, Drain drain, IEnumerable<ITaskChanges> tasks,
    ResourceSubscriptions resources, IOptions<GatewayOptions> options, IOptions<VarveMcpOptions> mcpOptions)
{
    private int _sockets;

    /// <summary>Sockets that are open now.</summary>
    public int Sockets => Volatile.Read(ref _sockets);

    public Task ServeToolAsync(HttpContext context)
    {
        string tool = (string)context.Request.RouteValues["name"]!;
        if (calls.FindRefusal(tool) is { } refusal) return context.WriteProblemAsync(refusal);
        return ServeAsync(context, async channel =>
        {
            ToolSocket socket = new(channel, tool, context.User, calls, limits, metrics);
            using CancellationTokenRegistration stopping = drain.Stopping.Register(() => _ = socket.DrainAsync());
            await socket.ServeAsync();
        });
    }

    public Task ServeNotificationsAsync(HttpContext context) => ServeAsync(context, async channel =>
    {
        using CancellationTokenRegistration stopping =
            drain.Stopping.Register(() => channel.Close(WebSocketCloseStatus.EndpointUnavailable));
        await new NotificationSocket(channel, tasks.FirstOrDefault(), resources).ServeAsync();
    });

    private async Task ServeAsync(HttpContext context, Func<SocketChannel, Task> serve)
    {
        if (!context.WebSockets.IsWebSocketRequest)
        {
            context.Response.Headers.Upgrade = "websocket";
            await context.WriteProblemAsync(new Problem(426, "upgrade_required", "This path is for WebSockets."));
            return;
        }
        try
        {
            if (Interlocked.Increment(ref _sockets) <= mcpOptions.Value.Http.StreamsMax) await AcceptAsync(context, serve);
            else await context.WriteProblemAsync(Problem.Overload("Too many open sockets: try again later.", retryAfter: 5));
        }
        finally
        {
            Interlocked.Decrement(ref _sockets);
        }
    }

    private async Task AcceptAsync(HttpContext context, Func<SocketChannel, Task> serve)
    {
        // The client's pongs show that it lives. One that is gone without a word is noticed after twice this time.
        TimeSpan interval = mcpOptions.Value.Http.Heartbeat;
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync(
            new WebSocketAcceptContext { KeepAliveInterval = interval, KeepAliveTimeout = interval });
        await using SocketChannel channel = new(socket, context.Abort, options.Value.BodyBytesMax, sendTimeout: interval);
        await serve(channel);
    }
}
