using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Gateway.Tests.Pool;

[Collection(HeavyTests.Name)]
public sealed class ChaosTests
{
    [Fact]
    public async Task Every_call_ends_with_its_own_answer_or_as_lost_while_workers_are_killed()
    {
        const int Calls = 3_000;
        const int Callers = 32;
        const int CallsPerKill = 100;
        await using PoolHost host = PoolHost.Start(options =>
        {
            (options.WorkersMin, options.WorkersMax, options.WorkerConcurrency) = (2, 4, 8);
            (options.GrowInterval, options.RestartDelay, options.RestartDelayMax) =
                (TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(5), TimeSpan.FromMilliseconds(20));
        });
        await host.ReadyAsync();
        int kills = 0;
        int next = 0;
        int answered = 0;
        ConcurrentQueue<Exception> wrong = [];
        int lost = 0;
        int cancelled = 0;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Increment(ref next) is var call && call <= Calls)
            {
                // By calls and not by time: a slow machine has as many of both.
                if (call % CallsPerKill == 0 && TryKillBusiest(host)) Interlocked.Increment(ref kills);
                try
                {
                    await CallAsync(host, call);
                    Interlocked.Increment(ref answered);
                }
                catch (WorkerLostException exception) when (exception.WasSent)
                {
                    Interlocked.Increment(ref lost);
                }
                catch (OperationCanceledException) when (call % 5 == 3)
                {
                    Interlocked.Increment(ref cancelled);
                }
                catch (Exception exception)
                {
                    wrong.Enqueue(exception);
                }
            }
        })));
        Assert.Empty(wrong);
        Assert.Equal(Calls, answered + lost + cancelled);
        Assert.True(kills > 0 && answered > Calls / 2, $"{kills} kills, {answered} answered, {lost} lost, {cancelled} cancelled");
        Assert.Equal(0, host.Pool.Status.Queued);
        await host.UntilAsync(pool => pool.Workers.All(worker => worker.InFlight == 0));
    }

    private static bool TryKillBusiest(PoolHost host)
    {
        WorkerStatus? victim = host.Pool.Status.Workers
            .Where(worker => worker is { State: WorkerState.Ready, Pid: not null })
            .MaxBy(worker => worker.Served);
        return victim is not null && Processes.TrySignal(victim.Pid!.Value, Processes.Kill);
    }

    /// <summary>Of five kinds; each knows what it must get.</summary>
    private static async Task CallAsync(PoolHost host, int call)
    {
        switch (call % 5)
        {
            case 0:
                int chunk = 0;
                JsonNode? chunks = await host.CallAsync("chunks", new JsonObject { ["count"] = 5 }, notice =>
                {
                    if (notice.Method == "notifications/varve/chunk") Assert.Equal(chunk++, (int)notice.Params!["index"]!);
                    return default;
                });
                Assert.Equal("5 chunks", PoolHost.TextOf(chunks));
                Assert.Equal(5, chunk);
                break;
            case 1:
                string text = new((char)('a' + (call % 26)), 20_000);
                Assert.Equal(text, await host.TextAsync("echo", new JsonObject { ["text"] = text }));
                break;
            case 2:
                Assert.True((bool)(await host.CallAsync("say_no"))!["isError"]!);
                break;
            case 3:
                using (CancellationTokenSource cancel = new(TimeSpan.FromMilliseconds(call % 20)))
                    await host.CallAsync("wait", new JsonObject { ["name"] = "w" }, cancellation: cancel.Token);
                Assert.Fail("A wait has ended by itself.");
                break;
            default:
                Assert.Equal($"{call}", await host.TextAsync("echo", new JsonObject { ["text"] = $"{call}" }));
                break;
        }
    }
}
