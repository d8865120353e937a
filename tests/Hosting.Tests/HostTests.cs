using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Varve.Extensions.Hosting;

namespace Varve.Hosting.Tests;

/// <summary>Databases as services of a host.</summary>
public sealed class HostTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly LogRecords _log = new();

    [Fact]
    public async Task A_database_is_open_before_the_first_service_starts_and_until_the_last_has_stopped()
    {
        using IHost host = Build(services =>
        {
            services.AddHostedService<Worker>();
            services.AddVarve(_directory["db"]);
        });
        await host.StartAsync();
        Database database = host.Services.GetRequiredService<Database>();
        Assert.Equal(_directory["db"], database.Directory);
        Assert.Same(database, host.Services.GetRequiredService<Database>());
        Assert.Equal("started"u8, database.GetMap("worker").Get("state"u8)!);
        await host.StopAsync();
        Assert.Throws<ObjectDisposedException>(() => database.GetMap("worker"));
        using Database reopened = Database.Open(_directory["db"]);
        Assert.Equal("stopped"u8, reopened.GetMap("worker").Get("state"u8)!);
    }

    [Fact]
    public async Task Named_databases_are_services_with_a_key()
    {
        using IHost host = Build(services => services
            .AddVarve("orders", options => options.Directory = _directory["orders"])
            .AddVarve("sessions", options => options.Directory = _directory["sessions"]));
        await host.StartAsync();
        Database orders = host.Services.GetRequiredKeyedService<Database>("orders");
        Database sessions = host.Services.GetRequiredKeyedService<Database>("sessions");
        Assert.Equal(_directory["orders"], orders.Directory);
        Assert.Equal(_directory["sessions"], sessions.Directory);
        Assert.Null(host.Services.GetService<Database>());
        await host.StopAsync();
        Assert.Throws<ObjectDisposedException>(() => orders.GetMap("m"));
        Assert.Throws<ObjectDisposedException>(() => sessions.GetMap("m"));
    }

    [Fact]
    public async Task A_relative_directory_begins_at_the_content_root_and_options_come_from_configuration()
    {
        using IHost host = Build(
            services =>
            {
                services.AddVarve(options => options.Database.MemoryBudgetBytes = 16 << 20);
                services.AddOptions<VarveOptions>().BindConfiguration("Varve");
            },
            new() { ["Varve:Directory"] = "inner/db", ["Varve:Database:Durability"] = "Buffered" });
        await host.StartAsync();
        Database database = host.Services.GetRequiredService<Database>();
        Assert.Equal(_directory["inner/db"], database.Directory);
        Assert.Equal(16 << 20, database.GetStatistics().MemoryBudgetBytes);
        Assert.Equal(Durability.Buffered, host.Services.GetRequiredService<IOptions<VarveOptions>>().Value.Database.Durability);
        await host.StopAsync();
    }

    [Fact]
    public async Task Adding_twice_adds_to_the_options_only()
    {
        var events = new List<DatabaseEvent>();
        using IHost host = Build(services => services
            .AddVarve(options => options.Directory = _directory["first"])
            .AddVarve(options => options.Directory = _directory["second"])
            .AddVarve(options => options.Database.OnEvent = events.Add));
        await host.StartAsync();
        await host.StopAsync();
        Assert.Equal(["second"], Directory.GetDirectories(_directory.Path).Select(Path.GetFileName));
        Assert.Single(events.OfType<DatabaseOpenedEvent>());
        Assert.Single(_log.OfDatabases, record => record.Id.Id == 1);
    }

    [Fact]
    public async Task A_database_that_cannot_be_opened_fails_the_start_and_leaves_none_open()
    {
        using Database owner = Database.Open(_directory["locked"]);
        using (IHost host = Build(services => services
            .AddVarve("free", options => options.Directory = _directory["free"])
            .AddVarve("locked", options => options.Directory = _directory["locked"])))
        {
            await Assert.ThrowsAsync<DatabaseLockedException>(() => host.StartAsync());
        }

        Database.Open(_directory["free"]).Close();

        using IHost nowhere = Build(services => services.AddVarve(_ => { }));
        OptionsValidationException failure = await Assert.ThrowsAsync<OptionsValidationException>(() => nowhere.StartAsync());
        Assert.Contains("VarveOptions.Directory", failure.Message);
    }

    [Fact]
    public async Task An_open_that_failed_may_be_tried_again()
    {
        using ServiceProvider services = new ServiceCollection().AddVarve(_directory["db"]).BuildServiceProvider();
        using (Database.Open(_directory["db"]))
            Assert.Throws<DatabaseLockedException>(() => services.GetRequiredService<Database>());
        services.GetRequiredService<Database>().GetMap("m").Put("k"u8, "v"u8);
        await services.DisposeAsync();
    }

    [Fact]
    public void Without_a_host_a_database_is_opened_when_asked_for_and_closed_with_the_services()
    {
        Database database;
        using (ServiceProvider services = new ServiceCollection().AddVarve(_directory["db"]).BuildServiceProvider())
        {
            Assert.False(Directory.Exists(_directory["db"]));
            database = services.GetRequiredService<Database>();
            database.GetMap("m").Put("k"u8, "v"u8);
        }

        Assert.Throws<ObjectDisposedException>(() => database.GetMap("m"));
    }

    [Fact]
    public async Task Events_are_logged_with_directory_number_and_level()
    {
        using IHost host = Build(services => services.AddVarve(_directory["db"]));
        await host.StartAsync();
        Database database = host.Services.GetRequiredService<Database>();
        database.GetMap("m").Put("k"u8, "v"u8);
        database.Flush();
        await host.StopAsync();
        LogRecord opened = _log.OfDatabases[0];
        Assert.Equal((LogLevel.Information, 1, "DatabaseOpenedEvent"), (opened.Level, opened.Id.Id, opened.Id.Name));
        Assert.StartsWith(_directory["db"] + ": Opened in ", opened.Text);
        Assert.Equal(_directory["db"], opened.Properties["Directory"]);
        Assert.IsType<DatabaseOpenedEvent>(opened.Properties["Event"]);
        Assert.Contains(_log.OfDatabases, record => record is { Level: LogLevel.Debug, Id.Id: 3 });
        Assert.Equal((LogLevel.Information, 2), (_log.OfDatabases[^1].Level, _log.OfDatabases[^1].Id.Id));
    }

    [Fact]
    public async Task Events_are_not_logged_where_that_is_switched_off()
    {
        using IHost host = Build(services => services.AddVarve(options =>
        {
            options.Directory = _directory["db"];
            options.LogEvents = false;
        }));
        await host.StartAsync();
        await host.StopAsync();
        Assert.Empty(_log.OfDatabases);
    }

    [Fact]
    public void Every_event_has_a_number_of_its_own()
    {
        string page = File.ReadAllText(PathOfPage());
        DatabaseOptions options = new DatabaseOptions().LogTo(_log.CreateLogger("Varve.Database"));
        var cause = new CorruptDataException("file", 1, "detail");
        DatabaseEvent[] events =
        [
            new DatabaseClosedEvent { Failure = cause },
            new FlushFailedEvent { Failure = cause },
            new CompactionFailedEvent { InputLevel = 0, OutputLevel = 1, Failure = cause },
            new DamageFoundEvent { Damage = cause },
            new WritingStoppedEvent { Cause = cause },
            new StallEndedEvent { Reason = StallReason.Compaction, Duration = TimeSpan.FromSeconds(2) },
        ];
        foreach (DatabaseEvent happened in events) options.OnEvent!(happened);
        Assert.Equal(
            [LogLevel.Error, LogLevel.Warning, LogLevel.Warning, LogLevel.Error, LogLevel.Critical, LogLevel.Warning],
            _log.OfDatabases.Select(record => record.Level));
        Assert.All(_log.OfDatabases.Take(5), record => Assert.Same(cause, record.Failure));
        foreach (LogRecord record in _log.OfDatabases) Assert.Contains($"| `{record.Id.Name}` | {record.Id.Id}, ", page);
    }

    public void Dispose() => _directory.Dispose();

    private static string PathOfPage()
    {
        string? root = AppContext.BaseDirectory;
        while (root is not null && !File.Exists(Path.Combine(root, "Engine.sln"))) root = Path.GetDirectoryName(root);
        return Path.Combine(root!, "docs", "observability.md");
    }

    private IHost Build(Action<IServiceCollection> configure, Dictionary<string, string?>? configuration = null)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(
            new HostApplicationBuilderSettings { ContentRootPath = _directory.Path });
        if (configuration is not null) builder.Configuration.AddInMemoryCollection(configuration);
        builder.Logging.SetMinimumLevel(LogLevel.Trace).AddProvider(_log);
        configure(builder.Services);
        return builder.Build();
    }

    private sealed class Worker(Database database) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Note("started"u8);

        public Task StopAsync(CancellationToken cancellationToken) => Note("stopped"u8);

        private Task Note(ReadOnlySpan<byte> state)
        {
            database.GetMap("worker").Put("state"u8, state);
            return Task.CompletedTask;
        }
    }
}
