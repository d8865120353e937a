using System.Text.Json.Nodes;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Gateway.Tests.Fakes;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Tests.Rest;

/// <summary>The caller's calls in the journal.</summary>
public sealed class CallHistoryTests
{
    private static readonly CallToolResult s_hello = new() { Content = [new TextContentBlock { Text = "hello" }] };

    [Fact]
    public async Task Callers_see_their_own_calls_and_nobody_elses()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        host.History.Add("me", "1", "completed", s_hello);
        host.History.Add("me", "2", "running");
        host.History.Add("you", "3", "running");
        JsonArray calls = (await host.GetAsync("/calls")).Json["calls"]!.AsArray();
        Assert.Equal(["1", "2"], calls.Select(call => (string?)call!["id"]));
        Assert.Single((await host.GetAsync("/calls?limit=1")).Json["calls"]!.AsArray());
        foreach (string limit in new[] { "0", "-1", "1001", "x" })
        {
            Reply refused = await host.GetAsync($"/calls?limit={limit}");
            Assert.Equal((400, "limit"), (refused.Status, (string?)refused.Json["field"]));
        }
        Reply one = await host.GetAsync("/calls/1");
        JsonNode expected = JsonNode.Parse("""
            {"id":"1","tool":"write","state":"completed","created_at":"1970-01-01T00:00:00+00:00",
            "finished_at":"1970-01-01T00:00:01+00:00","attempts":1,"arguments":{"text":"hello"},
            "result":{"status":"success","data":"hello"}}
            """)!;
        Assert.Equal(expected.ToJsonString(), one.Json.ToJsonString());
        foreach (string id in new[] { "3", "4" }) Assert.Equal("not_found", (await host.GetAsync($"/calls/{id}")).Problem());
    }

    [Fact]
    public async Task A_result_that_the_journal_made_says_so()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        host.History.Add("me", "1", "stopped", ErrorCodes.Result("stopped", "Stopped while under way."));
        Assert.Equal(
            """{"status":"error","data":"Stopped while under way.","code":"stopped"}""",
            (await host.GetAsync("/calls/1")).Json["result"]!.ToJsonString());
    }

    [Fact]
    public async Task A_call_is_cancelled_once()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        host.History.Add("me", "1", "running");
        host.History.Add("you", "2", "running");
        Assert.Equal(204, (await DeleteAsync(host, "1")).Status);
        Reply again = await DeleteAsync(host, "1");
        Assert.Equal((409, "finished"), (again.Status, again.Problem()));
        Assert.Equal("not_found", (await DeleteAsync(host, "2")).Problem());
        Assert.Equal("running", host.History.Calls["2"].Call.State);
    }

    [Fact]
    public async Task A_call_that_runs_is_cancelled_by_its_caller_under_the_id_that_it_is_shown_with()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Task<Reply> call = host.CallAsync("wait", "{}");
        Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        string id = (string)(await host.GetAsync("/calls/active")).Json["calls"]![0]!["id"]!;
        Assert.Equal(404, (await DeleteAsync(host, "1")).Status);
        Assert.Equal(204, (await DeleteAsync(host, id)).Status);
        Assert.Equal("cancelled", (await call.WaitAsync(GatewayHost.Patience)).Problem());
    }

    [Fact]
    public async Task A_call_with_a_key_that_runs_is_ended_in_the_journal_too()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        host.History.Add("me", "invocation-1", "running");
        Task<Reply> call = host.CallAsync("wait", "{}", ("Idempotency-Key", "k"));
        Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        string id = (string)(await host.GetAsync("/calls/active")).Json["calls"]![0]!["id"]!;
        Assert.Equal(204, (await DeleteAsync(host, id)).Status);
        Assert.Equal("cancelled", (await call.WaitAsync(GatewayHost.Patience)).Problem());
        Assert.Equal("aborted", host.History.Calls["invocation-1"].Call.State);
    }

    [Fact]
    public async Task A_call_is_made_again()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        host.History.Add("me", "1", "completed", s_hello);
        host.History.Add("me", "2", "completed", s_hello, keepsArguments: false);
        Reply again = await host.PostAsync("/calls/1/replay", "");
        Assert.Equal((202, "1-again", "/calls/1-again"), (again.Status, (string?)again.Json["id"], $"{again.Headers.Location}"));
        Reply lost = await host.PostAsync("/calls/2/replay", "");
        Assert.Equal((409, "arguments_not_kept"), (lost.Status, lost.Problem()));
        Assert.Equal("not_found", (await host.PostAsync("/calls/3/replay", "")).Problem());
    }

    private static Task<Reply> DeleteAsync(GatewayHost host, string id) =>
        host.SendAsync(new HttpRequestMessage(HttpMethod.Delete, $"/calls/{id}"));
}
