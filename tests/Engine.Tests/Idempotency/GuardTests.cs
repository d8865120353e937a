using Varve.Idempotency;

namespace Varve.Tests.Idempotency;

public sealed class GuardTests : IDisposable
{
    private readonly JournalHouse _house = new();

    public void Dispose() => _house.Dispose();

    [Fact]
    public async Task A_result_is_kept_and_given_again_without_the_step()
    {
        InvocationContext run = await _house.BeginAsync();
        Assert.Equal("a", await run.AtLeastOnceAsync("text", () => Task.FromResult("a")));
        Assert.Null(await run.AtMostOnceAsync("nothing", () => Task.FromResult<string?>(null)));
        Assert.Equal([1, 2], await run.AtMostOnceAsync("list", () => Task.FromResult(new List<int> { 1, 2 })));
        int? none = await run.UntilAsync<int?>("until", () => Task.FromResult<UntilResult<int?>>(null));
        Assert.Null(none);
        await run.AtLeastOnceAsync("void", () => Task.CompletedTask);
        await run.AtMostOnceAsync("void once", _ => Task.CompletedTask);
        _house.Restart();

        InvocationContext again = (await _house.RecoverAsync())!;
        Assert.Equal((run.Id, 2), (again.Id, again.Attempt));
        Assert.Equal("a", await again.AtLeastOnceAsync("text", Never<string>));
        Assert.Null(await again.AtMostOnceAsync("nothing", Never<string?>));
        Assert.Equal([1, 2], await again.AtMostOnceAsync("list", Never<List<int>>));
        Assert.Null(await again.UntilAsync("until", Never<UntilResult<int?>>));
        await again.AtLeastOnceAsync("void", (Func<Task>)(() => throw new InvalidOperationException("ran again")));
        await again.AtMostOnceAsync("void once", (Func<StepBatch, Task>)(_ => throw new InvalidOperationException("ran again")));
    }

    [Fact]
    public async Task An_at_least_once_step_is_tried_five_times_with_full_jitter_and_then_throws_its_own_exception()
    {
        InvocationContext run = await _house.BeginAsync();
        List<int> attempts = [];
        IOException last = await Assert.ThrowsAsync<IOException>(() => run.AtLeastOnceAsync<int>("step", step =>
        {
            attempts.Add(step.Attempt);
            throw new IOException($"failure {attempts.Count}");
        }));
        Assert.Equal("failure 5", last.Message);
        Assert.Equal([1, 2, 3, 4, 5], attempts);
        TimeSpan[] waits = _house.Clock.Waits;
        Assert.Equal(4, waits.Length);
        for (int i = 0; i < waits.Length; i++) Assert.InRange(waits[i].TotalSeconds, 0.0, 1 << i);
        Assert.Equal(4, waits.Distinct().Count());
        Assert.Contains(waits.Select((wait, i) => wait.TotalSeconds / (1 << i)), share => share < 0.5);
    }

    [Fact]
    public void Waits_double_up_to_their_bound()
    {
        RetryPolicy policy = RetryPolicy.Default;
        Assert.Equal([1, 2, 4, 8, 16, 30, 30], Enumerable.Range(1, 7).Select(attempt => policy.DelayAfter(attempt).TotalSeconds));
        Assert.Equal(30, policy.DelayAfter(1_000_000).TotalSeconds);
    }

    [Theory]
    [InlineData(typeof(NonRetryableException))]
    [InlineData(typeof(ArgumentException))]
    [InlineData(typeof(ArgumentNullException))]
    public async Task Some_exceptions_are_not_tried_again(Type type)
    {
        InvocationContext run = await _house.BeginAsync();
        int calls = 0;
        Exception? failure = await Record.ExceptionAsync(() => run.AtLeastOnceAsync<int>("step", () =>
        {
            calls++;
            throw type == typeof(NonRetryableException) ? new NonRetryableException("no") : (Exception)Activator.CreateInstance(type)!;
        }));
        Assert.IsType(type, failure);
        Assert.Equal(1, calls);
    }

