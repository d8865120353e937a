using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using ModelContextProtocol.Client;
using Varve.Idempotency;
using Varve.Mcp.Cli.Commands;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Gateway.Tests.Pool;
using Varve.Mcp.Gateway.Tests.Tools;

namespace Varve.Mcp.Gateway.Tests.Durable;

/// <summary>A gateway in this process over workers that are processes. None of these may be there after it.</summary>
internal sealed class DurableGateway : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly WebApplication _app;

    private DurableGateway(WebApplication app, string directory)
    {
        (_app, Directory) = (app, directory);
        Calls = new RawCalls(McpUrl, DurableProgram.Key);
    }

    public string Directory { get; }

    public Uri McpUrl => new(_app.Urls.First() + "/mcp");

    public RawCalls Calls { get; }

    public Journal Journal => _app.Services.GetRequiredService<Journal>();

    public ICallHistory History => _app.Services.GetRequiredService<ICallHistory>();

    public IWorkerPool Pool => _app.Services.GetRequiredService<IWorkerPool>();

    public static async Task<DurableGateway> StartAsync(Func<GatewaySettings, GatewaySettings>? change = null)
    {
        string directory = System.IO.Directory.CreateTempSubdirectory("varve-durable-").FullName;
        GatewaySettings settings = DurableProgram.SettingsOf(directory);
        WebApplication app = GatewayHost.Build(change?.Invoke(settings) ?? settings);
        await app.StartAsync();
        var gateway = new DurableGateway(app, directory);
        await gateway.Pool.Ready.WaitAsync(Patience);
        return gateway;
    }

    public static string[] EffectsIn(string directory) =>
        File.Exists(World.EffectsOf(directory)) ? File.ReadAllLines(World.EffectsOf(directory)) : [];

    public int Count(string effect) => EffectsIn(Directory).Count(line => line == effect);

    public static async Task UntilAsync(Func<bool> holds)
    {
        using CancellationTokenSource limit = new(Patience);
        while (!holds()) await Task.Delay(10, limit.Token);
    }

    /// <summary>The SDK's client, of one revision.</summary>
    public Task<McpClient> ConnectAsync(string revision, McpClientOptions? options = null)
    {
        options ??= new McpClientOptions();
        options.ProtocolVersion = revision;
        HttpClientTransportOptions transport = new()
        {
            Endpoint = McpUrl,
            TransportMode = HttpTransportMode.StreamableHttp,
            AdditionalHeaders = new Dictionary<string, string> { ["Authorization"] = $"Bearer {DurableProgram.Key}" },
        };
        return McpClient.CreateAsync(new HttpClientTransport(transport), options);
    }

    public async ValueTask DisposeAsync()
    {
        int[] workers = [.. Pool.Status.Workers.Select(worker => worker.Pid).OfType<int>()];
        Calls.Dispose();
        await _app.StopAsync();
        await _app.DisposeAsync();
        await Processes.GoneAsync(workers);
        System.IO.Directory.Delete(Directory, recursive: true);
    }
}
