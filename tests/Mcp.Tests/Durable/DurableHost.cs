using Microsoft.Extensions.DependencyInjection;
using Varve.Idempotency;
using Varve.Mcp.Tests.Fakes;
using Varve.Sharing;

namespace Varve.Mcp.Tests.Durable;

/// <summary>A server with a journal in a directory of its own, which may be stopped and started anew.</summary>
internal sealed class DurableHost : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-mcp-").FullName;

    private DurableHost()
    {
    }

    public McpHost Http { get; private set; } = null!;

    public Effects Effects { get; } = new();

    public ManualTime? Time { get; private init; }

    public Journal Journal => Http.Services.GetRequiredService<Journal>();

    private Action<VarveMcpOptions>? Configure { get; init; }

    public static async Task<DurableHost> StartAsync(ManualTime? time = null, Action<VarveMcpOptions>? configure = null)
    {
        var host = new DurableHost { Time = time, Configure = configure };
        await host.StartServerAsync<DurableTools>();
        return host;
    }

    public Task RestartAsync() => RestartAsync<DurableTools>();

    /// <summary>With something done to the store while no server has it.</summary>
    public async Task RestartAsync(Func<ISharedStore, Task> meanwhile)
    {
        await Http.DisposeAsync();
        using (Database database = Database.Open(_directory)) await meanwhile(new EmbeddedStore(database));
        await StartServerAsync<DurableTools>();
    }

    /// <summary>With other tools.</summary>
    public async Task RestartAsync<TTools>()
        where TTools : class
    {
        await Http.DisposeAsync();
        await StartServerAsync<TTools>();
    }

    public async Task<IReadOnlyList<Invocation>> ListAsync()
    {
        List<Invocation> all = [];
        await foreach (Invocation invocation in Journal.ListAsync()) all.Add(invocation);
        return all;
    }

    public async ValueTask DisposeAsync()
    {
        await Http.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task StartServerAsync<TTools>()
        where TTools : class => Http = await McpHost.StartAsync(Configure, services =>
    {
        if (Time is not null) services.AddSingleton<TimeProvider>(Time);
        services.AddSingleton(Effects);
        services.AddMcpServer().WithTools<TTools>().WithVarveJournal(options =>
        {
            options.DataDirectory = _directory;
            options.Journal.Durability = Durability.Buffered;
            options.Journal.TimeProvider = Time ?? TimeProvider.System;
        });
    });
}
