using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Varve.Mcp.Calls;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Rest;

namespace Varve.Mcp.Gateway.Streams;

/// <summary><c>/events</c>: each second how the gateway is, and what its calls do as they do it.</summary>
internal sealed class EventsEndpoint(
    GatewayStatus status, ActiveCalls active, Drain drain, IOptions<VarveMcpOptions> options, TimeProvider time)
{
    private static readonly TimeSpan StatsInterval = TimeSpan.FromSeconds(1);

    private int _listeners;

    public async Task GetAsync(HttpContext context)
    {
        try
        {
            if (Interlocked.Increment(ref _listeners) <= options.Value.Http.StreamsMax) await ListenAsync(context);
            else await context.WriteProblemAsync(Problem.Overload("Too many open streams: try again later.", retryAfter: 5));
        }
        finally
        {
            Interlocked.Decrement(ref _listeners);
        }
    }

    private async Task ListenAsync(HttpContext context)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, drain.Stopping);
        string viewer = ToolCall.PrincipalOf(context.User);
        // From here on no change is missed: who asks for the calls that run once the stream is open knows all.
        using EventQueue changes = new(active);
        using PeriodicTimer timer = new(StatsInterval, time);
        try
        {
            await using SseWriter writer = await SseWriter.BeginAsync(context, options.Value.Http.Heartbeat, time, ending.Token);
            await WriteAsync(writer, "stats", status.ReadStats());
            Task<bool> second = timer.WaitForNextTickAsync(ending.Token).AsTask();
            Task<bool> change = changes.WaitAsync(ending.Token).AsTask();
            while (true)
            {
                if (await Task.WhenAny(second, change) == second)
                {
                    await second;
                    await WriteAsync(writer, "stats", status.ReadStats());
                    second = timer.WaitForNextTickAsync(ending.Token).AsTask();
                    continue;
                }
                if (!await change) return;
                // At most one before the next look at the clock: a busy gateway still says how it is.
                if (changes.TryTake(out CallChange told)) await WriteAsync(writer, "call", told.ToJson(viewer));
                change = changes.WaitAsync(ending.Token).AsTask();
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The listener left, or the gateway stops.
        }
    }

    private static ValueTask WriteAsync(SseWriter writer, string type, JsonObject data) =>
        writer.WriteAsync(id: null, type, JsonSerializer.SerializeToUtf8Bytes(data));
}
