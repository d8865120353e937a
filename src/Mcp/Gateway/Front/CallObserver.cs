using Microsoft.Extensions.Options;
using ModelContextProtocol.Server;

namespace Varve.Mcp.Gateway.Front;

/// <summary>Sees what tools tell their callers while they run, by whatever way these came.</summary>
internal sealed class CallObserver(ActiveCalls active) : IPostConfigureOptions<McpServerOptions>
{
    public void PostConfigure(string? name, McpServerOptions options) =>
        options.Filters.Message.OutgoingFilters.Add(next => (context, cancellation) =>
        {
            active.Observe(context.JsonRpcMessage);
            return next(context, cancellation);
        });
}
