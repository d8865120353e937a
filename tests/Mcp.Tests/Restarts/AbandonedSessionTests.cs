using System.Text.Json.Nodes;
using Varve.Idempotency;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>Runs when no other test does: it looks at the memory of the process.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class AloneCollection
{
    public const string Name = "alone";
}

/// <summary>What is left of sessions that nobody ends.</summary>
[Collection(AloneCollection.Name)]
public sealed class AbandonedSessionTests
{
    /// <summary>Initialized, one request, and never heard of again.</summary>
    [Fact]
    public async Task Abandoned_sessions_leave_nothing()
    {
        const int Sessions = 2_000;
        ManualTime time = new();
        await using RestartHost host = await RestartHost.StartAsync(time: time);
        await AbandonAsync(host, 200);
        await ForgetAsync(host, time);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        await AbandonAsync(host, Sessions);
        Assert.True(host.Rows[InternalMaps.Sessions] == Sessions && host.Rows[InternalMaps.Events] >= Sessions);
        await ForgetAsync(host, time);
        Assert.All(host.Rows, map => Assert.True(map.Value == 0, $"{map.Value} rows in {map.Key}"));

        // The server's own sweep runs beside these, and has its sessions at hand until it ends.
        long kept;
        DateTime end = DateTime.UtcNow + TimeSpan.FromSeconds(60);
        while ((kept = GC.GetTotalMemory(forceFullCollection: true) - before) >= Sessions * 500)
        {
            Assert.True(DateTime.UtcNow < end, $"{kept} bytes");
            await Task.Delay(50);
        }
    }

    private static async Task AbandonAsync(RestartHost host, int count)
    {
        for (int session = 0; session < count; session++)
        {
            string id = await host.Server.InitializeAsync();
            JsonObject amount = new() { ["amount"] = 1 };
            Assert.Equal(200, await host.Server.StatusAsync(host.Server.LegacyCall(id, "order", amount, id: 2)));
        }
    }

    private static async Task ForgetAsync(RestartHost host, ManualTime time)
    {
        time.Advance(TimeSpan.FromMinutes(6));
        await host.Server.Sessions.SweepAsync(10_000, CancellationToken.None);
        time.Advance(TimeSpan.FromHours(25));
        await host.Server.Sessions.SweepAsync(10_000, CancellationToken.None);
        await host.Journal.SweepAsync();
        await host.Events.SweepAsync(CancellationToken.None);
        host.Server.Log.Clear();
    }
}
