using System.Text;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Tests.Idempotency;

public sealed class JournalRecoveryTests : IDisposable
{
    private readonly JournalHouse _house = new();

    private Journal Journal => _house.Journal;

    public void Dispose() => _house.Dispose();

    [Fact]
    public async Task What_is_not_to_be_run_again_ends_as_stopped_with_or_without_a_key()
    {
        foreach (string? key in (string?[])["k", null])
        {
            InvocationContext run = await _house.BeginAsync(key, RecoveryMode.Fail);
            _house.Restart();
            Invocation left = (await ListUnfinishedAsync()).Single();
            Assert.Equal((run.Id, InvocationState.Running, run.Key, 1), (left.Id, left.State, left.Key, left.Attempts));
            Assert.NotEqual(Journal.Incarnation, left.Owner);
            InvocationContext? context = await Journal.RecoverAsync(
                left, end => [StoreOperation.Put("events", "last"u8.ToArray(), Encoding.UTF8.GetBytes($"{end}"))]);
            Assert.Null(context);
            InvocationOutcome outcome = (await Journal.WaitAsync(run.Id))!;
            Assert.Equal((InvocationState.Stopped, true, 0), (outcome.State, outcome.IsError, outcome.Content.Length));
            Assert.Equal("Stopped", _house.Text("events", "last"));
            Assert.Empty(await ListUnfinishedAsync());
        }
    }

    [Fact]
    public async Task After_three_recoveries_an_invocation_is_dead_until_an_operator_tries_again()
    {
        InvocationContext? run = await _house.BeginAsync("k");
        Guid id = run.Id;
        for (int recovery = 1; recovery <= 3; recovery++)
        {
            _house.Restart();
            run = await _house.RecoverAsync();
            Assert.Equal((id, recovery + 1), (run!.Id, run.Attempt));
            Assert.Equal(recovery, (await Journal.FindAsync(id))!.Recoveries);
        }

        _house.Restart();
        Assert.Null(await _house.RecoverAsync());
        BeginResult again = await Journal.BeginAsync(JournalHouse.Request(key: "k"));
        Assert.Equal((BeginKind.Replayed, InvocationState.Dead), (again.Kind, again.Outcome!.State));

        Assert.True(await Journal.RetryAsync(id));
        Assert.False(await Journal.RetryAsync(id));
        Task<BeginResult> joining = Journal.BeginAsync(JournalHouse.Request(key: "k")).AsTask();
        run = await _house.RecoverAsync();
        Assert.Equal((id, 5), (run!.Id, run.Attempt));
        Assert.Equal(0, (await Journal.FindAsync(id))!.Recoveries);
        Assert.False(joining.IsCompleted);
        await run.CompleteAsync("at last"u8.ToArray());
        Assert.Equal((BeginKind.Joined, InvocationState.Completed), ((await joining).Kind, (await joining).Outcome!.State));
        Assert.False(await Journal.RetryAsync(id));
        Assert.False(await Journal.RetryAsync(Guid.NewGuid()));
    }

    [Fact]
    public async Task A_recovery_is_counted_before_it_runs()
    {
        await _house.BeginAsync("k");
        _house.Restart();
        _house.Store.EndsAtWrite = 1;
        _house.Store.EndsBehindWrite = true;
        await Assert.ThrowsAsync<ProcessEndedException>(() => _house.RecoverAsync());
        _house.Restart();
        Assert.Equal((2, 1), ((await ListUnfinishedAsync())[0].Attempts, (await ListUnfinishedAsync())[0].Recoveries));
    }

    [Fact]
    public async Task A_run_that_was_taken_over_writes_nothing_more()
    {
        InvocationContext run = await _house.BeginAsync("k");
        Journal neighbour = _house.CreateNeighbour();
        Invocation left = (await neighbour.FindAsync(run.Id))!;
        Assert.Equal(Journal.Incarnation, left.Owner);
        InvocationContext taken = (await neighbour.RecoverAsync(left))!;
        Assert.Equal(2, (await Journal.FindAsync(run.Id))!.Epoch);
        Assert.Null(await neighbour.RecoverAsync(left));
        await Assert.ThrowsAsync<InvocationLostException>(() => run.AtLeastOnceAsync("step", () => Task.FromResult(1)));
        Assert.True(run.Cancellation.IsCancellationRequested);
        await Assert.ThrowsAsync<InvocationLostException>(async () => await run.CompleteAsync("old"u8.ToArray()));
        await taken.AtLeastOnceAsync("step", () => Task.FromResult(2));
        await taken.CompleteAsync("new"u8.ToArray());
        Assert.Equal("new", Encoding.UTF8.GetString((await Journal.WaitAsync(run.Id))!.Content.Span));
    }

