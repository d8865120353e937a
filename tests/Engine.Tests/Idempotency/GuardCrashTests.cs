using System.Text;
using Varve.Idempotency;

namespace Varve.Tests.Idempotency;

/// <summary>
/// The process ends before and behind each write of each guard, the power with it; then the invocation is gone on with. The number of
/// effects is the number there must be, at each of these points.
/// </summary>
public sealed class GuardCrashTests
{
    /// <summary>What a step does outside of the store, which no crash takes back.</summary>
    private int _effects;

    private Durability _durability = Durability.Synced;

    /// <summary>
    /// Writes: 1 the request, 2 the result with its batch, 3 the outcome. Before 2 the step runs again, and what its batch held is
    /// dropped.
    /// </summary>
    [Theory]
    [InlineData(1, false, 0, 0, "no invocation")]
    [InlineData(1, true, 1, 1, "1")]
    [InlineData(2, false, 2, 1, "2")]
    [InlineData(2, true, 1, 1, "1")]
    [InlineData(3, false, 1, 1, "1")]
    [InlineData(3, true, 1, 1, "1")]
    public Task At_least_once(int write, bool isBehind, int effects, int raises, string outcome) =>
        CheckAsync(write, isBehind, effects, raises, outcome, context => context.AtLeastOnceAsync("step", async step =>
        {
            await RaiseAsync(context, step);
            return $"{++_effects}";
        }));

    /// <summary>Writes: 1 the request, 2 that the first attempt has failed, 3 the result, 4 the outcome.</summary>
    [Theory]
    [InlineData(1, true, 2, 1, "2")]
    [InlineData(2, false, 3, 1, "3")]
    [InlineData(2, true, 2, 1, "2")]
    [InlineData(3, false, 3, 1, "3")]
    [InlineData(3, true, 2, 1, "2")]
    [InlineData(4, false, 2, 1, "2")]
    public Task At_least_once_with_a_failure(int write, bool isBehind, int effects, int raises, string outcome) =>
        CheckAsync(write, isBehind, effects, raises, outcome, context => context.AtLeastOnceAsync("step", async step =>
        {
            _effects++;
            await RaiseAsync(context, step);
            return step.Attempt == 1 ? throw new IOException() : $"{_effects}";
        }));

    /// <summary>
    /// Writes: 1 the request, 2 that it begins, 3 the result, 4 the outcome. From 2 to 3 nobody knows whether the step has run.
    /// </summary>
    [Theory]
    [InlineData(1, true, 1, 1, "1")]
    [InlineData(2, false, 1, 1, "1")]
    [InlineData(2, true, 0, 0, "unknown")]
    [InlineData(3, false, 1, 0, "unknown")]
    [InlineData(3, true, 1, 1, "1")]
    [InlineData(4, false, 1, 1, "1")]
    [InlineData(4, true, 1, 1, "1")]
    public Task At_most_once(int write, bool isBehind, int effects, int raises, string outcome) =>
        CheckAsync(write, isBehind, effects, raises, outcome, context => context.AtMostOnceAsync("step", async step =>
        {
            await RaiseAsync(context, step);
            return $"{++_effects}";
        }));

    /// <summary>
    /// Writes: 1 the request, 2 begun, 3 the listed exception, 4 begun again, 5 the result. Behind 3 the next attempt may run.
    /// </summary>
    [Theory]
    [InlineData(1, true, 2, 1, "2")]
    [InlineData(2, true, 0, 0, "unknown")]
    [InlineData(3, false, 1, 0, "unknown")]
    [InlineData(3, true, 2, 1, "2")]
    [InlineData(4, false, 2, 1, "2")]
    [InlineData(4, true, 1, 0, "unknown")]
    [InlineData(5, false, 2, 0, "unknown")]
    [InlineData(5, true, 2, 1, "2")]
    public Task At_most_once_with_a_retryable_failure(int write, bool isBehind, int effects, int raises, string outcome) =>
        CheckAsync(write, isBehind, effects, raises, outcome, context => context.AtMostOnceAsync(
            "step",
            async step =>
            {
                _effects++;
                await RaiseAsync(context, step);
                return step.Attempt == 1 ? throw new IOException() : $"{_effects}";
            },
            [typeof(IOException)]));

