using System.Text;
using Varve.Idempotency;
using Varve.Sharing;

namespace Varve.Tests.Idempotency;

public sealed class JournalBeginTests : IDisposable
{
    private readonly JournalHouse _house = new();

    private Journal Journal => _house.Journal;

    public void Dispose() => _house.Dispose();

    [Fact]
    public async Task A_key_gives_the_first_answer_ever_after_also_behind_a_crash()
    {
        InvocationContext run = await _house.BeginAsync("k");
        Assert.Equal(("charge", "local", "k", 1), (run.Name, run.Principal, run.Key, run.Attempt));
        await run.CompleteAsync("answer"u8.ToArray(), isError: true);
        for (int i = 0; i < 2; i++)
        {
            BeginResult again = await Journal.BeginAsync(JournalHouse.Request(key: "k", recovery: RecoveryMode.Fail));
            Assert.Equal(BeginKind.Replayed, again.Kind);
            Assert.Null(again.Context);
            Assert.Equal(("answer", true, InvocationState.Completed, run.Id), Describe(again.Outcome!));
            _house.Restart();
        }
    }

    [Fact]
    public async Task A_key_with_another_name_or_other_arguments_is_a_conflict_that_tells_nothing()
    {
        InvocationContext run = await _house.BeginAsync("k");
        await AssertConflict(JournalHouse.Request(key: "k", arguments: "{1}"));
        await run.CompleteAsync("secret"u8.ToArray());
        await AssertConflict(JournalHouse.Request(key: "k", arguments: "{1}"));
        await AssertConflict(JournalHouse.Request("refund", key: "k"));

        // What stands on either side of the border between name and arguments counts.
        await AssertConflict(JournalHouse.Request("charge{", key: "k", arguments: "}"));
    }

    [Fact]
    public async Task An_invocation_is_found_by_its_principal_and_key()
    {
        InvocationContext run = await _house.BeginAsync("k");
        Assert.Equal(run.Id, (await Journal.FindAsync("local", "k"))!.Id);
        Assert.Null(await Journal.FindAsync("you", "k"));
        Assert.Null(await Journal.FindAsync("local", "other"));
    }

    [Fact]
    public async Task Keys_belong_to_a_principal_and_without_one_every_request_is_its_own()
    {
        InvocationContext mine = await _house.BeginAsync("k");
        BeginResult yours = await Journal.BeginAsync(JournalHouse.Request("refund", "k", principal: "you"));
        Assert.Equal(BeginKind.Fresh, yours.Kind);
        Assert.NotEqual(mine.Id, yours.Context!.Id);
        Assert.Equal(BeginKind.Fresh, (await Journal.BeginAsync(JournalHouse.Request())).Kind);
        Assert.Equal(BeginKind.Fresh, (await Journal.BeginAsync(JournalHouse.Request())).Kind);
        Assert.Equal(4, (await _house.ListAsync()).Count);

        // The border between principal and key counts, too.
        Assert.Equal(BeginKind.Fresh, (await Journal.BeginAsync(JournalHouse.Request(key: "uk", principal: "yo"))).Kind);
    }

    [Theory]
    [InlineData("")]
    [InlineData("tab\t")]
    [InlineData("häh")]
    [InlineData("129")]
    public async Task A_malformed_key_is_refused(string key)
    {
        if (key == "129") key = new string('k', 129);
        await Assert.ThrowsAsync<ArgumentException>(async () => await Journal.BeginAsync(JournalHouse.Request(key: key)));
        await Journal.BeginAsync(JournalHouse.Request(key: new string('~', 127) + " "));
    }

    [Fact]
    public async Task A_request_that_comes_again_waits_for_the_one_under_way()
    {
        InvocationContext run = await _house.BeginAsync("k");
        Task<BeginResult> here = Journal.BeginAsync(JournalHouse.Request(key: "k")).AsTask();
        Task<BeginResult> elsewhere = _house.CreateNeighbour().BeginAsync(JournalHouse.Request(key: "k")).AsTask();
        await run.AtLeastOnceAsync("step", () => Task.FromResult(1));
        Assert.False(here.IsCompleted || elsewhere.IsCompleted);
        await run.CompleteAsync("answer"u8.ToArray());
        foreach (BeginResult joined in await Task.WhenAll(here, elsewhere))
        {
            Assert.Equal(BeginKind.Joined, joined.Kind);
            Assert.Equal(("answer", false, InvocationState.Completed, run.Id), Describe(joined.Outcome!));
        }
    }

