using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Cli.Tests;

public sealed class JourneysServerTests : ServerHouse
{
    private const string Tool = "journeys_tool";

    [Fact]
    public async Task Journeys_are_made_changed_and_deleted()
    {
        await using TestServer server = await StartAsync();
        JsonElement made = (await server.GetAsync(Tool, new { action = "create", name = "New Journey" })).GetProperty("data");
        Assert.Equal("journey-001", made.GetProperty("journey_id").GetString());
        await server.GetAsync(Tool, new { action = "update", journey_id = "journey-001", description = "Along the coast" });
        JsonElement read = (await server.GetAsync(Tool, new { action = "get", journey_id = "journey-001" })).GetProperty("data");
        Assert.Equal("New Journey", read.GetProperty("name").GetString());
        Assert.Equal("Along the coast", read.GetProperty("description").GetString());
        await server.GetAsync(Tool, new { action = "delete", journey_id = "journey-001" });
        JsonElement gone = await server.GetErrorAsync(Tool, new { action = "delete", journey_id = "journey-001" });
        Assert.Equal("Journey not found: journey-001", gone.GetProperty("message").GetString());
        JsonElement next = (await server.GetAsync(Tool, new { action = "create", name = "Another" })).GetProperty("data");
        Assert.Equal("journey-002", next.GetProperty("journey_id").GetString());
    }

    [Fact]
    public async Task What_an_action_needs_is_asked_for()
    {
        await using TestServer server = await StartAsync();
        foreach (string action in (string[])["get", "update", "delete"])
            Assert.Contains("journey_id is needed", (await server.GetErrorAsync(Tool, new { action })).GetProperty("message").GetString());
        Assert.Contains("name is needed", (await server.GetErrorAsync(Tool, new { action = "create" })).GetProperty("message").GetString());
    }

    [Fact]
    public async Task A_list_comes_with_progress_and_in_chunks_for_those_who_want_them()
    {
        await using TestServer server = await StartAsync();
        for (int i = 0; i < 3; i++) await server.GetAsync(Tool, new { action = "create", name = $"j{i}" });
        ConcurrentQueue<JsonNode> chunks = [];
        ConcurrentQueue<JsonNode> progress = [];
        await using IAsyncDisposable chunked = server.Client.RegisterNotificationHandler("notifications/varve/chunk", (notification, _) =>
        {
            chunks.Enqueue(notification.Params!);
            return ValueTask.CompletedTask;
        });
        await using IAsyncDisposable progressed = server.Client.RegisterNotificationHandler("notifications/progress", (notification, _) =>
        {
            progress.Enqueue(notification.Params!);
            return ValueTask.CompletedTask;
        });
        var request = new CallToolRequestParams
        {
            Name = Tool,
            Arguments = new Dictionary<string, JsonElement> { ["action"] = JsonSerializer.SerializeToElement("list") },
            Meta = new JsonObject { ["io.varve/chunks"] = true, ["progressToken"] = "t" },
        };
        CallToolResult result = await server.Client.CallToolAsync(request);
        Assert.Equal(3, result.StructuredContent!.Value.GetProperty("data").GetArrayLength());

        // The client gives notices to its handlers beside each other.
        Assert.True(SpinWait.SpinUntil(() => chunks.Count == 3 && progress.Count == 3, TimeSpan.FromSeconds(20)));
        JsonNode[] inOrder = [.. chunks.OrderBy(chunk => (int)chunk["index"]!)];
        Assert.Equal([0, 1, 2], inOrder.Select(chunk => (int)chunk["index"]!));
        Assert.Equal("journey-003", (string?)inOrder[2]["data"]!["journey_id"]);
        Assert.All(inOrder, chunk => Assert.Equal("t", (string?)chunk["progressToken"]));
        IEnumerable<string?> messages = progress.OrderBy(report => (float)report["progress"]!).Select(report => (string?)report["message"]);
        Assert.Equal(["Loading data...", "Processing...", "Done"], messages);
        request.Meta = null;
        await server.Client.CallToolAsync(request);
        Assert.Equal(3, chunks.Count);
    }

    private Task<TestServer> StartAsync() => TestServer.StartAsync(Database, "journeys");
}
