using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Calls;
using Varve.Mcp.Durable;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Front;

/// <summary>
/// Sends calls through the gateway's own MCP server, so that they have the same checks, limits and journal as those of MCP clients. One
/// server in memory takes them all.
/// </summary>
internal sealed class GatewayCalls(
    IOptions<McpServerOptions> serverOptions, IWorkerPool pool, Drain drain, ILoggerFactory loggers, IServiceProvider services)
    : IHostedService, IAsyncDisposable
{
    /// <summary>In a request's items: the call that it belongs to.</summary>
    public const string CallItem = "io.varve/gateway-call";

    private const int IdBytes = 12;

    /// <summary>How long calls take to end when their time is over.</summary>
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(2);

    private readonly FrontTransport _transport = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly ConcurrentDictionary<string, GatewayCall> _calls = new();
    private readonly Lock _gate = new();
    private Task? _serving;
    private bool _isDisposed;

    /// <summary>Why a tool of this name cannot be called; null where it may be there. Before the first worker is, nobody knows.</summary>
    public Problem? FindRefusal(string tool)
    {
        McpServerOptions server = serverOptions.Value;
        if (server.ToolCollection?.TryGetPrimitive(tool, out _) == true || server.Handlers.CallToolHandler is not null) return null;
        return pool.Ready.IsCompleted
            ? Problem.NotFound($"There is no tool '{LogText.Of(tool)}'.")
            : Problem.Overload("No worker has told its tools yet: try again later.");
    }

    /// <summary>Begins a call.</summary>
    public GatewayCall Start(CallStart start)
    {
        GatewayCall call = new(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes)), start, TakeBack);
        EnsureServing();
        _calls[call.Id] = call;
        _ = call.Completion.ContinueWith(
            _ => _calls.TryRemove(call.Id, out GatewayCall? _), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously,
            TaskScheduler.Default);
        if (!_transport.TryPost(RequestOf(call))) call.End(CallAnswer.Of(Problem.Overload("The gateway stops.")));
        return call;
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Gives every call its time; what is left then ends without a result.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Task all = Task.WhenAll(_calls.Values.Select(call => call.Completion));
        using CancellationTokenSource over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, drain.Ended);
        await all.WaitAsync(over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await all.WaitAsync(EndPatience, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await EndAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        // The container knows it by two names.
        if (Interlocked.Exchange(ref _isDisposed, true)) return;
        await EndAsync(CancellationToken.None);
        _ending.Dispose();
    }

    private async Task EndAsync(CancellationToken cancellationToken)
    {
        await _ending.CancelAsync();
        await _transport.DisposeAsync();
        if (_serving is not null) await _serving.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (GatewayCall call in _calls.Values) call.End(CallAnswer.Of(Problem.Overload("The gateway stops.")));
    }

    private void EnsureServing()
    {
        if (_serving is not null) return;
        lock (_gate) _serving ??= Task.Run(ServeAsync);
    }

    private async Task ServeAsync()
    {
        await using McpServer server = McpServer.Create(_transport, serverOptions.Value, loggers, services);
        await server.RunAsync(_ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private void TakeBack(GatewayCall call) => _transport.TryPost(new JsonRpcNotification
    {
        Method = NotificationMethods.CancelledNotification,
        Params = new JsonObject { ["requestId"] = call.Id, ["_meta"] = Envelope() },
        Context = new JsonRpcMessageContext { RelatedTransport = call, ProtocolVersion = ProtocolRevisions.Modern },
    });

    private static JsonRpcRequest RequestOf(GatewayCall call)
    {
        CallStart start = call.Start;
        JsonObject meta = Envelope();
        meta["progressToken"] = call.Id;
        meta[ChunkedTool.MetaKey] = true;
        if (start.IdempotencyKey is not null) meta[IdempotencyKeys.MetaKey] = start.IdempotencyKey;
        JsonObject parameters = new() { ["name"] = start.Tool, ["arguments"] = start.Arguments.DeepClone(), ["_meta"] = meta };
        if (start.InputResponses is not null) parameters["inputResponses"] = start.InputResponses.DeepClone();
        if (start.RequestState is not null) parameters["requestState"] = start.RequestState;
        Dictionary<string, object?> items = new() { [CallItem] = call, [CallItems.BegunName] = (Action<string>)call.SetInvocation };
        if (start.IsJournaled) items[CallItems.JournalName] = true;
        return new JsonRpcRequest
        {
            Id = new RequestId(call.Id),
            Method = RequestMethods.ToolsCall,
            Params = parameters,
            Context = new JsonRpcMessageContext
            {
                RelatedTransport = call,
                User = start.User,
                ProtocolVersion = ProtocolRevisions.Modern,
                Items = items,
            },
        };
    }

    /// <summary>What every request of this revision has. A caller may answer what it is asked with its next request.</summary>
    private static JsonObject Envelope() => new()
    {
        [MetaKeys.ProtocolVersion] = ProtocolRevisions.Modern,
        [MetaKeys.ClientCapabilities] = new JsonObject { ["elicitation"] = new JsonObject(), ["sampling"] = new JsonObject() },
    };
}
