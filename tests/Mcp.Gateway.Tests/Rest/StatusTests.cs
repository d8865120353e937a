using System.Text.Json.Nodes;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Gateway.Tests.Fakes;

namespace Varve.Mcp.Gateway.Tests.Rest;

/// <summary>What the gateway says of itself.</summary>
public sealed class StatusTests
{
    [Theory]
    [InlineData("Ready Ready", true, "ok", 200)]
    [InlineData("Ready Waiting", true, "degraded", 200)]
    [InlineData("Ready Ready", false, "degraded", 200)]
    [InlineData("Starting Silent", true, "down", 503)]
    [InlineData("", true, "down", 503)]
    public async Task Health_is_that_of_the_workers_and_the_store(string workers, bool isOpen, string status, int code)
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        WorkerState[] states = [.. workers.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Enum.Parse<WorkerState>)];
        (host.Pool.Status, host.History.IsOpen) = (FakePool.Of(states), isOpen);
        using HttpClient anybody = host.NewClient(key: null);
        Reply reply = await host.GetAsync("/health", anybody);
        Assert.Equal((code, status), (reply.Status, (string?)reply.Json["status"]));
        Assert.Equal(states.Length, (int)reply.Json["workers"]!["total"]!);
        Assert.Equal((4, false), ((int)reply.Json["queued"]!, (bool)reply.Json["draining"]!));
        Assert.Equal(200, (await host.GetAsync("/health/live", anybody)).Status);
    }

    [Fact]
    public async Task Readiness_says_what_is_missing()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Assert.Equal("""{"status":"ok","reasons":[]}""", (await host.GetAsync("/health/ready")).Text);
        WorkerStatus silent = host.Pool.Status.Workers[0] with { LastAnswer = DateTimeOffset.UtcNow.AddSeconds(-11) };
        host.Pool.Status = host.Pool.Status with { Workers = [silent] };
        host.History.IsOpen = false;
        Reply reply = await host.GetAsync("/health/ready");
        Assert.Equal((503, 2), (reply.Status, reply.Json["reasons"]!.AsArray().Count));
        using HttpResponseMessage head = await host.Http.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/health/ready"));
        Assert.Equal(503, (int)head.StatusCode);
    }

    [Fact]
    public async Task Ready_is_who_knows_the_tools()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        host.Pool.Ready = new TaskCompletionSource().Task;
        Assert.Equal(503, (await host.GetAsync("/health/ready")).Status);
        host.Pool.Ready = Task.CompletedTask;
        Assert.Equal(200, (await host.GetAsync("/health/ready")).Status);
    }

    [Fact]
    public async Task Statistics_have_workers_pool_breakers_calls_and_store()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await host.CallAsync("echo", """{"text": "a"}""");
        await host.CallAsync("refuse");
        JsonNode stats = (await host.GetAsync("/stats")).Json;
        Assert.Equal(
            Compact("""
                {"slot":1,"pid":101,"state":"ready","in_flight":1,"served":10,"errors":2,"p50_ms":1.5,"p99_ms":9.25,"restarts":3,
                "memory_bytes":1048576,"last_failure":"it died"}
                """),
            stats["workers"]![1]!.ToJsonString());
        Assert.Equal("""{"min":2,"max":8,"size":2,"queued":4,"queue_limit":256,"worker_concurrency":8}""", stats["pool"]!.ToJsonString());
        Assert.Equal((2, 1), ((int)stats["calls"]!["total"]!, (int)stats["calls"]!["errors"]!));
        Assert.True((double)stats["calls"]!["p99_ms"]! >= (double)stats["calls"]!["p50_ms"]!);
        Assert.Equal(
            Compact("""
                {"levels":[{"level":0,"tables":2,"bytes":2000},{"level":1,"tables":5,"bytes":50000}],"memory_bytes":1000,
                "memory_budget_bytes":9000,"write_pressure":0.25}
                """),
            stats["store"]!.ToJsonString());
        host.History.Store = null;
        Assert.Null((await host.GetAsync("/stats")).Json["store"]);
    }

    [Fact]
    public async Task The_root_and_the_list_of_tools_say_what_there_is()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        JsonNode root = (await host.GetAsync("/")).Json;
        JsonArray tools = (await host.GetAsync("/tools")).Json["tools"]!.AsArray();
        Assert.Equal(tools.Count, (int)root["tools"]!);
        Assert.Contains("2026-07-28", root["eras"]!.AsArray().Select(era => (string?)era));
        Assert.Equal("/mcp", (string?)root["endpoints"]!["mcp"]);
        JsonNode add = tools.Single(tool => (string?)tool!["name"] == "add")!;
        Assert.Equal("Adds", (string?)add["description"]);
        Assert.Equal(10, (int)add["inputSchema"]!["properties"]!["left"]!["maximum"]!);
        Assert.NotNull(add["outputSchema"]);
        Assert.True((bool)add["annotations"]!["readOnlyHint"]!);
    }

    [Fact]
    public async Task Metrics_are_in_the_text_format_and_agree_with_what_happened()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        for (int call = 0; call < 3; call++) await host.CallAsync("echo", """{"text": "a"}""");
        await host.CallAsync("fail");
        await host.CallAsync("die", """{"times": 2}""");
        host.Pool.IsFull = true;
        await host.CallAsync("echo", """{"text": "a"}""");
        Reply reply = await host.GetAsync("/metrics");
        Assert.Equal("text/plain", reply.ContentType);
        string[] lines = reply.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        foreach (string expected in new[]
        {
            "varve_gateway_calls_total{tool=\"echo\",status=\"success\"} 3",
            "varve_gateway_calls_total{tool=\"fail\",status=\"internal\"} 1",
            "varve_gateway_call_duration_seconds_bucket{tool=\"echo\",le=\"+Inf\"} 3",
            "varve_gateway_call_duration_seconds_count{tool=\"echo\"} 3",
            "varve_gateway_calls_resent_total 2",
            "varve_gateway_calls_refused_total{reason=\"queue_full\"} 1",
            "varve_gateway_workers{state=\"ready\"} 2",
            "varve_gateway_worker_restarts_total{slot=\"1\"} 3",
            "varve_gateway_breaker_open{tool=\"fail\"} 0",
            "varve_gateway_queue_length 4",
            "varve_engine_level_bytes{level=\"1\"} 50000",
            "varve_engine_commits_total 7",
        }) Assert.Contains(expected, lines);
        IEnumerable<string> types = lines.Where(line => line.StartsWith("# TYPE ", StringComparison.Ordinal));
        HashSet<string> typed = [.. types.Select(line => line.Split(' ')[2])];
        foreach (string sample in lines.Where(line => line[0] != '#'))
        {
            Assert.Matches("""^[a-z_0-9]+(\{([a-z]+="[^"]*",?)+\})? [0-9.eE+-]+$""", sample);
            string name = sample.Split('{', ' ')[0];
            Assert.Contains(typed, type => name == type || name == type + "_bucket" || name == type + "_sum" || name == type + "_count");
        }
    }

    [Fact]
    public async Task The_description_has_every_tool_with_its_schema()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        JsonNode api = (await host.GetAsync("/openapi.json")).Json;
        Assert.Equal("3.1.0", (string?)api["openapi"]);
        JsonNode call = api["paths"]!["/tools/add"]!["post"]!;
        JsonNode envelope = call["requestBody"]!["content"]!["application/json"]!["schema"]!;
        Assert.Equal(10, (int)envelope["properties"]!["arguments"]!["properties"]!["left"]!["maximum"]!);
        Assert.False((bool)envelope["additionalProperties"]!);
        Assert.NotNull(call["responses"]!["200"]!["content"]!["application/json"]!["schema"]);
        Assert.NotNull(call["responses"]!["default"]!["content"]!["application/problem+json"]);
        Assert.Equal("X-API-Key", (string?)api["components"]!["securitySchemes"]!["apiKey"]!["name"]);
        int tools = (await host.GetAsync("/tools")).Json["tools"]!.AsArray().Count;
        string[] paths = [.. api["paths"]!.AsObject().Select(path => path.Key)];
        Assert.Equal(2 * tools, paths.Count(path => path.StartsWith("/tools/", StringComparison.Ordinal)));
        IEnumerable<JsonNode?> operations =
            api["paths"]!.AsObject().SelectMany(path => path.Value!.AsObject()).Select(method => method.Value);
        string[] ids = [.. operations.OfType<JsonObject>().Select(operation => (string?)operation["operationId"]).OfType<string>()];
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    private static string Compact(string json) => JsonNode.Parse(json)!.ToJsonString();
}
