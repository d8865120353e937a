using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Server;

namespace Varve.Mcp.Gateway.Tools;

/// <summary>Makes a server one of the workers' tools.</summary>
internal static class PooledToolsExtensions
{
    /// <summary>Together with <c>AddVarveMcp</c>, before this, and an <see cref="Pool.IWorkerPool"/>.</summary>
    public static IMcpServerBuilder WithPooledTools(this IMcpServerBuilder builder)
    {
        IServiceCollection services = builder.Services;
        services.TryAddSingleton<ToolCatalog>();
        services.AddSingleton<IConfigureOptions<McpServerOptions>>(provider => provider.GetRequiredService<ToolCatalog>());
        services.AddSingleton<IPostConfigureOptions<McpServerOptions>>(provider => provider.GetRequiredService<ToolCatalog>());
        return builder;
    }
}
