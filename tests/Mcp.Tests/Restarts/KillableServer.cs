using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Varve.Sharing;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>
/// The program of the tests that kill a process: this very assembly, started as one. It kills itself by SIGKILL at a point of a call.
/// </summary>
internal static class KillableServer
{
    /// <summary>Before and behind the records of the journal.</summary>
    public const string BeforeTheRequest = "before the request";
    public const string BehindTheRequest = "behind the request";
    public const string BeforeTheOutcome = "before the outcome";
    public const string BehindTheOutcome = "behind the outcome";

    /// <param name="args">stdio or http; the data's directory; the file of effects; the point, or nothing; the port, 0 for any.</param>
    public static async Task<int> Main(string[] args)
    {
        string point = args.Length > 3 ? args[3] : "";
        using Database database = Database.Open(args[1]);
        MortalStore store = new(new EmbeddedStore(database)) { Watch = (batch, isBehind) => Watch(batch, isBehind, point) };
        if (args[0] == "stdio") await ServeStdioAsync(store, args[2], point);
        else await ServeHttpAsync(store, args[2], point, args[4]);
        return 0;
    }

    private static async Task ServeStdioAsync(MortalStore store, string effects, string point)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        Add(builder.Services, store, effects, point).WithVarveStdio();
        await builder.Build().RunAsync();
    }

    private static async Task ServeHttpAsync(MortalStore store, string effects, string point, string port)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        Add(builder.Services, store, effects, point);
        WebApplication app = builder.Build();
        app.MapVarveMcp();
        await app.StartAsync();
        Console.WriteLine(app.Urls.First() + "/mcp");
        await app.WaitForShutdownAsync();
    }

    private static IMcpServerBuilder Add(IServiceCollection services, MortalStore store, string effects, string point)
    {
        services.AddSingleton<ISharedStore>(store).AddSingleton<IWorld>(new RealWorld(effects, point));
        return services.AddVarveMcp().WithTools<RestartTools>().WithVarveJournal();
    }

    private static void Watch(StoreBatch batch, bool isBehind, string point)
    {
        if (MortalStore.Puts(batch, 'r') && point == (isBehind ? BehindTheRequest : BeforeTheRequest)) Die();
        if (MortalStore.Puts(batch, 'f') && point == (isBehind ? BehindTheOutcome : BeforeTheOutcome)) Die();
    }

    private static void Die()
    {
        Process.GetCurrentProcess().Kill();
        Thread.Sleep(Timeout.Infinite);
    }

    /// <summary>Effects are lines of a file, which is there also when the process is not.</summary>
    private sealed class RealWorld(string effects, string point) : IWorld
    {
        public void Affect(string what) =>
            File.AppendAllText(effects, string.Create(CultureInfo.InvariantCulture, $"{what}\n"));

        public Task ReachAsync(string reached, CancellationToken cancellation)
        {
            if (reached == point) Die();
            return Task.CompletedTask;
        }
    }
}
