using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Client;
using ModelContextProtocol.Server;
using Varve.Mcp.Subscriptions;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Subscriptions;

/// <summary>Changes of resources and lists, as clients of both eras hear of them.</summary>
public sealed class SubscriptionTests
{
    [Fact]
    public async Task Changes_within_the_interval_are_one_notice_and_the_first_is_sent_at_once()
    {
        ManualTime time = new();
        ResourceChanges changes = new();
        using ResourceSubscriptions subscriptions = Create(time, changes);
        Notices<string> notices = new();
        Subscriber client = Collect(notices);
        subscriptions.TryAdd(client, "a");
        subscriptions.TryAdd(client, "b");
        changes.Report("a");
        Assert.Equal("a", await notices.NextAsync());
        for (int change = 0; change < 50; change++) changes.Report("a");
        time.Advance(TimeSpan.FromMilliseconds(99));
        Assert.Equal(0, notices.Count);
        changes.Report("b");
        Assert.Equal("b", await notices.NextAsync());
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal("a", await notices.NextAsync());
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(0, notices.Count);
        changes.Report("a");
        Assert.Equal("a", await notices.NextAsync());
    }

    [Fact]
    public async Task Of_many_changes_at_once_those_hear_whose_resources_are_among_them()
    {
        ManualTime time = new();
        ResourceChanges changes = new();
        using ResourceSubscriptions subscriptions = Create(time, changes);
        Notices<string> notices = new();
        Subscriber client = Collect(notices);
        foreach (string uri in new[] { "a/1", "b/1", "a/2" }) subscriptions.TryAdd(client, uri);
        changes.ReportMany(uri => uri.StartsWith("a/", StringComparison.Ordinal));
        Assert.Equal(["a/1", "a/2"], (await notices.NextAsync(2)).Order());
        changes.ReportMany(_ => false);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(0, notices.Count);
    }

    [Fact]
    public async Task A_client_that_fails_keeps_no_other_from_hearing()
    {
        ManualTime time = new();
        ResourceChanges changes = new();
        using ResourceSubscriptions subscriptions = Create(time, changes);
        Notices<string> notices = new();
        subscriptions.TryAdd(new Subscriber(_ => throw new IOException("gone")), "a");
        subscriptions.TryAdd(Collect(notices), "a");
        changes.Report("a");
        Assert.Equal("a", await notices.NextAsync());
    }

    [Fact]
    public void What_nobody_listens_to_is_forgotten_and_nobody_listens_without_end()
    {
        ResourceChanges changes = new();
        using ResourceSubscriptions subscriptions = Create(new ManualTime(), changes, subscriptionsMax: 2);
        Subscriber client = new(_ => throw new InvalidOperationException("nothing was asked for"));
        Assert.True(subscriptions.TryAdd(client, "a"));
        Assert.True(subscriptions.TryAdd(client, "a"));
        Assert.True(subscriptions.TryAdd(client, "b"));
        Assert.False(subscriptions.TryAdd(client, "c"));
        subscriptions.Remove(client, "a");
        subscriptions.Remove(client, "a");
        Assert.True(subscriptions.TryAdd(client, "c"));
        subscriptions.RemoveAll(client);
        changes.Report("b");
    }

    [Fact]
    public async Task A_session_hears_of_the_resources_that_it_subscribed_to_until_it_does_not()
    {
        await using McpHost host = await McpHost.StartAsync(options => options.UpdateInterval = TimeSpan.Zero);
        await using McpClient client = await host.ConnectAsync("2025-11-25");
        Assert.True(client.ServerCapabilities.Resources?.Subscribe);
        Notices<string> notices = new();
        await using IAsyncDisposable subscription = await client.SubscribeToResourceAsync("test://state", (notice, _) =>
        {
            notices.Add(notice.Uri);
            return default;
        });
        await TouchAsync(client, "test://items/1");
        await TouchAsync(client, "test://state");
        Assert.Equal("test://state", await notices.NextAsync());
        await client.UnsubscribeFromResourceAsync("test://state");
        await TouchAsync(client, "test://state");
        Assert.Equal(0, notices.Count);
    }

    [Fact]
    public async Task A_modern_client_listens_as_long_as_its_request_is_open()
    {
        await using McpHost host = await McpHost.StartAsync(options => options.UpdateInterval = TimeSpan.Zero);
        JsonObject asked = new() { ["resourceSubscriptions"] = new JsonArray("test://state"), ["promptsListChanged"] = true };
        using EventReader stream = await ListenAsync(host, asked, "sub");
        JsonNode acknowledged = (await stream.NextAsync())!.Value.Message;
        Assert.Equal("notifications/subscriptions/acknowledged", (string?)acknowledged["method"]);
        Assert.True(JsonNode.DeepEquals(asked, acknowledged["params"]!["notifications"]));
        await host.SendAsync(host.ModernCall("touch", new JsonObject { ["uri"] = "test://other" }));
        await host.SendAsync(host.ModernCall("touch", new JsonObject { ["uri"] = "test://state" }));
        JsonNode updated = (await stream.NextAsync())!.Value.Message;
        Assert.Equal("notifications/resources/updated", (string?)updated["method"]);
        Assert.Equal("test://state", (string?)updated["params"]!["uri"]);
        Assert.Equal("sub", (string?)updated["params"]!["_meta"]!["io.modelcontextprotocol/subscriptionId"]);
    }

    [Fact]
    public async Task A_modern_client_hears_of_the_lists_that_it_asked_for_alone()
    {
        await using McpHost host = await McpHost.StartAsync();
        JsonObject asked = new() { ["promptsListChanged"] = true };
        using EventReader stream = await ListenAsync(host, asked, 3);
        await stream.NextAsync();
        McpServerOptions options = host.Services.GetRequiredService<IOptions<McpServerOptions>>().Value;
        options.ToolCollection!.Add(McpServerTool.Create(() => "", new() { Name = "added" }));
        options.PromptCollection!.Add(McpServerPrompt.Create(() => "", new() { Name = "added" }));
        JsonNode changed = (await stream.NextAsync())!.Value.Message;
        Assert.Equal("notifications/prompts/list_changed", (string?)changed["method"]);
        Assert.Equal(3, (int?)changed["params"]!["_meta"]!["io.modelcontextprotocol/subscriptionId"]);
        // A tool that was added while the server ran is there for everybody.
        Assert.Equal("", (await host.SendAsync(host.ModernCall("added"))).Message.Text());
    }

    private static ResourceSubscriptions Create(ManualTime time, ResourceChanges changes, int subscriptionsMax = 256) =>
        new([changes], Options.Create(new VarveMcpOptions { SubscriptionsMax = subscriptionsMax }), time, NullLoggerFactory.Instance);

    private static Subscriber Collect(Notices<string> notices) => new(uri =>
    {
        notices.Add(uri);
        return Task.CompletedTask;
    });

    private static async Task TouchAsync(McpClient client, string uri) =>
        await client.CallToolAsync("touch", new Dictionary<string, object?> { ["uri"] = uri });

    private static Task<EventReader> ListenAsync(McpHost host, JsonObject asked, JsonNode id) =>
        host.OpenAsync(host.ModernRequest("subscriptions/listen", new JsonObject { ["notifications"] = asked.DeepClone() }, id));
}
