using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Tests.Fakes;

// The level of log messages is deprecated in the protocol and still part of its older revisions.
#pragma warning disable MCP9005

namespace Varve.Mcp.Tests.Http;

/// <summary>Every revision on one URL, with the SDK's own client.</summary>
public sealed class ErasTests
{
    private const string Modern = "2026-07-28";

    [Theory]
    [InlineData("2024-11-05")]
    [InlineData("2025-03-26")]
    [InlineData("2025-06-18")]
    [InlineData("2025-11-25")]
    [InlineData(Modern)]
    public async Task A_client_of_any_revision_finds_calls_and_reads_everything(string revision)
    {
        await using McpHost host = await McpHost.StartAsync();
        await using McpClient client = await host.ConnectAsync(revision);
        Assert.Equal(revision, client.NegotiatedProtocolVersion);
        Assert.Equal(revision == Modern, client.SessionId is null);
        IList<McpClientTool> tools = await client.ListToolsAsync();
        Assert.Contains(tools, tool => tool.Name == "add" && tool.ProtocolTool.Annotations?.ReadOnlyHint == true);
        CallToolResult sum = await client.CallToolAsync("add", Arguments(("left", 1), ("right", 2)));
        Assert.Equal("""{"total":3}""", sum.StructuredContent?.GetRawText());
        Assert.Equal("fine", Text((await client.ReadResourceAsync("test://state")).Contents));
        Assert.Equal("item 7", Text((await client.ReadResourceAsync("test://items/7")).Contents));
        GetPromptResult prompt = await client.GetPromptAsync("greet", Arguments(("name", "Ada")));
        Assert.Equal("Greet Ada.", ((TextContentBlock)prompt.Messages.Single().Content).Text);
        CompleteResult completed = await client.CompleteAsync(new PromptReference { Name = "greet" }, "name", "Ad");
        Assert.Equal((100, true, "Ad0"), (completed.Completion.Values.Count, completed.Completion.HasMore, completed.Completion.Values[0]));
    }

    [Theory]
    [InlineData("2025-06-18")]
    [InlineData("2025-11-25")]
    [InlineData(Modern)]
    public async Task Progress_comes_to_clients_of_any_revision(string revision)
    {
        await using McpHost host = await McpHost.StartAsync();
        await using McpClient client = await host.ConnectAsync(revision);
        Notices<float> steps = new();
        await using IAsyncDisposable registration = client.RegisterNotificationHandler(
            NotificationMethods.ProgressNotification, (notice, _) =>
            {
                steps.Add(notice.Params!["progress"]!.GetValue<float>());
                return default;
            });
        CallToolRequestParams call = new() { Name = "climb", Arguments = Json(("steps", 4)), Meta = new() { ["progressToken"] = "t" } };
        Assert.Equal("at the top", Text((await client.CallToolAsync(call)).Content));
        // The client handles notices beside each other, so it can tell their number and not their order.
        Assert.Equal([1, 2, 3, 4], (await steps.NextAsync(4)).Order());
    }

    [Fact]
    public async Task Progress_stands_in_order_before_the_result()
    {
        await using McpHost host = await McpHost.StartAsync();
        JsonObject parameters = new() { ["name"] = "climb", ["arguments"] = new JsonObject { ["steps"] = 3 } };
        parameters["_meta"] = new JsonObject { ["progressToken"] = "t" };
        using HttpRequestMessage request = host.ModernRequest("tools/call", parameters);
        using HttpResponseMessage response = await host.Http.SendAsync(request);
        JsonNode[] messages = RawRequests.Messages(await response.Content.ReadAsStringAsync());
        Assert.Equal([1, 2, 3, null], messages.Select(message => (int?)message["params"]?["progress"]));
        Assert.Equal("at the top", messages[^1].Text());
    }

    [Fact]
    public async Task A_session_s_log_has_the_level_that_its_client_set()
    {
        await using McpHost host = await McpHost.StartAsync();
        await using McpClient client = await host.ConnectAsync("2025-11-25");
        Notices<string> log = new();
        await using IAsyncDisposable registration = client.RegisterNotificationHandler(
            NotificationMethods.LoggingMessageNotification, (notice, _) =>
            {
                log.Add((string)notice.Params!["data"]!);
                return default;
            });
        await client.CallToolAsync("log");
        Assert.Equal("a warning", await log.NextAsync());
        await client.SetLoggingLevelAsync(LoggingLevel.Debug);
        await client.CallToolAsync("log");
        Assert.Equal(["a detail", "a warning"], (await log.NextAsync(2)).Order());
    }

