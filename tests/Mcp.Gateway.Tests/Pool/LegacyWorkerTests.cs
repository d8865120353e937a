using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>Workers that know only the era of sessions.</summary>
public sealed class LegacyWorkerTests
{
    [Theory]
    [InlineData("legacy")]
    [InlineData("silent")]
    public async Task A_worker_of_the_old_era_is_initialized_and_all_pages_of_its_tools_are_read(string mode)
    {
        await using PoolHost host = PoolHost.Start(mode: mode);
        await host.ReadyAsync();
        Assert.Equal(["echo", "meta", "progress", "garbage", "change", "ask"], host.Pool.Tools.Select(tool => tool.Name));
        Assert.Contains("revision 2024-11-05, 6 tools", host.Log.Text, StringComparison.Ordinal);
        Assert.Equal("old", await host.TextAsync("echo", new JsonObject { ["text"] = "old" }));
        Assert.Single(host.Pids);
    }

    [Fact]
    public async Task One_that_dies_of_what_it_does_not_know_is_initialized_from_its_second_start_on()
    {
        await using PoolHost host = PoolHost.Start(mode: "strict");
        // This call waits already while the first process dies.
        Assert.Equal("old", await host.TextAsync("echo", new JsonObject { ["text"] = "old" }));
        Assert.Equal((2, 0), (host.Pids.Length, host.Pool.Status.Workers[0].Restarts));
        Processes.Signal(host.Pids[1], Processes.Kill);
        await host.UntilAsync(pool => pool.Workers[0] is { Restarts: 1, State: WorkerState.Ready });
        Assert.Equal(3, host.Pids.Length);
    }

    [Fact]
    public async Task It_is_told_nothing_of_the_new_era()
    {
        await using PoolHost host = PoolHost.Start(mode: "legacy");
        Assert.Equal("", await host.TextAsync("meta"));
        JsonObject parameters = new()
        {
            ["name"] = "meta",
            ["_meta"] = new JsonObject
            {
                ["own"] = 1,
                [MetaKeys.ProtocolVersion] = "2026-07-28",
                [MetaKeys.ClientCapabilities] = new JsonObject(),
            },
        };
        PoolRequest request = new(RequestMethods.ToolsCall, parameters);
        JsonNode? result = await host.Pool.SendAsync(request, CancellationToken.None).WaitAsync(PoolHost.Patience);
        Assert.Equal("""{"own":1}""", PoolHost.TextOf(result));
    }

    [Fact]
    public async Task Its_progress_comes_before_its_result()
    {
        await using PoolHost host = PoolHost.Start(mode: "legacy");
        List<int> seen = [];
        await host.CallAsync("progress", notify: notice =>
        {
            seen.Add((int)notice.Params!["progress"]!);
            return default;
        });
        Assert.Equal([1, 2, 3], seen);
    }

    [Fact]
    public async Task What_it_prints_between_messages_does_no_harm()
    {
        await using PoolHost host = PoolHost.Start(mode: "legacy");
        Assert.Equal("garbage", await host.TextAsync("garbage"));
        Assert.Equal("on", await host.TextAsync("echo", new JsonObject { ["text"] = "on" }));
        Assert.Single(host.Pids);
    }

    [Fact]
    public async Task A_change_of_its_tools_is_told()
    {
        await using PoolHost host = PoolHost.Start(mode: "legacy");
        await host.ReadyAsync();
        TaskCompletionSource changed = new();
        host.Pool.Changed += () => changed.TrySetResult();
        ListChanges others = new(host.Pool);
        await host.TextAsync("change");
        await changed.Task.WaitAsync(PoolHost.Patience);
        await others.BothAsync();
        Assert.Equal("more", host.Pool.Tools[^1].Name);
    }

    [Fact]
    public async Task What_it_asks_for_is_refused_since_the_pool_has_no_capabilities()
    {
        await using PoolHost host = PoolHost.Start(mode: "legacy");
        JsonNode answer = JsonNode.Parse(await host.TextAsync("ask"))!;
        Assert.Equal("own", (string?)answer["id"]);
        Assert.Equal((int)McpErrorCode.MethodNotFound, (int)answer["error"]!["code"]!);
    }

    [Fact]
    public async Task Its_health_is_asked_for_by_ping()
    {
        await using PoolHost host = PoolHost.Start(options => options.HealthInterval = TimeSpan.FromMilliseconds(1), mode: "legacy");
        await host.ReadyAsync();
        DateTimeOffset first = host.Pool.Status.Workers[0].LastAnswer!.Value;
        await host.UntilAsync(pool => pool.Workers[0].LastAnswer > first + TimeSpan.FromMilliseconds(100));
        Assert.Equal(WorkerState.Ready, host.Pool.Status.Workers[0].State);
        Assert.Single(host.Pids);
    }
}
