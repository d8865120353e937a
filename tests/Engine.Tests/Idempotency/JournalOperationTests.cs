using Varve.Idempotency;

namespace Varve.Tests.Idempotency;

public sealed class JournalOperationTests : IDisposable
{
    private readonly JournalHouse _house = new();
    private readonly TaskCompletionSource _bothHaveBegun = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _begun;

    public void Dispose() => _house.Dispose();

    [Fact]
    public async Task A_call_is_answered_once_and_its_answer_given_again()
    {
        int runs = 0;
        JournalOperation<string, int> operation = _house.Journal.Define<string, int>(
            "count", (context, text) => Task.FromResult(text.Length + (100 * ++runs)));
        Assert.Equal("count", operation.Name);
        Assert.Equal(105, await operation.CallAsync("abcde", "k"));
        Assert.Equal(105, await operation.CallAsync("abcde", "k"));
        Assert.Equal(205, await operation.CallAsync("abcde", "k", "you"));
        Assert.Equal(305, await operation.CallAsync("abcde"));
        IdempotencyConflictException conflict =
            await Assert.ThrowsAsync<IdempotencyConflictException>(() => operation.CallAsync("other", "k"));
        Assert.Equal("k", conflict.Key);
        Assert.Throws<ArgumentException>(() => _house.Journal.Define<int, int>("count", (_, _) => Task.FromResult(1)));
    }

    [Fact]
    public async Task An_exception_is_an_answer_unless_it_is_to_be_tried_again()
    {
        int runs = 0;
        JournalOperation<string, int> operation = _house.Journal.Define<string, int>("fail", (context, how) =>
        {
            runs++;
            context.Cancellation.ThrowIfCancellationRequested();
            throw how switch
            {
                "retry" => new RetryableException("later"),
                _ => new InvalidOperationException("broken"),
            };
        });
        await Assert.ThrowsAsync<InvalidOperationException>(() => operation.CallAsync("break", "k"));
        InvocationFailedException failure = await Assert.ThrowsAsync<InvocationFailedException>(() => operation.CallAsync("break", "k"));
        Assert.Equal(
            ("System.InvalidOperationException", "broken", InvocationState.Completed, 1),
            (failure.FailureType, failure.Failure, failure.State, runs));
        for (int i = 0; i < 2; i++) await Assert.ThrowsAsync<RetryableException>(() => operation.CallAsync("retry", "r"));
        Assert.Equal(3, runs);

        using var ending = new CancellationTokenSource();
        JournalOperation<int, int> slow = _house.Journal.Define<int, int>("slow", async (context, _) =>
        {
            if (++runs > 4) return runs;
            await ending.CancelAsync();
            context.Cancellation.ThrowIfCancellationRequested();
            return 0;
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => slow.CallAsync(1, "c", cancellation: ending.Token));
        Assert.Equal(5, await slow.CallAsync(1, "c"));
    }

    [Fact]
    public async Task What_a_crash_has_left_is_gone_on_with_as_each_operation_declares()
    {
        Define(RecoveryMode.Resume, out JournalOperation<int, string> resumed, ends: true);
        Define(RecoveryMode.Fail, out JournalOperation<int, string> failing, ends: true);
        _house.Store.EndsAtWrite = 5;
        Task<string> first = resumed.CallAsync(1, "k");
        Task<string> second = failing.CallAsync(2, "k2");
        await Assert.ThrowsAsync<ProcessEndedException>(() => first);
        await Assert.ThrowsAsync<ProcessEndedException>(() => second);
        _house.Restart();
        Define(RecoveryMode.Resume, out resumed);
        Define(RecoveryMode.Fail, out failing);
        Assert.Equal(1, await _house.Journal.RunUnfinishedAsync());
        Assert.Equal("1 in run 2", await resumed.CallAsync(1, "k"));
        InvocationFailedException stopped = await Assert.ThrowsAsync<InvocationFailedException>(() => failing.CallAsync(2, "k2"));
        Assert.Equal(InvocationState.Stopped, stopped.State);
        Assert.Contains("unknown", stopped.Message);
        Assert.Equal(0, await _house.Journal.RunUnfinishedAsync());
    }

    [Fact]
    public async Task Where_the_journal_cannot_write_the_next_start_recovers_the_invocation()
    {
        JournalOperation<int, int> operation = _house.Journal.Define<int, int>("count", (_, number) =>
        {
            _house.Disk.Faults = FaultPlan.Matching(
                call => call.Operation is DiskOperation.Sync, Fault.Error(Errors.InputOutput), forEver: true);
            return Task.FromResult(number);
        });
        await Assert.ThrowsAnyAsync<IOException>(() => operation.CallAsync(7, "k"));
        _house.Restart();
        operation = _house.Journal.Define<int, int>("count", (_, number) => Task.FromResult(number + 1));
        Assert.Equal(1, await _house.Journal.RunUnfinishedAsync());
        Assert.Equal(8, await operation.CallAsync(7, "k"));
    }

    /// <summary>Both have begun when the process ends, and neither has had the writes to complete.</summary>
    private Task WaitForBothAsync()
    {
        if (Interlocked.Increment(ref _begun) == 2) _bothHaveBegun.SetResult();
        return _bothHaveBegun.Task;
    }

    private void Define(RecoveryMode recovery, out JournalOperation<int, string> operation, bool ends = false)
    {
        operation = _house.Journal.Define<int, string>(
            $"{recovery}",
            async (context, number) =>
            {
                if (ends) await WaitForBothAsync();
                await context.AtLeastOnceAsync("step", () => Task.FromResult(1));
                if (ends) await context.UntilAsync<int>("end", () => Task.FromResult<UntilResult<int>>(1));
                return $"{number} in run {context.Attempt}";
            },
            recovery);
    }
}
