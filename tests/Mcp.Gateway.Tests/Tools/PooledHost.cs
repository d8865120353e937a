using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Gateway.Tools;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Gateway.Tests.Tools;

/// <summary>A gateway's server with a journal in a directory of its own, over workers that are the test's.</summary>
internal sealed class PooledHost : IAsyncDisposable
{
    public const string Modern = "2026-07-28";
    public const string Legacy = "2025-11-25";

    private readonly string _directory = Directory.CreateTempSubdirectory("varve-gateway-").FullName;
    private readonly bool _sharesJournal;
    private WebApplication _app = null!;

    private PooledHost(bool sharesJournal) => _sharesJournal = sharesJournal;

    public FakePool Pool { get; } = new();

    /// <summary>The host's time and how much of it a call may take; null: that of the system, and any.</summary>
    private (ManualTime Time, TimeSpan Limit)? CallTime { get; init; }

    public Uri Url => new(_app.Urls.First() + "/mcp");

    public ToolCatalog Catalog => _app.Services.GetRequiredService<ToolCatalog>();

    public Journal Journal => _app.Services.GetRequiredService<Journal>();

    public static Task<PooledHost> StartAsync(bool sharesJournal, params IReadOnlyList<Tool> tools) =>
        StartAsync(sharesJournal, null, tools);

    public static async Task<PooledHost> StartAsync(
        bool sharesJournal, (ManualTime Time, TimeSpan Limit)? callTime, params IReadOnlyList<Tool> tools)
    {
        var host = new PooledHost(sharesJournal) { CallTime = callTime };
        host.Pool.Offer(tools);
        await host.StartAsync();
        return host;
    }

    /// <summary>The SDK's client, of one revision.</summary>
    public Task<McpClient> ConnectAsync(string revision, McpClientOptions? options = null)
    {
        options ??= new McpClientOptions();
        options.ProtocolVersion = revision;
        HttpClientTransportOptions transport = new()
        {
            Endpoint = Url,
            TransportMode = HttpTransportMode.StreamableHttp,
        };
        return McpClient.CreateAsync(new HttpClientTransport(transport), options);
    }

    public async Task RestartAsync()
    {
        await _app.DisposeAsync();
        await StartAsync();
    }

    public async Task<IReadOnlyList<Invocation>> ListAsync()
    {
        List<Invocation> all = [];
        await foreach (Invocation invocation in Journal.ListAsync()) all.Add(invocation);
        return all;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton<IWorkerPool>(Pool);
        if (CallTime is { } calls) builder.Services.AddSingleton<TimeProvider>(calls.Time);
        builder.Services.Configure<GatewayOptions>(
            options => options.Worker = new WorkerCommand("worker") { SharesJournal = _sharesJournal });
        builder.Services.AddVarveMcp(options => options.CallTimeout = CallTime?.Limit)
            .WithVarveJournal(options =>
            {
                options.DataDirectory = _directory;
                options.Journal.Durability = Durability.Buffered;
            })
            .WithPooledTools();
        _app = builder.Build();
        _app.MapVarveMcp();
        await _app.StartAsync();
    }
}
