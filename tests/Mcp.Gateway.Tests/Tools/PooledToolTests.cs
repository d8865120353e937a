using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Gateway.Tests.Tools;

/// <summary>A call of a worker's tool, from the client to the worker and back.</summary>
public sealed class PooledToolTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Eras => [PooledHost.Modern, PooledHost.Legacy];

    [Theory]
    [MemberData(nameof(Eras))]
    public async Task A_result_passes_with_all_kinds_of_content(string revision)
    {
        const string Result = """
            {"resultType":"complete","isError":true,"structuredContent":{"n":1,"deep":[{"x":null}]},"_meta":{"a.b/c":7},"content":[
            {"type":"text","text":"ü","annotations":{"priority":0.5}},{"type":"image","data":"aGk=","mimeType":"image/png"},
            {"type":"audio","data":"aGk=","mimeType":"audio/wav"},{"type":"resource_link","uri":"a://b","name":"b"},
            {"type":"resource","resource":{"uri":"a://c","text":"c"}},{"type":"resource","resource":{"uri":"a://d","blob":"aGk="}}]}
            """;
        await using PooledHost host = await PooledHost.StartAsync(sharesJournal: false, FakePool.ToolOf("all"));
        host.Pool.Answer = (_, _) => Task.FromResult(JsonNode.Parse(Result));
        await using McpClient client = await host.ConnectAsync(revision);
        CallToolResult result = await client.CallToolAsync("all", cancellationToken: Timeout());
        JsonNode expected = JsonNode.Parse(Result)!;
        JsonNode actual = JsonSerializer.SerializeToNode(result, McpJsonUtilities.DefaultOptions)!;
        foreach (string member in (string[])["isError", "structuredContent", "content"])
            Assert.True(JsonNode.DeepEquals(expected[member], actual[member]), actual.ToJsonString());
        Assert.Equal(7, (int?)actual["_meta"]!["a.b/c"]);
    }

    [Fact]
    public async Task The_clients_meta_goes_on_without_members_of_this_librarys()
    {
        await using PooledHost host = await PooledHost.StartAsync(sharesJournal: true, FakePool.ToolOf("write"));
        await using McpClient client = await host.ConnectAsync(PooledHost.Modern);
        await client.CallToolAsync(
            new CallToolRequestParams
            {
                Name = "write",
                Arguments = new Dictionary<string, JsonElement>(),
                Meta = new JsonObject
                {
                    ["traceparent"] = "00-1",
                    ["io.varve/principal"] = "root",
                    ["io.varve/invocation"] = new JsonObject { ["id"] = Guid.Empty.ToString(), ["epoch"] = 9 },
                    ["io.varve/idempotencyKey"] = "k",
                },
            },
            Timeout());
        JsonObject meta = MetaOf(Assert.Single(host.Pool.Sent));
        Invocation call = Assert.Single(await host.ListAsync());
        Assert.Equal(("00-1", "local"), ((string?)meta["traceparent"], (string?)meta["io.varve/principal"]));
        Assert.Equal(
            (call.Id.ToString(), 1L), ((string?)meta["io.varve/invocation"]!["id"], (long?)meta["io.varve/invocation"]!["epoch"]));
        Assert.False(meta.ContainsKey("io.varve/idempotencyKey"));
        Assert.Equal(("k", InvocationState.Completed), (call.Key, call.State));
    }

    [Fact]
    public async Task A_foreign_worker_is_told_nothing_of_the_journal()
    {
        await using PooledHost host = await PooledHost.StartAsync(sharesJournal: false, FakePool.ToolOf("write"));
        await using McpClient client = await host.ConnectAsync(PooledHost.Legacy);
        await client.CallToolAsync("write", cancellationToken: Timeout());
        Assert.DoesNotContain(
            MetaOf(Assert.Single(host.Pool.Sent)), member => member.Key.StartsWith("io.varve/", StringComparison.Ordinal));
        Assert.Equal("write", Assert.Single(await host.ListAsync()).Name);
    }

    [Theory]
    [MemberData(nameof(Eras))]
    public async Task Progress_and_chunks_reach_their_own_caller_in_order_and_once(string revision)
    {
        await using PooledHost host = await PooledHost.StartAsync(
            sharesJournal: false, FakePool.ToolOf("slow", isReadOnly: true, properties: """{"number":{"type":"integer"}}"""));
        host.Pool.Answer = async (request, _) =>
        {
            int number = (int)request.Parameters["arguments"]!["number"]!;
            for (int tick = 1; tick <= 20; tick++)
            {
                JsonObject parameters = new() { ["progressToken"] = "of the worker", ["progress"] = tick, ["message"] = $"{number}" };
                await request.Notify!(new JsonRpcNotification { Method = NotificationMethods.ProgressNotification, Params = parameters });
                if (tick % 5 == 0) await request.Notify(new JsonRpcNotification
                {
                    Method = NotificationMethods.ProgressNotification,
                    Params = new JsonObject { ["progressToken"] = "of the worker", ["progress"] = tick - 4, ["message"] = "again" },
                });
            }
            return FakePool.Text("done");
        };
        using var calls = new RawCalls(host.Url);
        string? session = revision == PooledHost.Legacy ? await calls.InitializeAsync() : null;
        for (int number = 0; number < 2; number++)
        {
            JsonObject arguments = new() { ["number"] = number };
            JsonObject meta = new() { ["progressToken"] = $"mine {number}" };
            IReadOnlyList<JsonNode> messages = session is null
                ? await calls.CallAsync("slow", arguments, meta)
                : await calls.CallInSessionAsync(session, "slow", arguments, meta);
            JsonNode[] told = [.. messages.SkipLast(1).Select(message => message["params"]!)];
            Assert.Equal(Enumerable.Range(1, 20), told.Select(parameters => (int)parameters["progress"]!));
            Assert.All(told, parameters => Assert.Equal(
                ($"mine {number}", $"{number}"), ((string?)parameters["progressToken"], (string?)parameters["message"])));
            Assert.Equal("done", RawCalls.TextOf(messages[^1]));
        }
    }

    [Fact]
    public async Task Calls_at_the_same_time_get_what_is_theirs()
    {
        await using PooledHost host = await PooledHost.StartAsync(
            sharesJournal: false, FakePool.ToolOf("items", properties: """{"name":{"type":"string"}}"""));
        using var all = new Barrier(4);
        host.Pool.Answer = (request, _) => Task.Run<JsonNode?>(async () =>
        {
            string name = (string)request.Parameters["arguments"]!["name"]!;
            for (int index = 0; index < 10; index++)
            {
                all.SignalAndWait(Limit);
                JsonObject parameters = new() { ["progressToken"] = 1, ["index"] = index, ["data"] = $"{name} {index}" };
                await request.Notify!(new JsonRpcNotification { Method = "notifications/varve/chunk", Params = parameters });
            }
            return FakePool.Text(name);
        });
        using var calls = new RawCalls(host.Url);
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async number =>
        {
            JsonObject meta = new() { ["progressToken"] = number, ["io.varve/chunks"] = true };
            IReadOnlyList<JsonNode> messages = await calls.CallAsync("items", new JsonObject { ["name"] = $"caller {number}" }, meta);
            Assert.Equal($"caller {number}", RawCalls.TextOf(messages[^1]));
            Assert.Equal(
                Enumerable.Range(0, 10).Select(index => (number, $"caller {number} {index}")),
                messages.SkipLast(1).Select(message => ((int)message["params"]!["progressToken"]!, (string)message["params"]!["data"]!)));
        }));
        Assert.All(host.Pool.Sent, request => Assert.True((bool?)MetaOf(request)["io.varve/chunks"]));
    }

    [Fact]
    public async Task A_workers_error_of_the_protocol_is_the_callers()
    {
        await using PooledHost host = await PooledHost.StartAsync(sharesJournal: true, FakePool.ToolOf("write"));
        host.Pool.Answer = (_, _) => throw new McpProtocolException("No.", (McpErrorCode)(-32007)) { Data = { ["why"] = "because" } };
        await using McpClient client = await host.ConnectAsync(PooledHost.Modern);
        McpProtocolException refused =
            await Assert.ThrowsAsync<McpProtocolException>(async () => await client.CallToolAsync("write", cancellationToken: Timeout()));
        Assert.Equal(-32007, (int)refused.ErrorCode);
        Assert.Contains("No.", refused.Message, StringComparison.Ordinal);
        Assert.Equal("because", refused.Data["why"]?.ToString());
        Assert.Equal(InvocationState.Cancelled, Assert.Single(await host.ListAsync()).State);
    }

    [Fact]
    public async Task A_call_that_no_worker_takes_is_refused_and_nothing_of_it_kept()
    {
        await using PooledHost host = await PooledHost.StartAsync(sharesJournal: false, FakePool.ToolOf("tool"));
        host.Pool.Answer = (_, _) => throw new WorkerLostException(wasSent: false, "It ended.");
        using var calls = new RawCalls(host.Url);
        JsonNode answer = await calls.CallWithKeyAsync("tool", "k");
        Assert.Equal(-32000, (int?)answer["error"]!["code"]);
        Assert.Equal(InvocationState.Open, Assert.Single(await host.ListAsync()).State);
        host.Pool.Answer = (_, _) => Task.FromResult<JsonNode?>(FakePool.Text("done"));
        Assert.Equal("done", RawCalls.TextOf(await calls.CallWithKeyAsync("tool", "k")));
    }

    [Fact]
    public async Task A_modern_question_passes_with_its_state_and_so_does_the_answer()
    {
        await using PooledHost host = await PooledHost.StartAsync(sharesJournal: false, FakePool.ToolOf("ask"));
        host.Pool.Answer = (request, _) => Task.FromResult<JsonNode?>(AnswerOrAsk(request));
        await using McpClient client = await host.ConnectAsync(PooledHost.Modern, Answering("blue"));
        CallToolResult result = await client.CallToolAsync("ask", cancellationToken: Timeout());
        Assert.Equal("state-1: blue", Assert.IsType<TextContentBlock>(Assert.Single(result.Content)).Text);
        Assert.Equal(2, host.Pool.Sent.Count);
        Assert.All(
            host.Pool.Sent, request => Assert.NotNull(MetaOf(request)["io.modelcontextprotocol/clientCapabilities"]!["elicitation"]));
    }

    [Fact]
    public async Task A_sessions_client_is_asked_in_its_session_while_the_call_is_under_way()
    {
        await using PooledHost host = await PooledHost.StartAsync(sharesJournal: false, FakePool.ToolOf("ask"));
        host.Pool.Answer = (request, _) => Task.FromResult<JsonNode?>(AnswerOrAsk(request));
        await using McpClient client = await host.ConnectAsync(PooledHost.Legacy, Answering("green"));
        CallToolResult result = await client.CallToolAsync("ask", cancellationToken: Timeout());
        Assert.Equal("state-1: green", Assert.IsType<TextContentBlock>(Assert.Single(result.Content)).Text);
        Invocation call = Assert.Single(await host.ListAsync());
        Assert.Equal((1, InvocationState.Completed), (call.Attempts, call.State));
    }

    [Fact]
    public async Task While_a_sessions_client_is_asked_the_calls_time_stands_still()
    {
        ManualTime time = new();
        await using PooledHost host = await PooledHost.StartAsync(
            sharesJournal: false, (time, TimeSpan.FromSeconds(30)), FakePool.ToolOf("ask"));
        host.Pool.Answer = (request, _) => Task.FromResult<JsonNode?>(AnswerOrAsk(request));
        await using McpClient client =
            await host.ConnectAsync(PooledHost.Legacy, Answering("green", () => time.Advance(TimeSpan.FromSeconds(50))));
        CallToolResult result = await client.CallToolAsync("ask", cancellationToken: Timeout());
        Assert.Equal("state-1: green", Assert.IsType<TextContentBlock>(Assert.Single(result.Content)).Text);
    }

    [Fact]
    public async Task A_callers_wish_to_end_it_reaches_the_worker()
    {
        await using PooledHost host = await PooledHost.StartAsync(sharesJournal: true, FakePool.ToolOf("write"));
        TaskCompletionSource begun = new(), cancelled = new();
        host.Pool.Answer = async (_, cancellation) =>
        {
            using CancellationTokenRegistration told = cancellation.Register(() => cancelled.TrySetResult());
            begun.SetResult();
            await Task.Delay(System.Threading.Timeout.Infinite, cancellation);
            return null;
        };
        await using McpClient client = await host.ConnectAsync(PooledHost.Modern);
        using CancellationTokenSource leaving = new();
        ValueTask<CallToolResult> call = client.CallToolAsync("write", cancellationToken: leaving.Token);
        await begun.Task.WaitAsync(Limit);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await call);
        await cancelled.Task.WaitAsync(Limit);
    }

    private static JsonObject MetaOf(PoolRequest request) => (JsonObject)request.Parameters["_meta"]!;

    private static JsonObject AnswerOrAsk(PoolRequest request)
    {
        if (request.Parameters["inputResponses"]?["color"] is { } answer)
            return FakePool.Text($"{request.Parameters["requestState"]}: {answer["content"]!["value"]}");
        const string Question = """
            {"resultType":"input_required","requestState":"state-1","inputRequests":{"color":{"method":"elicitation/create","params":
            {"mode":"form","message":"Which color?","requestedSchema":{"type":"object","properties":{"value":{"type":"string"}}}}}}}
            """;
        return (JsonObject)JsonNode.Parse(Question)!;
    }

    private static McpClientOptions Answering(string color, Action? before = null) => new()
    {
        Capabilities = new ClientCapabilities { Elicitation = new() { Form = new() } },
        Handlers = new McpClientHandlers
        {
            ElicitationHandler = (_, _) =>
            {
                before?.Invoke();
                return new(new ElicitResult
                {
                    Action = "accept",
                    Content = new Dictionary<string, JsonElement> { ["value"] = JsonElement.Parse($"\"{color}\"") },
                });
            },
        },
    };

    private static CancellationToken Timeout() => new CancellationTokenSource(Limit).Token;
}
