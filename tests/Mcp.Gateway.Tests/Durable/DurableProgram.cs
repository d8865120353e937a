using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Varve.Mcp.Cli.Commands;
using Varve.Mcp.Durable;
using Varve.Mcp.Gateway.Pool;
using Varve.Sharing;

namespace Varve.Mcp.Gateway.Tests.Durable;

/// <summary>The programs of these tests: a worker with <see cref="OrderTools"/>, and a gateway of such workers.</summary>
internal static class DurableProgram
{
    public const string WorkerMode = "durable-worker";
    public const string GatewayMode = "durable-gateway";
    public const string Key = "a-key-of-more-than-thirty-two-characters";

    public static async Task<int> RunWorkerAsync(string directory)
    {
        if (!ProcessGroup.LeadOwn()) return 1;
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        World world = new(directory);
        builder.Services.AddSingleton(world);
        builder.Services.AddSingleton<ISharedStore>(_ => new WatchedStore(
            SharedStore.Open(DataOf(directory), new SharedStoreOptions { MayOwn = false }), world));
        builder.Services
            .AddVarveMcp(options => (options.Stdio.DrainTimeout, options.Stdio.ExitTimeout) = (TimeSpan.Zero, TimeSpan.FromSeconds(4)))
            .WithVarveWorker(_ => { })
            .WithTools<OrderTools>()
            .WithVarveStdio();
        using IHost host = builder.Build();
        await host.RunAsync();
        return 0;
    }

    public static async Task<int> RunGatewayAsync(string directory)
    {
        await using WebApplication app = GatewayHost.Build(SettingsOf(directory));
        await app.StartAsync();
        Console.WriteLine(app.Urls.First());
        await app.WaitForShutdownAsync();
        return 0;
    }

    /// <summary>A gateway of such workers.</summary>
    public static GatewaySettings SettingsOf(string directory) => new()
    {
        Port = 0,
        Data = DataOf(directory),
        Worker = new WorkerCommand("dotnet", typeof(DurableProgram).Assembly.Location, WorkerMode, directory) { SharesJournal = true },
        Keys = new Dictionary<string, string> { ["me"] = Key },
        LogLevel = LogLevel.None,
        Durability = Durability.Buffered,
        Configure = options =>
        {
            (options.WorkersMin, options.WorkersMax) = (2, 2);
            (options.RestartDelay, options.RestartDelayMax) = (TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(100));
            options.StartTimeout = TimeSpan.FromSeconds(60);
            options.RequestTimeout = TimeSpan.FromSeconds(120);
            options.BreakerFailures = 1_000;
            (options.RateLimitPerSecond, options.RateLimitBurst) = (10_000, 10_000);
        },
    };

    private static string DataOf(string directory) => Path.Combine(directory, "data");
}