    [Fact]
    public async Task Cancellation_is_not_tried_again_and_a_timeout_inside_of_the_step_is()
    {
        InvocationContext run = await _house.BeginAsync();
        int calls = 0;
        await run.AtLeastOnceAsync("timeout", () => ++calls == 1 ? throw new TaskCanceledException() : Task.FromResult(1));
        Assert.Equal(2, calls);

        using var ending = new CancellationTokenSource();
        calls = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.AtLeastOnceAsync<int>(
            "cancelled",
            async step =>
            {
                calls++;
                await ending.CancelAsync();
                step.Cancellation.ThrowIfCancellationRequested();
                return 1;
            },
            cancellation: ending.Token));
        Assert.Equal(1, calls);

        // While it waits for its next attempt, the clock standing still.
        _house.Clock.IsHeld = true;
        using var impatience = new CancellationTokenSource();
        Task<int> waiting = run.AtLeastOnceAsync<int>("waiting", () => throw new IOException(), cancellation: impatience.Token);
        await _house.Clock.WaitForTimerAsync();
        await impatience.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task A_restart_goes_on_counting_attempts_and_the_next_call_with_the_key_begins_anew()
    {
        InvocationContext run = await _house.BeginAsync("k");
        List<int> attempts = [];
        Task<int> Fail(InvocationContext context, int attemptsBeforeCrash) => context.AtLeastOnceAsync<int>("step", step =>
        {
            attempts.Add(step.Attempt);
            if (attempts.Count == attemptsBeforeCrash) throw new ProcessEndedException();
            throw new IOException("down");
        });

        // The third attempt is cut short: it is made again.
        _house.Store.EndsAtWrite = _house.Store.Writes.Length + 3;
        await Assert.ThrowsAsync<ProcessEndedException>(() => Fail(run, 3));
        _house.Restart();
        InvocationContext recovered = (await _house.RecoverAsync())!;
        await Assert.ThrowsAsync<IOException>(() => Fail(recovered, 0));
        Assert.Equal([1, 2, 3, 3, 4, 5], attempts);
        _house.Restart();
        InvocationContext exhausted = (await _house.RecoverAsync())!;
        RetriesExhaustedException failure = await Assert.ThrowsAsync<RetriesExhaustedException>(() => Fail(exhausted, 0));
        Assert.Equal(("step", "System.IO.IOException", "down"), (failure.Alias, failure.FailureType, failure.Failure));
        await exhausted.ReleaseAsync();
        Assert.Equal(6, attempts.Count);

        BeginResult next = await _house.Journal.BeginAsync(JournalHouse.Request(key: "k"));
        await Assert.ThrowsAsync<IOException>(() => Fail(next.Context!, 0));
        Assert.Equal([6, 7, 8, 9, 10], attempts[6..]);
    }

    [Fact]
    public async Task An_at_most_once_step_is_tried_again_for_listed_exceptions_only()
    {
        InvocationContext run = await _house.BeginAsync("k");
        int calls = 0;
        int result = await run.AtMostOnceAsync(
            "listed", () => ++calls < 5 ? throw new FileNotFoundException() : Task.FromResult(calls), [typeof(IOException)]);
        Assert.Equal(5, result);
        Assert.Equal(4, _house.Clock.Waits.Length);

        calls = 0;
        await Assert.ThrowsAsync<TimeoutException>(() => run.AtMostOnceAsync<int>(
            "exhausted",
            () =>
            {
                calls++;
                throw new TimeoutException();
            },
            [typeof(IOException), typeof(TimeoutException)],
            new RetryPolicy { AttemptsMax = 2 }));
        Assert.Equal(2, calls);

        InvalidOperationException original = await Assert.ThrowsAsync<InvalidOperationException>(
            () => run.AtMostOnceAsync<int>("other", () => throw new InvalidOperationException("broken"), [typeof(IOException)]));
        Assert.Equal("broken", original.Message);
        await run.ReleaseAsync();

        InvocationContext next = (await _house.Journal.BeginAsync(JournalHouse.Request(key: "k"))).Context!;
        AtMostOnceFailedBeforeCompletingException failed = await Assert.ThrowsAsync<AtMostOnceFailedBeforeCompletingException>(
            () => next.AtMostOnceAsync("other", Never<int>, [typeof(IOException)]));
        Assert.Equal(
            ("other", false, "System.InvalidOperationException", "broken"),
            (failed.Alias, failed.IsEffectUnknown, failed.FailureType, failed.Failure));
        Assert.Contains("broken", failed.Message);
        Assert.Equal(7, await next.AtMostOnceAsync("exhausted", () => Task.FromResult(7), [typeof(TimeoutException)]));
    }

