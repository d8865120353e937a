using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Cli.Servers;
using Varve.Mcp.Durable;
using Varve.Mcp.Gateway;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Gateway.Tools;

namespace Varve.Mcp.Cli.Commands;

/// <summary>Puts a gateway together: the journal, the workers, and what is served.</summary>
internal static class GatewayHost
{
    private const string LocalName = "localhost";

    /// <summary>On top of what calls under way get, for everything else that ends.</summary>
    private static readonly TimeSpan EndTime = TimeSpan.FromSeconds(5);

    public static WebApplication Build(GatewaySettings settings)
    {
        // An empty builder: nothing of whatever directory it is started in, or of the environment, that the command has not read.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        AddLog(builder.Logging, settings.LogLevel);
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => Listen(kestrel, settings));
        AddGateway(builder.Services, settings);
        WebApplication application = builder.Build();
        application.UseWebSockets();
        application.MapVarveGateway();
        return application;
    }

    private static void AddGateway(IServiceCollection services, GatewaySettings settings)
    {
        // Their ends have one time together, not one after another.
        services.AddOptions<HostOptions>().Configure<Microsoft.Extensions.Options.IOptions<GatewayOptions>>((host, gateway) =>
        {
            host.ServicesStopConcurrently = true;
            host.ShutdownTimeout = gateway.Value.DrainTimeout + EndTime;
        });
        var journal = new ServeSettings(settings.Server ?? "", settings.Data) { Durability = settings.Durability };
        services
            .AddVarveMcp(options =>
            {
                foreach ((string name, string secret) in settings.Keys) options.Http.ApiKeys.Add(name, secret);
                options.Http.AllowedOrigins.UnionWith(settings.AllowedOrigins);
                options.Http.AllowedHosts.UnionWith(settings.AllowedHosts);
                options.Http.AllowRemote = settings.AllowsRemote;
                options.Http.BehindProxy = settings.IsBehindProxy;
                options.OfferedTools = settings.OfferedTools;
                ServerHost.KeepSessions(options);
            })
            .WithVarveJournal(options => ServerHost.Keep(options, journal))
            .WithPooledTools();
        services.Configure<McpServerOptions>(options =>
        {
            string version = typeof(GatewayHost).Assembly.GetName().Version?.ToString(fieldCount: 3) ?? "";
            options.ServerInfo = new Implementation { Name = "varve-gateway", Title = "Varve's gateway", Version = version };
        });

        // Behind the journal, which has the directory then: the workers find it there.
        services.AddSingleton<WorkerPool>();
        services.AddSingleton<IWorkerPool>(provider => provider.GetRequiredService<WorkerPool>());
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<WorkerPool>());
        services.AddSingleton<ICallHistory, JournalCallHistory>();
        if (settings.Server is { } server) services.AddResourceFeed(server);
        if (settings.Watched is { } file)
            services.AddSingleton<IHostedService>(provider => ActivatorUtilities.CreateInstance<WorkerFiles>(provider, file));
        services.AddVarveGateway(options =>
        {
            options.Worker = settings.Worker;
            settings.Configure(options);
        });
    }

    private static void Listen(KestrelServerOptions kestrel, GatewaySettings settings)
    {
        if (settings.Kestrel is { } section)
        {
            kestrel.Configure(section);
            if (section.GetSection("Endpoints").GetChildren().Any()) return;
        }

        if (IPAddress.TryParse(settings.Host, out IPAddress? address)) kestrel.Listen(address, settings.Port);
        else if (settings.Port == 0) kestrel.Listen(IPAddress.Loopback, 0);
        else kestrel.ListenLocalhost(settings.Port);
    }

    /// <summary>Whether a host can be listened on: an address, or this machine's own name for itself.</summary>
    public static bool IsHost(string host) => host == LocalName || IPAddress.TryParse(host, out _);

    /// <summary>Whether only programs of this machine reach it.</summary>
    public static bool IsLoopback(string host) =>
        host == LocalName || (IPAddress.TryParse(host, out IPAddress? address) && IPAddress.IsLoopback(address));

    private static void AddLog(ILoggingBuilder logging, LogLevel level)
    {
        logging.SetMinimumLevel(level);

        // What the frameworks do all the time is for those who ask for more than the usual.
        LogLevel frameworks = level >= LogLevel.Information ? (LogLevel)Math.Max((int)level, (int)LogLevel.Warning) : level;
        logging.AddFilter("Microsoft", frameworks);

        // The SDK logs every refusal as an error, with its stack. What has failed is logged by us.
        logging.AddFilter("ModelContextProtocol", level >= LogLevel.Information ? LogLevel.Critical : level);

        // That a start has failed is said by the command, in a line.
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", level >= LogLevel.Information ? LogLevel.Critical : level);
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
        });
        logging.Services.Configure<Microsoft.Extensions.Logging.Console.ConsoleLoggerOptions>(
            options => options.LogToStandardErrorThreshold = LogLevel.Trace);
    }
}
