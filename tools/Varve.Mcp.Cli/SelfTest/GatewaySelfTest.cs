using System.Diagnostics;
using System.Globalization;

namespace Varve.Mcp.Cli.SelfTest;

/// <summary>
/// Uses a gateway that is running as its clients do, over every way in, and says what is not as it should be. It calls read-only tools,
/// and <c>journeys_tool</c> where that is served: then it makes journeys, and deletes them again.
/// </summary>
internal sealed class GatewaySelfTest(GatewayClient gateway, TextWriter output)
{
    /// <returns>How many checks failed.</returns>
    public async Task<int> RunAsync(CancellationToken cancellation)
    {
        (int passed, int failed, int skipped) = (0, 0, 0);
        foreach ((string name, Func<CancellationToken, Task> check) in All())
        {
            long begun = Stopwatch.GetTimestamp();
            try
            {
                await check(cancellation);
                passed++;
                await SayAsync("ok", name, $"{Stopwatch.GetElapsedTime(begun).TotalMilliseconds:0} ms");
            }
            catch (CheckSkippedException skip)
            {
                skipped++;
                await SayAsync("skipped", name, skip.Message);
            }
            catch (Exception failure) when (failure is not OperationCanceledException || !cancellation.IsCancellationRequested)
            {
                failed++;
                await SayAsync("FAILED", name, failure.Message);
            }
        }
        await output.WriteLineAsync($"{passed} passed, {failed} failed, {skipped} skipped");
        return failed;
    }

    private Task SayAsync(string outcome, string name, string detail) =>
        output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{outcome,-8} {name} ({detail})"));

    private IEnumerable<(string Name, Func<CancellationToken, Task> Check)> All() =>
    [
        .. new StdioChecks().All,
        .. new HttpChecks(gateway).All,
        .. new StreamChecks(gateway).All,
        .. new ProtocolChecks(gateway).All,
        .. new PoolChecks(gateway).All,
    ];
}

/// <summary>What a check needs is not there.</summary>
internal sealed class CheckSkippedException(string why) : Exception(why);

/// <summary>Something was not as it should be.</summary>
internal sealed class CheckFailedException(string what) : Exception(what)
{
    public static void Require(bool holds, string what)
    {
        if (!holds) throw new CheckFailedException(what);
    }
}
