using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Varve.Mcp.Gateway.Access;
using Varve.Mcp.Gateway.Dashboard;
using Varve.Mcp.Gateway.Metrics;
using Varve.Mcp.Gateway.Streams;
using Varve.Mcp.Http;

namespace Varve.Mcp.Gateway.Rest;

/// <summary>Which path is served by whom.</summary>
internal static class GatewayRoutes
{
    private const string Get = "GET";
    private const string Post = "POST";
    private const string Delete = "DELETE";
    private const string Head = "HEAD";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        IServiceProvider services = endpoints.ServiceProvider;
        Admissions admissions = services.GetRequiredService<Admissions>();
        MapStatus(endpoints, admissions, services);
        DashboardFiles.Map(endpoints).Add(file => file.RequestDelegate = admissions.Before(
            new GatewayPath((Get, file.RequestDelegate!), (Head, file.RequestDelegate!)) { IsOpen = _ => true }));
        MapTools(endpoints, admissions, services);
        MapCalls(endpoints, admissions, services);
        MapSockets(endpoints, admissions, services);
        endpoints.Map("/mcp", admissions.BeforeMcp(services.GetRequiredService<McpEndpoint>())).WithDisplayName("MCP /mcp");
        endpoints.MapFallback("/{**path}", admissions.Before(new GatewayPath())).WithDisplayName("Gateway, unknown path");
    }

    private static void MapStatus(IEndpointRouteBuilder endpoints, Admissions admissions, IServiceProvider services)
    {
        StatusEndpoints status = services.GetRequiredService<StatusEndpoints>();
        Map("/", new GatewayPath((Get, GetRootAsync), (Head, GetRootAsync)) { IsOpen = IsPage });
        Map("/health", Open(status.GetHealthAsync));
        Map("/health/live", Open(StatusEndpoints.GetLivenessAsync));
        Map("/health/ready", Open(status.GetReadinessAsync));
        Map("/stats", new GatewayPath((Get, status.GetStatsAsync)));
        Map("/metrics", new GatewayPath((Get, services.GetRequiredService<MetricsEndpoint>().GetAsync)));
        Map("/openapi.json", new GatewayPath((Get, services.GetRequiredService<OpenApiEndpoint>().GetAsync)));
        Map("/events", new GatewayPath((Get, services.GetRequiredService<EventsEndpoint>().GetAsync)));

        // The page is the same for everybody; what it shows it asks for with a key.
        static bool IsPage(HttpContext context) => DashboardFiles.PrefersPage(context.Request);

        Task GetRootAsync(HttpContext context) =>
            IsPage(context) ? DashboardFiles.WritePageAsync(context) : status.GetInformationAsync(context);

        void Map(string pattern, GatewayPath path) => MapPath(endpoints, admissions, pattern, path);

        static GatewayPath Open(RequestDelegate handler) => new((Get, handler), (Head, handler)) { IsOpen = _ => true };
    }

    private static void MapTools(IEndpointRouteBuilder endpoints, Admissions admissions, IServiceProvider services)
    {
        ToolEndpoints tools = services.GetRequiredService<ToolEndpoints>();
        MapPath(endpoints, admissions, "/tools", new GatewayPath((Get, tools.ListAsync)));
        MapPath(endpoints, admissions, "/tools/{name}", new GatewayPath((Post, tools.CallAsync)));
        StreamEndpoint streams = services.GetRequiredService<StreamEndpoint>();
        MapPath(endpoints, admissions, "/tools/{name}/stream", new GatewayPath((Post, streams.PostAsync), (Get, streams.ResumeAsync)));
    }

    private static void MapCalls(IEndpointRouteBuilder endpoints, Admissions admissions, IServiceProvider services)
    {
        CallEndpoints calls = services.GetRequiredService<CallEndpoints>();
        MapPath(endpoints, admissions, "/calls", new GatewayPath((Get, calls.ListAsync)));
        MapPath(endpoints, admissions, "/calls/active", new GatewayPath((Get, calls.ListActiveAsync)));
        MapPath(endpoints, admissions, "/calls/{id}", new GatewayPath((Get, calls.GetAsync), (Delete, calls.CancelAsync)));
        MapPath(endpoints, admissions, "/calls/{id}/replay", new GatewayPath((Post, calls.ReplayAsync)));
    }

    private static void MapSockets(IEndpointRouteBuilder endpoints, Admissions admissions, IServiceProvider services)
    {
        SocketEndpoints sockets = services.GetRequiredService<SocketEndpoints>();
        MapPath(endpoints, admissions, "/ws/tools/{name}", new GatewayPath((Get, Upgradable(sockets.ServeToolAsync))));
        MapPath(endpoints, admissions, "/ws/notifications", new GatewayPath((Get, Upgradable(sockets.ServeNotificationsAsync))));

        // The framework's WebSockets are a step of the pipeline; these have it to themselves.
        RequestDelegate Upgradable(RequestDelegate handler)
        {
            IApplicationBuilder steps = endpoints.CreateApplicationBuilder().UseWebSockets();
            steps.Run(handler);
            return steps.Build();
        }
    }

    private static void MapPath(IEndpointRouteBuilder endpoints, Admissions admissions, string pattern, GatewayPath path) =>
        endpoints.Map(pattern, admissions.Before(path)).WithDisplayName($"Gateway {pattern}");
}