    [Fact]
    public async Task Cancellation_inside_of_an_at_most_once_step_is_its_end()
    {
        InvocationContext run = await _house.BeginAsync("k");
        using var ending = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => run.AtMostOnceAsync<int>(
            "step",
            async step =>
            {
                await ending.CancelAsync();
                step.Cancellation.ThrowIfCancellationRequested();
                return 1;
            },
            [typeof(OperationCanceledException)],
            cancellation: ending.Token));
        await run.ReleaseAsync();
        InvocationContext next = (await _house.Journal.BeginAsync(JournalHouse.Request(key: "k"))).Context!;
        await Assert.ThrowsAsync<AtMostOnceFailedBeforeCompletingException>(() => next.AtMostOnceAsync("step", Never<int>));

        // Before the step has begun nothing is written, and so nothing is lost.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => next.AtMostOnceAsync("early", Never<int>, cancellation: ending.Token));
        await next.ReleaseAsync();
        InvocationContext last = (await _house.Journal.BeginAsync(JournalHouse.Request(key: "k"))).Context!;
        Assert.Equal(1, await last.AtMostOnceAsync("early", () => Task.FromResult(1)));
    }

    [Fact]
    public async Task Until_asks_at_growing_intervals_until_there_is_a_value()
    {
        InvocationContext run = await _house.BeginAsync();
        int asked = 0;
        string result = await run.UntilAsync<string>(
            "paid", () => Task.FromResult(++asked < 8 ? UntilResult<string>.NotYet : "yes"));
        Assert.Equal("yes", result);
        Assert.Equal([1, 2, 4, 8, 16, 30, 30], _house.Clock.Waits.Select(wait => wait.TotalSeconds));

        await Assert.ThrowsAsync<IOException>(() => run.UntilAsync<int>("failing", () => throw new IOException()));
        _house.Clock.IsHeld = true;
        using var ending = new CancellationTokenSource();
        Task<int> waiting = run.UntilAsync("never", () => Task.FromResult(UntilResult<int>.NotYet), ending.Token);
        await _house.Clock.WaitForTimerAsync();
        await ending.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task An_alias_names_one_guard_of_a_run_also_of_guards_beside_each_other()
    {
        InvocationContext run = await _house.BeginAsync();
        await run.AtLeastOnceAsync("a", () => Task.FromResult(1));
        AliasReusedException reused = await Assert.ThrowsAsync<AliasReusedException>(() => run.AtMostOnceAsync("a", Never<int>));
        Assert.Equal("a", reused.Alias);

        var entered = new TaskCompletionSource();
        Task<int> slow = run.AtLeastOnceAsync("slow", async () =>
        {
            await entered.Task;
            return 1;
        });
        await Assert.ThrowsAsync<AliasReusedException>(() => run.UntilAsync("slow", Never<UntilResult<int>>));
        Task<int> beside = run.AtLeastOnceAsync("beside", () => Task.FromResult(2));
        entered.SetResult();
        int[] results = await Task.WhenAll(slow, beside);
        Assert.Equal([1, 2], results);
        foreach (string malformed in (string[])["", new string('a', 1_025)])
            await Assert.ThrowsAnyAsync<ArgumentException>(() => run.AtLeastOnceAsync(malformed, Never<int>));
    }

    [Fact]
    public async Task A_guard_inside_a_guard_is_refused_and_one_behind_it_is_not()
    {
        InvocationContext run = await _house.BeginAsync();
        InvocationContext other = await _house.BeginAsync();
        int calls = 0;
        NestedGuardException nested = await Assert.ThrowsAsync<NestedGuardException>(() => run.AtLeastOnceAsync("outer", async () =>
        {
            calls++;
            await Task.Yield();
            Assert.Equal(5, await other.AtLeastOnceAsync($"other {calls}", () => Task.FromResult(5)));
            return await Task.Run(() => run.AtLeastOnceAsync("inner", Never<int>));
        }));
        Assert.Equal(("inner", "outer", 1), (nested.Alias, nested.OuterAlias, calls));
        Assert.Equal(3, await run.AtLeastOnceAsync("inner", () => Task.FromResult(3)));
    }

    [Fact]
    public async Task What_a_step_has_left_running_is_no_longer_part_of_it()
    {
        InvocationContext run = await _house.BeginAsync();
        var stepHasEnded = new TaskCompletionSource();
        Task<int>? left = null;
        await run.AtLeastOnceAsync("step", () =>
        {
            left = GoOnAsync();
            return Task.CompletedTask;
        });
        stepHasEnded.SetResult();
        Assert.Equal(2, await left!);

        async Task<int> GoOnAsync()
        {
            await stepHasEnded.Task;
            return await run.AtLeastOnceAsync("behind", () => Task.FromResult(2));
        }
    }

    [Fact]
    public async Task What_a_step_writes_happens_with_it_or_not_at_all()
    {
        InvocationContext run = await _house.BeginAsync();
        int calls = 0;
        StepBatch? kept = null;
        await run.AtLeastOnceAsync("step", step =>
        {
            step.Insert("users", $"try {++calls}", "v"u8);
            step.Insert("profiles", "p", "v"u8);
            if (calls < 3) throw new IOException();
            step.Remove("profiles", "p");
            kept = step;
            Assert.Null(_house.Text("users", $"try {calls}"));
            return Task.CompletedTask;
        });
        Assert.Equal((null, null, "v"), (_house.Text("users", "try 1"), _house.Text("users", "try 2"), _house.Text("users", "try 3")));
        Assert.Null(_house.Text("profiles", "p"));
        Assert.Throws<InvalidOperationException>(() => kept!.Insert("users", "late", "v"u8));
        await Assert.ThrowsAsync<ArgumentException>(() => run.AtLeastOnceAsync("internal", step =>
        {
            step.Insert(InternalMaps.Steps, "k", "v"u8);
            return Task.CompletedTask;
        }));
        await Assert.ThrowsAsync<IOException>(() => run.AtMostOnceAsync("failing", step =>
        {
            step.Insert("users", "failing", "v"u8);
            throw new IOException();
        }));
        Assert.Null(_house.Text("users", "failing"));
    }

    [Fact]
    public async Task Validation_finds_a_step_that_gives_something_else_the_second_time()
    {
        _house.Options.ValidatesSteps = true;
        _house.Renew();
        InvocationContext run = await _house.BeginAsync();
        int calls = 0;
        StepNotRepeatableException found = await Assert.ThrowsAsync<StepNotRepeatableException>(
            () => run.AtLeastOnceAsync("counter", () => Task.FromResult(++calls)));
        Assert.Equal(("counter", 2), (found.Alias, calls));

        calls = 0;
        Assert.Equal("same", await run.AtLeastOnceAsync("same", async step =>
        {
            await run.Map("m").InsertAsync("direct", "v"u8.ToArray());
            step.Insert("m", $"call {++calls}", "v"u8);
            return "same";
        }));
        Assert.Equal(2, calls);
        Assert.Equal((null, "v", "v"), (_house.Text("m", "call 1"), _house.Text("m", "call 2"), _house.Text("m", "direct")));
        calls = 0;
        await run.AtMostOnceAsync("once", () => Task.FromResult(++calls));
        Assert.Equal(1, calls);
    }

    private static Task<T> Never<T>() => throw new InvalidOperationException("The step was run.");
}
