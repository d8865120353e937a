using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Mcp.Durable;
using Varve.Mcp.Gateway.Tools;

namespace Varve.Mcp.Gateway.Tests.Tools;

/// <summary>What the gateway's server offers follows what the workers say.</summary>
public sealed class ToolCatalogTests
{
    private const string Resumes = """{"io.varve/tool":{"recovery":"resume","journalArguments":true,"deduplicateSeconds":3},"x":1}""";

    [Theory]
    [InlineData(true, false, Resumes, RecoveryMode.Resume)]
    [InlineData(true, false, """{"io.varve/tool":{"recovery":"fail","journalArguments":true}}""", RecoveryMode.Fail)]
    [InlineData(true, false, """{"io.varve/tool":{"recovery":"resume","journalArguments":false}}""", RecoveryMode.Fail)]
    [InlineData(true, false, """{"io.varve/tool":"nonsense"}""", RecoveryMode.Fail)]
    [InlineData(false, false, Resumes, RecoveryMode.Fail)]
    [InlineData(false, true, null, RecoveryMode.Resume)]
    public void A_tool_recovers_as_its_own_worker_says_and_of_others_only_what_reads(
        bool sharesJournal, bool isReadOnly, string? meta, RecoveryMode recovery)
    {
        var tool = new PooledTool(new FakePool(), FakePool.ToolOf("t", isReadOnly, meta), sharesJournal);
        Assert.Equal(recovery, ToolPolicy.Of(tool).Recovery);
        Assert.Equal(isReadOnly, ToolPolicy.Of(tool).IsReadOnly);
        Assert.DoesNotContain("io.varve", JsonSerializer.Serialize(tool.ProtocolTool), StringComparison.Ordinal);
        if (meta == Resumes) Assert.Equal(1, (int?)tool.ProtocolTool.Meta!["x"]);
        if (sharesJournal && meta == Resumes) Assert.Equal(TimeSpan.FromSeconds(3), ToolPolicy.Of(tool).Deduplication);
    }

    [Fact]
    public async Task An_unchanged_tool_stays_the_same_object_and_a_changed_one_does_not()
    {
        await using PooledHost host = await PooledHost.StartAsync(sharesJournal: true, FakePool.ToolOf("a"), FakePool.ToolOf("b"));
        McpServerTool a = Find(host, "a"), b = Find(host, "b");
        int changes = 0;
        host.Catalog.Tools.Changed += (_, _) => changes++;
        host.Pool.Offer(FakePool.ToolOf("a"), FakePool.ToolOf("b"));
        Assert.Equal((a, b, 0), (Find(host, "a"), Find(host, "b"), changes));
        host.Pool.Offer(FakePool.ToolOf("a"), FakePool.ToolOf("b", properties: """{"n":{"type":"integer"}}"""), FakePool.ToolOf("c"));
        Assert.Same(a, Find(host, "a"));
        Assert.NotSame(b, Find(host, "b"));
        Assert.Equal((3, 1), (host.Catalog.Tools.Count, changes));
        host.Pool.Offer(FakePool.ToolOf("c"));
        Assert.Equal(["c"], host.Catalog.Tools.PrimitiveNames);
    }

    [Theory]
    [InlineData(PooledHost.Modern)]
    [InlineData(PooledHost.Legacy)]
    public async Task Resources_prompts_and_completions_are_there_where_the_workers_have_them(string revision)
    {
        await using PooledHost host = await PooledHost.StartAsync(sharesJournal: true, FakePool.ToolOf("a"));
        await using (McpClient before = await host.ConnectAsync(revision))
        {
            ServerCapabilities can = before.ServerCapabilities;
            Assert.Equal((true, true, true), (can.Resources is null, can.Prompts is null, can.Completions is null));
        }

        host.Pool.Offer(new ServerCapabilities { Tools = new(), Resources = new(), Prompts = new(), Completions = new() }, []);
        host.Pool.Answer = (request, _) => Task.FromResult(JsonNode.Parse(request.Method switch
        {
            "resources/list" => """{"resources":[{"uri":"a://b","name":"b"}],"nextCursor":null}""",
            "resources/templates/list" => """{"resourceTemplates":[{"uriTemplate":"a://{x}","name":"x"}]}""",
            "resources/read" => $$"""{"contents":[{"uri":"{{request.Parameters["uri"]}}","text":"hello"}]}""",
            "prompts/list" => """{"prompts":[{"name":"p"}]}""",
            "prompts/get" => """{"messages":[{"role":"user","content":{"type":"text","text":"say"}}]}""",
            _ => """{"completion":{"values":["v"]}}""",
        }));
        await using McpClient client = await host.ConnectAsync(revision);
        Assert.True(client.ServerCapabilities.Resources!.Subscribe);
        Assert.Equal("a://b", Assert.Single(await client.ListResourcesAsync()).Uri);
        Assert.Equal("a://{x}", Assert.Single(await client.ListResourceTemplatesAsync()).UriTemplate);
        ReadResourceResult read = await client.ReadResourceAsync("a://b");
        Assert.Equal("hello", Assert.IsType<TextResourceContents>(Assert.Single(read.Contents)).Text);
        Assert.Equal("p", Assert.Single(await client.ListPromptsAsync()).Name);
        Assert.Single((await client.GetPromptAsync("p")).Messages);
        CompleteResult completed = await client.CompleteAsync(new PromptReference { Name = "p" }, "x", "v");
        Assert.Equal("v", Assert.Single(completed.Completion.Values));
    }

    [Fact]
    public async Task A_session_hears_that_the_workers_have_other_resources_or_prompts()
    {
        await using PooledHost host = await PooledHost.StartAsync(sharesJournal: false, FakePool.ToolOf("a"));
        host.Pool.Offer(new ServerCapabilities { Tools = new(), Resources = new(), Prompts = new() }, []);
        await using McpClient client = await host.ConnectAsync(PooledHost.Legacy);
        ServerCapabilities can = client.ServerCapabilities;
        Assert.Equal((true, true), (can.Resources!.ListChanged, can.Prompts!.ListChanged));
        foreach (string method in (string[])
            [NotificationMethods.ResourceListChangedNotification, NotificationMethods.PromptListChangedNotification])
        {
            TaskCompletionSource heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
            await using IAsyncDisposable hearing = client.RegisterNotificationHandler(method, (_, _) =>
            {
                heard.TrySetResult();
                return default;
            });
            host.Pool.TellOfList(method);
            await heard.Task.WaitAsync(TimeSpan.FromSeconds(60));
        }
    }

    private static McpServerTool Find(PooledHost host, string name) => host.Catalog.Tools[name];
}
