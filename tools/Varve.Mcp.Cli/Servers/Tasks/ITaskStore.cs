namespace Varve.Mcp.Cli.Servers.Tasks;

/// <summary>
/// The queue. Changes belong to a call and happen once in it, under an alias; a change that the task's state does not allow is refused
/// with a sentence that names the state. Safe for concurrent use.
/// </summary>
internal interface ITaskStore
{
    /// <summary>Null where there is none.</summary>
    Task<TaskItem?> FindAsync(string id, CancellationToken cancellation);

    /// <summary>In the order of their numbers; of one state, in the order in which they come up.</summary>
    Task<IReadOnlyList<TaskItem>> ListAsync(string? status, int limit, CancellationToken cancellation);

    /// <summary>The pending task of the highest priority; among equals the oldest. Null where none is pending.</summary>
    Task<TaskItem?> NextAsync(CancellationToken cancellation);

    Task<TaskStats> CountAsync(CancellationToken cancellation);

    Task<IReadOnlyList<TaskItem>> AddAsync(
        DurableContext context, IReadOnlyList<string> descriptions, int priority, int maxAttempts, CancellationToken cancellation);

    /// <summary>From pending to in progress: one more attempt.</summary>
    Task<TaskChange> StartAsync(DurableContext context, string alias, string id, CancellationToken cancellation);

    /// <summary>Starts the task that comes up next; null where none is pending.</summary>
    Task<TaskItem?> StartNextAsync(DurableContext context, string alias, CancellationToken cancellation);

    Task<TaskChange> CompleteAsync(DurableContext context, string alias, string id, string result, CancellationToken cancellation);

    Task<TaskChange> FailAsync(DurableContext context, string alias, string id, string reason, CancellationToken cancellation);

    /// <summary>Back to pending, or to failed where there were as many attempts as there may be.</summary>
    Task<TaskChange> RetryAsync(DurableContext context, string alias, string id, string feedback, CancellationToken cancellation);

    /// <returns>How many have gone.</returns>
    Task<int> ClearCompletedAsync(DurableContext context, CancellationToken cancellation);

    /// <summary>All to pending, as if they were new.</summary>
    /// <returns>How many there are.</returns>
    Task<int> ResetAllAsync(DurableContext context, CancellationToken cancellation);
}
