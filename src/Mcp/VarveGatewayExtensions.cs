using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Server;
using Varve.Mcp;
using Varve.Mcp.Calls;
using Varve.Mcp.Gateway;
using Varve.Mcp.Gateway.Access;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Metrics;
using Varve.Mcp.Gateway.Rest;
using Varve.Mcp.Gateway.Streams;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Serves an MCP server's tools over REST, Server-Sent Events and WebSockets too.</summary>
public static class VarveGatewayExtensions
{
    /// <summary>Makes an MCP server a gateway. Call it after <c>AddVarveMcp</c> and <c>WithVarveJournal</c>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">How it serves. Called again, it adds to what was said before.</param>
    /// <returns>The same services.</returns>
    /// <exception cref="InvalidOperationException"><c>AddVarveMcp</c> was not called.</exception>
    public static IServiceCollection AddVarveGateway(this IServiceCollection services, Action<GatewayOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (configure is not null) services.Configure(configure);
        if (services.Any(service => service.ServiceType == typeof(GatewayCalls))) return services;
        DecorateRunner(services);
        services.AddSingleton<IValidateOptions<GatewayOptions>, GatewayOptionsCheck>();
        services.AddOptions<GatewayOptions>().ValidateOnStart();
        services.AddOptions<VarveMcpOptions>().PostConfigure<IOptions<GatewayOptions>>((mcp, gateway) =>
        {
            // The pool's queue is the limit, and the time in it counts.
            GatewayOptions options = gateway.Value;
            mcp.CallTimeout = options.RequestTimeout;
            mcp.CallsMax = Math.Max(mcp.CallsMax, (options.WorkersMax * options.WorkerConcurrency) + options.QueueLimit);
        });
        services.AddSingleton<ActiveCalls>().AddSingleton<Breakers>().AddSingleton<Drain>().AddSingleton<GatewayMetrics>();
        services.AddSingleton<GatewayCalls>();
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<GatewayCalls>());
        services.AddSingleton<RateLimits>().AddSingleton<Admissions>();
        services.AddSingleton<ToolEndpoints>().AddSingleton<CallEndpoints>();
        services.AddSingleton<GatewayStatus>().AddSingleton<StatusEndpoints>();
        services.AddSingleton<KeptStreams>().AddSingleton<StreamEndpoint>().AddSingleton<EventsEndpoint>().AddSingleton<SocketEndpoints>();
        services.AddSingleton<MetricsEndpoint>().AddSingleton<OpenApiEndpoint>();
        services.AddSingleton<IPostConfigureOptions<McpServerOptions>, CallObserver>();
        services.Replace(ServiceDescriptor.Singleton<IHttpContextFactory, QueryKeys>());
        return services;
    }

    /// <summary>Serves the gateway: every path of it, <c>/mcp</c> too, and an answer for all others.</summary>
    /// <param name="endpoints">The application.</param>
    /// <returns>The same application.</returns>
    /// <exception cref="InvalidOperationException"><c>AddVarveGateway</c> was not called, or not last.</exception>
    public static IEndpointRouteBuilder MapVarveGateway(this IEndpointRouteBuilder endpoints)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        if (endpoints.ServiceProvider.GetService<ICallRunner>() is not GatewayCallRunner)
            throw new InvalidOperationException("Call services.AddVarveGateway() after AddVarveMcp and WithVarveJournal.");
        GatewayRoutes.Map(endpoints);
        return endpoints;
    }

    private static void DecorateRunner(IServiceCollection services)
    {
        ServiceDescriptor inner = services.LastOrDefault(service => service.ServiceType == typeof(ICallRunner))
            ?? throw new InvalidOperationException("Call services.AddVarveMcp() before AddVarveGateway.");
        services.Remove(inner);
        services.AddSingleton<ICallRunner>(provider => ActivatorUtilities.CreateInstance<GatewayCallRunner>(provider, Create(provider)));

        ICallRunner Create(IServiceProvider provider) => (ICallRunner)(inner.ImplementationInstance
            ?? inner.ImplementationFactory?.Invoke(provider)
            ?? ActivatorUtilities.CreateInstance(provider, inner.ImplementationType!));
    }
}
