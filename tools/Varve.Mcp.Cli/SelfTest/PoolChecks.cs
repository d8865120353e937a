using System.Net;
using System.Text.Json.Nodes;
using static Varve.Mcp.Cli.SelfTest.CheckFailedException;

namespace Varve.Mcp.Cli.SelfTest;

/// <summary>The pool: whether it grows, and whether calls beside each other get their own answers.</summary>
internal sealed class PoolChecks(GatewayClient gateway)
{
    private const int Callers = 64;

    /// <summary>Looks in a row at which calls waited, 100 ms apart: a pool that did not grow meanwhile will not.</summary>
    private const int LooksMax = 30;

    private static readonly TimeSpan GrowthMax = TimeSpan.FromSeconds(10);

    public IEnumerable<(string Name, Func<CancellationToken, Task> Check)> All =>
        [("pool: it grows while calls wait, and each gets its own answer", GrowsAsync)];

    private async Task GrowsAsync(CancellationToken cancellation)
    {
        await gateway.NeedJourneysAsync(cancellation);
        JsonNode pool = (await gateway.GetAsync("/stats", cancellation))["pool"]!;
        (int min, int max) = ((int)pool["min"]!, (int)pool["max"]!);
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        enough.CancelAfter(GrowthMax);
        Task[] callers = [.. Enumerable.Range(0, Callers).Select(number => CallAsync(number, enough.Token, cancellation))];
        (int size, bool hasWaited) = await WaitForGrowthAsync(min, max, enough.Token, cancellation);
        await enough.CancelAsync();
        await Task.WhenAll(callers);
        if (min == max) throw new CheckSkippedException("the pool has a fixed size");
        if (size <= min && !hasWaited) throw new CheckSkippedException("no call had to wait for long");
        Require(size > min, $"it stayed at {size} workers");
    }

    private async Task<(int Size, bool HasWaited)> WaitForGrowthAsync(
        int min, int max, CancellationToken enough, CancellationToken cancellation)
    {
        (int size, int looksAtQueue) = (min, 0);
        while (size <= min && min < max && !enough.IsCancellationRequested)
        {
            await Task.Delay(100, cancellation);

            // The callers use the key's rate up.
            if (await gateway.TryGetAsync("/stats", cancellation) is not { } stats) continue;
            size = (int)stats["pool"]!["size"]!;
            looksAtQueue = (int)stats["pool"]!["queued"]! > 0 ? looksAtQueue + 1 : 0;
            if (looksAtQueue >= LooksMax) break;
        }
        return (size, looksAtQueue >= LooksMax);
    }

    /// <summary>Asks for a journey that is not there, again and again: the answer names it. A refusal for overload is fair.</summary>
    private async Task CallAsync(int number, CancellationToken enough, CancellationToken cancellation)
    {
        string name = $"journey-of-caller-{number}";
        while (!enough.IsCancellationRequested)
        {
            (HttpStatusCode status, JsonNode answer) = await gateway.CallAsync(
                GatewayClient.JourneysTool, new JsonObject { ["action"] = "get", ["journey_id"] = name }, cancellation);
            bool isOwn = answer.ToJsonString().Contains(name, StringComparison.Ordinal);
            bool isRefused = status is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable;
            Require(isRefused || (status == HttpStatusCode.OK && isOwn), $"{name} got {(int)status}: {answer.ToJsonString()}");
            if (isRefused) await Task.Delay(200, cancellation);
        }
    }
}
