using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>Workers that die, hang, or never start.</summary>
[Collection(HeavyTests.Name)]
public sealed class FailureTests
{
    [Fact]
    public async Task A_worker_that_dies_in_a_call_is_replaced_and_its_calls_are_lost()
    {
        await using PoolHost host = PoolHost.Start();
        Task<JsonNode?> beside = await host.WaitingCallAsync("x", CancellationToken.None);
        WorkerLostException lost = await Assert.ThrowsAsync<WorkerLostException>(() => host.CallAsync("crash"));
        Assert.True(lost.WasSent);
        Assert.Contains("exit code 137", lost.Message, StringComparison.Ordinal);
        Assert.True((await Assert.ThrowsAsync<WorkerLostException>(() => beside.WaitAsync(PoolHost.Patience))).WasSent);
        Assert.Equal("next", await host.TextAsync("echo", new JsonObject { ["text"] = "next" }));
        WorkerStatus worker = Assert.Single(host.Pool.Status.Workers);
        Assert.Equal((1, 2, 1), (worker.Restarts, worker.Errors, worker.Served));
        Assert.Equal(lost.Message, worker.LastFailure);
        Assert.Equal(2, host.Pids.Distinct().Count());
    }

    [Fact]
    public async Task A_call_that_comes_while_a_dead_worker_is_replaced_waits()
    {
        await using PoolHost host = PoolHost.Start(options => options.RestartDelay = options.RestartDelayMax = TimeSpan.FromSeconds(1));
        await host.ReadyAsync();
        Processes.Signal(host.Pids[0], Processes.Kill);
        await host.UntilAsync(pool => pool.Workers[0].State == WorkerState.Waiting);
        Assert.Equal("later", await host.TextAsync("echo", new JsonObject { ["text"] = "later" }));
    }

