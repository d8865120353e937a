using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ModelContextProtocol.Client;
using Varve.Mcp.Calls;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Gateway.Tests.Fakes;

/// <summary>A gateway with the test's tools on a free port of this machine, and a client of it.</summary>
internal sealed class GatewayHost : IAsyncDisposable
{
    public const string Key = "a-key-of-more-than-thirty-two-characters";
    public const string OtherKey = "another-key-of-more-than-thirty-two-characters";

    /// <summary>Longer than anything takes, however slow the machine is.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly WebApplication _app;

    private GatewayHost(WebApplication app)
    {
        _app = app;
        Url = new Uri(app.Urls.First());
        Http = NewClient(Key);
    }

    public Uri Url { get; }

    /// <summary>Sends <see cref="Key"/>, which is "me".</summary>
    public HttpClient Http { get; }

    public IServiceProvider Services => _app.Services;

    public Gate Gate => Services.GetRequiredService<Gate>();

    public FakePool Pool => (FakePool)Services.GetRequiredService<IWorkerPool>();

    public FakeHistory History => (FakeHistory)Services.GetRequiredService<ICallHistory>();

    public LogRecords Log => Services.GetRequiredService<LogRecords>();

    public static async Task<GatewayHost> StartAsync(
        Action<GatewayOptions>? configure = null, Action<VarveMcpOptions>? configureMcp = null,
        Action<IServiceCollection>? addServices = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        LogRecords log = new();
        builder.Logging.ClearProviders().AddProvider(log);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(log).AddSingleton<Gate>();
        builder.Services.AddSingleton<ICallRunner, FakeJournal>();
        builder.Services.AddSingleton<IWorkerPool, FakePool>().AddSingleton<ICallHistory, FakeHistory>();
        addServices?.Invoke(builder.Services);
        builder.Services
            .AddVarveMcp(options =>
            {
                options.Http.ApiKeys.Add("me", Key);
                options.Http.ApiKeys.Add("you", OtherKey);
                configureMcp?.Invoke(options);
            })
            .WithTools<SurfaceTools>();
        builder.Services.AddVarveGateway(configure);
        WebApplication app = builder.Build();
        app.MapVarveGateway();
        try
        {
            await app.StartAsync();
            return new GatewayHost(app);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }
    }

    public HttpClient NewClient(string? key)
    {
        HttpClient client = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false }) { BaseAddress = Url, Timeout = Patience };
        if (key is not null) client.DefaultRequestHeaders.Add("X-API-Key", key);
        return client;
    }

    /// <summary>The SDK's client, of one revision.</summary>
    public Task<McpClient> ConnectAsync(string revision)
    {
        HttpClientTransportOptions transport = new()
        {
            Endpoint = new Uri(Url, "/mcp"),
            TransportMode = HttpTransportMode.StreamableHttp,
            AdditionalHeaders = new Dictionary<string, string> { ["Authorization"] = $"Bearer {Key}" },
        };
        return McpClient.CreateAsync(new HttpClientTransport(transport), new McpClientOptions { ProtocolVersion = revision });
    }

    /// <summary>Calls a tool by REST.</summary>
    public Task<Reply> CallAsync(string tool, string arguments = "{}", params (string Name, string Value)[] headers) =>
        PostAsync($"/tools/{tool}", $$"""{"arguments": {{arguments}}}""", headers);

    public Task<Reply> PostAsync(string path, string body, params (string Name, string Value)[] headers)
    {
        HttpRequestMessage request = new(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        foreach ((string name, string value) in headers) request.Headers.Add(name, value);
        return SendAsync(request);
    }

    public Task<Reply> GetAsync(string path, HttpClient? client = null) => SendAsync(new HttpRequestMessage(HttpMethod.Get, path), client);

    public async Task<Reply> SendAsync(HttpRequestMessage request, HttpClient? client = null)
    {
        using (request)
        using (HttpResponseMessage response = await (client ?? Http).SendAsync(request))
        {
            string text = await response.Content.ReadAsStringAsync();
            return new Reply(response.StatusCode, response.Headers, response.Content.Headers.ContentType?.MediaType, text);
        }
    }

    /// <summary>As SIGTERM does it.</summary>
    public Task StopAsync() => _app.StopAsync();

    /// <summary>Waits until something holds that no event tells of.</summary>
    public static async Task UntilAsync(Func<bool> holds)
    {
        using CancellationTokenSource limit = new(Patience);
        while (!holds()) await Task.Delay(10, limit.Token);
    }

    /// <summary>Ends it with its calls where they are: they never go on.</summary>
    public async ValueTask AbandonAsync()
    {
        Http.Dispose();
        await _app.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        Gate.Open();
        Http.Dispose();
        await _app.DisposeAsync();
    }
}

/// <summary>An answer that has been read.</summary>
internal sealed record Reply(HttpStatusCode Code, System.Net.Http.Headers.HttpResponseHeaders Headers, string? ContentType, string Text)
{
    public int Status => (int)Code;

    public JsonNode Json => JsonNode.Parse(Text)!;

    /// <summary>The problem's code, once it is known to be one.</summary>
    public string? Problem()
    {
        Assert.Equal("application/problem+json", ContentType);
        Assert.Equal(Status, (int?)Json["status"]);
        foreach (string member in new[] { "type", "title", "detail", "request_id" })
            Assert.False(string.IsNullOrEmpty((string?)Json[member]));
        Assert.DoesNotContain("   at ", Text, StringComparison.Ordinal);
        return (string?)Json["code"];
    }
}
