using System.Net.WebSockets;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Varve.Mcp.Gateway.Streams;
using Varve.Mcp.Gateway.Tests.Fakes;

namespace Varve.Mcp.Gateway.Tests.Streams;

/// <summary>Calls over WebSockets.</summary>
public sealed class SocketTests
{
    [Fact]
    public async Task A_call_is_started_tells_and_completes()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        host.Gate.Open();
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/wait");
        await client.SendAsync("""{"arguments": {}, "id": "req-123"}""");
        Assert.Equal("""{"event":"started","id":"req-123"}""", (await client.NextAsync())!.ToJsonString());
        Assert.Equal(
            """{"event":"progress","id":"req-123","progress":1,"total":2,"message":"waiting"}""",
            (await client.NextAsync())!.ToJsonString());
        Assert.Equal(
            """{"event":"complete","id":"req-123","result":{"status":"success","data":"went through"}}""",
            (await client.NextAsync())!.ToJsonString());
        await client.Socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, client.Socket.CloseStatus);
    }

    [Fact]
    public async Task Calls_run_side_by_side_and_each_event_has_its_id()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/count");
        await client.SendAsync("""{"arguments": {"until": 2, "wait": true}, "id": "slow"}""");
        await client.FindAsync("chunk", "slow");
        for (int number = 0; number < 50; number++) await client.SendAsync($$"""{"arguments": {"until": 3}, "id": "n{{number}}"}""");
        HashSet<string> completed = [];
        Dictionary<string, int> chunks = [];
        while (completed.Count < 50)
        {
            JsonNode message = (await client.NextAsync())!;
            string id = (string)message["id"]!;
            if ((string?)message["event"] == "complete") Assert.True(completed.Add(id));
            else if ((string?)message["event"] == "chunk") chunks[id] = chunks.GetValueOrDefault(id) + 1;
        }
        Assert.DoesNotContain("slow", completed);
        Assert.All(completed, id => Assert.Equal(3, chunks[id]));
        host.Gate.Open();
        JsonNode slow = await client.FindAsync("complete", "slow");
        Assert.Equal("[1,2]", slow["result"]!["data"]!["data"]!.ToJsonString());
    }

    [Fact]
    public async Task A_request_is_cancelled_by_its_id()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/wait");
        await client.SendAsync("""{"arguments": {}, "id": "a"}""");
        await client.SendAsync("""{"arguments": {}, "id": "b"}""");
        Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        await client.SendAsync("""{"cancel": true, "id": "a"}""");
        Assert.Equal("cancelled", (string?)(await client.FindAsync("error", "a"))["code"]);
        Assert.True(await host.Gate.Cancelled.WaitAsync(GatewayHost.Patience));
        await client.SendAsync("""{"cancel": true, "id": "a"}""");
        Assert.Equal("not_found", (string?)(await client.FindAsync("error", "a"))["code"]);
        host.Gate.Open();
        await client.FindAsync("complete", "b");
    }

    [Fact]
    public async Task An_id_is_made_where_there_is_none_and_is_one_requests_alone()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/wait");
        await client.SendAsync("""{"arguments": {}}""");
        string made = (string)(await client.FindAsync("started"))["id"]!;
        Assert.NotEmpty(made);
        await client.SendAsync($$"""{"arguments": {}, "id": "{{made}}"}""");
        Assert.Equal(("invalid_request", "id"), Error(await client.FindAsync("error", made)));
        host.Gate.Open();
        await client.FindAsync("complete", made);
        await client.SendAsync($$"""{"arguments": {}, "id": "{{made}}"}""");
        await client.FindAsync("complete", made);
    }

    [Theory]
    [InlineData("""{"arguments": {}, "id": "a", "extra": 1}""", "a", "extra")]
    [InlineData("""{"arguments": 1, "id": "a"}""", "a", "arguments")]
    [InlineData("""{"arguments": {}, "id": 5}""", null, "id")]
    [InlineData("""{"cancel": true}""", null, "id")]
    [InlineData("""{"arguments": {}, "arguments": {}}""", null, "arguments")]
    [InlineData("no JSON", null, null)]
    public async Task A_message_that_cannot_be_read_is_an_error_and_the_socket_stays(string message, string? id, string? field)
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/echo");
        await client.SendAsync(message);
        JsonNode error = (await client.NextAsync())!;
        Assert.Equal(("invalid_request", field), Error(error));
        Assert.Equal(id, (string?)error["id"]);
        await client.SendAsync("""{"arguments": {"text": "still there"}, "id": "next"}""");
        Assert.Equal("still there", (string?)(await client.FindAsync("complete", "next"))["result"]!["data"]);
        await client.SendAsync("""{"arguments": {}, "id": "wrong"}""");
        JsonNode wrong = await client.FindAsync("error", "wrong");
        Assert.Equal(("invalid_argument", "text"), ((string?)wrong["code"], (string?)wrong["argument"]));
    }

    [Fact]
    public async Task Messages_and_requests_in_flight_are_bounded()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(options => options.BodyBytesMax = 4_000);
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/wait");
        for (int number = 0; number < 65; number++) await client.SendAsync($$"""{"arguments": {}, "id": "n{{number}}"}""");
        Assert.Equal("overload", (string?)(await client.FindAsync("error", "n64"))["code"]);
        await client.SendAsync($$"""{"arguments": {"said": "{{new string('x', 4_000)}}" } }""");
        while (await client.NextAsync() is not null)
        {
        }
        Assert.Equal(WebSocketCloseStatus.MessageTooBig, client.Socket.CloseStatus);
        await using SocketClient binary = await SocketClient.ConnectAsync(host, "/ws/tools/wait");
        await binary.Socket.SendAsync(new byte[] { 1 }, WebSocketMessageType.Binary, true, CancellationToken.None);
        Assert.Null(await binary.NextAsync());
        Assert.Equal(WebSocketCloseStatus.InvalidMessageType, binary.Socket.CloseStatus);
    }

    [Fact]
    public async Task A_client_that_leaves_cancels_its_calls_but_those_with_a_key()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using (SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/wait"))
        {
            await client.SendAsync("""{"arguments": {}, "id": "a"}""");
            await client.SendAsync("""{"arguments": {}, "id": "b", "idempotencyKey": "k"}""");
            Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
            Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        }
        Assert.True(await host.Gate.Cancelled.WaitAsync(GatewayHost.Patience));
        host.Gate.Open();
        Reply reply = await host.CallAsync("wait", "{}", ("Idempotency-Key", "k"));
        Assert.Equal("""{"status":"success","data":"went through","replayed":true}""", reply.Text);
        Assert.Equal(0, host.Gate.Cancelled.CurrentCount);
    }

    [Fact]
    public async Task A_client_that_does_not_read_is_cut_off()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(
            options => options.RequestTimeout = GatewayHost.Patience, mcp => mcp.Http.Heartbeat = TimeSpan.FromSeconds(1));
        await using SocketClient client = await SocketClient.ConnectAsync(
            host, "/ws/tools/flood", configure: options => options.KeepAliveInterval = TimeSpan.Zero);
        for (int number = 0; number < 20; number++)
            await client.SendAsync($$"""{"arguments": {"chunks": 40, "length": 100000}, "id": "n{{number}}"}""");
        // Nobody reads: what is sent fills the connection, and what waits is bounded.
        await GatewayHost.UntilAsync(() => host.Services.GetRequiredService<SocketEndpoints>().Sockets == 0);
        WebSocketException cut = await Assert.ThrowsAsync<WebSocketException>(async () =>
        {
            while (await client.NextAsync() is not null)
            {
            }
        });
        Assert.Equal(WebSocketError.ConnectionClosedPrematurely, cut.WebSocketErrorCode);
    }

    [Fact]
    public async Task Only_sockets_are_served_and_of_tools_that_there_are()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Reply plain = await host.GetAsync("/ws/tools/echo");
        Assert.Equal((426, "upgrade_required"), (plain.Status, plain.Problem()));
        Reply unknown = await host.GetAsync("/ws/tools/nothing");
        Assert.Equal((404, "not_found"), (unknown.Status, unknown.Problem()));
    }

    [Fact]
    public async Task A_gateway_that_stops_lets_calls_end_and_closes_its_sockets()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/tools/wait");
        await using SocketClient listener = await SocketClient.ConnectAsync(host, "/ws/notifications");
        await client.SendAsync("""{"arguments": {}, "id": "a"}""");
        Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        Task stopping = host.StopAsync();
        Assert.Null(await listener.NextAsync());
        await listener.Socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        await client.SendAsync("""{"arguments": {}, "id": "late"}""");
        Assert.Equal("overload", (string?)(await client.FindAsync("error", "late"))["code"]);
        host.Gate.Open();
        await client.FindAsync("complete", "a");
        Assert.Null(await client.NextAsync());
        Assert.Equal(WebSocketCloseStatus.EndpointUnavailable, client.Socket.CloseStatus);
        await client.Socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        await stopping.WaitAsync(GatewayHost.Patience);
    }

    [Fact]
    public async Task Notifications_tell_of_tasks_and_of_named_resources()
    {
        FakeTasks tasks = new();
        await using GatewayHost host = await GatewayHost.StartAsync(
            configureMcp: mcp => mcp.SubscriptionsMax = 2, addServices: services => services.AddSingleton<ITaskChanges>(tasks));
        await using SocketClient client = await SocketClient.ConnectAsync(host, "/ws/notifications");
        await client.SendAsync("""{"subscribe": ["test://a"]}""");
        Assert.Equal("""{"event":"subscribed","uris":["test://a"]}""", (await client.NextAsync())!.ToJsonString());
        tasks.Report("task-001", "completed");
        Assert.Equal("""{"event":"task","task_id":"task-001","status":"completed"}""", (await client.NextAsync())!.ToJsonString());
        Varve.Mcp.Subscriptions.ResourceChanges changes = host.Services.GetRequiredService<Varve.Mcp.Subscriptions.ResourceChanges>();
        changes.Report("test://other");
        for (int change = 0; change < 100; change++) changes.Report("test://a");
        Assert.Equal("""{"event":"resource","uri":"test://a"}""", (await client.NextAsync())!.ToJsonString());
        await client.SendAsync("""{"subscribe": "test://a"}""");
        Assert.Equal("subscribe", (string?)(await client.FindAsync("error"))["field"]);
        await client.SendAsync("""{"subscribe": [], "more": 1}""");
        Assert.Equal("more", (string?)(await client.FindAsync("error"))["field"]);
        await client.SendAsync("""{"subscribe": ["test://b", "test://c"]}""");
        Assert.Equal("overload", (string?)(await client.FindAsync("error"))["code"]);
        await client.Socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
        await GatewayHost.UntilAsync(() => !tasks.HasListener);
    }

    private static (string? Code, string? Field) Error(JsonNode error) => ((string?)error["code"], (string?)error["field"]);
}