    [Fact]
    public async Task The_others_go_on_when_one_dies()
    {
        await using PoolHost host = PoolHost.Start(options => (options.WorkersMin, options.WorkersMax) = (2, 2));
        await host.UntilAsync(pool => pool.Workers.All(worker => worker.State == WorkerState.Ready));
        using CancellationTokenSource cancel = new();
        Task<JsonNode?> running = await host.WaitingCallAsync("stays", cancel.Token);
        int busy = Assert.Single(host.Pool.Status.Workers, worker => worker.InFlight == 1).Slot;
        Assert.True((await Assert.ThrowsAsync<WorkerLostException>(() => host.CallAsync("crash"))).WasSent);
        Assert.Equal("on", await host.TextAsync("echo", new JsonObject { ["text"] = "on" }));
        Assert.False(running.IsCompleted);
        await host.UntilAsync(pool => pool.Workers.Count(worker => worker.State == WorkerState.Ready) == 2);
        Assert.Equal(0, host.Pool.Status.Workers[busy].Restarts);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task A_worker_that_hangs_is_silent_then_killed_and_replaced()
    {
        await using PoolHost host = PoolHost.Start(options =>
            (options.HealthInterval, options.HealthTimeout, options.HealthMissesMax) =
            (TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(3), 2));
        await host.ReadyAsync();
        Task<JsonNode?> hanging = host.CallAsync("hang");
        await host.UntilAsync(pool => pool.Workers[0].State == WorkerState.Silent);
        // A silent one gets no more calls; this one is the next worker's.
        Task<string> next = host.TextAsync("echo", new JsonObject { ["text"] = "next" });
        WorkerLostException lost = await Assert.ThrowsAsync<WorkerLostException>(() => hanging);
        Assert.True(lost.WasSent);
        Assert.Contains("did not answer 2 times in a row", lost.Message, StringComparison.Ordinal);
        Assert.Equal("next", await next);
        Assert.Equal(1, host.Pool.Status.Workers[0].Restarts);
        await Processes.GoneAsync(host.Pids[0]);
    }

    [Fact]
    public async Task A_worker_that_answers_again_is_no_longer_silent()
    {
        await using PoolHost host = PoolHost.Start(options =>
            (options.HealthInterval, options.HealthTimeout, options.HealthMissesMax) =
            (TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(1), 1_000));
        await host.ReadyAsync();
        await Processes.StopAsync(host.Pids[0]);
        await host.UntilAsync(pool => pool.Workers[0].State == WorkerState.Silent);
        Task<string> waiting = host.TextAsync("echo", new JsonObject { ["text"] = "again" });
        Assert.Equal(1, host.Pool.Status.Queued);
        Processes.Signal(host.Pids[0], Processes.Continue);
        Assert.Equal("again", await waiting);
        Assert.Single(host.Pids);
    }

    [Fact]
    public async Task What_a_worker_never_got_goes_to_the_next_by_itself()
    {
        await using PoolHost host = PoolHost.Start();
        await host.ReadyAsync();
        Task<JsonNode?> hanging = host.CallAsync("hang");
        await Processes.StoppedAsync(host.Pids[0]);
        // More than a pipe holds: its end is never written. Those behind it wait for the same pipe.
        string big = new('b', 1 << 20);
        Task<string> half = host.TextAsync("echo", new JsonObject { ["text"] = big });
        Task<string>[] behind = [.. Enumerable.Range(0, 3).Select(call => host.TextAsync("echo", new JsonObject { ["text"] = $"{call}" }))];
        Assert.Equal(5, host.Pool.Status.Workers[0].InFlight);
        Processes.Signal(host.Pids[0], Processes.Kill);
        Assert.True((await Assert.ThrowsAsync<WorkerLostException>(() => hanging)).WasSent);
        Assert.Equal(big, await half);
        Assert.Equal(["0", "1", "2"], await Task.WhenAll(behind));
        Assert.Equal(1, host.Pool.Status.Workers[0].Errors);
    }

    [Fact]
    public async Task A_program_that_is_not_there_is_an_error_at_once()
    {
        await using PoolHost host = PoolHost.Start(options => options.Worker = new WorkerCommand("/no/such/program"));
        WorkerLostException lost = await Assert.ThrowsAsync<WorkerLostException>(() => host.CallAsync("echo"));
        Assert.False(lost.WasSent);
        Assert.Contains("/no/such/program", lost.Message, StringComparison.Ordinal);
        Assert.False(host.Pool.Ready.IsCompleted);
    }

    [Fact]
    public async Task A_program_that_the_launcher_does_not_find_is_one_too()
    {
        await using PoolHost host = PoolHost.Start(options => options.Worker = options.Worker with { File = "/no/such/program" });
        WorkerLostException lost = await Assert.ThrowsAsync<WorkerLostException>(() => host.CallAsync("echo"));
        Assert.Contains("exit code 127", lost.Message, StringComparison.Ordinal);
        await host.UntilAsync(_ => host.Log.Text.Contains("'/no/such/program' cannot be started", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("initialize", "exit code 4")]
    [InlineData("mute", "not ready within 0.2 s")]
    public async Task A_worker_that_does_not_get_ready_is_an_error_for_those_that_wait(string mode, string reason)
    {
        await using PoolHost host = PoolHost.Start(
            options =>
            {
                if (mode == "mute") options.StartTimeout = TimeSpan.FromMilliseconds(200);
            },
            mode);
        WorkerLostException lost = await Assert.ThrowsAsync<WorkerLostException>(() => host.CallAsync("echo"));
        Assert.False(lost.WasSent);
        Assert.Contains(reason, lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_worker_that_starts_late_is_waited_for()
    {
        await using PoolHost host = PoolHost.Start(
            options => options.Worker = options.Worker with
            {
                Environment = new Dictionary<string, string?>(options.Worker.Environment) { ["VARVE_WORKER_DELAY"] = "2000" },
            },
            "late");
        Assert.Equal("late", await host.TextAsync("echo", new JsonObject { ["text"] = "late" }));
        Assert.Single(host.Pids);
    }

    [Fact]
    public async Task While_no_worker_starts_calls_fail_at_once_and_the_waits_between_starts_double()
    {
        await using PoolHost host = PoolHost.Start(
            options => (options.RestartDelay, options.RestartDelayMax) = (TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(75)),
            fails: true);
        await host.UntilAsync(pool => pool.Workers[0].Restarts >= 5);
        Assert.Equal([10, 20, 40, 75, 75], Delays(host)[..5]);
        await host.UntilAsync(pool => pool.Workers[0].State == WorkerState.Waiting);
        WorkerLostException lost = await Assert.ThrowsAsync<WorkerLostException>(() => host.CallAsync("echo"));
        Assert.False(lost.WasSent);
        Assert.Contains("No worker could be started", lost.Message, StringComparison.Ordinal);
        Assert.Contains("exit code 3", lost.Message, StringComparison.Ordinal);
        await host.UntilAsync(_ => host.Log.Text.Contains("It fails as it was told to.", StringComparison.Ordinal));
        File.Delete(host.FailsFile);
        await host.ReadyAsync();
        Assert.Equal("well", await host.TextAsync("echo", new JsonObject { ["text"] = "well" }));
    }

    [Fact]
    public async Task A_worker_that_was_well_for_long_starts_after_the_first_wait_again()
    {
        TimeSpan longest = TimeSpan.FromMilliseconds(300);
        await using PoolHost host = PoolHost.Start(
            options => (options.RestartDelay, options.RestartDelayMax) = (TimeSpan.FromMilliseconds(10), longest), fails: true);
        await host.UntilAsync(pool => pool.Workers[0].Restarts >= 3);
        File.Delete(host.FailsFile);
        await host.ReadyAsync();
        int before = Delays(host).Length;
        long ready = Stopwatch.GetTimestamp();
        await host.UntilAsync(_ => Stopwatch.GetElapsedTime(ready) > longest);
        await Assert.ThrowsAsync<WorkerLostException>(() => host.CallAsync("crash"));
        await host.UntilAsync(_ => Delays(host).Length > before);
        Assert.Equal(10, Delays(host)[before]);
    }

    [Fact]
    public async Task A_lost_worker_takes_with_it_what_it_has_started()
    {
        await using PoolHost host = PoolHost.Start();
        int child = int.Parse(await host.TextAsync("spawn"), CultureInfo.InvariantCulture);
        Assert.True(Processes.IsAlive(child));
        Assert.Equal(host.Pids[0], Processes.GroupOf(child));
        Assert.Equal(host.Pids[0], Processes.GroupOf(host.Pids[0]));
        await Assert.ThrowsAsync<WorkerLostException>(() => host.CallAsync("crash"));
        await Processes.GoneAsync(host.Pids[0], child);
    }

    private static int[] Delays(PoolHost host) =>
    [
        .. host.Log.Lines.Where(line => line.Contains("is started anew in", StringComparison.Ordinal))
            .Select(line => int.Parse(line.Split(' ')[6], CultureInfo.InvariantCulture)),
    ];
}
