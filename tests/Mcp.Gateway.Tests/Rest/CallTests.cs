using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Varve.Mcp.Gateway.Front;
using Varve.Mcp.Gateway.Tests.Fakes;

namespace Varve.Mcp.Gateway.Tests.Rest;

/// <summary>Calls of tools by POST.</summary>
public sealed class CallTests
{
    [Theory]
    [InlineData("echo", """{"text": "hello"}""", """{"status":"success","data":"hello"}""")]
    [InlineData("add", """{"left": 1, "right": 2}""", """{"status":"success","data":{"total":3}}""")]
    [InlineData("list", """{"length": 3}""", """{"status":"success","data":[1,2,3]}""")]
    [InlineData("refuse", "{}", """{"status":"error","data":"There is no such account."}""")]
    [InlineData("who", "{}", """{"status":"success","data":"me"}""")]
    [InlineData("die", """{"times": 2}""", """{"status":"success","data":"lives"}""")]
    public async Task A_call_is_answered_by_status_and_data(string tool, string arguments, string expected)
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Reply reply = await host.CallAsync(tool, arguments);
        Assert.Equal((200, "application/json", expected), (reply.Status, reply.ContentType, reply.Text));
    }

    [Fact]
    public async Task Before_any_worker_is_there_a_tool_that_nobody_knows_may_come()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        host.Pool.Ready = new TaskCompletionSource().Task;
        foreach (string path in (string[])["/tools/later", "/tools/later/stream"])
        {
            Reply reply = await host.PostAsync(path, "{}");
            Assert.Equal((503, "overload"), (reply.Status, reply.Problem()));
            Assert.NotNull(reply.Headers.RetryAfter);
        }
        Assert.Equal(503, (await host.GetAsync("/ws/tools/later")).Status);
        host.Pool.Ready = Task.CompletedTask;
        Assert.Equal(404, (await host.PostAsync("/tools/later", "{}")).Status);
    }

    [Theory]
    [InlineData("add", """{"left": 99, "right": 2}""", 400, "invalid_argument", "argument", "left")]
    [InlineData("add", """{"left": 9, "right": 2, "up": 1}""", 400, "invalid_argument", "argument", "up")]
    [InlineData("nothing", "{}", 404, "not_found", null, null)]
    [InlineData("die", """{"times": 3}""", 502, "worker_lost", null, null)]
    [InlineData("die_writing", "{}", 502, "stopped", null, null)]
    public async Task A_call_that_cannot_be_answered_is_a_problem(
        string tool, string arguments, int status, string code, string? member, string? value)
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Reply reply = await host.CallAsync(tool, arguments);
        Assert.Equal((status, code), (reply.Status, reply.Problem()));
        if (member is not null) Assert.Equal(value, (string?)reply.Json[member]);
    }

    [Fact]
    public async Task A_bug_is_told_by_a_reference_alone()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Reply reply = await host.CallAsync("fail");
        Assert.Equal((500, "internal"), (reply.Status, reply.Problem()));
        Assert.DoesNotContain("secret", reply.Text, StringComparison.OrdinalIgnoreCase);
        Assert.Contains((string)reply.Json["reference"]!, host.Log.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"arguments": {}, "argument": {}}""", "argument")]
    [InlineData("""{"arguments": []}""", "arguments")]
    [InlineData("""{"arguments": {"text": "a", "text": "b"}}""", "arguments.text")]
    [InlineData("""{"arguments": null}""", "arguments")]
    [InlineData("""{"arguments": {}, "id": "1"}""", "id")]
    [InlineData("""{"arguments": {}, "idempotencyKey": 7}""", "idempotencyKey")]
    [InlineData("""{"arguments": {}, "inputResponses": "x"}""", "inputResponses")]
    [InlineData("""{"arguments": {}, "arguments": {}}""", "arguments")]
    [InlineData("[]", null)]
    [InlineData("{", null)]
    [InlineData("", null)]
    public async Task An_envelope_is_strict_and_the_problem_names_the_field(string body, string? field)
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Reply reply = await host.PostAsync("/tools/echo", body);
        Assert.Equal((400, "invalid_request", field), (reply.Status, reply.Problem(), (string?)reply.Json["field"]));
        if (field is not null) Assert.Contains(field, (string)reply.Json["detail"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bodies_of_another_kind_or_length_are_refused()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(options => options.BodyBytesMax = 2_000);
        Assert.Equal("too_large", (await host.CallAsync("echo", $$"""{"text": "{{new string('x', 2_000)}}"}""")).Problem());
        HttpRequestMessage plain = new(HttpMethod.Post, "/tools/echo") { Content = new StringContent("{}", Encoding.UTF8, "text/plain") };
        Reply reply = await host.SendAsync(plain);
        Assert.Equal((415, "unsupported_media_type"), (reply.Status, reply.Problem()));
    }

    [Fact]
    public async Task Paths_and_methods_that_are_not_served_are_problems()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Reply reply = await host.GetAsync("/no/such/path");
        Assert.Equal((404, "not_found"), (reply.Status, reply.Problem()));
        reply = await host.SendAsync(new HttpRequestMessage(HttpMethod.Put, "/tools/echo"));
        Assert.Equal((405, "method_not_allowed"), (reply.Status, reply.Problem()));
    }

    [Fact]
    public async Task A_key_runs_once_and_answers_again()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Reply first = await host.CallAsync("write", """{"text": "a"}""", ("Idempotency-Key", "k"));
        Assert.Equal("""{"status":"success","data":"a"}""", first.Text);
        Reply second = await host.PostAsync("/tools/write", """{"arguments": {"text": "a"}, "idempotencyKey": "k"}""");
        Assert.Equal("""{"status":"success","data":"a","replayed":true}""", second.Text);
        Reply other = await host.CallAsync("write", """{"text": "b"}""", ("Idempotency-Key", "k"));
        Assert.Equal((422, "idempotency_conflict"), (other.Status, other.Problem()));
        Reply differing = await host.PostAsync(
            "/tools/write", """{"arguments": {"text": "a"}, "idempotencyKey": "k"}""", ("Idempotency-Key", "l"));
        Assert.Equal((400, "idempotencyKey"), (differing.Status, (string?)differing.Json["field"]));
        Assert.Equal(400, (await host.CallAsync("write", """{"text": "a"}""", ("Idempotency-Key", "not a key"))).Status);
    }

    [Fact]
    public async Task A_question_passes_and_its_answer_comes_with_the_next_call()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        JsonNode asked = (await host.CallAsync("ask")).Json;
        Assert.Equal("input_required", (string?)asked["status"]);
        Assert.Equal("Your name?", (string?)asked["data"]!["inputRequests"]!["name"]!["params"]!["message"]);
        JsonObject next = new()
        {
            ["arguments"] = new JsonObject(),
            ["requestState"] = asked["data"]!["requestState"]!.DeepClone(),
            ["inputResponses"] = JsonNode.Parse("""{"name": {"action": "accept", "content": {"value": "Ada"}}}"""),
        };
        Reply answered = await host.PostAsync("/tools/ask", next.ToJsonString());
        Assert.Equal("""{"status":"success","data":"state-1: Ada"}""", answered.Text);
    }

    [Fact]
    public async Task A_call_that_takes_too_long_is_cancelled()
    {
        await using GatewayHost host = await GatewayHost.StartAsync(options => options.RequestTimeout = TimeSpan.FromMilliseconds(200));
        Reply reply = await host.CallAsync("wait");
        Assert.Equal((504, "timeout"), (reply.Status, reply.Problem()));
        Assert.True(await host.Gate.Cancelled.WaitAsync(GatewayHost.Patience));
    }

    [Fact]
    public async Task A_client_that_leaves_cancels_its_call()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        using CancellationTokenSource leaving = new();
        using StringContent body = new("{}", Encoding.UTF8, "application/json");
        Task<HttpResponseMessage> call = host.Http.PostAsync("/tools/wait", body, leaving.Token);
        Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        await leaving.CancelAsync();
        Assert.True(await host.Gate.Cancelled.WaitAsync(GatewayHost.Patience));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await GatewayHost.UntilAsync(() => host.Services.GetRequiredService<ActiveCalls>().Count == 0);
    }

    [Fact]
    public async Task Many_calls_at_once_each_get_their_own_answer()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Reply[] replies = await Task.WhenAll(
            Enumerable.Range(0, 200).Select(number => host.CallAsync("echo", $$"""{"text": "{{number}}"}""")));
        Assert.Equal(Enumerable.Range(0, 200).Select(number => $"{number}"), replies.Select(reply => (string?)reply.Json["data"]));
    }

    [Fact]
    public async Task A_call_can_be_left_to_itself()
    {
        await using GatewayHost host = await GatewayHost.StartAsync();
        Reply reply = await host.CallAsync("wait", "{}", ("Prefer", "respond-async, wait=10"));
        Assert.Equal(HttpStatusCode.Accepted, reply.Code);
        Assert.Equal("""{"id":"invocation-1","status":"running"}""", reply.Text);
        Assert.Equal("/calls/invocation-1", reply.Headers.Location!.ToString());
        Assert.True(await host.Gate.Entered.WaitAsync(GatewayHost.Patience));
        Assert.Equal(1, host.Services.GetRequiredService<ActiveCalls>().Count);
        host.Gate.Open();
        await GatewayHost.UntilAsync(() => host.Services.GetRequiredService<ActiveCalls>().Count == 0);
        Assert.Equal(0, host.Gate.Cancelled.CurrentCount);
        Reply refused = await host.CallAsync("add", "{}", ("Prefer", "respond-async"));
        Assert.Equal((400, "invalid_argument"), (refused.Status, refused.Problem()));
    }
}
