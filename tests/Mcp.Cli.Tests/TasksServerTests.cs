using System.Text.Json;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Cli.Servers;

// Sampling is deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp.Cli.Tests;

public sealed class TasksServerTests : ServerHouse
{
    private const string LegacyRevision = "2025-11-25";

    [Fact]
    public async Task The_sentences_are_those_of_the_queue()
    {
        const string Id = "task-001";
        await using TestServer server = await StartAsync();
        Assert.Equal("Created task: task-001", await SayAsync(server, "add_task", new { description = "a" }));
        Assert.Equal("Started task: task-001 (attempt 1)", await SayAsync(server, "start_task", new { task_id = Id }));
        Assert.Equal("Failed task: task-001 - no", await SayAsync(server, "fail_task", new { task_id = Id, reason = "no" }));
        Assert.Equal("Task task-001 queued for retry", await SayAsync(server, "retry_task", new { task_id = Id, feedback = "try" }));
        Assert.Equal("Completed task: task-001", await SayAsync(server, "complete_task", new { task_id = Id, result = "yes" }));
        Assert.Equal("No pending tasks", await SayAsync(server, "get_next_task", new { }));
        Assert.Equal("Cleared 1 completed tasks", await SayAsync(server, "clear_completed", new { }));
        Assert.Equal("All tasks reset to pending", await SayAsync(server, "reset_all_tasks", new { }));
        Assert.Equal("Task not found: task-001", await SayAsync(server, "start_task", new { task_id = Id }, isError: true));
        Assert.Equal("Task not found: x", await SayAsync(server, "fail_task", new { task_id = "x", reason = "" }, isError: true));
    }

    [Fact]
    public async Task A_change_that_the_state_does_not_allow_is_refused_and_names_it()
    {
        await using TestServer server = await StartAsync();
        await server.GetAsync("add_task", new { description = "a" });
        const string Id = "task-001";
        Assert.Contains("is pending", await SayAsync(server, "retry_task", new { task_id = Id }, isError: true));
        await server.GetAsync("start_task", new { task_id = Id });
        Assert.Contains("is in_progress", await SayAsync(server, "start_task", new { task_id = Id }, isError: true));
        await server.GetAsync("complete_task", new { task_id = Id, result = "r" });
        Assert.Contains("is completed", await SayAsync(server, "complete_task", new { task_id = Id, result = "r" }, isError: true));
        Assert.Contains("is completed", await SayAsync(server, "fail_task", new { task_id = Id, reason = "r" }, isError: true));
        Assert.Contains("is completed", await SayAsync(server, "retry_task", new { task_id = Id }, isError: true));
    }

    [Fact]
    public async Task After_as_many_attempts_as_allowed_a_task_has_failed()
    {
        await using TestServer server = await StartAsync();
        await server.GetAsync("add_task", new { description = "a", max_attempts = 2 });
        for (int attempt = 1; attempt <= 2; attempt++)
        {
            await server.GetAsync("start_task", new { task_id = "task-001" });
            string said = await SayAsync(server, "retry_task", new { task_id = "task-001" }, isError: attempt == 2);
            Assert.Equal(attempt == 2 ? "Task task-001 exceeded max attempts" : "Task task-001 queued for retry", said);
        }

        Assert.Equal("failed", (await server.ReadAsync("task://queue"))[0].GetProperty("status").GetString());
    }

    [Fact]
    public async Task The_next_task_is_of_the_highest_priority_and_among_these_the_oldest()
    {
        await using TestServer server = await StartAsync();
        foreach (int priority in (int[])[5, 10, 2, 2]) await server.GetAsync("add_task", new { description = $"p{priority}", priority });
        List<string> order = [];
        while (true)
        {
            JsonElement next = await server.GetAsync("get_next_task", new { });
            if (!next.TryGetProperty("task_id", out JsonElement id)) break;
            order.Add(id.GetString()!);
            await server.GetAsync("complete_task", new { task_id = id.GetString(), result = "r" });
        }

        Assert.Equal(["task-003", "task-004", "task-001", "task-002"], order);
    }