    [Theory]
    [InlineData(RecoveryMode.Resume)]
    [InlineData(RecoveryMode.Fail)]
    public async Task Who_waits_for_a_run_of_a_process_that_is_gone_takes_it_over_or_ends_it(RecoveryMode recovery)
    {
        Journal neighbour = _house.CreateNeighbour();
        InvocationContext run = (await neighbour.BeginAsync(JournalHouse.Request(key: "k", recovery: recovery))).Context!;
        await run.AtLeastOnceAsync("step", () => Task.FromResult(1));
        Assert.False(await Journal.IsOrphanAsync((await Journal.FindAsync(run.Id))!));
        Task<BeginResult> joining = Journal.BeginAsync(JournalHouse.Request(key: "k", recovery: recovery)).AsTask();
        await run.Map("m").InsertAsync("k", "v"u8.ToArray());
        Assert.False(joining.IsCompleted);
        _house.EndLease(neighbour);
        BeginResult begun = await joining;
        if (recovery == RecoveryMode.Fail)
        {
            Assert.Equal((BeginKind.Joined, InvocationState.Stopped), (begun.Kind, begun.Outcome!.State));
        }
        else
        {
            Assert.Equal((run.Id, 2, 1), (begun.Context!.Id, begun.Context.Attempt, begun.Context.Recoveries));
            Assert.Equal(1, await begun.Context.AtLeastOnceAsync("step", () => Task.FromResult(2)));
            await begun.Context.CompleteAsync(default);
        }

        await Assert.ThrowsAsync<InvocationLostException>(async () => await run.CompleteAsync("late"u8.ToArray()));
    }

    [Fact]
    public async Task A_key_finds_what_a_process_has_left_and_gives_up_after_so_many_recoveries()
    {
        await _house.BeginAsync("k");
        for (int recovery = 1; recovery <= 3; recovery++)
        {
            _house.Restart();
            Assert.True(await Journal.IsOrphanAsync((await ListUnfinishedAsync()).Single()));
            Assert.Equal(recovery, (await _house.BeginAsync("k")).Recoveries);
        }

        _house.Restart();
        BeginResult last = await Journal.BeginAsync(JournalHouse.Request(key: "k"));
        Assert.Equal((BeginKind.Replayed, InvocationState.Dead), (last.Kind, last.Outcome!.State));
    }

    [Fact]
    public async Task What_runs_in_a_process_that_is_alive_is_left_alone()
    {
        Journal neighbour = _house.CreateNeighbour();
        int runs = 0;
        Journal.Define<int, int>("charge", (_, _) => Task.FromResult(++runs));
        InvocationContext run = (await neighbour.BeginAsync(JournalHouse.Request(arguments: "0"))).Context!;
        Assert.Equal(0, await Journal.RunUnfinishedAsync());
        using var ending = new CancellationTokenSource();
        await using IAsyncEnumerator<Guid> ended = Leases.FollowEndedAsync(_house.Store, ending.Token).GetAsyncEnumerator();
        ValueTask<bool> next = ended.MoveNextAsync();
        _house.EndLease(neighbour);
        Assert.True(await next);
        Assert.Equal(neighbour.Incarnation, ended.Current);
        Assert.Equal((1, 1), (await Journal.RunUnfinishedAsync(), runs));
        await Assert.ThrowsAsync<InvocationLostException>(async () => await run.CompleteAsync(default));
    }

    [Fact]
    public async Task An_invocation_knows_where_it_came_from()
    {
        var request = new InvocationRequest { Name = "charge", Recovery = RecoveryMode.Resume, Origin = "from"u8.ToArray() };
        InvocationContext run = (await Journal.BeginAsync(request)).Context!;
        _house.Restart();
        Invocation left = (await ListUnfinishedAsync()).Single();
        Assert.Equal((run.Id, "from"), (left.Id, Encoding.UTF8.GetString(left.Origin.Span)));
        Assert.Equal("from", Encoding.UTF8.GetString((await Journal.RecoverAsync(left))!.Origin.Span));
    }

    [Fact]
    public async Task An_invocation_under_way_is_neither_listed_nor_recovered_by_the_journal_that_runs_it()
    {
        InvocationContext run = await _house.BeginAsync("k");
        Assert.Empty(await ListUnfinishedAsync());
        Invocation mine = (await Journal.FindAsync(run.Id))!;
        Assert.Null(await Journal.RecoverAsync(mine));
        run.Detach();
        Assert.True(run.Cancellation.IsCancellationRequested);
        await Assert.ThrowsAsync<InvocationLostException>(async () => await run.Map("m").InsertAsync("k", default));
        Assert.Single(await ListUnfinishedAsync());
        Assert.NotNull(await Journal.RecoverAsync(mine));
    }

