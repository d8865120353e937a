using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Gateway.Tests.Tools;

namespace Varve.Mcp.Gateway.Tests.Durable;

/// <summary>The SDK's client of both eras through /mcp, to workers that are processes.</summary>
public sealed class GatewayClientTests
{
    [Theory]
    [InlineData(PooledHost.Modern)]
    [InlineData(PooledHost.Legacy)]
    public async Task A_client_lists_calls_and_is_asked(string revision)
    {
        await using DurableGateway gateway = await DurableGateway.StartAsync();
        int asked = 0;
        await using McpClient client = await gateway.ConnectAsync(revision, new McpClientOptions
        {
            Capabilities = new ClientCapabilities { Elicitation = new() { Form = new() } },
            Handlers = new McpClientHandlers
            {
                ElicitationHandler = (question, _) =>
                {
                    Interlocked.Increment(ref asked);
                    Assert.Equal("Which size?", question!.Message);
                    return new(new ElicitResult
                    {
                        Action = "accept",
                        Content = new Dictionary<string, JsonElement> { ["value"] = JsonElement.Parse("\"XL\"") },
                    });
                },
            },
        });
        IList<McpClientTool> tools = await client.ListToolsAsync();
        Assert.Equal(["ask", "flaky", "items", "look", "order", "send"], tools.Select(tool => tool.Name).Order());
        Assert.All(tools, tool => Assert.Null(tool.ProtocolTool.Meta));
        CallToolResult order = await client.CallToolAsync("order", new Dictionary<string, object?> { ["number"] = 1 });
        Assert.Equal("ordered 1 for me", TextOf(order));

        // The worker is killed once behind the answer: the question is not put again, and each effect happens once.
        CallToolResult answer = await client.CallToolAsync(
            "ask", new Dictionary<string, object?> { ["number"] = 2, ["point"] = "answered" });
        Assert.Equal("size XL", TextOf(answer));
        Assert.Equal((1, 1, 1), (asked, gateway.Count("reserve 2"), gateway.Count("pack 2")));
        await foreach (Invocation call in gateway.Journal.ListAsync())
            Assert.Equal((InvocationState.Completed, "me"), (call.State, call.Principal));
    }

    [Fact]
    public async Task Progress_items_and_unkeyed_calls_pass_through()
    {
        await using DurableGateway gateway = await DurableGateway.StartAsync();
        JsonObject meta = new() { ["progressToken"] = "t", ["io.varve/chunks"] = true };
        IReadOnlyList<JsonNode> messages = await gateway.Calls.CallAsync("items", new JsonObject { ["number"] = 5 }, meta);
        Assert.Equal([0, 1, 2, 3, 4], messages.SkipLast(1).Select(message => (int)message["params"]!["data"]!));
        Assert.Equal(5, JsonNode.Parse(RawCalls.TextOf(messages[^1])!)!.AsArray().Count);
    }

    [Fact]
    public async Task The_history_lists_finds_aborts_and_replays_its_callers_calls()
    {
        await using DurableGateway gateway = await DurableGateway.StartAsync();
        await gateway.Calls.CallWithKeyAsync("order", "k", new JsonObject { ["number"] = 1 });
        CallRecord done = Assert.Single(await gateway.History.ListAsync("me", 10, default));
        Assert.Equal(("order", "completed", 1, true), (done.Tool, done.State, done.Attempts, done.IsFinished));
        Assert.Equal(1, (int?)done.Arguments!["number"]);
        Assert.Empty(await gateway.History.ListAsync("somebody else", 10, default));
        Assert.Null(await gateway.History.FindAsync("somebody else", done.Id, default));
        Assert.Null(await gateway.History.ReplayAsync("somebody else", done.Id, default));
        Assert.False(await gateway.History.AbortAsync("me", done.Id, default));

        string replay = (await gateway.History.ReplayAsync("me", done.Id, default))!;
        using (CancellationTokenSource limit = new(DurableGateway.Patience))
            while (await gateway.History.FindAsync("me", replay, default) is not { IsFinished: true }) await Task.Delay(20, limit.Token);
        Assert.Equal((2, 2), (gateway.Count("charge 1"), gateway.Count("ship 1")));

        Task<JsonNode> held = gateway.Calls.CallWithKeyAsync("order", "h", new JsonObject { ["number"] = 2, ["point"] = "held between" });
        await DurableGateway.UntilAsync(() => gateway.Count("held 2") == 1);
        CallRecord running = (await gateway.History.ListAsync("me", 1, default))[0];
        Assert.Equal(("running", false), (running.State, running.IsFinished));
        Assert.True(await gateway.History.AbortAsync("me", running.Id, default));
        JsonNode aborted = await held.WaitAsync(DurableGateway.Patience);
        Assert.Equal("aborted", (string?)aborted["result"]!["_meta"]!["io.varve/error"]!["code"]);
        await File.WriteAllTextAsync(World.GateOf(gateway.Directory), "");
        Assert.NotNull(gateway.History.Store);
        Assert.True(gateway.History.IsOpen);
    }

    [Fact]
    public async Task A_foreign_worker_gets_keys_and_only_what_reads_is_run_again()
    {
        string worker = Pool.TestWorker.Path;
        await using DurableGateway gateway = await DurableGateway.StartAsync(settings => settings with
        {
            Worker = new WorkerCommand("dotnet", worker) { Launcher = ["dotnet", worker, "launch", "--"] },
        });
        JsonObject text = new() { ["text"] = "hello" };
        JsonNode first = await gateway.Calls.CallWithKeyAsync("echo", "k", text);
        JsonNode again = await gateway.Calls.CallWithKeyAsync("echo", "k", text);
        Assert.Equal(("hello", "hello"), (RawCalls.TextOf(first), RawCalls.TextOf(again)));
        Assert.True((bool?)again["result"]!["_meta"]!["io.varve/replayed"]);
        for (int call = 0; call < 2; call++)
            Assert.Equal("stopped", CodeOf(await gateway.Calls.CallWithKeyAsync("crash_write", "w")));
        Assert.Equal("dead", CodeOf(await gateway.Calls.CallWithKeyAsync("crash", "c")));
        Invocation dead = (await gateway.Journal.FindAsync("me", "c"))!;
        Assert.Equal((4, 3), (dead.Attempts, dead.Recoveries));
    }

    private static string? CodeOf(JsonNode answer) => (string?)answer["result"]?["_meta"]?["io.varve/error"]?["code"];

    private static string TextOf(CallToolResult result) => Assert.IsType<TextContentBlock>(Assert.Single(result.Content)).Text;
}
