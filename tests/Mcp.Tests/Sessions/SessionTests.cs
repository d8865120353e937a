using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Sessions;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Sessions;

/// <summary>Sessions over HTTP: who has them, how long they last, and how a client goes on after a break.</summary>
public sealed class SessionTests
{
    [Fact]
    public async Task S7_ids_are_random_and_unknown_ones_are_not_found()
    {
        await using McpHost host = await McpHost.StartAsync();
        HashSet<string> ids = [];
        for (int session = 0; session < 20; session++) ids.Add(await host.InitializeAsync());
        Assert.Equal(20, ids.Count);
        // 16 random bytes are 22 characters of base64.
        Assert.All(ids, id => Assert.Equal(22, id.Length));
        (int status, JsonNode? message) = await host.SendAsync(host.LegacyRequest("AAAAAAAAAAAAAAAAAAAAAA", "tools/list"));
        Assert.Equal((404, -32001), (status, message.ErrorCode()));
        Assert.Equal(404, await host.StatusAsync(host.Listen("AAAAAAAAAAAAAAAAAAAAAA")));
    }

    [Fact]
    public async Task S7_a_session_is_no_authentication_and_nobody_elses()
    {
        await using McpHost host = await McpHost.StartAsync(options =>
        {
            options.Http.ApiKeys.Add("me", "my key");
            options.Http.ApiKeys.Add("you", "your key");
        });
        string session = await host.InitializeAsync(key: "my key");
        Assert.Equal(401, await host.StatusAsync(host.LegacyRequest(session, "tools/list")));
        foreach ((string key, int status) in new[] { ("my key", 200), ("your key", 404) })
        {
            HttpRequestMessage request = host.LegacyRequest(session, "tools/list");
            request.Headers.Add("X-API-Key", key);
            Assert.Equal(status, await host.StatusAsync(request));
        }
        HttpRequestMessage end = new(HttpMethod.Delete, host.Url);
        end.Headers.Add("Mcp-Session-Id", session);
        end.Headers.Add("X-API-Key", "your key");
        Assert.Equal(404, await host.StatusAsync(end));
    }

    [Fact]
    public async Task S7_only_initialize_begins_a_session_and_only_a_right_one()
    {
        await using McpHost host = await McpHost.StartAsync();
        Assert.Equal(400, await host.StatusAsync(host.LegacyRequest(null, "tools/list")));
        JsonObject wrong = new() { ["protocolVersion"] = 7 };
        (int status, JsonNode? message) = await host.SendAsync(host.LegacyRequest(null, "initialize", wrong));
        Assert.Equal((400, -32602), (status, message.ErrorCode()));
        Assert.Equal(400, await host.StatusAsync(new HttpRequestMessage(HttpMethod.Delete, host.Url)));
    }

    [Fact]
    public async Task S7_the_session_idle_for_longest_makes_room_for_a_new_one()
    {
        ManualTime time = new();
        await using McpHost host = await McpHost.StartAsync(
            options => options.Http.SessionsMax = 2, services => services.AddSingleton<TimeProvider>(time));
        List<string> sessions = [];
        for (int session = 0; session < 3; session++)
        {
            sessions.Add(await host.InitializeAsync());
            time.Advance(TimeSpan.FromSeconds(1));
        }
        List<int> statuses = [];
        foreach (string session in sessions) statuses.Add(await host.StatusAsync(host.LegacyRequest(session, "tools/list")));
        Assert.Equal([404, 200, 200], statuses);
    }

    [Fact]
    public async Task S7_an_idle_session_expires()
    {
        ManualTime time = new();
        await using McpHost host = await McpHost.StartAsync(addServices: services => services.AddSingleton<TimeProvider>(time));
        string used = await host.InitializeAsync();
        string idle = await host.InitializeAsync();
        for (int hour = 0; hour < 25; hour++)
        {
            time.Advance(TimeSpan.FromHours(1));
            await host.Sessions.SweepAsync(10, CancellationToken.None);
            Assert.Equal(200, await host.StatusAsync(host.LegacyRequest(used, "tools/list", id: hour + 1)));
            await host.Sessions.SweepAsync(10, CancellationToken.None);
        }
        Assert.Equal(404, await host.StatusAsync(host.LegacyRequest(idle, "tools/list")));
    }