    [Fact]
    public async Task Whoever_stops_waiting_leaves_the_run_alone()
    {
        InvocationContext run = await _house.BeginAsync("k");
        foreach (Journal journal in (Journal[])[Journal, _house.CreateNeighbour()])
        {
            using var ending = new CancellationTokenSource();
            Task<BeginResult> joining = journal.BeginAsync(JournalHouse.Request(key: "k"), ending.Token).AsTask();
            await ending.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => joining);
        }

        await run.CompleteAsync("answer"u8.ToArray());
        Assert.Equal("answer", Text((await Journal.WaitAsync(run.Id))!));
    }

    [Fact]
    public async Task A_wait_goes_on_where_its_feed_has_come_too_late()
    {
        InvocationContext run = await _house.BeginAsync("k");
        _house.Store.FeedsLost = 2;
        Task<BeginResult> joining = _house.CreateNeighbour().BeginAsync(JournalHouse.Request(key: "k")).AsTask();
        await run.CompleteAsync("answer"u8.ToArray());
        Assert.Equal((BeginKind.Joined, "answer"), ((await joining).Kind, Text((await joining).Outcome!)));
        Assert.True(_house.Store.FeedsLost <= 0);
    }

    [Fact]
    public async Task A_key_whose_invocation_was_taken_away_by_hand_is_free()
    {
        InvocationContext run = await _house.BeginAsync("k");
        await run.CompleteAsync(default);
        SortedMap rows = _house.Database.GetMap(InternalMaps.Invocations);
        rows.Delete(JournalKeys.Finished(run.Id));
        Assert.Null(await Journal.FindAsync(run.Id));
        Assert.NotEqual(run.Id, (await _house.BeginAsync("k")).Id);
    }

    [Fact]
    public async Task Of_many_requests_with_one_key_one_runs()
    {
        for (int seed = 0; seed < 5; seed++)
        {
            string key = $"k{seed}";
            var random = new Random(seed);
            Journal[] journals = [Journal, _house.CreateNeighbour()];
            int runs = 0;
            BeginResult[] results = await Task.WhenAll(Enumerable.Range(0, 16).Select(number => Task.Run(async () =>
            {
                BeginResult begun = await journals[number % 2].BeginAsync(JournalHouse.Request(key: key));
                if (begun.Context is null) return begun;
                Interlocked.Increment(ref runs);
                await begun.Context.CompleteAsync(Encoding.UTF8.GetBytes($"by {number}"));
                return await journals[random.Next(2)].BeginAsync(JournalHouse.Request(key: key));
            })));
            Assert.True(runs == 1, $"seed {seed}: {runs} runs");
            Assert.Single(results.Select(result => Text(result.Outcome!)).Distinct());
        }
    }

    [Fact]
    public async Task A_retryable_outcome_leaves_the_key_open_and_the_guards_kept()
    {
        int effects = 0;
        InvocationContext first = await _house.BeginAsync("k");
        await first.AtLeastOnceAsync("step", () => Task.FromResult(++effects));
        first.MarkRetryable();
        Task<BeginResult> joined = Journal.BeginAsync(JournalHouse.Request(key: "k")).AsTask();
        Task<BeginResult> joinedElsewhere = _house.CreateNeighbour().BeginAsync(JournalHouse.Request(key: "k")).AsTask();
        await first.CompleteAsync("not yet"u8.ToArray(), isError: true);

        // One that had waited is the next call with the key, and runs; the other one goes on waiting, for that one.
        Task<BeginResult> next = await Task.WhenAny(joined, joinedElsewhere);
        InvocationContext second = (await next).Context!;
        Assert.Equal((first.Id, 2), (second.Id, second.Attempt));
        Assert.Equal(1, await second.AtLeastOnceAsync("step", () => Task.FromResult(++effects)));
        await second.CompleteAsync("done"u8.ToArray());
        BeginResult last = await (next == joined ? joinedElsewhere : joined);
        Assert.Equal((BeginKind.Joined, "done"), (last.Kind, Text(last.Outcome!)));
        Assert.Equal(1, effects);
    }

    [Fact]
    public async Task Without_a_key_a_retryable_outcome_is_final_and_a_released_run_is_cancelled()
    {
        InvocationContext marked = await _house.BeginAsync();
        marked.MarkRetryable();
        await marked.CompleteAsync("failed"u8.ToArray(), isError: true);
        Assert.Equal(("failed", true, InvocationState.Completed, marked.Id), Describe((await Journal.WaitAsync(marked.Id))!));
        InvocationContext released = await _house.BeginAsync();
        await released.ReleaseAsync();
        Assert.Equal(("", true, InvocationState.Cancelled, released.Id), Describe((await Journal.WaitAsync(released.Id))!));
        Assert.Null(await Journal.WaitAsync(Guid.NewGuid()));
    }

    [Fact]
    public async Task A_call_is_two_batches_and_rows_of_the_caller_are_in_them()
    {
        BeginResult begun = await Journal.BeginAsync(new InvocationRequest
        {
            Name = "charge",
            Key = "k",
            Recovery = RecoveryMode.Resume,
            Rows = _ => [StoreOperation.Put("events", "first"u8.ToArray(), "1"u8.ToArray())],
        });
        await begun.Context!.CompleteAsync(
            "answer"u8.ToArray(), rows: [StoreOperation.Put("events", "last"u8.ToArray(), "2"u8.ToArray())]);
        Assert.Equal(2, _house.Store.Writes.Length);
        Assert.All(_house.Store.Writes, write => Assert.Equal(Durability.Synced, write.Durability));
        Assert.Equal(("1", "2"), (_house.Text("events", "first"), _house.Text("events", "last")));
        Assert.Equal(BeginKind.Replayed, (await Journal.BeginAsync(JournalHouse.Request(key: "k", arguments: ""))).Kind);
        Assert.Equal(2, _house.Store.Writes.Length);
    }

    [Fact]
    public async Task Rows_of_a_call_that_runs_an_open_invocation_again_are_in_the_batch_that_begins_the_run()
    {
        InvocationContext open = await _house.BeginAsync("k");
        await open.ReleaseAsync([StoreOperation.Put("events", "released"u8.ToArray(), "1"u8.ToArray())]);
        int writes = _house.Store.Writes.Length;
        BeginResult again = await Journal.BeginAsync(new InvocationRequest
        {
            Name = "charge",
            Arguments = "{}"u8.ToArray(),
            Key = "k",
            Recovery = RecoveryMode.Resume,
            Rows = _ => [StoreOperation.Put("events", "again"u8.ToArray(), "2"u8.ToArray())],
        });
        Assert.Equal(("1", "2"), (_house.Text("events", "released"), _house.Text("events", "again")));
        Assert.Equal((open.Id, writes + 1), (again.Context!.Id, _house.Store.Writes.Length));
    }

    [Fact]
    public async Task The_level_of_writes_can_be_lowered_but_for_the_start_of_what_must_not_run_twice()
    {
        _house.Options.Durability = Durability.Buffered;
        _house.Renew();
        InvocationContext run = await _house.BeginAsync("k");
        await run.AtLeastOnceAsync("a", () => Task.FromResult(1));
        await run.AtMostOnceAsync("b", () => Task.FromResult(1));
        await run.Map("m").InsertAsync("key", default);
        await run.CompleteAsync(default);
        Assert.Equal(
            [
                Durability.Buffered, Durability.Buffered, Durability.Synced, Durability.Buffered, Durability.Buffered, Durability.Buffered,
            ],
            _house.Store.Writes.Select(write => write.Durability!.Value));
    }

    [Fact]
    public async Task Every_write_of_a_run_asks_whether_the_invocation_is_still_its_own()
    {
        InvocationContext run = await _house.BeginAsync("k");
        await run.AtLeastOnceAsync("a", () => Task.FromResult(1));
        await run.AtMostOnceAsync("b", () => Task.FromResult(1));
        await run.UntilAsync<int>("c", () => Task.FromResult<UntilResult<int>>(1));
        await run.Map("m").InsertAsync("key", default);
        await run.WriteRowsAsync([StoreOperation.Put("rows", default, default)]);
        await run.CompleteAsync(default);
        StoreBatch[] writes = _house.Store.Writes;
        Assert.Equal(8, writes.Length);
        foreach (StoreBatch write in writes[1..])
        {
            StoreCondition condition = Assert.Single(write.Conditions);
            Assert.Equal((StoreConditionKind.Value, InternalMaps.Invocations), (condition.Kind, condition.Map));
            Assert.Equal(JournalKeys.Pending(run.Id), condition.Key.ToArray());
        }
    }

    [Fact]
    public async Task A_run_that_has_ended_writes_nothing_more()
    {
        InvocationContext run = await _house.BeginAsync("k");
        await run.CompleteAsync("first"u8.ToArray());
        await Assert.ThrowsAsync<InvocationLostException>(async () => await run.CompleteAsync("second"u8.ToArray()));
        await Assert.ThrowsAsync<InvocationLostException>(async () => await run.ReleaseAsync());
        await Assert.ThrowsAsync<InvocationLostException>(async () => await run.Map("m").InsertAsync("key", default));
        await Assert.ThrowsAsync<InvocationLostException>(() => run.AtLeastOnceAsync("a", () => Task.FromResult(1)));
        Assert.Equal("first", Text((await Journal.WaitAsync(run.Id))!));
        Assert.DoesNotContain("m", _house.Database.ListMaps());
    }

    [Fact]
    public async Task Arguments_that_are_not_to_be_kept_are_not_and_then_nothing_is_resumed()
    {
        InvocationRequest Secret(string arguments, RecoveryMode recovery) => new()
        {
            Name = "login",
            Key = "k",
            Arguments = Encoding.UTF8.GetBytes(arguments),
            KeepsArguments = false,
            Recovery = recovery,
        };
        await Assert.ThrowsAsync<ArgumentException>(async () => await Journal.BeginAsync(Secret("password", RecoveryMode.Resume)));
        BeginResult begun = await Journal.BeginAsync(Secret("password", RecoveryMode.Fail));
        Assert.Null(begun.Context!.Arguments);
        Assert.DoesNotContain(_house.Store.Writes.SelectMany(write => write.Operations), Holds);
        Assert.Equal(BeginKind.Conflict, (await Journal.BeginAsync(Secret("another", RecoveryMode.Fail))).Kind);
        await begun.Context.CompleteAsync(default);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await Journal.ReplayAsync(begun.Context.Id));

        static bool Holds(StoreOperation operation) => operation.Value.Span.IndexOf("password"u8) >= 0;
    }

    [Fact]
    public void Options_that_make_no_sense_are_refused()
    {
        Action<JournalOptions>[] mistakes =
        [
            options => options.RecoveriesMax = -1, options => options.InvocationsMax = 0, options => options.RestBytesMax = 0,
            options => options.KeyedRetention = TimeSpan.FromTicks(-1), options => options.UnkeyedRetention = TimeSpan.FromTicks(-1),
            options => options.DeadRetention = TimeSpan.FromTicks(-1), options => options.Incarnation = Guid.Empty,
        ];
        foreach (Action<JournalOptions> mistake in mistakes)
        {
            var options = new JournalOptions();
            mistake(options);
            Assert.ThrowsAny<ArgumentException>(() => new Journal(_house.Store, options));
        }
    }

    private async Task AssertConflict(InvocationRequest request)
    {
        BeginResult result = await Journal.BeginAsync(request);
        Assert.Equal(BeginKind.Conflict, result.Kind);
        Assert.Null(result.Context);
        Assert.Null(result.Outcome);
    }

    private static (string Text, bool IsError, InvocationState State, Guid Id) Describe(InvocationOutcome outcome) =>
        (Text(outcome), outcome.IsError, outcome.State, outcome.Id);

    private static string Text(InvocationOutcome outcome) => Encoding.UTF8.GetString(outcome.Content.Span);
}
