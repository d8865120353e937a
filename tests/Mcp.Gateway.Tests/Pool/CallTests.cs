using System.Text.Json;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Pool;

public sealed class CallTests
{
    [Fact]
    public async Task A_worker_is_ready_once_its_tools_are_known_and_answers()
    {
        await using PoolHost host = PoolHost.Start();
        await host.ReadyAsync();
        Assert.Contains(host.Pool.Tools, tool => tool.Name == "echo" && tool.Annotations?.ReadOnlyHint == true);
        Assert.NotNull(host.Pool.Capabilities?.Tools);
        JsonNode? result = await host.CallAsync("echo", new JsonObject { ["text"] = "hello" });
        Assert.Equal("hello", PoolHost.TextOf(result));
        Assert.Equal("complete", (string?)result!["resultType"]);
        WorkerStatus worker = Assert.Single(host.Pool.Status.Workers);
        Assert.Equal(
            (0, WorkerState.Ready, 0, 1, 0, 0),
            (worker.Slot, worker.State, worker.InFlight, worker.Served, worker.Errors, worker.Restarts));
        Assert.Equal(host.Pids[^1], worker.Pid);
        Assert.True(worker.Latency.P50 > 0 && worker.Latency.P99 >= worker.Latency.P50);
        Assert.True(worker.MemoryBytes > 1 << 20);
        Assert.NotNull(worker.LastAnswer);
        Assert.Null(worker.LastFailure);
    }

