using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Varve.Idempotency;
using Varve.Mcp.Durable;
using Varve.Mcp.Tests.Fakes;
using Varve.Sharing;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>
/// Servers over one database, one after the other: each may be killed, which is the end of all that it would write, or stopped.
/// </summary>
internal sealed class RestartHost : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-mcp-").FullName;
    private readonly List<McpHost> _killed = [];
    private readonly List<Database> _databases = [];
    private readonly ConcurrentDictionary<ulong, StoreBatch> _written = new();
    private Database _database;

    private RestartHost() => _database = Open();

    public McpHost Server { get; private set; } = null!;

    public MortalStore Store { get; private set; } = null!;

    public TestWorld World { get; private set; } = null!;

    public Effects Effects { get; } = new();

    public ManualTime? Time { get; private init; }

    public Action<VarveMcpOptions>? Configure { get; private init; }

    private Durability JournalDurability { get; init; }

    public Journal Journal => Server.Services.GetRequiredService<Journal>();

    public StoreEventLog Events => Server.Services.GetRequiredService<StoreEventLog>();

    /// <summary>The rows of all internal maps.</summary>
    public Dictionary<string, int> Rows => _database.ListMaps().Where(InternalMaps.IsInternal)
        .ToDictionary(name => name, name => Count(_database.GetMap(name)));

    /// <param name="point">Where calls wait.</param>
    /// <param name="time">Default: the system's.</param>
    /// <param name="configure">Options of all servers.</param>
    /// <param name="durability">Of the journal's own records: synced where the power is to fail.</param>
    public static async Task<RestartHost> StartAsync(
        string? point = null, ManualTime? time = null, Action<VarveMcpOptions>? configure = null,
        Durability durability = Durability.Buffered)
    {
        RestartHost host = new() { Time = time, Configure = configure, JournalDurability = durability };
        await host.StartServerAsync<RestartTools>(point);
        return host;
    }

    public Task KillAsync(string? point = null) => KillAsync<RestartTools>(point);

    /// <summary>Kills the server and starts another one.</summary>
    public async Task KillAsync<TTools>(string? point = null)
        where TTools : class
    {
        Store.Kill();
        _killed.Add(Server);
        await StartServerAsync<TTools>(point);
    }

    /// <summary>
    /// The power fails, and a server is started anew: of the batches those are left that were synced, and all before the last of them.
    /// That this is what a disk gives back is shown elsewhere, at each call to one.
    /// </summary>
    public async Task CutPowerAsync()
    {
        Store.Kill();
        _killed.Add(Server);
        StoreBatch[] written = [.. _written.OrderBy(batch => batch.Key).Select(batch => batch.Value)];
        int left = 1 + Array.FindLastIndex(written, batch => batch.Durability is null or Durability.Synced);
        _written.Clear();
        _database = Open();
        foreach (StoreBatch batch in written[..left])
        {
            StoreBatch again = new() { Operations = batch.Operations, Durability = Durability.None };
            _written[(await New().WriteAsync(again)).Sequence] = batch;
        }

        await StartServerAsync<RestartTools>(point: null);
    }

    /// <summary>Stops the server as SIGTERM does, and starts another one.</summary>
    public async Task StopAsync(string? point = null)
    {
        await Server.StopAsync();
        _killed.Add(Server);
        await StartServerAsync<RestartTools>(point);
    }

    /// <summary>A server more, beside the one that is there; it has a lease.</summary>
    public async Task<McpHost> StartBesideAsync()
    {
        McpHost server = await StartServerAsync<RestartTools>(new MortalStore(New()), new TestWorld { Effects = Effects });
        PutLease(server.Services.GetRequiredService<Journal>());
        _killed.Add(server);
        return server;
    }

    public void PutLease(Journal journal) => _database.GetMap(InternalMaps.Sessions).Put(LeaseOf(journal), [1]);

    public void EndLease(Journal journal) => _database.GetMap(InternalMaps.Sessions).Delete(LeaseOf(journal));

    public async Task<Invocation> FindCallAsync(Func<Invocation, bool>? which = null)
    {
        List<Invocation> all = [];
        await foreach (Invocation invocation in Journal.ListAsync())
            if (which?.Invoke(invocation) != false) all.Add(invocation);
        return Assert.Single(all);
    }

    /// <summary>What the maps hold of the step that charges, by amount.</summary>
    public byte[] Charges => _database.GetMap("charges").Get("all"u8) ?? [];

    public async ValueTask DisposeAsync()
    {
        foreach (McpHost server in _killed.Append(Server)) await server.DisposeAsync();
        foreach (Database database in _databases) database.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static byte[] LeaseOf(Journal journal) => [(byte)'l', .. journal.Incarnation.ToByteArray(bigEndian: true)];

    private static int Count(SortedMap map)
    {
        int count = 0;
        foreach (Entry _ in map.All()) count++;
        return count;
    }

    private Database Open()
    {
        string directory = Path.Combine(_directory, $"{_databases.Count}");
        _databases.Add(Database.Open(directory, new DatabaseOptions { Durability = Durability.None }));
        return _databases[^1];
    }

    private EmbeddedStore New() => new(_database);

    private async Task StartServerAsync<TTools>(string? point)
        where TTools : class
    {
        bool mayLosePower = JournalDurability == Durability.Synced;
        MortalStore store = new(New()) { Committed = mayLosePower ? (batch, sequence) => _written[sequence] = batch : null };
        (Store, World) = (store, new TestWorld { Point = point, Effects = Effects });
        Server = await StartServerAsync<TTools>(Store, World);
    }

    private Task<McpHost> StartServerAsync<TTools>(MortalStore store, TestWorld world)
        where TTools : class => McpHost.StartAsync(Configure, services =>
    {
        if (Time is not null) services.AddSingleton<TimeProvider>(Time);
        services.AddSingleton<IWorld>(world).AddSingleton<ISharedStore>(store);
        services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMilliseconds(200));
        services.AddMcpServer().WithTools<TTools>().WithVarveJournal(options =>
        {
            options.Journal.Durability = JournalDurability;
            options.Journal.TimeProvider = Time ?? TimeProvider.System;
        });
    });
}