    /// <summary>Writes: 3 that it has failed, 4 the outcome. Before 3 nobody knows how it ended, behind it everybody does.</summary>
    [Theory]
    [InlineData(3, false, 1, 0, "unknown")]
    [InlineData(3, true, 1, 0, "failed")]
    [InlineData(4, false, 1, 0, "failed")]
    public Task At_most_once_with_a_failure(int write, bool isBehind, int effects, int raises, string outcome) =>
        CheckAsync(write, isBehind, effects, raises, outcome, context => context.AtMostOnceAsync<string>("step", async step =>
        {
            _effects++;
            await RaiseAsync(context, step);
            throw new InvalidOperationException("broken");
        }));

    /// <summary>Writes: 1 the request, 2 the value, 3 the outcome.</summary>
    [Theory]
    [InlineData(1, true, 3, 1, "3")]
    [InlineData(2, false, 4, 1, "4")]
    [InlineData(2, true, 3, 1, "3")]
    [InlineData(3, false, 3, 1, "3")]
    public Task Until(int write, bool isBehind, int effects, int raises, string outcome) =>
        CheckAsync(write, isBehind, effects, raises, outcome, context => context.UntilAsync<string>("step", async step =>
        {
            await RaiseAsync(context, step);
            return ++_effects < 3 ? UntilResult<string>.NotYet : $"{_effects}";
        }));

    /// <summary>Writes: 1 the request, 2 and 3 those of the map, 4 the outcome.</summary>
    [Theory]
    [InlineData(1, true, 1, 2, "done")]
    [InlineData(2, false, 1, 2, "done")]
    [InlineData(2, true, 1, 2, "done")]
    [InlineData(3, false, 1, 2, "done")]
    [InlineData(3, true, 1, 2, "done")]
    [InlineData(4, false, 1, 2, "done")]
    public Task Writes_of_a_map(int write, bool isBehind, int effects, int raises, string outcome) =>
        CheckAsync(write, isBehind, effects, raises, outcome, async context =>
        {
            await RaiseAsync(context.Map("counter").Idempotently("first"));
            await RaiseAsync(context.Map("counter"));
            _effects = 1;
            return "done";
        });

    /// <summary>
    /// Writes: 1 the request, 2 that of the map in the first attempt, 3 the failure, 4 that in the second attempt, which is another
    /// one, 5 the result, 6 that behind the guard.
    /// </summary>
    [Theory]
    [InlineData(1, true, 2, 3, "done")]
    [InlineData(2, false, 3, 3, "done")]
    [InlineData(2, true, 3, 3, "done")]
    [InlineData(3, false, 3, 3, "done")]
    [InlineData(3, true, 2, 3, "done")]
    [InlineData(4, false, 3, 3, "done")]
    [InlineData(4, true, 3, 3, "done")]
    [InlineData(5, false, 3, 3, "done")]
    [InlineData(5, true, 2, 3, "done")]
    [InlineData(6, false, 2, 3, "done")]
    [InlineData(6, true, 2, 3, "done")]
    public Task Writes_of_a_map_inside_of_a_guard(int write, bool isBehind, int effects, int raises, string outcome) =>
        CheckAsync(write, isBehind, effects, raises, outcome, async context =>
        {
            await context.AtLeastOnceAsync("step", async step =>
            {
                _effects++;
                await RaiseAsync(context.Map("counter"));
                if (step.Attempt == 1) throw new IOException();
            });
            await RaiseAsync(context.Map("counter"));
            return "done";
        });

    /// <summary>
    /// Writes as those of at most once; the power takes what was not synced. That it begins is on the disk, and the request before it
    /// with it.
    /// </summary>
    [Theory]
    [InlineData(3, false, 1, 0, "unknown")]
    [InlineData(3, true, 1, 0, "unknown")]
    [InlineData(2, true, 0, 0, "unknown")]
    public Task At_most_once_where_nothing_else_is_synced(int write, bool isBehind, int effects, int raises, string outcome)
    {
        _durability = Durability.Buffered;
        return At_most_once(write, isBehind, effects, raises, outcome);
    }