    [Theory]
    [InlineData(null, 0)]
    [InlineData("warning", 1)]
    [InlineData("debug", 2)]
    public async Task A_modern_client_says_with_each_request_what_it_wants_of_the_log(string? level, int count)
    {
        await using McpHost host = await McpHost.StartAsync();
        JsonObject parameters = new() { ["name"] = "log", ["_meta"] = new JsonObject() };
        if (level is not null) parameters["_meta"]!["io.modelcontextprotocol/logLevel"] = level;
        using HttpRequestMessage request = host.ModernRequest("tools/call", parameters);
        using HttpResponseMessage response = await host.Http.SendAsync(request);
        Assert.Equal(count + 1, RawRequests.Messages(await response.Content.ReadAsStringAsync()).Length);
    }

    [Theory]
    [InlineData("2025-06-18")]
    [InlineData("2025-11-25")]
    public async Task A_tool_asks_the_user_of_a_session(string revision)
    {
        await using McpHost host = await McpHost.StartAsync();
        McpClientOptions options = new();
        options.Handlers.ElicitationHandler = (_, _) => new(new ElicitResult { Action = "decline" });
        await using McpClient client = await host.ConnectAsync(revision, options);
        Assert.Equal("decline", Text((await client.CallToolAsync("ask")).Content));
    }

    [Fact]
    public async Task An_unknown_resource_is_named_in_the_error()
    {
        await using McpHost host = await McpHost.StartAsync();
        JsonObject parameters = new() { ["uri"] = "test://none" };
        (_, JsonNode? modern) = await host.SendAsync(host.ModernRequest("resources/read", parameters));
        Assert.Equal((-32602, "test://none"), (modern.ErrorCode(), (string?)modern!["error"]!["data"]!["uri"]));
        (_, JsonNode? legacy) = await host.SendAsync(
            host.LegacyRequest(await host.InitializeAsync(), "resources/read", parameters, 2));
        Assert.Equal((-32002, "test://none"), (legacy.ErrorCode(), (string?)legacy!["error"]!["data"]!["uri"]));
    }

    [Fact]
    public async Task Arguments_of_prompts_are_named_too()
    {
        await using McpHost host = await McpHost.StartAsync();
        await using McpClient client = await host.ConnectAsync(Modern);
        McpProtocolException missing = await Assert.ThrowsAsync<McpProtocolException>(async () => await client.GetPromptAsync("greet"));
        Assert.Equal(McpErrorCode.InvalidParams, missing.ErrorCode);
        Assert.Contains("'name' is required", missing.Message, StringComparison.Ordinal);
        McpProtocolException unknown = await Assert.ThrowsAsync<McpProtocolException>(
            async () => await client.GetPromptAsync("greet", Arguments(("name", "Ada"), ("title", "Countess"))));
        Assert.Contains("'title' is unknown", unknown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hints_for_caches_go_to_modern_clients_alone()
    {
        await using McpHost host = await McpHost.StartAsync(options => options.CacheTimeToLive = TimeSpan.FromSeconds(3));
        (_, JsonNode? modern) = await host.SendAsync(host.ModernRequest("tools/list"));
        Assert.Equal((3_000, "private"), ((int)modern!["result"]!["ttlMs"]!, (string?)modern["result"]!["cacheScope"]));
        (_, JsonNode? legacy) = await host.SendAsync(
            host.LegacyRequest(await host.InitializeAsync(), "tools/list", id: 2));
        Assert.Null(legacy!["result"]!["ttlMs"]);
    }

    private static Dictionary<string, object?> Arguments(params (string Name, object Value)[] values) =>
        values.ToDictionary(value => value.Name, value => (object?)value.Value);

    private static Dictionary<string, JsonElement> Json(params (string Name, object Value)[] values) =>
        values.ToDictionary(value => value.Name, value => JsonSerializer.SerializeToElement(value.Value));

    private static string Text(IList<ContentBlock> content) => ((TextContentBlock)content.Single()).Text;

    private static string Text(IList<ResourceContents> content) => ((TextResourceContents)content.Single()).Text;
}
