using System.Text;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Tests.Idempotency;

/// <summary>Runs that one process begins and ends, and another one does the work of.</summary>
public sealed class JournalDispatchTests : IDisposable
{
    private readonly JournalHouse _house = new();

    /// <summary>What steps do outside of the store, which no crash takes back.</summary>
    private int _charges;
    private int _parcels;

    private Journal Journal => _house.Journal;

    public void Dispose() => _house.Dispose();

    [Fact]
    public async Task A_worker_records_what_the_dispatcher_ends()
    {
        Journal worker = _house.CreateNeighbour();
        InvocationContext run = await _house.BeginAsync("k");
        run.Share();
        InvocationContext part = (await worker.AttachAsync(run.Id, run.Epoch))!;
        Assert.Equal(
            (run.Id, run.Name, run.Principal, "k", run.Epoch, 1),
            (part.Id, part.Name, part.Principal, part.Key, part.Epoch, part.Attempt));
        Assert.Equal((true, false), (part.IsAttached, run.IsAttached));
        Assert.Equal("worked", await WorkAsync(part));
        Assert.Equal(("1", "3"), (_house.Text("counter", "parcels"), _house.Text("counter", "mark")));
        await run.CompleteAsync("done"u8.ToArray());
        Invocation ended = (await Journal.FindAsync(run.Id))!;
        Assert.Equal((InvocationState.Completed, 1, 0), (ended.State, ended.Attempts, ended.Recoveries));
        Assert.Equal(["charge", "mark", "ship"], (await Journal.ListStepsAsync(run.Id)).Select(step => step.Alias).Order());
        await Assert.ThrowsAsync<InvocationLostException>(async () => await part.Map("counter").InsertAsync("late", "1"u8.ToArray()));
        Assert.Null(_house.Text("counter", "late"));
    }

