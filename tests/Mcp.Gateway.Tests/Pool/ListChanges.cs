using ModelContextProtocol.Protocol;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>Hears from a pool that lists of workers have changed.</summary>
internal sealed class ListChanges
{
    private readonly TaskCompletionSource _resources = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _prompts = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ListChanges(IWorkerPool pool) => pool.ListChanged += method =>
    {
        if (method == NotificationMethods.ResourceListChangedNotification) _resources.TrySetResult();
        if (method == NotificationMethods.PromptListChangedNotification) _prompts.TrySetResult();
    };

    /// <summary>Waits until both lists have.</summary>
    public Task BothAsync() => Task.WhenAll(_resources.Task, _prompts.Task).WaitAsync(PoolHost.Patience);
}