    [Fact]
    public async Task Whatever_call_to_the_disk_the_power_fails_at_every_guard_keeps_its_promise()
    {
        // Some of what was not synced survives, as a seed draws it: of all calls, and so of all states the rows can be in.
        bool wasCut = true;
        int call = 0;
        while (wasCut)
        {
            call++;
            int seed = call;
            CrashMode mode = (CrashMode)(call % 3);
            string where = $"power cut at call {call}, {mode}, seed {seed}";
            _effects = 0;
            int charges = 0;
            using var house = new JournalHouse();
            house.Disk.Faults = FaultPlan.PowerCutAt(house.Disk.CallCount + call);
            JournalOperation<int, string> operation = Define(house, Body);
            Exception? failure = await Record.ExceptionAsync(() => operation.CallAsync(0, "k"));
            wasCut = house.Disk.LastFault is not null;
            string? told = failure is null ? await operation.CallAsync(0, "k") : null;
            house.Restart(mode, seed);
            operation = Define(house, Body);
            await house.Journal.RunUnfinishedAsync();
            string answer = await AnswerAsync(operation);
            Assert.True(told is null || told == answer, $"{where}: told '{told}', then '{answer}'");
            Assert.True(charges <= 1, $"{where}: {charges} charges");
            Assert.True(answer == "unknown" || charges == 1, $"{where}: '{answer}' with {charges} charges");
            Assert.True(house.Text("counter", "n") == (answer == "unknown" ? "1" : "2"), $"{where}: {house.Text("counter", "n")} raises");
            Assert.True(failure is null || _effects <= 2, $"{where}: {_effects} effects");
            Assert.Empty(await UnfinishedAsync(house));

            async Task<string> Body(InvocationContext context)
            {
                await context.AtLeastOnceAsync("effect", async step =>
                {
                    _effects++;
                    await RaiseAsync(context, step);
                });
                await context.AtMostOnceAsync("charge", () => Task.FromResult(++charges));
                await RaiseAsync(context.Map("counter"));
                return "charged";
            }
        }

        Assert.True(call > 10, $"{call} calls");
    }

    private static async Task<List<Invocation>> UnfinishedAsync(JournalHouse house)
    {
        List<Invocation> left = [];
        await foreach (Invocation invocation in house.Journal.ListUnfinishedAsync()) left.Add(invocation);
        return left;
    }

    private static JournalOperation<int, string> Define(JournalHouse house, Func<InvocationContext, Task<string>> body) =>
        house.Journal.Define<int, string>("operation", (context, _) => body(context));

    private static async Task<string> AnswerAsync(JournalOperation<int, string> operation)
    {
        try
        {
            return await operation.CallAsync(0, "k");
        }
        catch (AtMostOnceFailedBeforeCompletingException failure)
        {
            return failure.IsEffectUnknown ? "unknown" : "failed";
        }
        catch (InvocationFailedException failure)
        {
            bool isGuard = failure.FailureType == typeof(AtMostOnceFailedBeforeCompletingException).FullName;
            return isGuard && failure.Failure.Contains("unknown", StringComparison.Ordinal) ? "unknown" : "failed";
        }
    }

    /// <summary>Raises the counter with a step's own record.</summary>
    private static async Task RaiseAsync(InvocationContext context, StepBatch step)
    {
        byte[]? value = await context.Map("counter").GetAsync("n");
        step.Insert("counter", "n", Raised(value));
    }

    /// <summary>Raises the counter by a write of its own.</summary>
    private static async Task RaiseAsync(InvocationMap map) => await map.InsertAsync("n", Raised(await map.GetAsync("n")));

    private static byte[] Raised(byte[]? value) =>
        Encoding.UTF8.GetBytes($"{(value is null ? 0 : int.Parse(Encoding.UTF8.GetString(value), null)) + 1}");

    private async Task CheckAsync(
        int write, bool isBehind, int effects, int raises, string outcome, Func<InvocationContext, Task<string>> body)
    {
        using var house = new JournalHouse();
        house.Options.Durability = _durability;
        house.Renew();
        house.Store.EndsAtWrite = write;
        house.Store.EndsBehindWrite = isBehind;
        await Assert.ThrowsAsync<ProcessEndedException>(() => Define(house, body).CallAsync(0, "k"));
        Assert.True(house.Store.HasEnded, "the process has not ended");
        int effectsBefore = _effects;
        house.Restart();

        JournalOperation<int, string> operation = Define(house, body);
        await house.Journal.RunUnfinishedAsync();
        string text = house.Text("counter", "n") ?? "0";
        (int Effects, string Raises) actual = (_effects, text);
        Assert.True(actual == (effects, $"{raises}"), $"{actual} instead of {(effects, raises)}, of which {effectsBefore} before the end");
        if (outcome == "no invocation")
        {
            Assert.Empty(await house.ListAsync());
            return;
        }

        Assert.Equal(outcome, await AnswerAsync(operation));
        Assert.Equal(actual, (_effects, house.Text("counter", "n") ?? "0"));
    }
}
