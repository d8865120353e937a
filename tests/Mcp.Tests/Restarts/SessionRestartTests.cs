using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>Sessions and their streams in a store: they are the same in the next server, until they end.</summary>
public sealed class SessionRestartTests
{
    [Fact]
    public async Task A_session_goes_on_and_its_end_is_final()
    {
        await using RestartHost host = await RestartHost.StartAsync();
        string kept = await host.Server.InitializeAsync();
        string ended = await host.Server.InitializeAsync();
        Assert.Equal(200, await host.Server.StatusAsync(Delete(host.Server, ended)));
        await host.KillAsync();
        Assert.Equal(200, await host.Server.StatusAsync(host.Server.LegacyRequest(kept, "tools/list", id: 2)));
        Assert.Equal(404, await host.Server.StatusAsync(host.Server.LegacyRequest(ended, "tools/list", id: 2)));
        Assert.Equal(200, await host.Server.StatusAsync(Delete(host.Server, kept)));
        await host.KillAsync();
        Assert.Equal(404, await host.Server.StatusAsync(host.Server.LegacyRequest(kept, "tools/list", id: 3)));
        Assert.Equal(0, host.Rows[InternalMaps.Sessions]);
    }

    [Fact]
    public async Task A_session_of_an_older_revision_goes_on()
    {
        await using RestartHost host = await RestartHost.StartAsync();
        string session = await host.Server.InitializeAsync("2025-06-18");
        await host.KillAsync();
        HttpRequestMessage request = host.Server.Request("""{"jsonrpc":"2.0","id":2,"method":"tools/list"}""");
        request.Headers.Add("Mcp-Session-Id", session);
        request.Headers.Add("MCP-Protocol-Version", "2025-06-18");
        Assert.Equal(200, await host.Server.StatusAsync(request));
        Assert.Equal(0, host.Rows.GetValueOrDefault(InternalMaps.Events));
    }

    [Fact]
    public async Task S7_a_session_is_nobody_elses_behind_a_restart_too()
    {
        await using RestartHost host = await RestartHost.StartAsync(configure: options =>
        {
            options.Http.ApiKeys.Add("me", "my key");
            options.Http.ApiKeys.Add("you", "your key");
        });
        string session = await host.Server.InitializeAsync(key: "my key");
        await host.KillAsync();
        foreach ((string key, int status) in new[] { ("your key", 404), ("my key", 200) })
        {
            HttpRequestMessage request = host.Server.LegacyRequest(session, "tools/list", id: 2);
            request.Headers.Add("X-API-Key", key);
            Assert.Equal(status, await host.Server.StatusAsync(request));
        }
    }

    [Fact]
    public async Task Idle_sessions_expire_and_the_idlest_make_room_also_those_of_earlier_servers()
    {
        ManualTime time = new();
        await using RestartHost host = await RestartHost.StartAsync(time: time, configure: options => options.Http.SessionsMax = 3);
        List<string> sessions = [];
        for (int session = 0; session < 3; session++)
        {
            sessions.Add(await host.Server.InitializeAsync());
            time.Advance(TimeSpan.FromMinutes(1));
        }

        await host.KillAsync();
        sessions.Add(await host.Server.InitializeAsync());
        await host.Server.Sessions.SweepAsync(3, CancellationToken.None);
        Assert.Equal([404, 200, 200, 200], await StatusesAsync(host.Server, sessions));
        time.Advance(TimeSpan.FromHours(23));
        await host.Server.Sessions.SweepAsync(3, CancellationToken.None);
        Assert.Equal(200, await host.Server.StatusAsync(host.Server.LegacyRequest(sessions[1], "tools/list", id: 4)));
        await host.Server.Sessions.SweepAsync(3, CancellationToken.None);
        await host.KillAsync();
        time.Advance(TimeSpan.FromHours(2));
        await host.Server.Sessions.SweepAsync(3, CancellationToken.None);
        Assert.Equal([404, 200, 404, 404], await StatusesAsync(host.Server, sessions));
        Assert.Equal(1, host.Rows[InternalMaps.Sessions]);
    }

