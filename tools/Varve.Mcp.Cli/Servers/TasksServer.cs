using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Cli.Servers.Tasks;

namespace Varve.Mcp.Cli.Servers;

internal sealed record TaskResult(
    string Result, string? TaskId = null, string? TaskStatus = null, int? Attempts = null, NextTask? Task = null) : Outcome;

internal sealed record TasksResult(string Result, int Count, IReadOnlyList<string>? TaskIds = null) : Outcome;

internal sealed record NextTask(string Id, string Description, int Attempts, int MaxAttempts);

internal sealed record OrchestratorResult(int Processed, int Completed, int Failed, double ElapsedSeconds) : Outcome;

internal sealed record OrchestratorText(int Processed, int Completed, int Failed, double ElapsedSeconds);

internal sealed record QueuedTask(string Id, string Description, string Status, int Attempts, int Priority);

internal sealed record CurrentTask(string Id, string Description, string Status, int Attempts);

internal sealed record PendingTask(string Id, string Description, int Priority);

internal sealed record CompletedTask(
    string Id, string Description, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Result);

/// <summary>A durable queue of tasks, and an orchestrator that works on it.</summary>
[McpServerToolType]
[McpServerResourceType]
internal sealed class TasksServer(ITaskStore tasks, ITaskExecutor executor, ITaskVerifier verifier, TimeProvider time)
{
    private const string JsonType = "application/json";
    private const string IdText = "The task's id";
    private const int ResultCodePointsMax = 200;
    private const int FailuresInRowMax = 5;

    /// <summary>What a change of any task may change.</summary>
    public static IReadOnlyList<string> ResourceUris { get; } =
    [
        "task://queue", "task://current", "task://stats", "task://pending", "task://completed",
        .. TaskStates.All.Select(status => $"task://filter/{status}"),
    ];

    [McpServerTool(
        Name = "add_task", Title = "Add a task", Destructive = false, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(TaskResult))]
    [Description("Add a new task to the queue.")]
    public async Task<CallToolResult> AddTask(
        [Description("What the task should accomplish"), MaxLength(Limits.TextChars)] string description,
        DurableContext context,
        [Description("1, the highest, to 10, the lowest"), Range(1, 10)] int priority = 5,
        [Description("How often it may be tried"), Range(1, 1_000)] int max_attempts = 3,
        CancellationToken cancellation = default)
    {
        TaskItem task = (await tasks.AddAsync(context, [description], priority, max_attempts, cancellation))[0];
        return Say($"Created task: {task.Id}", task);
    }

    [McpServerTool(
        Name = "add_tasks_batch", Title = "Add several tasks", Destructive = false, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(TasksResult))]
    [Description("Add several tasks to the queue, all or none.")]
    public async Task<CallToolResult> AddTasksBatch(
        [Description("What each task should accomplish"), MinLength(1), ItemLimits(Limits.Operations, Limits.TextChars)]
        string[] descriptions,
        DurableContext context,
        CancellationToken cancellation)
    {
        const int UsualPriority = 5;
        const int UsualAttempts = 3;
        IReadOnlyList<TaskItem> added = await tasks.AddAsync(context, descriptions, UsualPriority, UsualAttempts, cancellation);
        string[] ids = [.. added.Select(task => task.Id)];
        return SayAll($"Created {ids.Length} tasks: {string.Join(", ", ids)}", ids.Length, ids);
    }

    [McpServerTool(
        Name = "start_task", Title = "Start a task", Destructive = false, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(TaskResult))]
    [Description("Mark a pending task as in progress. Counts an attempt.")]
    public async Task<CallToolResult> StartTask(
        [Description(IdText), MaxLength(Limits.NameChars)] string task_id, DurableContext context, CancellationToken cancellation) =>
        Say(
            task_id, await tasks.StartAsync(context, "start", task_id, cancellation),
            task => $"Started task: {task_id} (attempt {task.Attempts})");

    [McpServerTool(
        Name = "complete_task", Title = "Complete a task", Destructive = false, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(TaskResult))]
    [Description("Mark a task as completed, with its result.")]
    public async Task<CallToolResult> CompleteTask(
        [Description(IdText), MaxLength(Limits.NameChars)] string task_id,
        [Description("What came out"), MaxLength(Limits.TextChars)] string result,
        DurableContext context,
        CancellationToken cancellation) =>
        Say(task_id, await tasks.CompleteAsync(context, "complete", task_id, result, cancellation), _ => $"Completed task: {task_id}");

