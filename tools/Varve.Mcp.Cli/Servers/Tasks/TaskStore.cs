using System.Globalization;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Servers.Tasks;

/// <summary>The queue in two maps: tasks by number, and an index by state, priority and number that says which one is next.</summary>
internal sealed class TaskStore(ISharedStore store, Turns turns) : ITaskStore
{
    public const string Map = "tasks";

    private const string Index = "tasks_by_status";
    private const int TasksOfPage = 500;

    public async Task<TaskItem?> FindAsync(string id, CancellationToken cancellation) =>
        TaskItem.KeyOf(id) is { } key ? await Tasks.FindAsync<TaskItem>(key, cancellation) : null;

    public async Task<IReadOnlyList<TaskItem>> ListAsync(string? status, int limit, CancellationToken cancellation)
    {
        if (status is null) return [.. (await Tasks.RangeAsync(limit, cancellation: cancellation)).Read<TaskItem>()];
        List<TaskItem> found = [];
        foreach (MapEntry entry in (await new StoreMap(store, Index).PrefixAsync($"{status}/", limit, cancellation: cancellation)).Entries)
        {
            TaskItem? task = await Tasks.FindAsync<TaskItem>(KeyInIndex(entry.Key), cancellation);

            // Another call may have changed it since the index was read.
            if (task?.Status == status) found.Add(task);
        }

        return found;
    }

    public async Task<TaskItem?> NextAsync(CancellationToken cancellation)
    {
        MapPage next = await new StoreMap(store, Index).PrefixAsync($"{TaskStates.Pending}/", limit: 1, cancellation: cancellation);
        return next.Entries.Count == 0 ? null : await Tasks.FindAsync<TaskItem>(KeyInIndex(next.Entries[0].Key), cancellation);
    }

    public async Task<TaskStats> CountAsync(CancellationToken cancellation)
    {
        Dictionary<string, int> counts = TaskStates.All.ToDictionary(status => status, _ => 0, StringComparer.Ordinal);
        int started = 0;
        long attempts = 0;
        string? start = null;
        do
        {
            MapPage page = await Tasks.RangeAsync(TasksOfPage, start, cancellation: cancellation);
            foreach (TaskItem task in page.Read<TaskItem>())
            {
                counts[task.Status]++;
                attempts += task.Attempts;
                if (task.Attempts > 0) started++;
            }

            start = page.NextKey;
        }
        while (start is not null);

        int ended = counts[TaskStates.Completed] + counts[TaskStates.Failed];
        return new TaskStats(
            counts.Values.Sum(), counts[TaskStates.Pending], counts[TaskStates.InProgress], counts[TaskStates.Completed],
            counts[TaskStates.Failed], Share(counts[TaskStates.Completed], ended), Share(attempts, started));
    }

    public Task<IReadOnlyList<TaskItem>> AddAsync(
        DurableContext context, IReadOnlyList<string> descriptions, int priority, int maxAttempts, CancellationToken cancellation) =>
        ChangeAsync<IReadOnlyList<TaskItem>>(context, "add", cancellation, async step =>
        {
            long first = await Numbers.TakeAsync(store, step, Map, descriptions.Count);
            TaskItem[] tasks = [.. descriptions.Select((text, at) =>
                new TaskItem(TaskItem.IdOf(first + at), text, TaskStates.Pending, priority, Attempts: 0, maxAttempts))];
            foreach (TaskItem task in tasks) Put(step, before: null, task);
            return tasks;
        });

    public Task<TaskChange> StartAsync(DurableContext context, string alias, string id, CancellationToken cancellation) =>
        ChangeTaskAsync(context, alias, id, cancellation, task => task.Status == TaskStates.Pending
            ? new TaskChange(Started(task))
            : Refused(task, "started", "only pending tasks can be"));

    public Task<TaskItem?> StartNextAsync(DurableContext context, string alias, CancellationToken cancellation) =>
        ChangeAsync(context, alias, cancellation, async step =>
        {
            if (await NextAsync(step.Cancellation) is not { } next) return null;
            TaskItem started = Started(next);
            Put(step, next, started);
            return started;
        });

    public Task<TaskChange> CompleteAsync(
        DurableContext context, string alias, string id, string result, CancellationToken cancellation) =>
        ChangeTaskAsync(context, alias, id, cancellation, task => task.IsFinal
            ? Refused(task, "completed", "it has ended")
            : new TaskChange(task with { Status = TaskStates.Completed, Result = result }));

