using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Cli.Servers;
using Varve.Mcp.Durable;

namespace Varve.Mcp.Cli.Commands;

/// <summary>What is served, and how.</summary>
internal sealed record ServeSettings(string Server, string Data)
{
    public int Port { get; init; } = Inputs.PortDefault;

    public Durability Durability { get; init; } = Durability.Synced;

    public bool ValidatesSteps { get; init; }

    public OfferedTools OfferedTools { get; init; }

    public bool IsVerbose { get; init; }

    /// <summary>Whether it is a gateway's worker, which journals nothing itself.</summary>
    public bool IsWorker { get; init; }

    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    public ServerSettings Servers { get; init; } = new();
}

/// <summary>Builds the programs that serve.</summary>
internal static class ServerHost
{
    private const string Path = "/mcp";

    // What is not done by then is gone on with at the next start, or told to be stopped.
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(10);

    // A worker is gone 5 s after its gateway has closed its input.
    private static readonly TimeSpan WorkerEndTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WorkerExitTimeout = TimeSpan.FromSeconds(4);

    public static string UrlOf(int port) => string.Create(CultureInfo.InvariantCulture, $"http://localhost:{port}{Path}");

    /// <summary>One client, over standard input and output.</summary>
    public static IHost BuildStdio(ServeSettings settings)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        AddLog(builder.Logging, settings);
        AddServers(builder.Services, settings).WithVarveStdio();
        return builder.Build();
    }

    /// <summary>Any number of clients, over Streamable HTTP on loopback.</summary>
    public static WebApplication BuildHttp(ServeSettings settings)
    {
        // An empty builder: no settings files of whatever directory it is started in, no addresses from the environment.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        AddLog(builder.Logging, settings);
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            // Port 0, any that is free, is of one address only.
            if (settings.Port == 0) kestrel.Listen(IPAddress.Loopback, 0);
            else kestrel.ListenLocalhost(settings.Port);
        });
        AddServers(builder.Services, settings);
        WebApplication application = builder.Build();
        application.MapVarveMcp(Path);
        return application;
    }

    /// <summary>The servers and their journal, without a transport.</summary>
    public static IMcpServerBuilder AddServers(IServiceCollection services, ServeSettings settings)
    {
        IMcpServerBuilder builder = services
            .Configure<HostOptions>(options => options.ShutdownTimeout = settings.IsWorker ? WorkerEndTimeout : DrainTimeout)
            .AddVarveMcp(options =>
            {
                foreach (string origin in settings.AllowedOrigins) options.Http.AllowedOrigins.Add(origin);
                options.OfferedTools = settings.OfferedTools;
                KeepSessions(options);
                if (!settings.IsWorker) return;

                // The calls of a gateway that is gone are not its own any more.
                options.Stdio.DrainTimeout = TimeSpan.Zero;
                options.Stdio.ExitTimeout = WorkerExitTimeout;
            });
        builder = settings.IsWorker
            ? builder.WithVarveWorker(options => Keep(options, settings))
            : builder.WithVarveJournal(options => Keep(options, settings));
        if (!settings.IsWorker) services.AddResourceFeed(settings.Server);
        return builder.WithExampleServers(settings.Server, settings.Servers).WithInformation(settings);
    }

    /// <summary>How long sessions and their events are kept, as the environment says.</summary>
    public static void KeepSessions(VarveMcpOptions options)
    {
        if (Seconds("VARVE_SESSION_IDLE_SECONDS") is { } sessionIdle) options.Http.SessionIdle = sessionIdle;
        if (Seconds("VARVE_EVENT_TTL_SECONDS") is { } eventsKept) options.Http.EventsKept = eventsKept;
    }

    /// <summary>Where calls are kept and how long, as the command line and the environment say.</summary>
    public static void Keep(McpJournalOptions options, ServeSettings settings)
    {
        options.DataDirectory = settings.Data;
        options.Journal.Durability = settings.Durability;
        options.Journal.ValidatesSteps = settings.ValidatesSteps;
        options.Journal.Json = ServerJson.Options;
        if (Seconds("VARVE_EVENT_TTL_SECONDS") is { } unkeyed) options.Journal.UnkeyedRetention = unkeyed;
        if (Seconds("VARVE_KEY_TTL_SECONDS") is { } keyed) options.Journal.KeyedRetention = keyed;
    }

    private static IMcpServerBuilder WithInformation(this IMcpServerBuilder builder, ServeSettings settings)
    {
        IEnumerable<string> served = ServerCatalog.Servers
            .Where(server => settings.Server == ServerCatalog.AllName || server.Name == settings.Server)
            .Select(server => $"{server.Name}: {server.Description}");
        builder.Services.Configure<McpServerOptions>(options =>
        {
            string version = typeof(ServerHost).Assembly.GetName().Version?.ToString(fieldCount: 3) ?? "";
            options.ServerInfo = new Implementation { Name = CommandLine.Name, Title = "Varve's example servers", Version = version };
            options.ServerInstructions = "Calls are journaled. A call that is sent again with the same _meta[\"io.varve/idempotencyKey\"] "
                + $"takes effect once and gets the same answer. Served here: {string.Join("; ", served)}.";
        });
        return builder;
    }

    /// <summary>On standard error, whatever the transport.</summary>
    private static void AddLog(ILoggingBuilder logging, ServeSettings settings)
    {
        logging.SetMinimumLevel(settings.IsVerbose ? LogLevel.Information : LogLevel.Warning);

        // That a start has failed is said by the command, in a line.
        logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", settings.IsVerbose ? LogLevel.Information : LogLevel.Critical);

        // What a tool throws is logged by the hosting, under the reference that the client is told; the SDK logs each cancelled call.
        logging.AddFilter("ModelContextProtocol", settings.IsVerbose ? LogLevel.Information : LogLevel.Error);
        logging.AddConsole(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
    }

    private static TimeSpan? Seconds(string variable)
    {
        if (Environment.GetEnvironmentVariable(variable) is not { Length: > 0 } text) return null;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds > 0)
            return TimeSpan.FromSeconds(seconds);
        throw CommandFailureException.Usage($"{variable} is a number of seconds above zero, not '{text}'.");
    }
}
