using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Tests.Fakes;

namespace Varve.Mcp.Gateway.Tests.Front;

/// <summary>What stands before every call, by whatever way it comes.</summary>
public sealed class RunnerTests
{
    [Theory]
    [InlineData("2026-07-28")]
    [InlineData("2025-11-25")]
    public async Task Calls_of_MCP_clients_are_seen_and_counted_too(string revision)
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using OpenStream events = await OpenStream.GetAsync(host, "/events");
        Assert.Equal("stats", (await events.NextAsync())!.Value.Type);
        await using McpClient client = await host.ConnectAsync(revision);
        Progress<ProgressNotificationValue> progress = new();
        Task<CallToolResult> call = client.CallToolAsync("wait", progress: progress).AsTask();
        JsonNode told;
        do told = JsonNode.Parse((await events.ReadToAsync("call"))[^1].Data)!;
        while ((string?)told["event"] != "progress");
        Assert.Equal(("wait", "mcp", 1), ((string?)told["tool"], (string?)told["via"], (int)told["progress"]!));
        Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        JsonNode active = (await host.GetAsync("/calls/active")).Json["calls"]!.AsArray().Single()!;
        Assert.Equal("mcp", (string?)active["via"]);
        host.Gate.Open();
        Assert.NotEqual(true, (await call.WaitAsync(GatewayHost.Patience)).IsError);
        JsonNode calls = (await host.GetAsync("/stats")).Json["calls"]!;
        Assert.Equal((1, 0, 0), ((int)calls["total"]!, (int)calls["errors"]!, (int)calls["active"]!));
    }

    [Fact]
    public async Task A_full_queue_refuses_calls_by_every_way()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using McpClient client = await host.ConnectAsync("2026-07-28");
        host.Pool.IsFull = true;
        Reply reply = await host.CallAsync("echo", """{"text": "a"}""");
        Assert.Equal((503, "overload"), (reply.Status, reply.Problem()));
        Assert.NotNull(reply.Headers.RetryAfter);
        Exception refused = await Assert.ThrowsAnyAsync<Exception>(
            () => client.CallToolAsync("echo", new Dictionary<string, object?> { ["text"] = "a" }).AsTask());
        Assert.True(refused is McpProtocolException { ErrorCode: (McpErrorCode)(-32000) } or HttpRequestException, refused.ToString());
        host.Pool.IsFull = false;
        Assert.Equal(200, (await host.CallAsync("echo", """{"text": "a"}""")).Status);
    }

    [Fact]
    public async Task A_breaker_opens_after_failures_and_closes_by_one_success()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(
            options => (options.BreakerFailures, options.BreakerOpen) = (3, TimeSpan.FromSeconds(2)));
        for (int failure = 0; failure < 3; failure++)
        {
            Assert.Equal(200, (await host.CallAsync("echo", """{"text": "a"}""")).Status);
            Assert.Equal("internal", (await host.CallAsync("flaky")).Problem());
        }
        Reply refused = await host.CallAsync("flaky");
        Assert.Equal((503, "overload"), (refused.Status, refused.Problem()));
        JsonNode breaker = (await host.GetAsync("/stats")).Json["breakers"]!["flaky"]!;
        Assert.Equal(("open", 3), ((string?)breaker["state"], (int)breaker["failures"]!));
        Assert.Equal(200, (await host.CallAsync("echo", """{"text": "a"}""")).Status);
        host.Gate.IsMended = true;
        using CancellationTokenSource limit = new(GatewayHost.Patience);
        while ((await host.CallAsync("flaky")).Status != 200) await Task.Delay(100, limit.Token);
        Assert.Equal("closed", (string?)(await host.GetAsync("/stats")).Json["breakers"]!["flaky"]!["state"]);
    }

    [Fact]
    public async Task Errors_of_tools_and_callers_open_no_breaker()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(options => options.BreakerFailures = 2);
        for (int call = 0; call < 5; call++)
        {
            Assert.Equal(200, (await host.CallAsync("refuse")).Status);
            Assert.Equal(400, (await host.CallAsync("add")).Status);
        }
        Assert.Empty((await host.GetAsync("/stats")).Json["breakers"]!.AsObject());
    }

    [Theory]
    [InlineData("wait", "timeout")]
    [InlineData("die_writing", "stopped")]
    public async Task Timeouts_and_deaths_of_workers_open_it(string tool, string code)
    {
        await using GatewayHost host = await GatewayHost.StartAsync(
            options => (options.BreakerFailures, options.RequestTimeout) = (2, TimeSpan.FromMilliseconds(300)));
        for (int failure = 0; failure < 2; failure++) Assert.Equal(code, (await host.CallAsync(tool)).Problem());
        Assert.Equal("overload", (await host.CallAsync(tool)).Problem());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_gateway_that_stops_takes_no_calls_and_lets_the_others_end(bool stopsConcurrently)
    {
        await using GatewayHost host = await GatewayHost.StartAsync(addServices: services =>
            services.Configure<HostOptions>(options => options.ServicesStopConcurrently = stopsConcurrently));
        Task<Reply> call = host.CallAsync("wait");
        Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        Task stopping = host.StopAsync();
        CallStart echo = new("echo", new JsonObject { ["text"] = "a" }, new(), CallVia.Rest);
        GatewayCall late = host.Services.GetRequiredService<GatewayCalls>().Start(echo);
        Assert.Equal("overload", (await late.Completion).Status);
        host.Gate.Open();
        Assert.Equal(200, (await call).Status);
        await stopping.WaitAsync(GatewayHost.Patience);
    }

    [Fact]
    public async Task S28_a_gateway_that_stops_waits_for_calls_only_so_long()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(options => options.DrainTimeout = TimeSpan.FromMilliseconds(300));
        Task<Reply> call = host.CallAsync("wait");
        Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        Task stopping = host.StopAsync();
        Reply reply = await call;
        Assert.Equal((503, "overload"), (reply.Status, reply.Problem()));
        Assert.True(await host.Gate.Cancelled.WaitAsync(GatewayHost.Patience));
        await stopping.WaitAsync(GatewayHost.Patience);
    }

    [Fact]
    public async Task A_gateway_is_added_after_the_server_and_its_journal()
    {
        Assert.Throws<InvalidOperationException>(() => new ServiceCollection().AddVarveGateway());
        await Assert.ThrowsAnyAsync<Exception>(() => GatewayHost.StartAsync(options => options.BreakerFailures = 1));
        await Assert.ThrowsAnyAsync<Exception>(() => GatewayHost.StartAsync(options => (options.WorkersMin, options.WorkersMax) = (3, 2)));
    }
}
