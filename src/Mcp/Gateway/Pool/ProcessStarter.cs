using System.Collections.Concurrent;
using System.Diagnostics;

namespace Varve.Mcp.Gateway.Pool;

/// <summary>
/// Starts processes on one thread that lives as long as this process: Linux tells children that their parent has ended when the thread
/// that started them does, and threads of the pool come and go.
/// </summary>
internal static class ProcessStarter
{
    private static readonly BlockingCollection<Action> s_starts = Begin();

    public static Task<Process> StartAsync(ProcessStartInfo start)
    {
        TaskCompletionSource<Process> started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        s_starts.Add(() =>
        {
            try
            {
                started.SetResult(Process.Start(start) ?? throw new InvalidOperationException($"'{start.FileName}' was not started."));
            }
            catch (Exception exception)
            {
                started.SetException(exception);
            }
        });
        return started.Task;
    }

    private static BlockingCollection<Action> Begin()
    {
        BlockingCollection<Action> starts = [];
        Thread thread = new(Run) { IsBackground = true, Name = "varve worker starter" };
        thread.UnsafeStart(starts);
        return starts;
    }

    private static void Run(object? starts)
    {
        foreach (Action start in ((BlockingCollection<Action>)starts!).GetConsumingEnumerable()) start();
    }
}
