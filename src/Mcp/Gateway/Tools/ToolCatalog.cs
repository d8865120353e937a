using Microsoft.Extensions.Options;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tools;

/// <summary>
/// What the gateway's server offers: the workers' tools, and their resources, prompts and completions where they have any. It follows them.
/// </summary>
internal sealed class ToolCatalog : IConfigureOptions<McpServerOptions>, IPostConfigureOptions<McpServerOptions>, IDisposable
{
    private readonly IWorkerPool _pool;
    private readonly bool _sharesJournal;
    private readonly OfferedTools _offered;
    private readonly Lock _refreshing = new();
    private readonly McpServerPrimitiveCollection<McpServerTool> _tools = new();

    // Always empty, since the workers are asked for what they have: these tell when it changes.
    private readonly McpServerPrimitiveCollection<McpServerPrompt> _prompts = new();
    private readonly McpServerResourceCollection _resources = [];
    private McpServerOptions? _server;
    private McpServerHandlers? _all;

    public ToolCatalog(IWorkerPool pool, IOptions<GatewayOptions> options, IOptions<VarveMcpOptions> mcpOptions)
    {
        _offered = mcpOptions.Value.OfferedTools;
        (_pool, _sharesJournal) = (pool, options.Value.Worker.SharesJournal);
        _pool.Changed += Refresh;
        _pool.ListChanged += Tell;
        Refresh();
    }

    /// <summary>The tools of now; tells when they change.</summary>
    public McpServerPrimitiveCollection<McpServerTool> Tools => _tools;

    public void Dispose()
    {
        _pool.Changed -= Refresh;
        _pool.ListChanged -= Tell;
    }

    public void Configure(McpServerOptions options)
    {
        options.ToolCollection = _tools;
        McpServerHandlers handlers = options.Handlers;
        handlers.ListResourcesHandler =
            (request, cancellation) => _pool.AskAsync<ListResourcesRequestParams, ListResourcesResult>(request, cancellation);
        handlers.ListResourceTemplatesHandler = (request, cancellation) =>
            _pool.AskAsync<ListResourceTemplatesRequestParams, ListResourceTemplatesResult>(request, cancellation);
        handlers.ReadResourceHandler =
            (request, cancellation) => _pool.AskAsync<ReadResourceRequestParams, ReadResourceResult>(request, cancellation);
        handlers.ListPromptsHandler =
            (request, cancellation) => _pool.AskAsync<ListPromptsRequestParams, ListPromptsResult>(request, cancellation);
        handlers.GetPromptHandler =
            (request, cancellation) => _pool.AskAsync<GetPromptRequestParams, GetPromptResult>(request, cancellation);
        handlers.CompleteHandler = (request, cancellation) => _pool.AskAsync<CompleteRequestParams, CompleteResult>(request, cancellation);
    }

    /// <summary>Behind all others: what there is for a worker that can do everything is known then.</summary>
    public void PostConfigure(string? name, McpServerOptions options)
    {
        lock (_refreshing)
        {
            (_server, _all) = (options, CopyOf(options.Handlers));
            OfferLocked();
        }
    }

    private static McpServerHandlers CopyOf(McpServerHandlers handlers) => new()
    {
        ListResourcesHandler = handlers.ListResourcesHandler,
        ListResourceTemplatesHandler = handlers.ListResourceTemplatesHandler,
        ReadResourceHandler = handlers.ReadResourceHandler,
        SubscribeToResourcesHandler = handlers.SubscribeToResourcesHandler,
        UnsubscribeFromResourcesHandler = handlers.UnsubscribeFromResourcesHandler,
        ListPromptsHandler = handlers.ListPromptsHandler,
        GetPromptHandler = handlers.GetPromptHandler,
        CompleteHandler = handlers.CompleteHandler,
    };

    private void Tell(string method)
    {
        // To be cleared is a change, also for one that is empty.
        if (method == NotificationMethods.ResourceListChangedNotification) _resources.Clear();
        if (method == NotificationMethods.PromptListChangedNotification) _prompts.Clear();
    }

    /// <summary>Tools that have not changed stay the objects that they are.</summary>
    private void Refresh()
    {
        lock (_refreshing)
        {
            Dictionary<string, Tool> listed = _pool.Tools
                .Where(tool => _offered.Has(tool)).DistinctBy(tool => tool.Name).ToDictionary(tool => tool.Name);
            using (_tools.DeferChangedEvents())
            {
                foreach (PooledTool tool in _tools.ToArray().Cast<PooledTool>())
                {
                    bool isSame = listed.TryGetValue(tool.ProtocolTool.Name, out Tool? now) && PooledTool.TextOf(now) == tool.Listed;
                    if (isSame) listed.Remove(tool.ProtocolTool.Name);
                    else _tools.Remove(tool);
                }
                foreach (Tool tool in listed.Values) _tools.Add(new PooledTool(_pool, tool, _sharesJournal));
            }
            OfferLocked();
        }
    }

    /// <summary>Servers that begin from now on say that they can do what the workers can.</summary>
    private void OfferLocked()
    {
        if (_server is not { } server || _all is not { } all) return;
        bool hasResources = _pool.Capabilities?.Resources is not null;
        bool hasPrompts = _pool.Capabilities?.Prompts is not null;
        server.ResourceCollection = hasResources ? _resources : null;
        server.PromptCollection = hasPrompts ? _prompts : null;
        McpServerHandlers handlers = server.Handlers;
        handlers.ListResourcesHandler = hasResources ? all.ListResourcesHandler : null;
        handlers.ListResourceTemplatesHandler = hasResources ? all.ListResourceTemplatesHandler : null;
        handlers.ReadResourceHandler = hasResources ? all.ReadResourceHandler : null;
        handlers.SubscribeToResourcesHandler = hasResources ? all.SubscribeToResourcesHandler : null;
        handlers.UnsubscribeFromResourcesHandler = hasResources ? all.UnsubscribeFromResourcesHandler : null;
        handlers.ListPromptsHandler = hasPrompts ? all.ListPromptsHandler : null;
        handlers.GetPromptHandler = hasPrompts ? all.GetPromptHandler : null;
        handlers.CompleteHandler = _pool.Capabilities?.Completions is null ? null : all.CompleteHandler;
        server.Capabilities ??= new ServerCapabilities();
        server.Capabilities.Resources = hasResources ? new ResourcesCapability { Subscribe = true } : null;
    }
}