    [Fact]
    public async Task A_call_before_the_first_worker_is_ready_waits_for_it()
    {
        await using PoolHost host = PoolHost.Start();
        Assert.Empty(host.Pool.Tools);
        Assert.Null(host.Pool.Capabilities);
        Assert.Equal("early", await host.TextAsync("echo", new JsonObject { ["text"] = "early" }));
        Assert.True(host.Pool.Ready.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task An_error_of_the_protocol_is_given_on_with_its_code_and_data()
    {
        await using PoolHost host = PoolHost.Start();
        McpProtocolException refused = await Assert.ThrowsAsync<McpProtocolException>(() => host.CallAsync("refuse"));
        Assert.Equal(("refused", McpErrorCode.InvalidParams), (refused.Message, refused.ErrorCode));
        Assert.Equal("because", Assert.IsType<JsonElement>(refused.Data["reason"]).GetString());
        Assert.Equal((1, 1), (host.Pool.Status.Workers[0].Served, host.Pool.Status.Workers[0].Errors));
    }

    [Fact]
    public async Task An_error_of_the_tool_is_a_result()
    {
        await using PoolHost host = PoolHost.Start();
        JsonNode? result = await host.CallAsync("say_no");
        Assert.True((bool)result!["isError"]!);
        Assert.Equal((1, 0), (host.Pool.Status.Workers[0].Served, host.Pool.Status.Workers[0].Errors));
    }

    [Fact]
    public async Task Progress_and_chunks_come_in_order_and_before_the_result()
    {
        await using PoolHost host = PoolHost.Start();
        const int Count = 300;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            List<string> seen = [];
            List<string> expected = [];
            for (int index = 0; index < Count; index++) expected.AddRange([$"progress {index}", $"chunk {index}"]);
            await host.CallAsync("chunks", new JsonObject { ["count"] = Count }, async notice =>
            {
                await Task.Yield();
                bool isChunk = notice.Method == "notifications/varve/chunk";
                seen.Add(isChunk ? (string)notice.Params!["data"]! : $"progress {notice.Params!["progress"]}");
            });
            Assert.Equal(expected, seen);
        }));
    }

    [Fact]
    public async Task The_next_notification_and_the_result_wait_until_one_is_taken()
    {
        await using PoolHost host = PoolHost.Start();
        TaskCompletionSource taken = new();
        TaskCompletionSource came = new();
        int count = 0;
        Task<JsonNode?> call = host.CallAsync("chunks", new JsonObject { ["count"] = 2 }, async _ =>
        {
            count++;
            came.TrySetResult();
            await taken.Task;
        });
        await came.Task.WaitAsync(PoolHost.Patience);
        // Others are not held up by it, and prove that the answer had the time to come.
        for (int other = 0; other < 20; other++) await host.TextAsync("pid");
        Assert.Equal(1, count);
        Assert.False(call.IsCompleted);
        taken.SetResult();
        await call;
        Assert.Equal(4, count);
    }

    [Fact]
    public async Task A_failure_of_whoever_takes_notifications_is_the_call_s_end_and_the_worker_s_too()
    {
        await using PoolHost host = PoolHost.Start();
        PoolRequest request = PoolHost.Request("wait", new JsonObject { ["name"] = "a" }, _ => throw new InvalidOperationException("mine"));
        InvalidOperationException thrown = await Assert.ThrowsAsync<InvalidOperationException>(
            () => host.Pool.SendAsync(request, CancellationToken.None).WaitAsync(PoolHost.Patience));
        Assert.Equal("mine", thrown.Message);
        await CancelledAsync(host, "a");
    }

    [Fact]
    public async Task Whoever_takes_notifications_too_slowly_loses_the_call_and_nobody_else()
    {
        await using PoolHost host = PoolHost.Start();
        TaskCompletionSource never = new();
        McpProtocolException refused = await Assert.ThrowsAsync<McpProtocolException>(
            () => host.CallAsync("chunks", new JsonObject { ["count"] = 10_000 }, _ => new ValueTask(never.Task)));
        Assert.Contains("faster than they were taken", refused.Message, StringComparison.Ordinal);
        Assert.Equal("on", await host.TextAsync("echo", new JsonObject { ["text"] = "on" }));
        never.SetResult();
    }

    [Fact]
    public async Task Cancellation_ends_the_call_at_once_and_reaches_the_worker()
    {
        await using PoolHost host = PoolHost.Start();
        using CancellationTokenSource cancel = new();
        Task<JsonNode?> call = await host.WaitingCallAsync("b", cancel.Token);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WaitAsync(PoolHost.Patience));
        await CancelledAsync(host, "b");
        await host.UntilAsync(pool => pool.Workers[0].InFlight == 0);
    }

    [Fact]
    public async Task A_call_that_is_cancelled_while_it_waits_never_reaches_a_worker()
    {
        await using PoolHost host = PoolHost.Start(options => options.WorkerConcurrency = 1);
        using CancellationTokenSource first = new();
        using CancellationTokenSource second = new();
        Task<JsonNode?> running = await host.WaitingCallAsync("c", first.Token);
        Task<JsonNode?> waiting = host.CallAsync("turn", cancellation: second.Token);
        Assert.Equal(1, host.Pool.Status.Queued);
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        Assert.Equal(0, host.Pool.Status.Queued);
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal("0", await host.TextAsync("turn"));
    }

    [Fact]
    public async Task What_a_tool_asks_for_comes_as_it_is_and_the_answer_goes_back()
    {
        await using PoolHost host = PoolHost.Start();
        JsonNode? asked = await host.CallAsync("input");
        Assert.Equal("input_required", (string?)asked!["resultType"]);
        Assert.Equal("asked", (string?)asked["requestState"]);
        Assert.Equal("Your name?", (string?)asked["inputRequests"]!["name"]!["params"]!["message"]);
        JsonObject answered = new()
        {
            ["name"] = "input",
            ["arguments"] = new JsonObject(),
            ["requestState"] = "asked",
            ["inputResponses"] = new JsonObject
            {
                ["name"] = new JsonObject { ["action"] = "accept", ["content"] = new JsonObject { ["name"] = "Ada" } },
            },
        };
        PoolRequest request = new(RequestMethods.ToolsCall, answered);
        JsonNode? result = await host.Pool.SendAsync(request, CancellationToken.None).WaitAsync(PoolHost.Patience);
        Assert.Equal("asked: Ada", PoolHost.TextOf(result));
    }

    [Fact]
    public async Task The_protocol_s_own_is_added_to_what_the_caller_says_of_the_request()
    {
        await using PoolHost host = PoolHost.Start();
        JsonObject parameters = new()
        {
            ["name"] = "meta",
            ["_meta"] = new JsonObject
            {
                ["io.varve/chunks"] = true,
                ["progressToken"] = "the caller's own",
                [MetaKeys.ProtocolVersion] = "2025-11-25",
                [MetaKeys.ClientInfo] = new JsonObject { ["name"] = "somebody", ["version"] = "9" },
                [MetaKeys.ClientCapabilities] = new JsonObject { ["elicitation"] = new JsonObject() },
            },
        };
        JsonNode before = parameters.DeepClone();
        PoolRequest request = new(RequestMethods.ToolsCall, parameters, _ => default);
        JsonNode? result = await host.Pool.SendAsync(request, CancellationToken.None).WaitAsync(PoolHost.Patience);
        JsonNode meta = JsonNode.Parse(PoolHost.TextOf(result))!;
        Assert.True((bool)meta["io.varve/chunks"]!);
        Assert.Equal("2026-07-28", (string?)meta[MetaKeys.ProtocolVersion]);
        Assert.Equal("varve-gateway", (string?)meta[MetaKeys.ClientInfo]!["name"]);
        Assert.NotNull(meta[MetaKeys.ClientCapabilities]!["elicitation"]);
        Assert.Equal(JsonValueKind.Number, meta["progressToken"]!.GetValueKind());
        Assert.True(JsonNode.DeepEquals(before, parameters), "the parameters are the caller's");
        JsonNode bare = JsonNode.Parse(await host.TextAsync("meta"))!;
        Assert.Empty(bare[MetaKeys.ClientCapabilities]!.AsObject());
        Assert.Null(bare["progressToken"]);
    }

    [Fact]
    public async Task A_big_answer_comes_and_one_that_is_too_big_fails_its_call_only()
    {
        await using PoolHost host = PoolHost.Start();
        string big = await host.TextAsync("big", new JsonObject { ["characters"] = 3 << 20 });
        Assert.Equal(3 << 20, big.Length);
        string pid = await host.TextAsync("pid");
        using CancellationTokenSource cancel = new();
        Task<JsonNode?> beside = await host.WaitingCallAsync("beside", cancel.Token);
        McpProtocolException refused = await Assert.ThrowsAsync<McpProtocolException>(
            () => host.CallAsync("big", new JsonObject { ["characters"] = 5 << 20 }));
        Assert.Contains("4194304 bytes", refused.Message, StringComparison.Ordinal);
        Assert.Equal(pid, await host.TextAsync("pid"));
        Assert.False(beside.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => beside);
    }

    [Fact]
    public async Task A_big_request_goes_through_the_pipe()
    {
        await using PoolHost host = PoolHost.Start();
        string big = new('y', 1 << 20);
        Assert.Equal(big, await host.TextAsync("echo", new JsonObject { ["text"] = big }));
    }

    [Theory]
    [InlineData("no message")]
    [InlineData("{\"jsonrpc\": \"2.0\"}")]
    [InlineData("[{\"jsonrpc\": \"2.0\", \"method\": \"notifications/x\"}]")]
    [InlineData("{\"jsonrpc\": \"2.0\", \"id\": 999999, \"result\": {}}")]
    [InlineData("{\"jsonrpc\": \"2.0\", \"id\": \"text\", \"result\": {}}")]
    [InlineData("{\"jsonrpc\": \"2.0\", \"method\": \"notifications/progress\", \"params\": {\"progressToken\": 1.5}}")]
    [InlineData("{\"jsonrpc\": \"2.0\", \"method\": \"notifications/progress\", \"params\": {\"progressToken\": 999999}}")]
    [InlineData("{\"jsonrpc\": \"2.0\", \"method\": \"notifications/progress\"}")]
    public async Task What_a_worker_writes_beside_its_answers_does_no_harm(string line)
    {
        await using PoolHost host = PoolHost.Start();
        string pid = await host.TextAsync("pid");
        Assert.Equal("said", await host.TextAsync("say", new JsonObject { ["line"] = line }));
        Assert.Equal(pid, await host.TextAsync("pid"));
    }

    [Fact]
    public async Task Standard_error_goes_to_the_log_cut_escaped_and_not_without_end()
    {
        await using PoolHost host = PoolHost.Start();
        await host.TextAsync("print", new JsonObject { ["line"] = "red \u001b[31m " + new string('z', 100_000), ["times"] = 1 });
        await host.UntilAsync(_ => host.Log.Lines.Any(line => line.Contains("red \\u001b[31m zz", StringComparison.Ordinal)));
        string line = host.Log.Lines.First(line => line.Contains("red", StringComparison.Ordinal));
        Assert.InRange(line.Length, 100, 300);
        await host.TextAsync("print", new JsonObject { ["line"] = "again", ["times"] = 5_000 });
        await host.UntilAsync(_ => host.Log.Text.Contains("the rest of it is not logged", StringComparison.Ordinal));
        Assert.InRange(host.Log.Lines.Count(line => line.Contains("again", StringComparison.Ordinal)), 1, 600);
        Assert.DoesNotContain('\u001b', host.Log.Text);
    }

    [Fact]
    public async Task The_command_says_in_which_environment_and_where_a_worker_runs()
    {
        await using PoolHost host = PoolHost.Start(options => options.Worker = options.Worker with
        {
            Directory = "/",
            Environment = new Dictionary<string, string?>(options.Worker.Environment) { ["VARVE_TEST"] = "here", ["HOME"] = null },
        });
        Assert.Equal("here /", await host.TextAsync("variable", new JsonObject { ["name"] = "VARVE_TEST" }));
        Assert.Equal(" /", await host.TextAsync("variable", new JsonObject { ["name"] = "HOME" }));
    }

    [Fact]
    public async Task A_tool_that_is_added_is_told()
    {
        await using PoolHost host = PoolHost.Start();
        await host.ReadyAsync();
        TaskCompletionSource changed = new();
        host.Pool.Changed += () =>
        {
            if (host.Pool.Tools.Any(tool => tool.Name == "new_one")) changed.TrySetResult();
        };
        await host.TextAsync("add_tool", new JsonObject { ["name"] = "new_one" });
        await changed.Task.WaitAsync(PoolHost.Patience);
        Assert.Equal("added", await host.TextAsync("new_one"));
    }

    [Fact]
    public async Task A_change_of_resources_or_prompts_is_told()
    {
        await using PoolHost host = PoolHost.Start();
        await host.ReadyAsync();
        ListChanges changes = new(host.Pool);
        await host.TextAsync("add_others");
        await changes.BothAsync();
    }

    private static Task CancelledAsync(PoolHost host, string name) => host.UntilAsync(_ =>
        host.TextAsync("cancelled").GetAwaiter().GetResult().Split(',').Contains(name));
}