    public Task<TaskChange> FailAsync(DurableContext context, string alias, string id, string reason, CancellationToken cancellation) =>
        ChangeTaskAsync(context, alias, id, cancellation, task => task.IsFinal
            ? Refused(task, "failed", "it has ended")
            : new TaskChange(task with { Status = TaskStates.Failed, Result = reason }));

    public Task<TaskChange> RetryAsync(DurableContext context, string alias, string id, string feedback, CancellationToken cancellation) =>
        ChangeTaskAsync(context, alias, id, cancellation, task => task.Status is TaskStates.Failed or TaskStates.InProgress
            ? new TaskChange(task.Attempts >= task.MaxAttempts
                ? task with { Status = TaskStates.Failed, Feedback = FeedbackOf(task, feedback) }
                : task with { Status = TaskStates.Pending, Result = null, Feedback = FeedbackOf(task, feedback) })
            : Refused(task, "retried", "only failed ones and ones in progress can be"));

    public async Task<int> ClearCompletedAsync(DurableContext context, CancellationToken cancellation)
    {
        int cleared = 0;
        for (int page = 1; ; page++)
        {
            int removed = await ChangeAsync(context, $"clear:{page}", cancellation, async step =>
            {
                IReadOnlyList<TaskItem> completed = await ListAsync(TaskStates.Completed, TasksOfPage, step.Cancellation);
                foreach (TaskItem task in completed)
                {
                    step.Remove(Map, task.Key);
                    step.Remove(Index, IndexKey(task));
                }

                return completed.Count;
            });
            cleared += removed;
            if (removed < TasksOfPage) return cleared;
        }
    }

    public async Task<int> ResetAllAsync(DurableContext context, CancellationToken cancellation)
    {
        int reset = 0;
        string? start = null;
        for (int page = 1; page == 1 || start is not null; page++)
        {
            string? from = start;
            (int count, start) = await ChangeAsync(context, $"reset:{page}", cancellation, async step =>
            {
                MapPage tasks = await Tasks.RangeAsync(TasksOfPage, from, cancellation: step.Cancellation);
                foreach (TaskItem task in tasks.Read<TaskItem>())
                    Put(step, task, task with { Status = TaskStates.Pending, Attempts = 0, Result = null, Feedback = null });
                return new ResetPage(tasks.Entries.Count, tasks.NextKey);
            });
            reset += count;
        }

        return reset;
    }

    private StoreMap Tasks => new(store, Map);

    private static double Share(long part, int all) => all == 0 ? 0 : Math.Round((double)part / all, 3);

    private static TaskItem Started(TaskItem task) => task with { Status = TaskStates.InProgress, Attempts = task.Attempts + 1 };

    private static string? FeedbackOf(TaskItem task, string feedback) => feedback.Length > 0 ? feedback : task.Feedback;

    private static TaskChange Refused(TaskItem task, string change, string why) =>
        new(task, $"Task {task.Id} is {task.Status} and cannot be {change}: {why}");

    /// <summary>Within a state the highest priority first, then the oldest.</summary>
    private static string IndexKey(TaskItem task) =>
        string.Create(CultureInfo.InvariantCulture, $"{task.Status}/{task.Priority:D2}/{task.Key}");

    private static string KeyInIndex(string key) => key[(key.LastIndexOf('/') + 1)..];

    private static void Put(StepBatch step, TaskItem? before, TaskItem task)
    {
        if (before is not null) step.Remove(Index, IndexKey(before));
        step.Insert(Map, task.Key, Rows.Write(task));
        step.Insert(Index, IndexKey(task), []);
    }

    private Task<TaskChange> ChangeTaskAsync(
        DurableContext context, string alias, string id, CancellationToken cancellation, Func<TaskItem, TaskChange> change) =>
        ChangeAsync(context, alias, cancellation, async step =>
        {
            if (await FindAsync(id, step.Cancellation) is not { } before) return new TaskChange(null);
            TaskChange changed = change(before);
            if (changed.Refusal is null) Put(step, before, changed.Task!);
            return changed;
        });

    private Task<T> ChangeAsync<T>(
        DurableContext context, string alias, CancellationToken cancellation, Func<StepBatch, Task<T>> change) =>
        turns.InAsync(Map, () => context.AtLeastOnceAsync(alias, change, cancellation: cancellation), cancellation);

    /// <summary>What a page of a reset was: how many tasks, and where the next page begins.</summary>
    [StepType("task-reset-page")]
    private sealed record ResetPage(int Count, string? NextKey);
}