    [Fact]
    public async Task S7_an_event_of_another_session_is_refused()
    {
        await using McpHost host = await McpHost.StartAsync();
        string mine = await host.InitializeAsync();
        string yours = await host.InitializeAsync();
        using EventReader call = await host.OpenAsync(host.LegacyCall(mine, "echo", new JsonObject { ["text"] = "secret" }, id: 7));
        string id = (await call.NextAsync())!.Value.Id!;
        Assert.Equal(400, await host.StatusAsync(host.Listen(yours, id)));
        Assert.Equal(400, await host.StatusAsync(host.Listen(mine, "no event")));
        Assert.Equal(400, await host.StatusAsync(host.Listen(mine, $"{id[..^8]}ffffffff")));
    }

    [Fact]
    public async Task A_session_ends_when_its_client_says_so()
    {
        await using McpHost host = await McpHost.StartAsync();
        string session = await host.InitializeAsync();
        using EventReader stream = await host.OpenAsync(host.Listen(session));
        Assert.Equal(200, await host.StatusAsync(Delete(host, session)));
        Assert.Null(await stream.NextAsync());
        Assert.Equal(404, await host.StatusAsync(host.LegacyRequest(session, "tools/list")));
        Assert.Equal(404, await host.StatusAsync(Delete(host, session)));
    }

    [Fact]
    public async Task The_end_of_a_session_cancels_its_calls()
    {
        await using McpHost host = await McpHost.StartAsync();
        string session = await host.InitializeAsync();
        Task<(int Status, JsonNode? Message)> call = host.SendAsync(host.LegacyCall(session, "wait"));
        await host.Gate.Entered.WaitAsync();
        Assert.Equal(200, await host.StatusAsync(Delete(host, session)));
        await host.Gate.Cancelled.WaitAsync();
        await call;
    }

    [Fact]
    public async Task A_call_whose_client_left_goes_on_and_its_result_is_kept()
    {
        await using McpHost host = await McpHost.StartAsync();
        string session = await host.InitializeAsync();
        string primed;
        using (EventReader call = await host.OpenAsync(host.LegacyCall(session, "wait", id: 5)))
        {
            await host.Gate.Entered.WaitAsync();
            string? line;
            do line = await call.ReadLineAsync();
            while (line?.StartsWith("id: ", StringComparison.Ordinal) == false);
            primed = line![4..];
        }
        host.Gate.Open();
        using EventReader resumed = await host.OpenAsync(host.Listen(session, primed));
        (string? id, JsonNode message) = (await resumed.NextAsync())!.Value;
        Assert.Equal((5, "went through"), ((int)message["id"]!, message.Text()));
        Assert.Null(await resumed.NextAsync());
        Assert.Equal($"{primed[..^8]}00000002", id);
        using EventReader again = await host.OpenAsync(host.Listen(session, primed));
        Assert.Equal(message.ToJsonString(), (await again.NextAsync())!.Value.Message.ToJsonString());
        using EventReader after = await host.OpenAsync(host.Listen(session, id));
        Assert.Null(await after.NextAsync());
    }

    [Fact]
    public async Task Messages_that_answer_no_request_wait_for_a_stream_and_come_once()
    {
        await using McpHost host = await McpHost.StartAsync();
        string session = await host.InitializeAsync();
        Assert.Equal(200, await host.StatusAsync(Subscribe(host, session)));
        await host.SendAsync(Touch(host, session));
        string? id;
        using (EventReader first = await host.OpenAsync(host.Listen(session)))
        {
            (id, JsonNode message) = (await first.NextAsync())!.Value;
            Assert.Equal("test://state", (string?)message["params"]!["uri"]);
            // A second stream takes over, and the first one ends.
            using EventReader second = await host.OpenAsync(host.Listen(session));
            Assert.Null(await first.NextAsync());
            await host.SendAsync(Touch(host, session));
            Assert.Equal($"{id![..^8]}00000002", (await second.NextAsync())!.Value.Id);
        }
        using EventReader replayed = await host.OpenAsync(host.Listen(session, id));
        Assert.Equal($"{id[..^8]}00000002", (await replayed.NextAsync())!.Value.Id);
    }