    [Fact]
    public async Task Ids_go_past_999_in_their_order_and_are_never_given_again()
    {
        await using TestServer server = await StartAsync();
        string[] descriptions = [.. Enumerable.Range(0, 999).Select(i => $"{i}")];
        await server.GetAsync("add_tasks_batch", new { descriptions });
        await server.GetAsync("complete_tasks_batch", new { task_ids = new[] { "task-998", "task-999" }, result = "r" });
        await server.GetAsync("clear_completed", new { });
        JsonElement added = await server.GetAsync("add_tasks_batch", new { descriptions = new[] { "a", "b" } });
        Assert.Equal("Created 2 tasks: task-1000, task-1001", added.GetProperty("result").GetString());
        JsonElement queue = await server.ReadAsync("task://queue");
        Assert.Equal(999, queue.GetArrayLength());
        Assert.Equal("task-1001", queue[998].GetProperty("id").GetString());
        Assert.Equal("task-1000", queue[997].GetProperty("id").GetString());
    }

    [Fact]
    public async Task Several_tasks_are_completed_and_those_that_cannot_be_are_named()
    {
        await using TestServer server = await StartAsync();
        await server.GetAsync("add_tasks_batch", new { descriptions = new[] { "a", "b" } });
        var two = new { task_ids = new[] { "task-001", "task-007" }, result = "r" };
        string said = await SayAsync(server, "complete_tasks_batch", two, isError: true);
        Assert.Equal("Completed 1 tasks. Task not found: task-007", said);
    }

    [Fact]
    public async Task Resources_show_the_queue()
    {
        await using TestServer server = await StartAsync();
        Assert.Equal(JsonValueKind.Null, (await server.ReadAsync("task://current")).ValueKind);
        await server.GetAsync("add_tasks_batch", new { descriptions = new[] { "a", "b", "c", "d" } });
        await server.GetAsync("start_task", new { task_id = "task-001" });
        await server.GetAsync("complete_task", new { task_id = "task-001", result = new string('x', 300) });
        await server.GetAsync("fail_task", new { task_id = "task-002", reason = "no" });
        await server.GetAsync("start_task", new { task_id = "task-003" });
        JsonElement stats = await server.ReadAsync("task://stats");
        string[] names = ["total", "pending", "in_progress", "completed", "failed"];
        Assert.Equal([4, 1, 1, 1, 1], names.Select(name => stats.GetProperty(name).GetInt32()));
        Assert.Equal(0.5, stats.GetProperty("success_rate").GetDouble());
        Assert.Equal(1, stats.GetProperty("average_attempts").GetDouble());
        JsonElement completed = await server.ReadAsync("task://completed");
        Assert.Equal(200, completed[0].GetProperty("result").GetString()!.Length);
        Assert.Equal("task-004", (await server.ReadAsync("task://current")).GetProperty("id").GetString());
        Assert.Equal("task-004", (await server.ReadAsync("task://pending"))[0].GetProperty("id").GetString());
        Assert.Equal("task-003", (await server.ReadAsync("task://filter/in_progress"))[0].GetProperty("id").GetString());
        Assert.Equal("task-002", (await server.ReadAsync("task://filter/failed"))[0].GetProperty("id").GetString());
        var refused = await Assert.ThrowsAsync<McpProtocolException>(() => server.Client.ReadResourceAsync("task://filter/lost").AsTask());
        Assert.Equal(McpErrorCode.InvalidParams, refused.ErrorCode);
    }

    [Fact]
    public async Task A_reset_makes_all_tasks_as_new()
    {
        await using TestServer server = await StartAsync();
        string[] descriptions = [.. Enumerable.Range(0, 1_000).Select(i => $"{i}")];
        await server.GetAsync("add_tasks_batch", new { descriptions });
        await server.GetAsync("start_task", new { task_id = "task-501" });
        await server.GetAsync("complete_task", new { task_id = "task-501", result = "r" });
        JsonElement reset = await server.GetAsync("reset_all_tasks", new { });
        Assert.Equal(1_000, reset.GetProperty("count").GetInt32());
        JsonElement stats = await server.ReadAsync("task://stats");
        Assert.Equal(1_000, stats.GetProperty("pending").GetInt32());
        Assert.Equal(0, stats.GetProperty("average_attempts").GetDouble());
    }