    [Fact]
    public async Task What_a_session_has_subscribed_to_is_told_once_behind_a_restart()
    {
        await using RestartHost host = await RestartHost.StartAsync();
        string session = await host.Server.InitializeAsync();
        string[] uris = ["test://items/1", "test://items/2"];
        for (int i = 0; i < uris.Length; i++)
        {
            JsonObject uri = new() { ["uri"] = uris[i] };
            Assert.Equal(200, await host.Server.StatusAsync(
                host.Server.LegacyRequest(session, RequestMethods.ResourcesSubscribe, uri, 10 + i)));
        }

        await host.KillAsync();
        using EventReader stream = await host.Server.OpenAsync(host.Server.Listen(session));
        List<string?> told = [];
        while (told.Count < uris.Length) told.Add((string?)(await stream.NextAsync())!.Value.Message["params"]!["uri"]);
        Assert.Equal(uris, told.Order());

        // And what changes from now on: nothing came in between.
        JsonObject change = new() { ["uri"] = uris[0] };
        await host.Server.SendAsync(host.Server.LegacyCall(session, "touch", change, id: 20));
        (string? id, JsonNode message) = (await stream.NextAsync())!.Value;
        Assert.Equal(("session-00000003", uris[0]), (id, (string?)message["params"]!["uri"]));
    }

    [Fact]
    public async Task The_stream_of_a_session_is_read_on_by_the_last_event_and_without_it_from_now_on()
    {
        ManualTime time = new();
        await using RestartHost host = await RestartHost.StartAsync(time: time);
        string session = await host.Server.InitializeAsync();
        for (int i = 1; i <= 3; i++) await host.Events.AppendAsync(session, "session", Notice(i), CancellationToken.None);
        await host.KillAsync();
        using (EventReader behind = await host.Server.OpenAsync(host.Server.Listen(session, "session-00000001")))
        {
            Assert.Equal("session-00000002", (await behind.NextAsync())!.Value.Id);
            Assert.Equal("session-00000003", (await behind.NextAsync())!.Value.Id);
        }

        using EventReader tail = await host.Server.OpenAsync(host.Server.Listen(session));
        await host.Events.AppendAsync(session, "session", Notice(4), CancellationToken.None);
        Assert.Equal("session-00000004", (await tail.NextAsync())!.Value.Id);
    }

    [Fact]
    public async Task Whatever_write_a_server_is_killed_at_a_session_is_what_its_client_was_told()
    {
        int write = 0;
        bool wasKilled = true;
        while (wasKilled)
        {
            write++;
            for (int behind = 0; behind < 2; behind++)
            {
                string where = $"write {write}, {(behind == 1 ? "behind" : "before")} it";
                await using RestartHost host = await RestartHost.StartAsync();
                (host.Store.DiesAtWrite, host.Store.DiesBehindWrite) = (host.Store.Writes + write, behind == 1);
                string? session = await TellAsync(host, async () => await host.Server.InitializeAsync());
                bool isSubscribed = session is not null && await IsTrueAsync(host, Subscribe(host.Server, session));
                bool isEnded = isSubscribed && await IsTrueAsync(host, Delete(host.Server, session!));
                wasKilled = host.Store.IsDead;
                await host.KillAsync();
                if (session is null) continue;
                int status = await host.Server.StatusAsync(host.Server.LegacyRequest(session, "tools/list", id: 3));

                // Where the end was not told it may have happened or not.
                if (isEnded) Assert.True(status == 404, $"{where}: {status}");
                else Assert.True(status == 200 || isSubscribed, $"{where}: {status}");
                if (!isSubscribed || status != 200) continue;
                using EventReader stream = await host.Server.OpenAsync(host.Server.Listen(session));
                Assert.Equal("test://items/1", (string?)(await stream.NextAsync())!.Value.Message["params"]!["uri"]);
            }
        }

        Assert.True(write > 6, $"{write} writes");
    }

    private static HttpRequestMessage Subscribe(McpHost server, string session) =>
        server.LegacyRequest(session, RequestMethods.ResourcesSubscribe, new JsonObject { ["uri"] = "test://items/1" }, 2);

    /// <summary>What a client was told; default when the server was killed before it could.</summary>
    private static async Task<T?> TellAsync<T>(RestartHost host, Func<Task<T>> ask)
    {
        Task<T> asking = ask();
        await Task.WhenAny(asking, host.Store.Died);
        if (host.Store.IsDead) return default;
        return await asking;
    }

    private static async Task<bool> IsTrueAsync(RestartHost host, HttpRequestMessage request) =>
        await TellAsync(host, () => host.Server.StatusAsync(request)) == 200;

    private static JsonRpcNotification Notice(int number) => new() { Method = "test", Params = new JsonObject { ["number"] = number } };

    private static async Task<List<int>> StatusesAsync(McpHost server, IEnumerable<string> sessions)
    {
        List<int> statuses = [];
        foreach (string session in sessions) statuses.Add(await server.StatusAsync(server.LegacyRequest(session, "tools/list", id: 7)));
        return statuses;
    }

    private static HttpRequestMessage Delete(McpHost server, string session)
    {
        HttpRequestMessage request = new(HttpMethod.Delete, server.Url);
        request.Headers.Add("Mcp-Session-Id", session);
        return request;
    }
}
