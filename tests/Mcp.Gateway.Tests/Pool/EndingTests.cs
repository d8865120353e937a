using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>How pools end, and what is left of their workers: nothing.</summary>
[Collection(HeavyTests.Name)]
public sealed class EndingTests
{
    [Fact]
    public async Task Draining_refuses_new_calls_lets_the_others_end_and_then_ends_the_workers()
    {
        await using PoolHost host = PoolHost.Start(options => options.WorkerConcurrency = 1);
        using CancellationTokenSource cancel = new();
        Task<JsonNode?> running = await host.WaitingCallAsync("runs", cancel.Token);
        Task<string> waiting = host.TextAsync("echo", new JsonObject { ["text"] = "waited" });
        Task drained = host.Pool.DrainAsync(PoolHost.Patience);
        McpProtocolException refused = await Assert.ThrowsAsync<McpProtocolException>(() => host.CallAsync("echo"));
        Assert.Equal((McpErrorCode)ErrorCodes.Refused, refused.ErrorCode);
        Assert.Contains("draining", refused.Message, StringComparison.Ordinal);
        Assert.False(drained.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal("waited", await waiting);
        await drained.WaitAsync(PoolHost.Patience);
        Assert.Empty(host.Pool.Status.Workers);
        // It ended by itself, when its input was closed.
        Assert.Contains("ended with exit code 0", host.Log.Text, StringComparison.Ordinal);
        Assert.DoesNotContain("is killed", host.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Calls_that_do_not_end_in_time_are_lost_when_draining_ends()
    {
        await using PoolHost host = PoolHost.Start(options => options.WorkerConcurrency = 1);
        Task<JsonNode?> running = await host.WaitingCallAsync("runs", CancellationToken.None);
        Task<JsonNode?> waiting = host.CallAsync("echo");
        await host.Pool.DrainAsync(TimeSpan.FromMilliseconds(50)).WaitAsync(PoolHost.Patience);
        Assert.True((await Assert.ThrowsAsync<WorkerLostException>(() => running)).WasSent);
        Assert.False((await Assert.ThrowsAsync<WorkerLostException>(() => waiting)).WasSent);
        await Assert.ThrowsAsync<McpProtocolException>(() => host.CallAsync("echo"));
    }

    [Fact]
    public async Task A_worker_that_ignores_the_end_of_its_input_is_killed()
    {
        await using PoolHost host = PoolHost.Start(mode: "deaf");
        await host.ReadyAsync();
        await host.Pool.StopAsync(CancellationToken.None).WaitAsync(PoolHost.Patience);
        await Processes.GoneAsync(host.Pids);
        Assert.Contains("did not end when its input was closed", host.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disposal_kills_all_at_once_with_what_they_have_started_and_calls_are_lost()
    {
        await using PoolHost host = PoolHost.Start(options => (options.WorkersMin, options.WorkersMax) = (2, 2));
        await host.UntilAsync(pool => pool.Workers.All(worker => worker.State == WorkerState.Ready));
        int child = int.Parse(await host.TextAsync("spawn"), CultureInfo.InvariantCulture);
        Task<JsonNode?> running = await host.WaitingCallAsync("runs", CancellationToken.None);
        host.Pool.Dispose();
        Assert.True((await Assert.ThrowsAsync<WorkerLostException>(() => running.WaitAsync(PoolHost.Patience))).WasSent);
        await Processes.GoneAsync([.. host.Pids, child]);
        Assert.Equal(2, host.Pids.Length);
    }

    [Fact]
    public async Task What_a_worker_has_started_goes_with_it_also_when_it_ends_by_itself()
    {
        await using PoolHost host = PoolHost.Start();
        int child = int.Parse(await host.TextAsync("spawn"), CultureInfo.InvariantCulture);
        await host.Pool.DrainAsync(PoolHost.Patience);
        await Processes.GoneAsync(host.Pids[0], child);
        Assert.Contains("ended with exit code 0", host.Log.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disposal_while_workers_start_leaves_none()
    {
        for (int round = 0; round < 10; round++)
        {
            await using PoolHost host = PoolHost.Start(options => (options.WorkersMin, options.WorkersMax) = (4, 4));
            await Task.Delay(round * 20);
        }
    }

    [Fact]
    public async Task All_workers_are_exchanged_while_calls_go_on()
    {
        await using PoolHost host = PoolHost.Start(options => (options.WorkersMin, options.WorkersMax) = (2, 2));
        await host.UntilAsync(pool => pool.Workers.All(worker => worker.State == WorkerState.Ready));
        int[] old = host.Pids;
        using CancellationTokenSource cancel = new();
        Task<JsonNode?> running = await host.WaitingCallAsync("runs", cancel.Token);
        using CancellationTokenSource end = new();
        Task<int> calls = Task.Run(async () =>
        {
            int count = 0;
            for (; !end.IsCancellationRequested; count++)
                Assert.Equal("c", await host.TextAsync("echo", new JsonObject { ["text"] = "c" }));
            return count;
        });
        await host.Pool.RestartAllAsync().WaitAsync(PoolHost.Patience);
        await end.CancelAsync();
        Assert.True(await calls > 0);
        // One of the old has a call, and ends with it.
        Assert.False(running.IsCompleted);
        await host.UntilAsync(pool => pool.Workers.Count == 3);
        Assert.Single(host.Pool.Status.Workers, worker => worker.State == WorkerState.Draining);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        await host.UntilAsync(pool => pool.Workers.Count == 2);
        await Processes.GoneAsync(old);
        Assert.Equal(4, host.Pids.Length);
        Assert.All(host.Pool.Status.Workers, worker => Assert.Equal(0, worker.Restarts));
    }

    [Fact]
    public async Task An_exchange_whose_new_workers_do_not_start_leaves_the_old()
    {
        await using PoolHost host = PoolHost.Start(options => (options.WorkersMin, options.WorkersMax) = (2, 2));
        await host.UntilAsync(pool => pool.Workers.All(worker => worker.State == WorkerState.Ready));
        await File.WriteAllTextAsync(host.FailsFile, "");
        WorkerLostException lost = await Assert.ThrowsAsync<WorkerLostException>(
            () => host.Pool.RestartAllAsync().WaitAsync(PoolHost.Patience));
        Assert.Contains("exit code 3", lost.Message, StringComparison.Ordinal);
        await host.UntilAsync(pool => pool.Workers.Count == 2);
        Assert.All(host.Pool.Status.Workers, worker => Assert.Equal(WorkerState.Ready, worker.State));
        Assert.Equal("on", await host.TextAsync("echo", new JsonObject { ["text"] = "on" }));
    }

    /// <summary>Workers that ignore the end of their input, so that only what the pool and the system do can end them.</summary>
    [Theory]
    [InlineData("wait", true)]
    [InlineData("return", false)]
    [InlineData("throw", false)]
    public async Task Nothing_of_the_workers_is_left_when_their_gateway_ends(string mode, bool isKilled)
    {
        string directory = Directory.CreateTempSubdirectory("varve-pool-").FullName;
        string program = typeof(EndingTests).Assembly.Location;
        using Process gateway = Process.Start(new ProcessStartInfo("dotnet", [program, "pool", directory, mode])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _ = gateway.StandardError.ReadToEndAsync();
        string line = await gateway.StandardOutput.ReadLineAsync().WaitAsync(PoolHost.Patience) ?? "";
        int[] pids = [.. line.Split(' ').Select(pid => int.Parse(pid, CultureInfo.InvariantCulture))];
        Assert.Equal(4, pids.Length);
        Assert.All(pids, pid => Assert.True(Processes.IsAlive(pid)));
        if (isKilled) gateway.Kill();
        else gateway.StandardInput.Close();
        await gateway.WaitForExitAsync().WaitAsync(PoolHost.Patience);
        // Where the gateway could do nothing itself, the system ends the workers; what they have started is nobody's then.
        await Processes.GoneAsync(isKilled ? pids[..2] : pids, ofGroups: !isKilled);
        if (isKilled) Array.ForEach(pids[2..], child => Processes.Signal(child, Processes.Kill));
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_launched_worker_whose_gateway_has_ended_before_does_not_start()
    {
        ProcessStartInfo start = new("dotnet", [TestWorker.Path, "launch", "--", "sleep", "1000"]) { RedirectStandardError = true };
        start.Environment["VARVE_GATEWAY_PID"] = "1";
        using Process launcher = Process.Start(start)!;
        string error = await launcher.StandardError.ReadToEndAsync().WaitAsync(PoolHost.Patience);
        await launcher.WaitForExitAsync().WaitAsync(PoolHost.Patience);
        Assert.Equal(1, launcher.ExitCode);
        Assert.Contains("has ended", error, StringComparison.Ordinal);
    }
}
