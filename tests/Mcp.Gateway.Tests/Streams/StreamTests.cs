using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Tests.Fakes;

namespace Varve.Mcp.Gateway.Tests.Streams;

/// <summary>Calls whose events come as they happen.</summary>
public sealed class StreamTests
{
    private const string Empty = """{"arguments": {}}""";

    [Fact]
    public async Task Progress_chunks_the_result_and_the_end_come_in_order()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        host.Gate.Open();
        await using OpenStream stream = await OpenStream.PostAsync(host, "wait", Empty);
        Assert.Equal(
            [
                ("progress", """{"progress":1,"total":2,"message":"waiting"}"""),
                ("result", """{"status":"success","data":"went through"}"""),
                ("done", """{"status":"complete"}"""),
            ],
            await stream.ReadAllAsync());
        await using OpenStream chunks = await OpenStream.PostAsync(host, "count", """{"arguments": {"until": 2}}""");
        Assert.Equal(
            [
                ("chunk", """{"index":0,"data":1}"""),
                ("chunk", """{"index":1,"data":2}"""),
                ("result", """{"status":"success","data":{"data":[1,2]}}"""),
                ("done", """{"status":"complete"}"""),
            ],
            await chunks.ReadAllAsync());
    }

    [Fact]
    public async Task A_tool_that_sends_no_chunks_gets_those_of_its_list()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using OpenStream stream = await OpenStream.PostAsync(host, "list", """{"arguments": {"length": 3}}""");
        List<(string Type, string Data)> events = await stream.ReadAllAsync();
        Assert.Equal(["chunk", "chunk", "chunk", "result", "done"], events.Select(one => one.Type));
        Assert.Equal("""{"index":2,"data":3}""", events[2].Data);
        Assert.Equal("""{"status":"success","data":[1,2,3]}""", events[3].Data);
    }

    [Fact]
    public async Task A_call_that_is_refused_at_once_is_refused_by_the_status()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Assert.Equal("not_found", (await host.PostAsync("/tools/nothing/stream", Empty)).Problem());
        Assert.Equal("invalid_argument", (await host.PostAsync("/tools/add/stream", Empty)).Problem());
        host.Pool.IsFull = true;
        Reply full = await host.PostAsync("/tools/echo/stream", """{"arguments": {"text": "a"}}""");
        Assert.Equal((503, "overload"), (full.Status, full.Problem()));
        Assert.NotNull(full.Headers.RetryAfter);
    }

    [Fact]
    public async Task An_error_after_the_first_event_is_an_event()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(options => options.RequestTimeout = TimeSpan.FromSeconds(2));
        await using OpenStream stream = await OpenStream.PostAsync(host, "wait", Empty);
        List<(string Type, string Data)> events = await stream.ReadAllAsync();
        Assert.Equal(["progress", "error", "done"], events.Select(one => one.Type));
        Assert.Equal("timeout", (string?)JsonNode.Parse(events[1].Data)!["code"]);
        Assert.Equal("""{"status":"error"}""", events[2].Data);
    }

    [Fact]
    public async Task A_stream_is_resumed_where_it_was_left()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        string last;
        await using (OpenStream stream = await OpenStream.PostAsync(host, "count", """{"arguments": {"until": 3, "wait": true}}"""))
        {
            await stream.ReadToAsync("chunk");
            await stream.ReadToAsync("chunk");
            last = stream.LastId;
        }
        Assert.EndsWith("-2", last, StringComparison.Ordinal);
        await using (OpenStream running = await OpenStream.GetAsync(host, "/tools/count/stream", last))
        {
            Assert.Equal(("chunk", """{"index":2,"data":3}"""), await running.NextAsync());
            host.Gate.Open();
            Assert.Equal(["result", "done"], (await running.ReadAllAsync()).Select(one => one.Type));
        }
        await using OpenStream ended = await OpenStream.PostAsync(host, "count", "", last);
        Assert.Equal(["chunk", "result", "done"], (await ended.ReadAllAsync()).Select(one => one.Type));
        string first = last[..^1] + "0";
        await using OpenStream all = await OpenStream.GetAsync(host, "/tools/count/stream", first);
        Assert.Equal(["chunk", "chunk", "chunk", "result", "done"], (await all.ReadAllAsync()).Select(one => one.Type));
    }

    [Fact]
    public async Task A_stream_is_resumed_by_its_caller_alone_and_not_for_ever()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(options => options.StreamKept = TimeSpan.FromSeconds(3));
        await using OpenStream stream = await OpenStream.PostAsync(host, "echo", """{"arguments": {"text": "secret"}}""");
        await stream.ReadAllAsync();
        string last = stream.LastId;
        using HttpClient other = host.NewClient(GatewayHost.OtherKey);
        Assert.Equal(404, (await OpenStream.GetAsync(host, "/tools/echo/stream", last, other)).Status);
        Assert.Equal(404, (await OpenStream.GetAsync(host, "/tools/add/stream", last)).Status);
        Assert.Equal(404, (await OpenStream.GetAsync(host, "/tools/echo/stream", last + "9")).Status);
        Assert.Equal(404, (await OpenStream.GetAsync(host, "/tools/echo/stream", "nothing")).Status);
        Reply without = await host.GetAsync("/tools/echo/stream");
        Assert.Equal((400, "Last-Event-ID"), (without.Status, (string?)without.Json["field"]));
        using CancellationTokenSource limit = new(GatewayHost.Patience);
        while ((await OpenStream.GetAsync(host, "/tools/echo/stream", last)).Status != 404) await Task.Delay(100, limit.Token);
    }

    [Fact]
    public async Task A_call_that_nobody_listens_to_is_cancelled_unless_it_has_a_key()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(options => options.StreamAbandoned = TimeSpan.FromMilliseconds(300));
        string keyed;
        await using (OpenStream stream = await OpenStream.PostAsync(host, "wait", """{"arguments": {}, "idempotencyKey": "k"}"""))
        {
            await stream.ReadToAsync("progress");
            keyed = stream.LastId;
        }
        string last;
        await using (OpenStream stream = await OpenStream.PostAsync(host, "wait", Empty))
        {
            await stream.ReadToAsync("progress");
            last = stream.LastId;
        }
        Assert.True(await host.Gate.Cancelled.WaitAsync(GatewayHost.Patience));
        await using OpenStream ended = await OpenStream.GetAsync(host, "/tools/wait/stream", last);
        Assert.Contains("cancelled", (await ended.ReadToAsync("error"))[0].Data, StringComparison.Ordinal);
        host.Gate.Open();
        await using OpenStream resumed = await OpenStream.GetAsync(host, "/tools/wait/stream", keyed);
        Assert.Equal("""{"status":"success","data":"went through"}""", (await resumed.ReadToAsync("result"))[0].Data);
        Assert.Equal(0, host.Gate.Cancelled.CurrentCount);
    }

    [Fact]
    public async Task A_quiet_stream_has_comments()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(null, mcp => mcp.Http.Heartbeat = TimeSpan.FromMilliseconds(50));
        using HttpRequestMessage request = new(HttpMethod.Post, "/tools/wait/stream")
        {
            Content = new StringContent(Empty, System.Text.Encoding.UTF8, "application/json"),
        };
        using HttpResponseMessage response = await host.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using StreamReader reader = new(await response.Content.ReadAsStreamAsync());
        List<string?> lines = [];
        while (lines.LastOrDefault() != ":") lines.Add(await reader.ReadLineAsync().WaitAsync(GatewayHost.Patience));
        Assert.StartsWith("id: ", lines[0], StringComparison.Ordinal);
        Assert.Equal("event: progress", lines[1]);
    }

    [Fact]
    public async Task The_events_of_a_call_are_bounded_and_its_result_is_not_lost()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using OpenStream stream = await OpenStream.PostAsync(host, "flood", """{"arguments": {"chunks": 40, "length": 100000}}""");
        await stream.ReadToAsync("done");
        await using OpenStream again = await OpenStream.GetAsync(host, "/tools/flood/stream", stream.LastId[..^2] + "0");
        List<(string Type, string Data)> events = await again.ReadAllAsync();
        Assert.InRange(events.Count(one => one.Type == "chunk"), 5, 11);
        Assert.Equal(["result", "done"], events.TakeLast(2).Select(one => one.Type));
        Assert.True(events[^2].Data.Length > 4_000_000);
    }

    [Fact]
    public async Task The_gateways_own_events_tell_of_every_call()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        await using OpenStream mine = await OpenStream.GetAsync(host, "/events");
        using HttpClient other = host.NewClient(GatewayHost.OtherKey);
        await using OpenStream others = await OpenStream.GetAsync(host, "/events", client: other);
        Assert.Equal("stats", (await mine.NextAsync())!.Value.Type);
        Assert.Equal("stats", (await others.NextAsync())!.Value.Type);
        Task<Reply> call = host.CallAsync("wait", """{"said": "private"}""");
        JsonNode progress = await FindCallAsync(mine, "progress");
        Assert.Equal(("wait", "rest"), ((string?)progress["tool"], (string?)progress["via"]));
        Assert.Equal((1, 2, "private"), ((int)progress["progress"]!, (int)progress["total"]!, (string?)progress["message"]));
        Assert.Null((string?)(await FindCallAsync(others, "progress"))["message"]);
        JsonNode active = (await host.GetAsync("/calls/active")).Json["calls"]!.AsArray().Single()!;
        Assert.Equal(("wait", "private"), ((string?)active["tool"], (string?)active["message"]));
        host.Gate.Open();
        Assert.Equal(200, (await call).Status);
        JsonNode ended = await FindCallAsync(mine, "ended");
        Assert.Equal("success", (string?)ended["status"]);
        Assert.True((double)ended["ms"]! > 0);
        Assert.Equal(0, host.Services.GetRequiredService<ActiveCalls>().Count);
        List<(string Type, string Data)> stats = await mine.ReadToAsync("stats");
        Assert.Equal(1, (int)JsonNode.Parse(stats[^1].Data)!["calls"]!["total"]!);
    }

    private static async Task<JsonNode> FindCallAsync(OpenStream stream, string what)
    {
        while (true)
        {
            JsonNode call = JsonNode.Parse((await stream.ReadToAsync("call"))[^1].Data)!;
            if ((string?)call["event"] == what) return call;
        }
    }
}
