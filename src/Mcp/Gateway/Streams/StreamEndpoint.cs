using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;
using Varve.Mcp.Calls;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Rest;
using Varve.Mcp.Http;

namespace Varve.Mcp.Gateway.Streams;

/// <summary><c>/tools/{name}/stream</c>: a call whose progress and items come as events, and can be resumed.</summary>
internal sealed class StreamEndpoint(
    ToolEndpoints tools, GatewayCalls calls, KeptStreams streams, IOptions<VarveMcpOptions> options, TimeProvider time)
{
    /// <summary>How long the answer's status is left open: a call that is refused at once is refused by it.</summary>
    private static readonly TimeSpan StatusDelay = TimeSpan.FromSeconds(1);

    public async Task PostAsync(HttpContext context)
    {
        if (context.Request.Headers[HeaderNames.LastEventId].Count > 0)
        {
            await ResumeAsync(context);
            return;
        }
        if (await tools.ReadAsync(context, CallVia.Sse) is not { } start) return;
        KeptStream stream = streams.Add(calls.Start(start));
        try
        {
            if (await FindRefusalAsync(stream.Call, context.RequestAborted) is { } problem) await context.WriteProblemAsync(problem);
            else await WriteAsync(context, stream.Call, after: 0);
        }
        finally
        {
            streams.Leave(stream);
        }
    }

    public async Task ResumeAsync(HttpContext context)
    {
        string id = context.Request.Headers[HeaderNames.LastEventId].ToString();
        if (id.Length == 0)
        {
            const string Name = HeaderNames.LastEventId;
            await context.WriteProblemAsync(Problem.BadField(Name, $"A call begins with POST; its stream is resumed with {Name}."));
            return;
        }
        string tool = (string)context.Request.RouteValues["name"]!;
        if (streams.TryEnter(id, ToolCall.PrincipalOf(context.User), tool, out long after) is not { } stream)
        {
            await context.WriteProblemAsync(Problem.NotFound($"{HeaderNames.LastEventId} is not, or no longer, an event of such a call."));
            return;
        }
        try
        {
            await WriteAsync(context, stream.Call, after);
        }
        finally
        {
            streams.Leave(stream);
        }
    }

    private async ValueTask<Problem?> FindRefusalAsync(GatewayCall call, CancellationToken cancellation)
    {
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        await using IAsyncEnumerator<CallEvent> events = call.Events.ReadAsync(0, over.Token).GetAsyncEnumerator(over.Token);
        Task<bool> first = events.MoveNextAsync().AsTask();
        await Task.WhenAny(first, Task.Delay(StatusDelay, time, over.Token));
        bool isRefused = first.IsCompletedSuccessfully && events.Current.Type == "error";
        await over.CancelAsync();
        await ((Task)first).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellation.ThrowIfCancellationRequested();
        return isRefused ? (await call.Completion).Problem : null;
    }

    private async Task WriteAsync(HttpContext context, GatewayCall call, long after)
    {
        CancellationToken cancellation = context.RequestAborted;
        await using SseWriter writer = await SseWriter.BeginAsync(context, options.Value.Http.Heartbeat, time, cancellation);
        await foreach (CallEvent one in call.Events.ReadAsync(after, cancellation))
            await writer.WriteAsync($"{call.Id}-{one.Number}", one.Type, one.Data);
    }
}