    [Fact]
    public async Task A_worker_cannot_end_a_run_nor_make_another_of_it()
    {
        InvocationContext run = await _house.BeginAsync("k");
        InvocationContext part = (await _house.CreateNeighbour().AttachAsync(run.Id, run.Epoch))!;
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await part.CompleteAsync(default));
        part.MarkRetryable();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await part.CompleteAsync(default));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await part.ReleaseAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await part.SuspendAsync());
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Journal.RunAgainAsync(part));
        part.Detach();
        Assert.True(part.Ended.IsCompletedSuccessfully);
        Assert.False(run.Ended.IsCompleted);
        Assert.Equal(InvocationState.Running, (await Journal.FindAsync(run.Id))!.State);
        await run.CompleteAsync(default);
    }

    [Fact]
    public async Task Nobody_takes_part_in_a_run_that_is_not_under_way()
    {
        InvocationContext run = await _house.BeginAsync("k");
        Assert.Null(await Journal.AttachAsync(Guid.NewGuid(), 1));
        Assert.Null(await Journal.AttachAsync(run.Id, 0));
        Assert.Null(await Journal.AttachAsync(run.Id, 2));
        await run.SuspendAsync();
        Assert.Null(await Journal.AttachAsync(run.Id, 1));
        InvocationContext again = (await Journal.BeginAsync(JournalHouse.Request(key: "k"))).Context!;
        Assert.Null(await Journal.AttachAsync(run.Id, 1));
        Assert.NotNull(await Journal.AttachAsync(run.Id, again.Epoch));
        await again.CompleteAsync(default);
        Assert.Null(await Journal.AttachAsync(run.Id, again.Epoch));
    }

    [Fact]
    public async Task A_run_whose_worker_has_ended_is_made_again_with_what_was_recorded()
    {
        Journal worker = _house.CreateNeighbour();
        InvocationContext run = await _house.BeginAsync("k");
        InvocationContext part = (await worker.AttachAsync(run.Id, run.Epoch))!;
        await part.AtMostOnceAsync("charge", () => Task.FromResult(++_charges));
        InvocationContext again = (await Journal.RunAgainAsync(run))!;
        Assert.Equal((run.Id, 2L, 2, 1), (again.Id, again.Epoch, again.Attempt, again.Recoveries));
        Assert.True(run.Cancellation.CanBeCanceled);
        await Assert.ThrowsAsync<InvocationLostException>(async () => await run.CompleteAsync(default));

        // What the worker that was thought to be gone still writes is refused: guards, maps, rows.
        await Assert.ThrowsAsync<InvocationLostException>(() => part.AtLeastOnceAsync("late", () => Task.FromResult(1)));
        await Assert.ThrowsAsync<InvocationLostException>(async () => await part.Map("counter").InsertAsync("late", "1"u8.ToArray()));
        Assert.Null(_house.Text("counter", "late"));
        Assert.Null(await worker.AttachAsync(run.Id, run.Epoch));

        InvocationContext next = (await worker.AttachAsync(again.Id, again.Epoch))!;
        Assert.True(next.HasResult("charge"));
        Assert.True(again.HasResult("charge"));
        Assert.Equal("worked", await WorkAsync(next));
        Assert.Equal((1, 1), (_charges, _parcels));
        await again.CompleteAsync("done"u8.ToArray());
        Invocation ended = (await Journal.FindAsync(run.Id))!;
        Assert.Equal((InvocationState.Completed, 2, 1), (ended.State, ended.Attempts, ended.Recoveries));
    }

    [Fact]
    public async Task A_step_that_a_dying_worker_recorded_last_is_in_the_next_run()
    {
        InvocationContext run = await _house.BeginAsync();
        InvocationContext part = (await _house.CreateNeighbour().AttachAsync(run.Id, run.Epoch))!;

        // On its way while the dispatcher writes that the next run begins: the store takes one behind the other.
        ValueTask<InvocationContext?> again = Journal.RunAgainAsync(run);
        Exception? refused = await Record.ExceptionAsync(() => part.AtLeastOnceAsync("ship", () => Task.FromResult(++_parcels)));
        InvocationContext next = (await again)!;
        Assert.Equal(refused is null, next.HasResult("ship"));
        await next.CompleteAsync(default);
    }

    [Fact]
    public async Task Whoever_waits_for_a_run_waits_for_the_last_one()
    {
        InvocationContext run = await _house.BeginAsync("k");
        Task<BeginResult> joining = Journal.BeginAsync(JournalHouse.Request(key: "k")).AsTask();
        InvocationContext again = (await Journal.RunAgainAsync(run))!;
        Assert.Equal((false, false), (run.Ended.IsCompleted, joining.IsCompleted));
        await again.CompleteAsync("done"u8.ToArray());
        await run.Ended.WaitAsync(TimeSpan.FromSeconds(30));
        BeginResult joined = await joining.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal((BeginKind.Joined, "done"), (joined.Kind, Encoding.UTF8.GetString(joined.Outcome!.Content.Span)));
    }

    [Fact]
    public async Task What_is_not_to_be_run_again_ends_as_stopped()
    {
        InvocationContext run = await _house.BeginAsync("k", RecoveryMode.Fail);
        Assert.Null(await Journal.RunAgainAsync(run, end => [Last(end)]));
        Assert.Equal((InvocationState.Stopped, "Stopped"), ((await Journal.WaitAsync(run.Id))!.State, _house.Text("events", "last")));
        Assert.True(run.Ended.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task After_three_recoveries_of_either_kind_it_is_dead()
    {
        InvocationContext run = await _house.BeginAsync("k");
        run = (await Journal.RunAgainAsync(run))!;
        _house.Restart();
        run = (await _house.RecoverAsync())!;
        run = (await Journal.RunAgainAsync(run))!;
        Assert.Equal((4, 3), (run.Attempt, run.Recoveries));
        Assert.Null(await Journal.RunAgainAsync(run, end => [Last(end)]));
        Assert.Equal((InvocationState.Dead, "Dead"), ((await Journal.WaitAsync(run.Id))!.State, _house.Text("events", "last")));
    }

    [Fact]
    public async Task What_an_operator_has_aborted_is_not_run_again()
    {
        InvocationContext run = await _house.BeginAsync("k");
        Assert.True(await _house.CreateNeighbour().AbortAsync(run.Id));
        Assert.Null(await Journal.RunAgainAsync(run, end => [Last(end)]));
        Assert.Equal(InvocationState.Aborted, (await Journal.WaitAsync(run.Id))!.State);
        Assert.Null(_house.Text("events", "last"));
        Assert.True(run.Ended.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task What_a_worker_records_counts_for_what_is_kept()
    {
        InvocationContext run = await _house.BeginAsync();
        run.Share();
        InvocationContext part = (await _house.CreateNeighbour().AttachAsync(run.Id, run.Epoch))!;
        await part.AtLeastOnceAsync("much", () => Task.FromResult(new string('x', 5_000)));
        await run.CompleteAsync(default);
        StoreOperation expiry = _house.Store.Writes[^1].Operations.Single(operation => operation.Map == InternalMaps.Expiry);
        Assert.True(ExpiryRow.Decode(expiry.Key.Span, expiry.Value.Span).Bytes > 5_000);
    }

    /// <summary>
    /// The worker ends before and behind each of its writes, and the dispatcher has the work done again: every guard keeps its promise.
    /// </summary>
    [Fact]
    public async Task Whatever_write_a_worker_ends_at_each_guard_keeps_its_promise()
    {
        int write = 0;
        bool hasEnded = true;
        while (hasEnded)
        {
            write++;
            foreach (bool isBehind in (bool[])[false, true])
            {
                using var house = new JournalHouse();
                (_charges, _parcels) = (0, 0);
                InvocationContext run = (await house.Journal.BeginAsync(JournalHouse.Request())).Context!;
                var dying = new WatchedStore(house.Store) { EndsAtWrite = write, EndsBehindWrite = isBehind };
                string? outcome = await WorkAtAsync(new Journal(dying, house.Options), run);
                hasEnded = dying.HasEnded;
                if (outcome is null) run = (await house.Journal.RunAgainAsync(run))!;
                outcome ??= await WorkAtAsync(new Journal(house.Store, house.Options), run);
                await run.CompleteAsync(Encoding.UTF8.GetBytes(outcome!));
                Check(house, outcome!, $"write {write}, {(isBehind ? "behind" : "before")} it");
            }
        }

        Assert.Equal(5, write);
    }

    /// <summary>
    /// The dispatcher ends before and behind each of the writes of a call whose worker has ended once, the power with it; the next start
    /// goes on.
    /// </summary>
    [Fact]
    public async Task Whatever_write_the_dispatcher_ends_at_the_call_is_done_once()
    {
        int write = 0;
        bool hasEnded = true;
        while (hasEnded)
        {
            write++;
            foreach (bool isBehind in (bool[])[false, true])
            {
                using var house = new JournalHouse();
                (_charges, _parcels) = (0, 0);
                string where = $"write {write}, {(isBehind ? "behind" : "before")} it";
                (house.Store.EndsAtWrite, house.Store.EndsBehindWrite) = (write, isBehind);
                await Record.ExceptionAsync(() => DispatchAsync(house, isRecovered: false));
                hasEnded = house.Store.HasEnded;
                house.Restart();
                List<Invocation> left = await house.ListAsync();
                if (left is []) Assert.True(write == 1 && !isBehind, where);
                else if (!left[0].IsFinished) await DispatchAsync(house, isRecovered: true);
                if (left is not []) Check(house, Encoding.UTF8.GetString((await house.Journal.WaitAsync(left[0].Id))!.Content.Span), where);
            }
        }

        Assert.True(write > 7, $"{write} writes");
    }

    private static StoreOperation Last(InvocationState end) =>
        StoreOperation.Put("events", "last"u8.ToArray(), Encoding.UTF8.GetBytes($"{end}"));

    /// <summary>A call whose first worker ends behind its third write.</summary>
    private async Task DispatchAsync(JournalHouse house, bool isRecovered)
    {
        InvocationContext run = isRecovered
            ? (await house.RecoverAsync())!
            : (await house.Journal.BeginAsync(JournalHouse.Request())).Context!;
        string? outcome = null;
        if (!isRecovered)
        {
            var dying = new WatchedStore(house.Store) { EndsAtWrite = 3, EndsBehindWrite = true };
            outcome = await WorkAtAsync(new Journal(dying, house.Options), run);
            run = (await house.Journal.RunAgainAsync(run))!;
        }

        outcome ??= await WorkAtAsync(new Journal(house.Store, house.Options), run);
        await run.CompleteAsync(Encoding.UTF8.GetBytes(outcome!));
    }

    /// <summary>What a worker answers; null where it has ended.</summary>
    private async Task<string?> WorkAtAsync(Journal worker, InvocationContext run)
    {
        try
        {
            InvocationContext part = (await worker.AttachAsync(run.Id, run.Epoch))!;
            return await WorkAsync(part);
        }
        catch (AtMostOnceFailedBeforeCompletingException)
        {
            return "unknown";
        }
        catch (ProcessEndedException)
        {
            return null;
        }
    }

    private async Task<string> WorkAsync(InvocationContext context)
    {
        await context.AtMostOnceAsync("charge", () => Task.FromResult(++_charges));
        await context.AtLeastOnceAsync("ship", step =>
        {
            step.Insert("counter", "parcels", "1"u8);
            return Task.FromResult(++_parcels);
        });
        await context.Map("counter").Idempotently("mark").InsertAsync("mark", "3"u8.ToArray());
        return "worked";
    }

    private void Check(JournalHouse house, string outcome, string where)
    {
        Assert.True(outcome is "worked" or "unknown", $"{where}: {outcome}");
        Assert.True(_charges == 1 || (_charges == 0 && outcome == "unknown"), $"{where}: {_charges} charges");
        if (outcome == "unknown") return;
        Assert.True(_parcels is 1 or 2, $"{where}: {_parcels} parcels");
        Assert.Equal(("1", "3"), (house.Text("counter", "parcels"), house.Text("counter", "mark")));
        Assert.Single(house.Database.ListMaps(), "counter");
    }
}
