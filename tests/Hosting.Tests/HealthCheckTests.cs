using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Varve.Hosting.Tests;

/// <summary>What the health check says of a database.</summary>
public sealed class HealthCheckTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Fact]
    public async Task An_open_database_is_healthy_and_one_that_is_not_open_is_not()
    {
        using ServiceProvider services = Build(builder => builder.AddVarve());
        HealthReportEntry closed = await Check(services, "varve");
        Assert.Equal(HealthStatus.Unhealthy, closed.Status);
        Assert.Equal("The database is not open.", closed.Description);
        Database database = services.GetRequiredService<Database>();
        database.GetMap("m").Put("k"u8, "v"u8);
        HealthReportEntry open = await Check(services, "varve");
        Assert.Equal(HealthStatus.Healthy, open.Status);
        Assert.Equal(database.Directory, open.Data["directory"]);
        Assert.Equal(true, open.Data["writable"]);
        Assert.Equal(database.LatestSequence, open.Data["durableSequence"]);
        database.Close();
        Assert.Equal("The database is closed.", (await Check(services, "varve")).Description);
    }

    [Fact]
    public async Task A_damaged_file_degrades_it()
    {
        using (Database database = Database.Open(_directory["db"]))
        {
            // Noise, which takes its room in the table, compressed or not.
            byte[] value = new byte[3000];
            new Random(1).NextBytes(value);
            for (byte key = 0; key < 10; key++) database.GetMap("m").Put([key], value);
            database.Flush();
        }

        string table = Assert.Single(Directory.GetFiles(_directory["db"], "*.table"));
        using (FileStream file = File.OpenWrite(table))
        {
            file.Position = file.Length / 2;
            file.Write(Enumerable.Repeat((byte)1, 3000).ToArray());
        }

        using ServiceProvider services = Build(builder => builder.AddVarve());
        Database damaged = services.GetRequiredService<Database>();
        Assert.Equal(HealthStatus.Healthy, (await Check(services, "varve")).Status);
        Assert.Throws<CorruptDataException>(() =>
        {
            for (byte key = 0; key < 10; key++) damaged.GetMap("m").Get([key]);
        });
        HealthReportEntry entry = await Check(services, "varve");
        Assert.Equal(HealthStatus.Degraded, entry.Status);
        Assert.Equal([table], Assert.IsType<string[]>(entry.Data["damagedFiles"]));
        Assert.IsType<CorruptDataException>(entry.Exception);
    }

    [Fact]
    public async Task A_database_opened_for_reading_is_healthy()
    {
        Database.Open(_directory["db"]).Close();
        using ServiceProvider services = Build(builder => builder.AddVarve(), options => options.Database.Mode = OpenMode.ReadOnly);
        services.GetRequiredService<Database>();
        HealthReportEntry entry = await Check(services, "varve");
        Assert.Equal(HealthStatus.Healthy, entry.Status);
        Assert.Equal(false, entry.Data["writable"]);
    }

    [Fact]
    public async Task Checks_have_names_tags_and_a_status_of_their_own()
    {
        using ServiceProvider services = Build(builder => builder
            .AddVarve("orders", failureStatus: HealthStatus.Degraded, tags: ["store"])
            .AddVarve("orders", name: "again")
            .AddVarve("unknown"));
        HealthReport report = await services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        Assert.Equal(["again", "varve:orders", "varve:unknown"], report.Entries.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(HealthStatus.Degraded, report.Entries["varve:orders"].Status);
        Assert.Equal("The database 'orders' is not open.", report.Entries["varve:orders"].Description);
        Assert.Equal(["store"], report.Entries["varve:orders"].Tags);
        Assert.Equal(HealthStatus.Unhealthy, report.Entries["again"].Status);
        Assert.Equal("The database 'unknown' was not added to the services.", report.Entries["varve:unknown"].Description);
    }

    public void Dispose() => _directory.Dispose();

    private static async Task<HealthReportEntry> Check(IServiceProvider services, string name) =>
        (await services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries[name];

    private ServiceProvider Build(
        Action<IHealthChecksBuilder> configure, Action<Varve.Extensions.Hosting.VarveOptions>? options = null)
    {
        var services = new ServiceCollection();
        services.AddVarve(_directory["db"]).AddVarve(options ?? (_ => { }));
        services.AddVarve("orders", named => named.Directory = _directory["orders"]);
        configure(services.AddHealthChecks());
        return services.BuildServiceProvider();
    }
}