    [Fact]
    public async Task A_task_is_started_by_one_of_many_who_try()
    {
        await using TestServer server = await StartAsync();
        await server.GetAsync("add_task", new { description = "a" });
        CallToolResult[] results = await Task.WhenAll(
            Enumerable.Range(0, 10).Select(_ => server.CallAsync("start_task", new { task_id = "task-001" })));
        Assert.Single(results, result => result.IsError != true);
    }

    [Fact]
    public async Task The_orchestrator_completes_tries_again_and_gives_up()
    {
        await using TestServer server = await StartAsync();
        await server.GetAsync("add_tasks_batch", new { descriptions = new[] { "a", "Fail always", "c" } });
        JsonElement run = await server.GetAsync("run_orchestrator", new { });
        Assert.Equal(5, run.GetProperty("processed").GetInt32());
        Assert.Equal(2, run.GetProperty("completed").GetInt32());
        Assert.Equal(1, run.GetProperty("failed").GetInt32());
        Assert.True(run.GetProperty("elapsed_seconds").GetDouble() >= 0);
        Assert.Equal("Done: a", (await server.ReadAsync("task://completed"))[0].GetProperty("result").GetString());
    }

    [Fact]
    public async Task The_orchestrator_stops_when_nothing_works_and_at_its_bound()
    {
        await using TestServer server = await StartAsync();
        await server.GetAsync("add_tasks_batch", new { descriptions = new[] { "fail 1", "fail 2", "a" } });
        Assert.Equal(5, (await server.GetAsync("run_orchestrator", new { })).GetProperty("processed").GetInt32());
        Assert.Equal(1, (await server.GetAsync("run_orchestrator", new { max_tasks = 1 })).GetProperty("processed").GetInt32());
    }

    [Fact]
    public async Task The_sampling_executor_asks_the_clients_model_and_tells_it_what_went_wrong()
    {
        List<string> asked = [];
        var options = new McpClientOptions
        {
            ProtocolVersion = LegacyRevision,
            Capabilities = new ClientCapabilities { Sampling = new SamplingCapability() },
        };
        options.Handlers.SamplingHandler = (request, _, _) =>
        {
            IEnumerable<TextContentBlock> texts = request!.Messages.SelectMany(message => message.Content).OfType<TextContentBlock>();
            asked.Add(string.Concat(texts.Select(block => block.Text)));
            var answer = new TextContentBlock { Text = asked.Count == 1 ? "" : "An old silent pond" };
            return new ValueTask<CreateMessageResult>(new CreateMessageResult { Model = "test", Content = [answer] });
        };
        await using TestServer server = await TestServer.StartAsync(
            Database, "tasks", client: options, settings: new ServerSettings(Samples: true));
        await server.GetAsync("add_task", new { description = "Write a haiku" });
        JsonElement run = await server.GetAsync("run_orchestrator", new { });
        Assert.Equal(2, run.GetProperty("processed").GetInt32());
        Assert.Equal("Write a haiku", asked[0]);
        Assert.Contains("The result is empty", asked[1]);
        Assert.Equal("An old silent pond", (await server.ReadAsync("task://completed"))[0].GetProperty("result").GetString());
    }

    [Fact]
    public async Task Every_change_of_a_task_is_told_to_subscribers()
    {
        var legacy = new McpClientOptions { ProtocolVersion = LegacyRevision };
        await using TestServer server = await TestServer.StartAsync(Database, "tasks", client: legacy);
        var told = new SemaphoreSlim(0);
        await using IAsyncDisposable subscription = await server.Client.SubscribeToResourceAsync("task://stats", (_, _) =>
        {
            told.Release();
            return ValueTask.CompletedTask;
        });
        await server.GetAsync("add_task", new { description = "a" });
        Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(20)));
        await server.GetAsync("start_task", new { task_id = "task-001" });
        Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    private static async Task<string> SayAsync(TestServer server, string tool, object arguments, bool isError = false)
    {
        CallToolResult result = await server.CallAsync(tool, arguments);
        string text = TestServer.TextOf(result);
        Assert.True(isError == (result.IsError == true), text);
        Assert.Equal(text, result.StructuredContent!.Value.GetProperty("result").GetString());
        return text;
    }

    private Task<TestServer> StartAsync() => TestServer.StartAsync(Database, "tasks");
}