    [Fact]
    public async Task An_operator_aborts_what_runs_what_is_queued_and_what_waits()
    {
        InvocationContext running = await _house.BeginAsync("running");
        Task<BeginResult> joining = _house.CreateNeighbour().BeginAsync(JournalHouse.Request(key: "running")).AsTask();
        Assert.True(await Journal.AbortAsync(running.Id, [StoreOperation.Put("events", "last"u8.ToArray(), "a"u8.ToArray())]));
        Assert.True(running.Cancellation.IsCancellationRequested);
        Assert.Equal(InvocationState.Aborted, (await joining).Outcome!.State);
        Assert.Equal("a", _house.Text("events", "last"));
        await Assert.ThrowsAsync<InvocationLostException>(async () => await running.CompleteAsync("late"u8.ToArray()));
        Assert.False(await Journal.AbortAsync(running.Id));
        Assert.False(await Journal.AbortAsync(Guid.NewGuid()));

        InvocationContext elsewhere = (await _house.CreateNeighbour().BeginAsync(JournalHouse.Request(key: "elsewhere"))).Context!;
        Assert.True(await Journal.AbortAsync(elsewhere.Id));
        await Assert.ThrowsAsync<InvocationLostException>(async () => await elsewhere.CompleteAsync(default));
        Assert.True(elsewhere.Cancellation.IsCancellationRequested);

        InvocationContext waiting = await _house.BeginAsync();
        await waiting.SuspendAsync();
        Assert.True(await Journal.EndAsync(waiting.Id, InvocationState.Dead));
        Guid queued = (await Journal.ReplayAsync(running.Id))!.Value;
        Assert.True(await Journal.AbortAsync(queued));
        Assert.Empty(await ListUnfinishedAsync());
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await Journal.EndAsync(queued, InvocationState.Completed));
        AssertOneRestRowEach(4);
    }

    [Fact]
    public async Task A_replay_is_a_new_invocation_with_the_same_request_and_nothing_done()
    {
        InvocationContext run = (await Journal.BeginAsync(JournalHouse.Request("charge", "k", "{7}", "you", RecoveryMode.Fail))).Context!;
        await run.AtLeastOnceAsync("step", () => Task.FromResult(1));
        await run.CompleteAsync("answer"u8.ToArray());
        Guid id = (await Journal.ReplayAsync(run.Id))!.Value;
        Invocation replay = (await Journal.FindAsync(id))!;
        Assert.Equal(
            ("charge", "you", (string?)null, "{7}", RecoveryMode.Fail, (Guid?)run.Id, InvocationState.Queued, 0),
            (replay.Name, replay.Principal, replay.Key, Encoding.UTF8.GetString(replay.Arguments!.Value.Span), replay.Recovery,
                replay.ReplayOf, replay.State, replay.Attempts));
        InvocationContext again = (await Journal.RecoverAsync(replay))!;
        Assert.Equal(2, await again.AtLeastOnceAsync("step", () => Task.FromResult(2)));
        await again.CompleteAsync(default);
        Assert.Null(await Journal.ReplayAsync(Guid.NewGuid()));
        Assert.Equal([id, run.Id], (await _house.ListAsync()).Select(invocation => invocation.Id));
        Assert.Empty(await Journal.ListStepsAsync(Guid.NewGuid()));
    }

    [Fact]
    public async Task One_that_waits_is_not_recovered_and_is_entered_again_by_its_principal_or_its_key()
    {
        InvocationContext run = await _house.BeginAsync();
        await run.AtLeastOnceAsync("step", () => Task.FromResult(1));
        await run.SuspendAsync([StoreOperation.Put("events", "asked"u8.ToArray(), "q"u8.ToArray())]);
        Assert.Equal("q", _house.Text("events", "asked"));
        _house.Restart();
        Assert.Null(await _house.RecoverAsync());
        Assert.Null(await Journal.ReenterAsync(run.Id, "you"));
        Assert.Null(await Journal.ReenterAsync(Guid.NewGuid(), "local"));
        InvocationContext again = (await Journal.ReenterAsync(run.Id, "local"))!.Context!;
        Assert.True(again.HasResult("step"));
        Assert.False(again.HasResult("another"));
        Task<BeginResult?> joining = Journal.ReenterAsync(run.Id, "local").AsTask();
        Task<BeginResult?> joiningOnly = Journal.ReenterAsync(run.Id, "local").AsTask();
        await again.SuspendAsync();
        BeginResult? next = await await Task.WhenAny(joining, joiningOnly);
        InvocationContext last = next!.Context!;
        Assert.Equal(1, await last.AtLeastOnceAsync("step", () => Task.FromResult(2)));
        await last.CompleteAsync("done"u8.ToArray());
        BeginResult[] both = [(await joining)!, (await joiningOnly)!];
        Assert.Equal([BeginKind.Fresh, BeginKind.Joined], both.Select(result => result.Kind).Order());
        BeginResult ended = (await Journal.ReenterAsync(run.Id, "local"))!;
        Assert.Equal((BeginKind.Replayed, "done"), (ended.Kind, Encoding.UTF8.GetString(ended.Outcome!.Content.Span)));

        InvocationContext keyed = await _house.BeginAsync("k");
        await keyed.SuspendAsync();
        InvocationContext entered = await _house.BeginAsync("k");
        Assert.Equal((keyed.Id, 2), (entered.Id, entered.Attempt));
        await entered.CompleteAsync(default);
        AssertOneRestRowEach(2);
    }

    [Fact]
    public async Task A_dispatcher_gets_what_is_nobodys_and_what_is_queued()
    {
        InvocationContext left = await _house.BeginAsync("left");
        InvocationContext done = await _house.BeginAsync("done");
        await done.CompleteAsync(default);
        _house.Restart();
        InvocationContext waiting = await _house.BeginAsync("waiting");
        await waiting.SuspendAsync();
        await _house.BeginAsync("under way");
        await _house.CreateNeighbour().BeginAsync(JournalHouse.Request(key: "elsewhere"));
        Invocation orphan = Assert.Single(await ListOrphansAsync());
        Assert.Equal(left.Id, orphan.Id);
        InvocationContext recovered = (await Journal.RecoverAsync(orphan))!;
        Assert.Empty(await ListOrphansAsync());
        await recovered.CompleteAsync(default);
        Guid replay = (await Journal.ReplayAsync(done.Id))!.Value;
        Invocation queued = Assert.Single(await ListOrphansAsync());
        Assert.Equal((replay, InvocationState.Queued), (queued.Id, queued.State));
    }

    [Fact]
    public async Task A_listing_shows_the_newest_first_with_their_state_and_steps()
    {
        for (int i = 0; i < 5; i++)
        {
            InvocationContext run = await _house.BeginAsync($"k{i}");
            _house.Clock.Advance(TimeSpan.FromSeconds(1));
            if (i % 2 == 0) await run.CompleteAsync(default);
        }

        List<Invocation> all = await _house.ListAsync();
        Assert.Equal(["k4", "k3", "k2", "k1", "k0"], all.Select(invocation => invocation.Key));
        Assert.Equal([true, false, true, false, true], all.Select(invocation => invocation.IsFinished));
        Assert.Equal(TimeSpan.FromSeconds(4), all[0].CreatedAt - all[4].CreatedAt);
        Assert.Equal(TimeSpan.FromSeconds(1), all[4].Outcome!.FinishedAt - all[4].CreatedAt);

        InvocationContext stepping = await _house.BeginAsync("steps");
        await stepping.AtLeastOnceAsync("a", () => Task.FromResult(7));
        await stepping.Map("m").Idempotently("w").InsertAsync("k", default);
        await stepping.Map("n").InsertAsync("k", default);
        await Assert.ThrowsAsync<IOException>(() => stepping.AtMostOnceAsync<int>("b", () => throw new IOException("down")));
        Assert.Equal(
            [
                new InvocationStep("a", null, StepState.Stored, 1, "System.Int32", "7"),
                new InvocationStep("b", null, StepState.Failed, 1, "System.IO.IOException", "down"),
                new InvocationStep("w", "m", StepState.Written, 0, "", ""),
                new InvocationStep(null, "n", StepState.Written, 0, "", ""),
            ],
            await Journal.ListStepsAsync(stepping.Id));
    }

    [Fact]
    public async Task Two_dispatchers_never_run_one_invocation_beside_each_other()
    {
        for (int seed = 0; seed < 10; seed++)
        {
            InvocationContext left = await _house.BeginAsync($"k{seed}");
            left.Detach();
            Invocation found = (await Journal.FindAsync(left.Id))!;
            Journal[] dispatchers = [_house.CreateNeighbour(), _house.CreateNeighbour(), _house.CreateNeighbour()];
            InvocationContext?[] runs = await Task.WhenAll(
                dispatchers.Select(dispatcher => Task.Run(async () => await dispatcher.RecoverAsync(found))));
            Assert.True(runs.Count(run => run is not null) == 1, $"seed {seed}: {runs.Count(run => run is not null)} runs");
        }
    }

    /// <summary>Each invocation at rest has one row in the expiry map, and no other has any.</summary>
    private void AssertOneRestRowEach(int invocations) => Assert.Equal(invocations, _house.CountRows()[InternalMaps.Expiry]);

    private async Task<List<Invocation>> ListUnfinishedAsync()
    {
        List<Invocation> left = [];
        await foreach (Invocation found in Journal.ListUnfinishedAsync()) left.Add(found);
        return left;
    }

    private async Task<List<Invocation>> ListOrphansAsync()
    {
        List<Invocation> orphans = [];
        await foreach (Invocation found in Journal.ListOrphansAsync()) orphans.Add(found);
        return orphans;
    }
}
