using System.IO.Pipelines;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Mcp.Calls;
using Varve.Mcp.Cli.Servers;
using Varve.Mcp.Durable;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Commands;

/// <summary>
/// Runs calls that an operator has queued, by the servers of this program, without a client: nobody is there to be asked. The call goes
/// through a server as any other one, but belongs to the invocation that is there already.
/// </summary>
internal sealed class QueuedCalls : IDisposable
{
    private readonly IHost _host;

    /// <param name="store">Stays the caller's.</param>
    public QueuedCalls(SharedStore store)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton<ISharedStore>(store);
        builder.Services.PostConfigure<McpJournalOptions>(options => options.Journal.Incarnation = store.Incarnation);
        ServerHost.AddServers(builder.Services, new ServeSettings(ServerCatalog.AllName, ""));
        builder.Services.AddSingleton<JournaledCalls>();
        builder.Services.AddSingleton<Runner>();
        builder.Services.Replace(ServiceDescriptor.Singleton<ICallRunner>(provider => provider.GetRequiredService<Runner>()));

        // Never started: of its services only those that a call needs are made.
        _host = builder.Build();
        Journal = _host.Services.GetRequiredService<Journal>();
    }

    public Journal Journal { get; }

    private McpServerOptions Options => _host.Services.GetRequiredService<IOptions<McpServerOptions>>().Value;

    public void Dispose() => _host.Dispose();

    public bool IsReadOnly(string tool) => Find(tool)?.ProtocolTool.Annotations?.ReadOnlyHint == true;

    public void CheckTool(string tool)
    {
        if (Find(tool) is null) throw CommandFailureException.NotFound($"The servers of this program have no tool '{tool}'.");
    }

    /// <summary>Runs a queued call to its end.</summary>
    /// <returns>The call as it is then.</returns>
    public async Task<Invocation> RunAsync(Guid id, CancellationToken cancellation)
    {
        Invocation queued = await FindAsync(id, cancellation);
        CheckTool(queued.Name);
        if (await Journal.RecoverAsync(queued, rowsAtEnd: null, cancellation) is { } run)
        {
            _host.Services.GetRequiredService<Runner>().Next = run;
            await CallAsync(queued, cancellation);
        }
        else
        {
            // A server that is running has taken it.
            await Journal.WaitAsync(id, cancellation);
        }

        return await FindAsync(id, cancellation);
    }

    private McpServerTool? Find(string tool) =>
        Options.ToolCollection?.TryGetPrimitive(tool, out McpServerTool? found) == true ? found : null;

    private async Task<Invocation> FindAsync(Guid id, CancellationToken cancellation) =>
        await Journal.FindAsync(id, cancellation) ?? throw CommandFailureException.NotFound($"There is no call {id}.");

    private async Task CallAsync(Invocation call, CancellationToken cancellation)
    {
        var toServer = new Pipe();
        var toClient = new Pipe();
        await using var transport = new StreamServerTransport(toServer.Reader.AsStream(), toClient.Writer.AsStream());
        await using McpServer server = McpServer.Create(transport, Options, loggerFactory: null, _host.Services);
        Task serving = server.RunAsync(cancellation);
        var clientTransport = new StreamClientTransport(toServer.Writer.AsStream(), toClient.Reader.AsStream());
        await using (McpClient client = await McpClient.CreateAsync(clientTransport, cancellationToken: cancellation))
        {
            var arguments = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(call.Arguments!.Value.Span);
            await client.CallToolAsync(new CallToolRequestParams { Name = call.Name, Arguments = arguments }, cancellation);
        }

        await transport.DisposeAsync();
        await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private sealed class Runner(JournaledCalls journaled) : ICallRunner
    {
        public InvocationContext? Next { get; set; }

        public ValueTask<CallToolResult> RunAsync(ToolCall call, ToolCall.Run run, CancellationToken cancellation) =>
            new(journaled.RunToEndAsync(call, run, Next ?? throw new InvalidOperationException("No call is queued.")));
    }
}
