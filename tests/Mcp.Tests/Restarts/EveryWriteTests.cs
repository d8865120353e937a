using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>
/// A call in a session writes its stream, the request, progress, log messages, steps, the outcome: each write in turn is the last one.
/// </summary>
public sealed class EveryWriteTests
{
    private const int Refused = -32000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Whatever_write_a_process_is_killed_at_the_call_is_done_once_and_told_whole()
    {
        int writes = await AtEveryWriteAsync(Durability.Buffered, async (host, session, stream, write, where) =>
        {
            await host.KillAsync();
            if (stream.Name.Length > 0 && stream.Answer is null)
            {
                await stream.ResumeAsync(host.Server, session);
                await stream.ReadToEndAsync();
            }

            if (stream.Name.Length == 0 || stream.Answer.ErrorCode() == Refused)
            {
                // Not begun: its client sends it again.
                Assert.True(write <= 2 && host.Effects["ship"] == 0, where);
                return;
            }

            Assert.True(stream.Numbers.SequenceEqual(Enumerable.Range(1, stream.Numbers.Count)), $"{where}: {Join(stream.Numbers)}");
            CheckTold(stream, where);
            CheckDone(host, stream, where);
        });
        Assert.True(writes > 8, $"{writes} writes");
    }

    /// <summary>
    /// All that was not synced behind the last write that was is gone: events that the client has, too. What they told is told again.
    /// </summary>
    [Fact]
    public async Task Whatever_write_the_power_fails_at_the_call_is_done_once_and_answered()
    {
        int writes = await AtEveryWriteAsync(Durability.Synced, async (host, session, stream, write, where) =>
        {
            await host.CutPowerAsync();
            if (stream.Name.Length == 0 || await host.Events.FindLastAsync(session, stream.Name, after: null, default) is null)
            {
                // The stream has never been, or is gone: its client sends the call again.
                Assert.True(write <= 2 && host.Effects["ship"] == 0, where);
                return;
            }

            if (stream.Answer is null)
            {
                await stream.ResumeAsync(host.Server, session);
                await stream.ReadToEndAsync();
            }

            if (stream.Answer.ErrorCode() == Refused)
            {
                Assert.True(write <= 2 && host.Effects["ship"] == 0, where);
                return;
            }

            CheckDone(host, stream, where);

            // The whole stream, as it is now, has the same answer.
            using CallStream whole = stream.From(0);
            await whole.ResumeAsync(host.Server, session);
            await whole.ReadToEndAsync();
            Assert.True(whole.Answer!.ToJsonString() == stream.Answer!.ToJsonString(), where);
            CheckTold(whole, where);
        });
        Assert.True(writes > 8, $"{writes} writes");
    }

    private static void CheckTold(CallStream stream, string where)
    {
        Assert.True(stream.Progress.SequenceEqual(IsUnknown(stream) ? [1, 2] : [1, 2, 3]), $"{where}: {Join(stream.Progress)}");
        Assert.True(stream.Logs.SequenceEqual(["ordered", "receipt 7"]), $"{where}: {Join(stream.Logs)}");
    }

    private static void CheckDone(RestartHost host, CallStream stream, string where)
    {
        Assert.True(host.Charges is [7], $"{where}: {host.Charges.Length} charges");
        Assert.True(IsUnknown(stream) || stream.Answer.Text() == "ordered 7: receipt 7", $"{where}: {stream.Answer?.ToJsonString()}");
        Assert.True(host.Effects["ship"] <= 1, $"{where}: shipped {host.Effects["ship"]} times");
    }

    /// <summary>An at-most-once step that was begun is not run again, and its effect is unknown.</summary>
    private static bool IsUnknown(CallStream stream) => stream.Answer.ErrorName() == "internal";

    /// <summary>Runs the call once for each of its writes, and once more: the process ends before the write, and behind it.</summary>
    /// <returns>The number of runs, each of two.</returns>
    private static async Task<int> AtEveryWriteAsync(
        Durability durability, Func<RestartHost, string, CallStream, int, string, Task> check)
    {
        int write = 0;
        bool hasDied = true;
        while (hasDied)
        {
            write++;
            for (int behind = 0; behind < 2; behind++)
            {
                await using RestartHost host = await RestartHost.StartAsync(durability: durability);
                string session = await host.Server.InitializeAsync();
                (host.Store.DiesAtWrite, host.Store.DiesBehindWrite) = (host.Store.Writes + write, behind == 1);
                using CallStream stream = new();
                using var leaving = new CancellationTokenSource();
                Task reading = stream.SendAsync(host.Server.Http, host.Server.Order(session, 7), leaving.Token);
                await Task.WhenAny(reading, host.Store.Died);
                hasDied = host.Store.IsDead;

                // Behind the first write the stream's name was sent, whatever has happened since.
                if (write > 1) await stream.Begun.WaitAsync(s_patience);
                await leaving.CancelAsync();
                await reading;
                await check(host, session, stream, write, $"write {write}, {(behind == 1 ? "behind" : "before")} it");
            }
        }

        return write;
    }

    private static string Join<T>(IEnumerable<T> items) => string.Join(' ', items);
}
