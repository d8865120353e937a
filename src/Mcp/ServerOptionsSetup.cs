using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Arguments;
using Varve.Mcp.Calls;
using Varve.Mcp.Completions;
using Varve.Mcp.Messages;
using Varve.Mcp.Sessions;
using Varve.Mcp.Subscriptions;

namespace Varve.Mcp;

/// <summary>Puts the filters and handlers of this library around whatever the program itself registered with the SDK.</summary>
/// <remarks>The parts are made when the first message comes: they need these very options.</remarks>
internal sealed class ServerOptionsSetup(IServiceProvider services, IOptions<VarveMcpOptions> options)
    : IPostConfigureOptions<McpServerOptions>
{
    private readonly Lazy<CallFilter> _calls = new(services.GetRequiredService<CallFilter>);
    private readonly Lazy<MessageFilters> _messages = new(services.GetRequiredService<MessageFilters>);
    private readonly Lazy<SessionRegistry> _sessions = new(services.GetRequiredService<SessionRegistry>);
    private readonly Lazy<SubscriptionHandlers> _subscriptions = new(services.GetRequiredService<SubscriptionHandlers>);

    public void PostConfigure(string? name, McpServerOptions server)
    {
        // Outermost: the program's own filters run inside the journal, once the arguments are known to be right.
        McpRequestFilters requests = server.Filters.Request;
        McpMessageFilters messages = server.Filters.Message;
        requests.CallToolFilters.Insert(0, next => (request, cancellation) => _calls.Value.HandleAsync(request, next, cancellation));
        messages.IncomingFilters.Insert(0, next => (context, cancellation) => _messages.Value.ReceiveAsync(context, next, cancellation));
        messages.OutgoingFilters.Insert(0, next => (context, cancellation) => _messages.Value.SendAsync(context, next, cancellation));
        requests.GetPromptFilters.Insert(0, next => (request, cancellation) =>
        {
            PromptArguments.Check(request);
            return next(request, cancellation);
        });
        LogLevels.Keep(server, _sessions);
        SetUpTools(server);
        SetUpSubscriptions(server);
        SetUpCaching(requests);
        CompletionSource[] sources = [.. services.GetServices<CompletionSource>()];
        if (sources.Length > 0)
            server.Handlers.CompleteHandler ??=
                (request, cancellation) => CompletionSource.AnswerAsync(sources, request.Params, cancellation);
    }

    private void SetUpTools(McpServerOptions server)
    {
        if (server.ToolCollection is not { } tools) return;
        foreach (McpServerTool tool in tools.ToArray())
        {
            if (!options.Value.OfferedTools.Has(tool.ProtocolTool))
            {
                tools.Remove(tool);
                continue;
            }
            ItemLimits.PutIntoSchema(tool);
            McpServerTool chunked = ChunkedTool.Of(tool, services);
            if (chunked == tool) continue;
            tools.Remove(tool);
            tools.Add(chunked);
        }
    }

    private void SetUpSubscriptions(McpServerOptions server)
    {
        McpServerHandlers handlers = server.Handlers;
        handlers.SubscriptionsListenHandler ??= (request, cancellation) => _subscriptions.Value.ListenAsync(request, cancellation);
        if (!SubscriptionHandlers.CanSubscribe(server)) return;
        handlers.SubscribeToResourcesHandler ??= (request, cancellation) => _subscriptions.Value.SubscribeAsync(request, cancellation);
        handlers.UnsubscribeFromResourcesHandler ??=
            (request, cancellation) => _subscriptions.Value.UnsubscribeAsync(request, cancellation);
        server.Capabilities ??= new ServerCapabilities();
        server.Capabilities.Resources ??= new ResourcesCapability();
        server.Capabilities.Resources.Subscribe ??= true;
    }

    private void SetUpCaching(McpRequestFilters filters)
    {
        if (options.Value.CacheTimeToLive <= TimeSpan.Zero) return;
        AddHints(filters.ListToolsFilters);
        AddHints(filters.ListPromptsFilters);
        AddHints(filters.ListResourcesFilters);
        AddHints(filters.ListResourceTemplatesFilters);
        AddHints(filters.ReadResourceFilters);
    }

    /// <summary>Modern results must have hints, which the SDK sets to "ask again"; older clients do not know the members.</summary>
    private void AddHints<TParameters, TResult>(IList<McpRequestFilter<TParameters, TResult>> filters)
        where TResult : ICacheableResult => filters.Insert(0, next => async (request, cancellation) =>
    {
        TResult result = await next(request, cancellation);
        string? revision = request.JsonRpcRequest.Context?.ProtocolVersion ?? request.Server.NegotiatedProtocolVersion;
        if (ProtocolRevisions.IsModern(revision))
        {
            result.TimeToLive ??= options.Value.CacheTimeToLive;
            result.CacheScope ??= CacheScope.Private;
        }
        return result;
    });
}
