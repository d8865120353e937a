using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Mcp.Cli.Commands;
using Varve.Mcp.Cli.Servers;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Tests;

/// <summary>A server and its client in this process, over pipes.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private const string KeyName = "io.varve/idempotencyKey";

    private readonly IHost _host;
    private readonly StreamServerTransport _transport;
    private readonly McpServer _server;
    private readonly Task _serving;

    private TestServer(IHost host, StreamServerTransport transport, McpServer server, Task serving, McpClient client)
    {
        (_host, _transport, _server, _serving, Client) = (host, transport, server, serving, client);
    }

    public McpClient Client { get; }

    public IServiceProvider Services => _host.Services;

    public static async Task<TestServer> StartAsync(
        Database database, string server = ServerCatalog.AllName, Action<IServiceCollection>? configure = null,
        McpClientOptions? client = null, ServerSettings? settings = null)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton<ISharedStore>(new EmbeddedStore(database));
        var served = new ServeSettings(server, "") { Durability = Durability.Buffered, Servers = settings ?? new ServerSettings(Seed: 1) };
        ServerHost.AddServers(builder.Services, served);
        builder.Services.Configure<McpJournalOptions>(options =>
            options.Journal.RetryPolicy = new RetryPolicy { FirstDelay = TimeSpan.FromMilliseconds(1) });
        configure?.Invoke(builder.Services);
        IHost host = builder.Build();
        await host.StartAsync();
        var toServer = new Pipe();
        var toClient = new Pipe();
        var transport = new StreamServerTransport(toServer.Reader.AsStream(), toClient.Writer.AsStream());
        McpServerOptions options = host.Services.GetRequiredService<IOptions<McpServerOptions>>().Value;
        McpServer running = McpServer.Create(transport, options, loggerFactory: null, host.Services);
        Task serving = running.RunAsync();
        var clientTransport = new StreamClientTransport(toServer.Writer.AsStream(), toClient.Reader.AsStream());
        return new TestServer(host, transport, running, serving, await McpClient.CreateAsync(clientTransport, client));
    }

    public async ValueTask DisposeAsync()
    {
        await Client.DisposeAsync();
        await _transport.DisposeAsync();
        await _server.DisposeAsync();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _host.StopAsync();
        _host.Dispose();
    }

    public Task<CallToolResult> CallAsync(string tool, object arguments, string? key = null)
    {
        var request = new CallToolRequestParams
        {
            Name = tool,
            Arguments = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(JsonSerializer.SerializeToUtf8Bytes(arguments)),
        };
        if (key is not null) request.Meta = new JsonObject { [KeyName] = key };
        return Client.CallToolAsync(request).AsTask();
    }

    /// <summary>The structured result of a call that goes well, after a look at its text, which is the same JSON.</summary>
    public async Task<JsonElement> GetAsync(string tool, object arguments, string? key = null)
    {
        CallToolResult result = await CallAsync(tool, arguments, key);
        Assert.False(result.IsError == true, $"{tool}: {TextOf(result)}");
        Assert.Equal("success", result.StructuredContent!.Value.GetProperty("status").GetString());
        return result.StructuredContent.Value;
    }

    /// <summary>The structured result of a call that is refused.</summary>
    public async Task<JsonElement> GetErrorAsync(string tool, object arguments, string? key = null)
    {
        CallToolResult result = await CallAsync(tool, arguments, key);
        Assert.True(result.IsError == true, $"{tool}: {TextOf(result)}");
        Assert.Equal("error", result.StructuredContent!.Value.GetProperty("status").GetString());
        return result.StructuredContent.Value;
    }

    public async Task<JsonElement> ReadAsync(string uri)
    {
        ReadResourceResult read = await Client.ReadResourceAsync(uri);
        return JsonDocument.Parse(Assert.IsType<TextResourceContents>(Assert.Single(read.Contents)).Text).RootElement;
    }

    public static string TextOf(CallToolResult result) =>
        string.Join('\n', result.Content.OfType<TextContentBlock>().Select(block => block.Text));
}

/// <summary>A directory of its own with a database.</summary>
public abstract class ServerHouse : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-mcp-test-").FullName;

    protected ServerHouse()
    {
        Database = Database.Open(Path.Combine(_directory, "data"), new DatabaseOptions { Durability = Durability.None });
    }

    /// <summary>Where the database's directory stands.</summary>
    protected string Folder => _directory;

    internal Database Database { get; }

    internal ISharedStore Store => new EmbeddedStore(Database);

    public void Dispose()
    {
        Database.Dispose();
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    internal async Task<IReadOnlyList<MapEntry>> EntriesAsync(string map) => (await new StoreMap(Store, map).RangeAsync(1_000)).Entries;
}

/// <summary>Services that answer as told, and count how often they were asked.</summary>
internal sealed class ScriptedSimulation(params (string Service, double Answer)[] script) : Simulation(seed: 1)
{
    private const double Well = 0.5;

    private readonly ConcurrentDictionary<string, int> _calls = new();
    private readonly List<(string Service, double Answer)> _script = [.. script];

    public int CallsOf(string service) => _calls.GetValueOrDefault(service);

    public override double Call(string service)
    {
        _calls.AddOrUpdate(service, 1, (_, before) => before + 1);
        lock (_script)
        {
            int next = _script.FindIndex(step => step.Service == service);
            if (next < 0) return Well;
            double answer = _script[next].Answer;
            _script.RemoveAt(next);
            return answer;
        }
    }
}

/// <summary>A store that dies at a write: that one happens or not, and none after it.</summary>
internal sealed class DyingStore(ISharedStore inner, int writesLeft, bool happens, Func<StoreBatch, bool>? counts = null) : ISharedStore
{
    private int _writesLeft = writesLeft;

    public bool IsDead => Volatile.Read(ref _writesLeft) <= 0;

    public ValueTask<byte[]?> GetAsync(string map, ReadOnlyMemory<byte> key, CancellationToken cancellation = default) =>
        inner.GetAsync(map, key, cancellation);

    public ValueTask<StorePage> ReadRangeAsync(StoreRange range, CancellationToken cancellation = default) =>
        inner.ReadRangeAsync(range, cancellation);

    public async ValueTask<StoreOutcome> WriteAsync(StoreBatch batch, CancellationToken cancellation = default)
    {
        if (counts is not null && !counts(batch)) return await inner.WriteAsync(batch, cancellation);
        int left = Interlocked.Decrement(ref _writesLeft);
        if (left > 0 || (left == 0 && happens))
        {
            StoreOutcome outcome = await inner.WriteAsync(batch, cancellation);
            if (left > 0) return outcome;
        }

        throw new IOException("The process is dead.");
    }

    public IAsyncEnumerable<ChangeBatch> ReadChangesAsync(StoreFeed feed, CancellationToken cancellation = default) =>
        inner.ReadChangesAsync(feed, cancellation);

    public ValueTask<IReadOnlyList<string>> ListMapsAsync(CancellationToken cancellation = default) => inner.ListMapsAsync(cancellation);
}