    [Fact]
    public async Task A_session_that_was_put_aside_goes_on_as_if_nothing_had_been()
    {
        ManualTime time = new();
        await using McpHost host = await McpHost.StartAsync(addServices: services => services.AddSingleton<TimeProvider>(time));
        string session = await host.InitializeAsync();
        Assert.Equal(200, await host.StatusAsync(Subscribe(host, session)));
        JsonObject level = new() { ["level"] = "error" };
        Assert.Equal(200, await host.StatusAsync(host.LegacyRequest(session, "logging/setLevel", level, 3)));
        HttpSession before = host.Sessions.TryEnterReady(session)!;
        host.Sessions.Leave(before);

        // The request's answer comes before its handler has left.
        await before.WhenFree();
        time.Advance(TimeSpan.FromMinutes(6));
        await host.Sessions.SweepAsync(10, CancellationToken.None);
        Assert.Null(host.Sessions.TryEnterReady(session));
        // It has its level of log messages, and hears once of each resource that it listens to.
        using EventReader call = await host.OpenAsync(host.LegacyCall(session, "log", id: 4));
        Assert.Equal("logged", (await call.NextAsync())!.Value.Message.Text());
        HttpSession after = host.Sessions.TryEnterReady(session)!;
        host.Sessions.Leave(after);
        Assert.NotSame(before, after);
        Assert.Equal("test", after.Server.ClientInfo?.Name);
        using EventReader stream = await host.OpenAsync(host.Listen(session));
        Assert.Equal("notifications/resources/updated", (string?)(await stream.NextAsync())!.Value.Message["method"]);
    }

    [Fact]
    public async Task A_session_with_a_call_under_way_is_not_put_aside()
    {
        ManualTime time = new();
        await using McpHost host = await McpHost.StartAsync(addServices: services => services.AddSingleton<TimeProvider>(time));
        string session = await host.InitializeAsync();
        using (await host.OpenAsync(host.LegacyCall(session, "wait"))) await host.Gate.Entered.WaitAsync();
        time.Advance(TimeSpan.FromMinutes(30));
        await host.Sessions.SweepAsync(10, CancellationToken.None);
        HttpSession? ready = host.Sessions.TryEnterReady(session);
        Assert.NotNull(ready);
        host.Sessions.Leave(ready);
        Assert.Equal(0, host.Gate.Cancelled.CurrentCount);
    }

    [Fact]
    public async Task A_store_of_ones_own_takes_the_place_of_the_one_in_memory()
    {
        MemorySessionStore store = new();
        string session;
        await using (McpHost first = await McpHost.StartAsync(addServices: services => services.AddSingleton<ISessionStore>(store)))
            session = await first.InitializeAsync();
        // Another process, as it were: the session is known there, and goes on.
        await using McpHost second = await McpHost.StartAsync(addServices: services => services.AddSingleton<ISessionStore>(store));
        Assert.Equal(200, await second.StatusAsync(second.LegacyRequest(session, "tools/list")));
        Assert.Equal("2025-11-25", (await store.FindAsync(session, default))!.Client.ProtocolVersion);
    }

    private static HttpRequestMessage Subscribe(McpHost host, string session) =>
        host.LegacyRequest(session, RequestMethods.ResourcesSubscribe, new JsonObject { ["uri"] = "test://state" }, 2);

    private static HttpRequestMessage Touch(McpHost host, string session) =>
        host.LegacyCall(session, "touch", new JsonObject { ["uri"] = "test://state" }, id: Random.Shared.Next(1_000, 1_000_000));

    private static HttpRequestMessage Delete(McpHost host, string session)
    {
        HttpRequestMessage request = new(HttpMethod.Delete, host.Url);
        request.Headers.Add("Mcp-Session-Id", session);
        return request;
    }
}
