using System.Text.Json.Nodes;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Calls;

/// <summary>Tools that give their result item by item.</summary>
public sealed class ChunkTests
{
    [Fact]
    public async Task Items_come_at_once_to_a_caller_that_asked_and_all_of_them_at_the_end()
    {
        await using McpHost host = await McpHost.StartAsync();
        using EventReader stream = await host.OpenAsync(Count(host, 3, wait: true, Asking()));
        for (int index = 0; index < 3; index++)
        {
            JsonNode chunk = (await stream.NextAsync())!.Value.Message;
            Assert.Equal("notifications/varve/chunk", (string?)chunk["method"]);
            Assert.Equal($$"""{"progressToken":9,"index":{{index}},"data":{{index + 1}}}""", chunk["params"]!.ToJsonString());
        }
        // The tool still runs.
        await host.Gate.Entered.WaitAsync();
        host.Gate.Open();
        JsonNode result = (await stream.NextAsync())!.Value.Message;
        Assert.Equal("""{"data":[1,2,3]}""", result.Text());
        Assert.Equal("""{"data":[1,2,3]}""", result["result"]!["structuredContent"]!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"progressToken":9}""")]
    [InlineData("""{"io.varve/chunks":true}""")]
    [InlineData("""{"io.varve/chunks":false,"progressToken":9}""")]
    [InlineData("""{"io.varve/chunks":"yes","progressToken":9}""")]
    public async Task A_caller_that_did_not_ask_gets_the_result_alone(string meta)
    {
        await using McpHost host = await McpHost.StartAsync();
        using HttpRequestMessage request = Count(host, 3, wait: false, (JsonObject)JsonNode.Parse(meta)!);
        using HttpResponseMessage response = await host.Http.SendAsync(request);
        Assert.Equal("""{"data":[1,2,3]}""", RawRequests.Messages(await response.Content.ReadAsStringAsync()).Single().Text());
    }

    [Fact]
    public async Task Schema_and_result_are_objects_for_clients_of_any_revision()
    {
        await using McpHost host = await McpHost.StartAsync();
        string session = await host.InitializeAsync();
        (_, JsonNode? message) = await host.SendAsync(host.LegacyCall(session, "count", new JsonObject { ["until"] = 2 }, 2));
        Assert.Equal("""{"data":[1,2]}""", message!["result"]!["structuredContent"]!.ToJsonString());
        (_, JsonNode? list) = await host.SendAsync(host.LegacyRequest(session, "tools/list", id: 3));
        JsonNode schema = list!["result"]!["tools"]!.AsArray().Single(tool => (string?)tool!["name"] == "count")!["outputSchema"]!;
        Assert.Equal(("object", "array"), ((string?)schema["type"], (string?)schema["properties"]!["data"]!["type"]));
    }

    [Fact]
    public async Task S11_a_client_that_leaves_ends_the_items()
    {
        await using McpHost host = await McpHost.StartAsync();
        using (EventReader stream = await host.OpenAsync(Count(host, 1, wait: true, Asking())))
            Assert.NotNull(await stream.NextAsync());
        await host.Gate.Cancelled.WaitAsync();
    }

    private static JsonObject Asking() => new() { ["io.varve/chunks"] = true, ["progressToken"] = 9 };

    private static HttpRequestMessage Count(McpHost host, int until, bool wait, JsonObject meta) => host.ModernRequest(
        "tools/call",
        new JsonObject { ["name"] = "count", ["arguments"] = new JsonObject { ["until"] = until, ["wait"] = wait }, ["_meta"] = meta });
}
