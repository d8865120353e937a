using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ModelContextProtocol.Client;
using Varve.Mcp.Sessions;

namespace Varve.Mcp.Tests.Fakes;

/// <summary>A server with the test's tools on a free port of this machine, and clients of it.</summary>
internal sealed class McpHost : IAsyncDisposable
{
    private readonly WebApplication _app;

    private McpHost(WebApplication app)
    {
        _app = app;
        Url = new Uri(app.Urls.First() + "/mcp");
        Http = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = false }) { Timeout = TimeSpan.FromSeconds(20) };
    }

    public Uri Url { get; }

    public HttpClient Http { get; }

    public Gate Gate => _app.Services.GetRequiredService<Gate>();

    public LogRecords Log => _app.Services.GetRequiredService<LogRecords>();

    public IServiceProvider Services => _app.Services;

    public SessionRegistry Sessions => _app.Services.GetRequiredService<SessionRegistry>();

    public static async Task<McpHost> StartAsync(
        Action<VarveMcpOptions>? configure = null, Action<IServiceCollection>? addServices = null, string address = "http://127.0.0.1:0")
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        LogRecords log = new();
        builder.Logging.ClearProviders().AddProvider(log);
        builder.WebHost.UseUrls(address);
        builder.Services.AddSingleton(log).AddSingleton<Gate>();
        addServices?.Invoke(builder.Services);
        builder.Services.AddVarveMcp(configure)
            .WithTools<TestTools>()
            .WithPrompts<TestPrompts>()
            .WithResources<TestResources>()
            .WithCompletion("greet", "name", (typed, _) => new(Enumerable.Range(0, 150).Select(number => $"{typed}{number}")));
        WebApplication app = builder.Build();
        app.MapVarveMcp();
        try
        {
            await app.StartAsync();
            return new McpHost(app);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    /// <summary>The SDK's client, of one revision.</summary>
    public Task<McpClient> ConnectAsync(string revision, McpClientOptions? options = null, string? key = null)
    {
        HttpClientTransportOptions transport = new() { Endpoint = Url, TransportMode = HttpTransportMode.StreamableHttp };
        if (key is not null) transport.AdditionalHeaders = new Dictionary<string, string> { ["Authorization"] = $"Bearer {key}" };
        options ??= new McpClientOptions();
        options.ProtocolVersion = revision;
        return McpClient.CreateAsync(new HttpClientTransport(transport), options);
    }

    /// <summary>As SIGTERM does it; calls stay where they are.</summary>
    public Task StopAsync() => _app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Gate.Open();
        Http.Dispose();
        await _app.DisposeAsync();
    }
}
