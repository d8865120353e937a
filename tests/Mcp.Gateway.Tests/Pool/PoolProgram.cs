using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>A process with a pool, which the tests end in several ways.</summary>
internal static class PoolProgram
{
    /// <summary>
    /// Starts two workers, each with a child, says its processes, and waits. At the end of its input it leaves: by the end of Main
    /// ("return"), by an exception that nobody catches ("throw"), or, where it is only killed, not at all ("wait").
    /// </summary>
    public static async Task<int> RunAsync(string directory, string mode)
    {
        GatewayOptions options = PoolHost.Options(directory, "deaf");
        (options.WorkersMin, options.WorkersMax, options.WorkerConcurrency) = (2, 2, 1);
        // Not disposed: that nothing is left then, too, is what is tested.
        WorkerPool pool = new(Options.Create(options), TimeProvider.System, new PoolLogRecords());
        await pool.StartAsync(CancellationToken.None);
        JsonNode?[] children = await Task.WhenAll(Enumerable.Range(0, 2).Select(
            _ => pool.SendAsync(PoolHost.Request("spawn"), CancellationToken.None)));
        IEnumerable<int> pids = pool.Status.Workers.Select(worker => worker.Pid!.Value)
            .Concat(children.Select(child => int.Parse(PoolHost.TextOf(child), CultureInfo.InvariantCulture)));
        Console.WriteLine(string.Join(' ', pids));
        await Console.In.ReadToEndAsync();
        if (mode == "throw") new Thread(() => throw new InvalidOperationException("It ends as it was told to.")).Start();
        if (mode != "return") await Task.Delay(Timeout.Infinite);
        return 0;
    }
}
