using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Tests;

public sealed class AuditServerTests : ServerHouse
{
    private const string Operations = "user_operations";

    [Fact]
    public async Task An_audited_tool_leaves_an_entry_with_inputs_and_outputs()
    {
        await using TestServer server = await TestServer.StartAsync(Database, "audit");
        JsonElement user = await server.GetAsync("create_user", new { name = "Zoë", email = "zoe@example.com" });
        Assert.Equal("Zoë", user.GetProperty("name").GetString());
        JsonElement log = await server.GetAsync("get_audit_log", new { log_name = Operations });
        JsonElement entry = log.GetProperty("entries")[0];
        Assert.Equal(1, log.GetProperty("count").GetInt32());
        Assert.Equal("create_user", entry.GetProperty("tool").GetString());
        Assert.Equal("zoe@example.com", entry.GetProperty("inputs").GetProperty("email").GetString());
        Assert.True(entry.GetProperty("success").GetBoolean());
        Assert.Equal(user.GetProperty("user_id").GetString(), entry.GetProperty("outputs").GetProperty("user_id").GetString());
        Assert.True(entry.GetProperty("duration_seconds").GetDouble() >= 0);
        Assert.True(entry.GetProperty("timestamp").GetInt64() > 1_600_000_000_000);
    }

    [Fact]
    public async Task The_same_user_gets_the_same_id_in_every_process()
    {
        await using TestServer server = await TestServer.StartAsync(Database, "audit");
        JsonElement user = await server.GetAsync("create_user", new { name = "Alice", email = "alice@example.com" });
        Assert.Equal("user_1202", user.GetProperty("user_id").GetString());
    }

    [Fact]
    public async Task A_new_role_is_a_security_event_with_the_old_one()
    {
        await using TestServer server = await TestServer.StartAsync(Database, "audit");
        foreach (string role in (string[])["admin", "guest"])
            await server.GetAsync("update_user", new { user_id = "user_1", updates = new { role, name = "A" } });
        JsonElement events = (await server.GetAsync("get_audit_log", new { log_name = "security_events" })).GetProperty("entries");
        Assert.Equal(2, events.GetArrayLength());
        Assert.Equal("guest", events[0].GetProperty("new_role").GetString());
        Assert.Equal("admin", events[0].GetProperty("old_role").GetString());
        Assert.Equal("user", events[1].GetProperty("old_role").GetString());
        Assert.Equal("medium", events[0].GetProperty("severity").GetString());
        JsonElement operations = await server.GetAsync("get_audit_log", new { log_name = Operations });
        Assert.Equal(2, operations.GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task A_deletion_says_why_or_that_nobody_said_why()
    {
        await using TestServer server = await TestServer.StartAsync(Database, "audit");
        await server.GetAsync("delete_user", new { user_id = "user_1", reason = "asked for it" });
        await server.GetAsync("delete_user", new { user_id = "user_2" });
        JsonElement entries = (await server.GetAsync("get_audit_log", new { log_name = Operations })).GetProperty("entries");
        Assert.Equal("no reason provided", entries[0].GetProperty("reason").GetString());
        Assert.Equal("asked for it", entries[1].GetProperty("reason").GetString());
        Assert.All(entries.EnumerateArray(), entry => Assert.Equal("high", entry.GetProperty("severity").GetString()));
    }

    [Fact]
    public async Task A_log_is_read_by_time_at_both_ends()
    {
        var clock = new SteppedClock(DateTimeOffset.FromUnixTimeMilliseconds(1_000_000));
        await using TestServer server = await TestServer.StartAsync(
            Database, "audit", services => services.AddSingleton<TimeProvider>(clock));
        for (int i = 0; i < 5; i++)
        {
            await server.GetAsync("delete_user", new { user_id = $"user_{i}" });
            clock.Step(TimeSpan.FromMilliseconds(10));
        }

        Assert.Equal("4 3 2 1 0", await ReadAsync(server, new { log_name = Operations }));
        Assert.Equal("2 3 4", await ReadAsync(server, new { log_name = Operations, begin = 1_000_020 }));
        Assert.Equal("1 2", await ReadAsync(server, new { log_name = Operations, begin = 1_000_010, end = 1_000_030 }));
        Assert.Equal("1 0", await ReadAsync(server, new { log_name = Operations, end = 1_000_020 }));
        Assert.Equal("4 3", await ReadAsync(server, new { log_name = Operations, limit = 2 }));
        JsonElement refused = await server.GetErrorAsync("get_audit_log", new { log_name = Operations, begin = 5, end = 5 });
        Assert.Contains("before end", refused.GetProperty("message").GetString());
    }

    [Fact]
    public async Task A_call_that_comes_twice_with_its_key_is_one_entry()
    {
        await using TestServer server = await TestServer.StartAsync(Database, "audit");
        for (int i = 0; i < 2; i++) await server.GetAsync("create_user", new { name = "A", email = "a@example.com" }, key: "one");
        Assert.Single(await EntriesAsync("audit:user_operations"));
    }

    [Fact]
    public async Task A_log_that_cannot_be_written_does_not_fail_the_tool()
    {
        bool IsOfLog(StoreBatch batch) => batch.Operations.Any(operation => operation.Map == "audit:user_operations");
        var dying = new DyingStore(Store, 0, happens: false, IsOfLog);
        await using TestServer server = await TestServer.StartAsync(
            Database, "audit", services => services.AddSingleton<ISharedStore>(dying));
        await server.GetAsync("create_user", new { name = "A", email = "a@example.com" });
        Assert.Empty(await EntriesAsync("audit:user_operations"));
    }

    private static async Task<string> ReadAsync(TestServer server, object arguments)
    {
        JsonElement log = await server.GetAsync("get_audit_log", arguments);
        JsonElement.ArrayEnumerator entries = log.GetProperty("entries").EnumerateArray();
        return string.Join(' ', entries.Select(entry => entry.GetProperty("user_id").GetString()!["user_".Length..]));
    }
}

/// <summary>A clock that goes on when it is told to.</summary>
internal sealed class SteppedClock(DateTimeOffset start) : TimeProvider
{
    private long _ticks = start.UtcTicks;

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref _ticks), TimeSpan.Zero);

    public void Step(TimeSpan step) => Interlocked.Add(ref _ticks, step.Ticks);
}
