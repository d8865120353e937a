using System.Globalization;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using Varve.Mcp.Gateway.Pool;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>The queue, and how the pool follows it.</summary>
public sealed class SizeTests
{
    [Fact]
    public async Task While_calls_wait_the_pool_grows_and_when_idle_it_shrinks()
    {
        await using PoolHost host = PoolHost.Start(options =>
        {
            (options.WorkersMin, options.WorkersMax, options.WorkerConcurrency) = (1, 3, 1);
            (options.GrowInterval, options.WorkerIdle) = (TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(100));
        });
        using CancellationTokenSource cancel = new();
        Task<JsonNode?>[] calls = [.. Enumerable.Range(0, 5).Select(call =>
            host.CallAsync("wait", new JsonObject { ["name"] = $"{call}" }, cancellation: cancel.Token))];
        await host.UntilAsync(pool => pool.Workers.Count == 3 && pool.Workers.All(worker => worker.InFlight == 1) && pool.Queued == 2);
        Assert.Equal([0, 1, 2], host.Pool.Status.Workers.Select(worker => worker.Slot));
        Assert.Equal(3, host.Pids.Length);
        await cancel.CancelAsync();
        await Task.WhenAll(calls.Select(call => Assert.ThrowsAnyAsync<OperationCanceledException>(() => call)));
        await host.UntilAsync(pool => pool.Workers.Count == 1);
        await Processes.GoneAsync(host.Pids[1..]);
        Assert.Equal(0, host.Pool.Status.Workers[0].Slot);
        Assert.DoesNotContain("failed", host.Log.Text, StringComparison.Ordinal);
        Assert.Equal("on", await host.TextAsync("echo", new JsonObject { ["text"] = "on" }));
    }

    [Fact]
    public async Task A_pool_of_failing_workers_does_not_grow()
    {
        await using PoolHost host = PoolHost.Start(options =>
        {
            (options.WorkersMax, options.WorkerConcurrency, options.GrowInterval) = (8, 1, TimeSpan.FromMilliseconds(10));
            options.RestartDelay = options.RestartDelayMax = TimeSpan.FromHours(1);
        });
        await Assert.ThrowsAsync<WorkerLostException>(() => host.CallAsync("crash"));
        using CancellationTokenSource cancel = new();
        Task<JsonNode?> waiting = host.CallAsync("echo", cancellation: cancel.Token);
        await Task.Delay(200);
        Assert.Single(host.Pool.Status.Workers);
        Assert.Equal(1, host.Pool.Status.Queued);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task The_worker_with_least_to_do_gets_the_next_call()
    {
        await using PoolHost host = PoolHost.Start(options => (options.WorkersMin, options.WorkersMax) = (3, 3));
        await host.UntilAsync(pool => pool.Workers.All(worker => worker.State == WorkerState.Ready));
        using CancellationTokenSource cancel = new();
        List<Task<JsonNode?>> calls = [];
        for (int call = 1; call <= 9; call++)
        {
            calls.Add(await host.WaitingCallAsync($"{call}", cancel.Token));
            int[] load = [.. host.Pool.Status.Workers.Select(worker => worker.InFlight)];
            Assert.Equal(call, load.Sum());
            Assert.InRange(load.Max() - load.Min(), 0, 1);
        }
        await cancel.CancelAsync();
        foreach (Task<JsonNode?> call in calls) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
    }

    [Fact]
    public async Task A_call_that_finds_the_queue_full_is_refused_at_once()
    {
        await using PoolHost host = PoolHost.Start(options => (options.WorkerConcurrency, options.QueueLimit) = (2, 3));
        await host.ReadyAsync();
        using CancellationTokenSource cancel = new();
        List<Task<JsonNode?>> calls = [];
        for (int call = 0; call < 5; call++)
        {
            Assert.False(host.Pool.IsFull);
            calls.Add(host.CallAsync("wait", new JsonObject { ["name"] = "w" }, cancellation: cancel.Token));
        }
        Assert.True(host.Pool.IsFull);
        Assert.Equal((2, 3, 3), (host.Pool.Status.Workers[0].InFlight, host.Pool.Status.Queued, host.Pool.Status.QueueLimit));
        Task<JsonNode?> refused = host.Pool.SendAsync(PoolHost.Request("echo"), CancellationToken.None);
        Assert.True(refused.IsFaulted);
        Assert.Equal((McpErrorCode)ErrorCodes.Refused, (await Assert.ThrowsAsync<McpProtocolException>(() => refused)).ErrorCode);
        await cancel.CancelAsync();
        foreach (Task<JsonNode?> call in calls) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        Assert.False(host.Pool.IsFull);
        Assert.Equal("on", await host.TextAsync("echo", new JsonObject { ["text"] = "on" }));
    }

    [Fact]
    public async Task Without_a_queue_calls_are_taken_as_long_as_a_worker_is_free()
    {
        await using PoolHost host = PoolHost.Start(options => (options.WorkerConcurrency, options.QueueLimit) = (1, 0));
        await host.ReadyAsync();
        Assert.False(host.Pool.IsFull);
        using CancellationTokenSource cancel = new();
        Task<JsonNode?> running = await host.WaitingCallAsync("w", cancel.Token);
        Assert.True(host.Pool.IsFull);
        await Assert.ThrowsAsync<McpProtocolException>(() => host.CallAsync("echo"));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task Waiting_calls_go_in_the_order_in_which_they_came()
    {
        await using PoolHost host = PoolHost.Start(options => options.WorkerConcurrency = 1);
        using CancellationTokenSource cancel = new();
        Task<JsonNode?> running = await host.WaitingCallAsync("first", cancel.Token);
        Task<string>[] turns = [.. Enumerable.Range(0, 100).Select(_ => host.TextAsync("turn"))];
        Assert.Equal(100, host.Pool.Status.Queued);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        string[] order = await Task.WhenAll(turns);
        Assert.Equal(Enumerable.Range(0, 100).Select(turn => turn.ToString(CultureInfo.InvariantCulture)), order);
    }

    [Fact]
    public async Task Calls_that_come_back_from_a_dead_worker_are_before_those_that_came_later()
    {
        await using PoolHost host = PoolHost.Start(options => options.WorkerConcurrency = 4);
        await host.ReadyAsync();
        await Processes.StopAsync(host.Pids[0]);
        // The first fills the pipe, so that of the next three not a byte is written.
        Task<string> first = host.TextAsync("echo", new JsonObject { ["text"] = new string('f', 1 << 20) });
        Task<string>[] turns = [.. Enumerable.Range(0, 20).Select(_ => host.TextAsync("turn"))];
        Assert.Equal((4, 17), (host.Pool.Status.Workers[0].InFlight, host.Pool.Status.Queued));
        Processes.Signal(host.Pids[0], Processes.Kill);
        string[] order = await Task.WhenAll(turns);
        // Several at once may overtake each other within the worker, but not the four that it has at once.
        for (int turn = 0; turn < order.Length; turn++)
            Assert.InRange(int.Parse(order[turn], CultureInfo.InvariantCulture), turn - 4, turn + 4);
        await first;
    }
}