    [McpServerTool(
        Name = "complete_tasks_batch", Title = "Complete several tasks", Destructive = false, OpenWorld = false,
        UseStructuredContent = true, OutputSchemaType = typeof(TasksResult))]
    [Description("Mark several tasks as completed with the same result. Those that cannot be are named.")]
    public async Task<CallToolResult> CompleteTasksBatch(
        [Description("The tasks' ids"), MinLength(1), ItemLimits(Limits.Operations, Limits.NameChars)] string[] task_ids,
        [Description("What came out"), MaxLength(Limits.TextChars)] string result,
        DurableContext context,
        CancellationToken cancellation)
    {
        List<string> completed = [];
        List<string> refused = [];
        foreach (string id in task_ids.Distinct())
        {
            TaskChange change = await tasks.CompleteAsync(context, $"complete:{id}", id, result, cancellation);
            if (change is { Task: not null, Refusal: null }) completed.Add(id);
            else refused.Add(change.Refusal ?? $"Task not found: {id}");
        }

        string sentence = string.Join(". ", refused.Prepend($"Completed {completed.Count} tasks"));
        return SayAll(sentence, completed.Count, completed, isError: refused.Count > 0);
    }

    [McpServerTool(
        Name = "fail_task", Title = "Fail a task", Destructive = false, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(TaskResult))]
    [Description("Mark a task as failed, with the reason.")]
    public async Task<CallToolResult> FailTask(
        [Description(IdText), MaxLength(Limits.NameChars)] string task_id,
        [Description("Why it failed"), MaxLength(Limits.TextChars)] string reason,
        DurableContext context,
        CancellationToken cancellation) =>
        Say(task_id, await tasks.FailAsync(context, "fail", task_id, reason, cancellation), _ => $"Failed task: {task_id} - {reason}");

    [McpServerTool(
        Name = "retry_task", Title = "Retry a task", Destructive = false, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(TaskResult))]
    [Description("Put a task that failed or is in progress back into the queue, unless it was tried too often.")]
    public async Task<CallToolResult> RetryTask(
        [Description(IdText), MaxLength(Limits.NameChars)] string task_id,
        DurableContext context,
        [Description("What the next attempt should know"), MaxLength(Limits.TextChars)] string feedback = "",
        CancellationToken cancellation = default)
    {
        TaskChange change = await tasks.RetryAsync(context, "retry", task_id, feedback, cancellation);
        if (change is { Task.Status: TaskStates.Failed, Refusal: null })
            change = change with { Refusal = $"Task {task_id} exceeded max attempts" };
        return Say(task_id, change, _ => $"Task {task_id} queued for retry");
    }

    [McpServerTool(
        Name = "get_next_task", Title = "Look at the next task", ReadOnly = true, OpenWorld = false, UseStructuredContent = true,
        OutputSchemaType = typeof(TaskResult))]
    [Description("Get the next task to process: the pending one of the highest priority, then the oldest.")]
    public async Task<CallToolResult> GetNextTask(CancellationToken cancellation)
    {
        const string Nothing = "No pending tasks";
        if (await tasks.NextAsync(cancellation) is not { } task) return Reply.Of(new TaskResult(Nothing), Nothing);
        var next = new NextTask(task.Id, task.Description, task.Attempts, task.MaxAttempts);
        string text = ServerJson.Indent(next);
        return Reply.Of(new TaskResult(text, task.Id, task.Status, task.Attempts, next), text);
    }

    [McpServerTool(
        Name = "clear_completed", Title = "Remove completed tasks", Destructive = true, Idempotent = true, OpenWorld = false,
        UseStructuredContent = true, OutputSchemaType = typeof(TasksResult))]
    [Description("Remove all completed tasks from the queue. Their ids are not used again.")]
    public async Task<CallToolResult> ClearCompleted(DurableContext context, CancellationToken cancellation)
    {
        int cleared = await tasks.ClearCompletedAsync(context, cancellation);
        return SayAll($"Cleared {cleared} completed tasks", cleared);
    }

    [McpServerTool(
        Name = "reset_all_tasks", Title = "Reset all tasks", Destructive = true, Idempotent = true, OpenWorld = false,
        UseStructuredContent = true, OutputSchemaType = typeof(TasksResult))]
    [Description("Reset all tasks to pending: no attempts, no results. For testing, or to process everything again.")]
    public async Task<CallToolResult> ResetAllTasks(DurableContext context, CancellationToken cancellation) =>
        SayAll("All tasks reset to pending", await tasks.ResetAllAsync(context, cancellation));

    [McpServerTool(
        Name = "run_orchestrator", Title = "Run the orchestrator", Destructive = false, OpenWorld = true, UseStructuredContent = true,
        OutputSchemaType = typeof(OrchestratorResult))]
    [Description(
        "Process pending tasks: each is started, done, verified, and completed, tried again or failed. Stops after 5 failures in a row.")]
    public async Task<CallToolResult> RunOrchestrator(
        DurableContext context,
        [Description("Attempts at most in this run"), Range(1, 1_000)] int max_tasks = 10,
        CancellationToken cancellation = default)
    {
        long started = time.GetTimestamp();
        var orchestrator = new Orchestrator(tasks, executor, verifier, new ConsecutiveFailures(FailuresInRowMax));
        OrchestratorRun run = await orchestrator.RunAsync(context, max_tasks, cancellation);
        double elapsedSeconds = Math.Round(time.GetElapsedTime(started).TotalSeconds, 3);
        string text = ServerJson.Indent(new OrchestratorText(run.Processed, run.Completed, run.Failed, elapsedSeconds));
        return Reply.Of(new OrchestratorResult(run.Processed, run.Completed, run.Failed, elapsedSeconds), text);
    }

