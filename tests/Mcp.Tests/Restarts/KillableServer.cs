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

    /// <summary>Calls stay in the step until the process ends.</summary>
    public const string HeldInTheStep = "held in the step";

    /// <param name="args">
    /// stdio or http, or shared: over stdio, on a directory that others may use, too, which says on standard error what it is to it; the
    /// data's directory; the file of effects; the point, or nothing; the port, 0 for any.
    /// </param>
    public static async Task<int> Main(string[] args)
    {
        (string transport, string directory, string effects, string point, string port) = (args[0], args[1], args[2], args[3], args[4]);
        if (transport == "shared")
        {
            await using SharedStore shared = await SharedStore.OpenAsync(directory);
            Console.Error.WriteLine(shared.Role);
            await ServeStdioAsync(Watched(shared, point), shared.Incarnation, effects, point);
            return 0;
        }

        using Database database = Database.Open(directory);
        MortalStore store = Watched(new EmbeddedStore(database), point);
        if (transport == "stdio") await ServeStdioAsync(store, Guid.NewGuid(), effects, point);
        else await ServeHttpAsync(store, effects, point, port);
        return 0;
    }

    private static MortalStore Watched(ISharedStore store, string point) =>
        new(store) { Watch = (batch, isBehind) => Watch(batch, isBehind, point) };

    private static async Task ServeStdioAsync(MortalStore store, Guid incarnation, string effects, string point)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        Add(builder.Services, store, incarnation, effects, point).WithVarveStdio();
        await builder.Build().RunAsync();
    }

    private static async Task ServeHttpAsync(MortalStore store, string effects, string point, string port)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        Add(builder.Services, store, Guid.NewGuid(), effects, point);
        WebApplication app = builder.Build();
        app.MapVarveMcp();
        await app.StartAsync();
        Console.WriteLine(app.Urls.First() + "/mcp");
        await app.WaitForShutdownAsync();
    }

    private static IMcpServerBuilder Add(
        IServiceCollection services, MortalStore store, Guid incarnation, string effects, string point)
    {
        services.AddSingleton<ISharedStore>(store).AddSingleton<IWorld>(new RealWorld(effects, point));
        return services.AddVarveMcp().WithTools<RestartTools>().WithVarveJournal(options => options.Journal.Incarnation = incarnation);
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
            return point == $"held {reached}" ? Task.Delay(Timeout.Infinite, cancellation) : Task.CompletedTask;
        }
    }
}
