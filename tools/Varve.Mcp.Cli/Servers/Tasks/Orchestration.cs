using ModelContextProtocol;
using ModelContextProtocol.Protocol;

// Sampling is deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp.Cli.Servers.Tasks;

/// <summary>Does what a task says.</summary>
internal interface ITaskExecutor
{
    /// <param name="context">The call that it is done for.</param>
    /// <param name="alias">One of its own for this attempt: what is done under it is not done again.</param>
    /// <param name="task">The task.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <returns>The result.</returns>
    /// <exception cref="TaskAttemptException">The attempt has failed; another one may not.</exception>
    Task<string> ExecuteAsync(DurableContext context, string alias, TaskItem task, CancellationToken cancellation);
}

/// <summary>Says whether a result will do.</summary>
internal interface ITaskVerifier
{
    /// <returns>What is wrong with the result; null: nothing.</returns>
    string? Verify(TaskItem task, string result);
}

/// <summary>Keeps an orchestrator from going on when nothing works.</summary>
internal interface ICircuitBreaker
{
    bool IsOpen { get; }

    void Record(bool hasSucceeded);
}

/// <summary>An attempt at a task has failed.</summary>
internal sealed class TaskAttemptException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Says that the task is done. A description that begins with "fail" fails, so that one can see what happens then.</summary>
internal sealed class EchoExecutor : ITaskExecutor
{
    private const string FailingPrefix = "fail";

    public Task<string> ExecuteAsync(DurableContext context, string alias, TaskItem task, CancellationToken cancellation) =>
        task.Description.StartsWith(FailingPrefix, StringComparison.OrdinalIgnoreCase)
            ? throw new TaskAttemptException($"Attempt {task.Attempts} of '{task.Description}' failed")
            : Task.FromResult($"Done: {task.Description}");
}

/// <summary>Asks the language model of the client that runs the orchestrator.</summary>
internal sealed class SamplingExecutor : ITaskExecutor
{
    private const int TokensMax = 1_000;

    public async Task<string> ExecuteAsync(DurableContext context, string alias, TaskItem task, CancellationToken cancellation)
    {
        string feedback = task.Feedback is null ? "" : $"\n\nAn earlier attempt did not do. Feedback: {task.Feedback}";
        var question = new CreateMessageRequestParams
        {
            MaxTokens = TokensMax,
            SystemPrompt = "Do the task and answer with its result alone.",
            Messages =
            [
                new SamplingMessage { Role = Role.User, Content = [new TextContentBlock { Text = task.Description + feedback }] },
            ],
        };
        try
        {
            CreateMessageResult answer = await context.SampleAsync(alias, question, cancellation);
            return string.Join('\n', answer.Content.OfType<TextContentBlock>().Select(block => block.Text));
        }
        catch (Exception failure) when (failure is McpException or InvalidOperationException)
        {
            throw new TaskAttemptException($"The client's language model did not answer: {failure.Message}", failure);
        }
    }
}

/// <summary>A result must say something.</summary>
internal sealed class TextVerifier : ITaskVerifier
{
    public string? Verify(TaskItem task, string result) => string.IsNullOrWhiteSpace(result) ? "The result is empty" : null;
}

/// <summary>Opens after so many failures in a row.</summary>
internal sealed class ConsecutiveFailures(int failuresMax) : ICircuitBreaker
{
    private int _failures;

    public bool IsOpen => _failures >= failuresMax;

    public void Record(bool hasSucceeded) => _failures = hasSucceeded ? 0 : _failures + 1;
}

/// <summary>What a run of the orchestrator did.</summary>
/// <param name="Processed">Attempts made.</param>
/// <param name="Completed">Tasks completed.</param>
/// <param name="Failed">Tasks given up.</param>
internal readonly record struct OrchestratorRun(int Processed, int Completed, int Failed);

/// <summary>
/// Takes tasks as they come up, has them done and looked at, and puts back what may be tried again. A run that a crash has cut short goes
/// on at the attempt it was at.
/// </summary>
internal sealed class Orchestrator(ITaskStore store, ITaskExecutor executor, ITaskVerifier verifier, ICircuitBreaker breaker)
{
    /// <param name="context">The call.</param>
    /// <param name="tasksMax">Attempts at most.</param>
    /// <param name="cancellation">Ends it between two steps.</param>
    public async Task<OrchestratorRun> RunAsync(DurableContext context, int tasksMax, CancellationToken cancellation)
    {
        var run = default(OrchestratorRun);
        while (run.Processed < tasksMax && !breaker.IsOpen)
        {
            int number = run.Processed + 1;
            if (await store.StartNextAsync(context, $"start:{number}", cancellation) is not { } task) break;
            await context.ReportProgressAsync(number, tasksMax, $"{task.Id}: {task.Description}", cancellation);
            (string? result, string? failure) = await AttemptAsync(context, $"execute:{number}", task, cancellation);
            breaker.Record(failure is null);
            TaskItem? ended = failure is null
                ? (await store.CompleteAsync(context, $"complete:{number}", task.Id, result!, cancellation)).Task
                : await PutBackAsync(context, number, task, failure, cancellation);
            run = new OrchestratorRun(
                number,
                run.Completed + (ended?.Status == TaskStates.Completed ? 1 : 0),
                run.Failed + (ended?.Status == TaskStates.Failed ? 1 : 0));
        }

        return run;
    }

    private async Task<(string? Result, string? Failure)> AttemptAsync(
        DurableContext context, string alias, TaskItem task, CancellationToken cancellation)
    {
        try
        {
            string result = await executor.ExecuteAsync(context, alias, task, cancellation);
            return (result, verifier.Verify(task, result));
        }
        catch (TaskAttemptException failure)
        {
            return (null, failure.Message);
        }
    }

    private async Task<TaskItem?> PutBackAsync(
        DurableContext context, int number, TaskItem task, string failure, CancellationToken cancellation)
    {
        TaskChange change = task.Attempts < task.MaxAttempts
            ? await store.RetryAsync(context, $"retry:{number}", task.Id, failure, cancellation)
            : await store.FailAsync(context, $"fail:{number}", task.Id, failure, cancellation);
        return change.Task;
    }
}