    [McpServerResource(UriTemplate = "task://queue", Name = "queue", Title = "All tasks", MimeType = JsonType)]
    [Description("All tasks of the queue with their status.")]
    public async Task<string> ReadQueue(CancellationToken cancellation) => ServerJson.Indent(Queued(await ListAsync(null, cancellation)));

    [McpServerResource(UriTemplate = "task://current", Name = "current", Title = "The next task", MimeType = JsonType)]
    [Description("The next pending task, or null if there is none.")]
    public async Task<string> ReadCurrent(CancellationToken cancellation) => await tasks.NextAsync(cancellation) is { } task
        ? ServerJson.Indent(new CurrentTask(task.Id, task.Description, task.Status, task.Attempts))
        : "null";

    [McpServerResource(UriTemplate = "task://stats", Name = "stats", Title = "Figures of the queue", MimeType = JsonType)]
    [Description("How many tasks there are in each state, and how they fare.")]
    public async Task<string> ReadStats(CancellationToken cancellation) => ServerJson.Indent(await tasks.CountAsync(cancellation));

    [McpServerResource(UriTemplate = "task://pending", Name = "pending", Title = "Pending tasks", MimeType = JsonType)]
    [Description("The pending tasks, in the order in which they come up.")]
    public async Task<string> ReadPending(CancellationToken cancellation)
    {
        IReadOnlyList<TaskItem> pending = await ListAsync(TaskStates.Pending, cancellation);
        return ServerJson.Indent<PendingTask[]>([.. pending.Select(task => new PendingTask(task.Id, task.Description, task.Priority))]);
    }

    [McpServerResource(UriTemplate = "task://completed", Name = "completed", Title = "Completed tasks", MimeType = JsonType)]
    [Description("The completed tasks with their results; long ones are cut.")]
    public async Task<string> ReadCompleted(CancellationToken cancellation)
    {
        IReadOnlyList<TaskItem> completed = await ListAsync(TaskStates.Completed, cancellation);
        return ServerJson.Indent<CompletedTask[]>(
            [.. completed.Select(task => new CompletedTask(task.Id, task.Description, Cut(task.Result)))]);
    }

    [McpServerResource(UriTemplate = "task://filter/{status}", Name = "filter", Title = "Tasks of a status", MimeType = JsonType)]
    [Description("The tasks of one status: pending, in_progress, completed or failed.")]
    public async Task<string> ReadFilter(
        [Description("The status"), AllowedValues(TaskStates.Pending, TaskStates.InProgress, TaskStates.Completed, TaskStates.Failed)]
        string status,
        CancellationToken cancellation)
    {
        if (TaskStates.All.Contains(status)) return ServerJson.Indent(Queued(await ListAsync(status, cancellation)));
        string all = string.Join(", ", TaskStates.All);
        throw new McpProtocolException($"There is no status '{status}': it is one of {all}.", McpErrorCode.InvalidParams);
    }

    private Task<IReadOnlyList<TaskItem>> ListAsync(string? status, CancellationToken cancellation) =>
        tasks.ListAsync(status, Limits.Entries, cancellation);

    private static QueuedTask[] Queued(IReadOnlyList<TaskItem> found) =>
        [.. found.Select(task => new QueuedTask(task.Id, task.Description, task.Status, task.Attempts, task.Priority))];

    private static string? Cut(string? result) => result is null ? null : Texts.Cut(result, ResultCodePointsMax);

    private static CallToolResult Say(string id, TaskChange change, Func<TaskItem, string> sentence)
    {
        if (change.Task is null) return Say($"Task not found: {id}", null, isError: true);
        return change.Refusal is { } refusal ? Say(refusal, change.Task, isError: true) : Say(sentence(change.Task), change.Task);
    }

    private static CallToolResult Say(string sentence, TaskItem? task, bool isError = false)
    {
        var result = new TaskResult(sentence, task?.Id, task?.Status, task?.Attempts);
        if (isError) result.Status = Outcome.ErrorStatus;
        return Reply.Of(result, sentence);
    }

    private static CallToolResult SayAll(string sentence, int count, IReadOnlyList<string>? ids = null, bool isError = false)
    {
        var result = new TasksResult(sentence, count, ids);
        if (isError) result.Status = Outcome.ErrorStatus;
        return Reply.Of(result, sentence);
    }
}
