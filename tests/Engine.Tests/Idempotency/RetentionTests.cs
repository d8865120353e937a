using Varve.Idempotency;

namespace Varve.Tests.Idempotency;

public sealed class RetentionTests : IDisposable
{
    private readonly JournalHouse _house = new();

    private Journal Journal => _house.Journal;

    public void Dispose() => _house.Dispose();

    [Fact]
    public async Task Each_kind_goes_after_its_own_time_with_all_its_rows_and_what_is_under_way_stays()
    {
        InvocationContext unkeyed = await CompleteAsync(null);
        InvocationContext keyed = await CompleteAsync("keyed");
        InvocationContext open = await _house.BeginAsync("open");
        await open.ReleaseAsync();
        InvocationContext waiting = await _house.BeginAsync();
        await waiting.SuspendAsync();
        InvocationContext dead = await _house.BeginAsync("dead");
        await Journal.EndAsync(dead.Id, InvocationState.Dead);
        InvocationContext running = await _house.BeginAsync("running");
        await running.AtLeastOnceAsync("step", () => Task.FromResult(1));
        Guid[] all = [unkeyed.Id, keyed.Id, open.Id, waiting.Id, dead.Id, running.Id];
        Assert.Equal(0, await Journal.SweepAsync());

        await AssertLeftAsync(TimeSpan.FromMinutes(59), removed: 0, all);
        await AssertLeftAsync(TimeSpan.FromMinutes(1), removed: 1, all[1..]);
        await AssertLeftAsync(TimeSpan.FromHours(22.99), removed: 0, all[1..]);
        await AssertLeftAsync(TimeSpan.FromHours(0.01), removed: 3, all[4..]);
        await AssertLeftAsync(TimeSpan.FromDays(5.99), removed: 0, all[4..]);
        await AssertLeftAsync(TimeSpan.FromDays(0.01), removed: 1, all[5..]);
        await AssertLeftAsync(TimeSpan.FromDays(1_000), removed: 0, all[5..]);
        await running.CompleteAsync(default);
        await AssertLeftAsync(TimeSpan.FromHours(24), removed: 1);
        Assert.All(_house.CountRows(), map => Assert.True(map.Value == 0, $"{map.Value} rows are left in {map.Key}"));
    }

    [Fact]
    public async Task A_key_is_free_when_its_time_is_over_also_before_a_sweep()
    {
        InvocationContext first = await CompleteAsync("k");
        InvocationContext open = await _house.BeginAsync("open");
        await open.ReleaseAsync();
        _house.Clock.Advance(TimeSpan.FromHours(24) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(BeginKind.Replayed, (await Journal.BeginAsync(JournalHouse.Request(key: "k"))).Kind);
        _house.Clock.Advance(TimeSpan.FromMilliseconds(1));
        BeginResult other = await Journal.BeginAsync(JournalHouse.Request("another", "k"));
        Assert.Equal(BeginKind.Fresh, other.Kind);
        Assert.NotEqual(first.Id, other.Context!.Id);
        Assert.Null(await Journal.FindAsync(first.Id));
        Assert.Null(await Journal.ReenterAsync(open.Id, "local"));
        InvocationContext anew = await _house.BeginAsync("open");
        Assert.NotEqual(open.Id, anew.Id);
        await anew.CompleteAsync(default);
        await other.Context.CompleteAsync(default);
        Assert.Equal(2, _house.CountRows()[InternalMaps.Expiry]);
    }

    [Fact]
    public async Task One_that_runs_again_is_not_swept_by_what_it_was_before()
    {
        InvocationContext open = await _house.BeginAsync("k");
        await open.ReleaseAsync();
        _house.Clock.Advance(TimeSpan.FromHours(23));
        InvocationContext again = await _house.BeginAsync("k");
        _house.Clock.Advance(TimeSpan.FromHours(23));
        Assert.Equal(0, await Journal.SweepAsync());
        await again.CompleteAsync(default);
        _house.Clock.Advance(TimeSpan.FromHours(23));
        Assert.Equal(0, await Journal.SweepAsync());
        Assert.Equal(BeginKind.Replayed, (await Journal.BeginAsync(JournalHouse.Request(key: "k"))).Kind);
    }

    [Fact]
    public async Task Beyond_their_number_those_that_came_to_rest_first_go_whatever_they_are()
    {
        _house.Options.InvocationsMax = 5;
        _house.Renew();
        await Journal.SweepAsync();
        List<Guid> ids = [];
        for (int i = 0; i < 5; i++)
        {
            // With and without a key, which have different retentions.
            ids.Add((await CompleteAsync(i % 2 == 0 ? $"k{i}" : null)).Id);
            _house.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        InvocationContext sixth = await _house.BeginAsync("sixth");
        InvocationContext seventh = await _house.BeginAsync();
        Assert.Equal([seventh.Id, sixth.Id, ids[4], ids[3], ids[2]], (await _house.ListAsync()).Select(left => left.Id));
        Assert.Equal(BeginKind.Fresh, (await Journal.BeginAsync(JournalHouse.Request(key: "k0"))).Kind);
        await _house.BeginAsync();
        await _house.BeginAsync();

        // Nothing is left that may go.
        await Assert.ThrowsAsync<JournalFullException>(async () => await Journal.BeginAsync(JournalHouse.Request()));
        await Assert.ThrowsAsync<JournalFullException>(async () => await Journal.ReplayAsync(sixth.Id));
        await sixth.CompleteAsync(default);
        await _house.BeginAsync();

        // Another journal counts what is there.
        _house.Restart();
        await Journal.SweepAsync();
        await Assert.ThrowsAsync<JournalFullException>(async () => await Journal.BeginAsync(JournalHouse.Request()));
    }

    [Fact]
    public async Task Those_that_came_to_rest_first_go_first_also_where_one_kind_has_many()
    {
        List<Guid> ids = [];
        for (int i = 0; i < 100; i++)
        {
            // First many with a key, then some without: more of the first kind are to go than are read at once.
            ids.Add((await CompleteAsync(i < 80 ? $"k{i}" : null)).Id);
            _house.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        _house.Options.InvocationsMax = 30;
        _house.Renew();
        Assert.Equal(70, await Journal.SweepAsync());
        Assert.Equal(ids[70..], (await _house.ListAsync()).Select(left => left.Id).Reverse());
    }

    [Fact]
    public async Task Who_begins_beside_others_in_a_full_journal_finds_room_as_long_as_something_is_finished()
    {
        _house.Options.InvocationsMax = 12;
        _house.Renew();
        await Journal.SweepAsync();
        for (int i = 0; i < 12; i++) await CompleteAsync(null);
        await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(async () =>
        {
            for (int i = 0; i < 200; i++) await CompleteAsync(null);
        })));

        // Each may have found the last free place at the same moment.
        Assert.InRange((await _house.ListAsync()).Count, 1, 12 + 6);
    }

    [Fact]
    public async Task Who_has_room_does_not_wait_for_the_one_that_makes_more()
    {
        _house.Options.InvocationsMax = 1_000;
        _house.Renew();
        await Journal.SweepAsync();
        for (int i = 0; i < 998; i++) await CompleteAsync(null);
        var removing = new TaskCompletionSource();
        var going = new TaskCompletionSource();
        _house.Store.BeforeWrite = () =>
        {
            removing.SetResult();
            return going.Task;
        };
        Task<InvocationContext> first = _house.BeginAsync();
        await removing.Task;
        for (int i = 0; i < 2; i++) await _house.BeginAsync().WaitAsync(TimeSpan.FromSeconds(30));
        Task<InvocationContext> last = _house.BeginAsync();
        Assert.False(first.IsCompleted);
        Assert.False(last.IsCompleted);
        going.SetResult();
        await first;
        await last;
        Assert.InRange((await _house.ListAsync()).Count, 996, 1_000);
    }

    [Fact]
    public async Task Beyond_their_bytes_those_that_came_to_rest_first_go()
    {
        _house.Options.RestBytesMax = 10_000;
        _house.Renew();
        await Journal.SweepAsync();
        List<Guid> ids = [];
        for (int i = 0; i < 6; i++)
        {
            InvocationContext run = await _house.BeginAsync($"k{i}");
            await run.AtLeastOnceAsync("step", () => Task.FromResult(new string('s', 1_000)));
            await run.CompleteAsync(new byte[1_200]);
            ids.Add(run.Id);
            _house.Clock.Advance(TimeSpan.FromSeconds(1));
        }

        // One has gone when the last one began, for the five before it.
        Assert.Equal(1, await Journal.SweepAsync());
        Assert.Equal(ids[2..], (await _house.ListAsync()).Select(left => left.Id).Reverse());
        _house.Restart(CrashMode.KeepAll);
        Assert.Equal(0, await Journal.SweepAsync());
        _house.Options.RestBytesMax = 5_000;
        _house.Renew();
        Assert.Equal(2, await Journal.SweepAsync());
        Assert.Equal(ids[4..], (await _house.ListAsync()).Select(left => left.Id).Reverse());
    }

    [Fact]
    public async Task A_sweep_reads_what_goes_and_not_what_stays()
    {
        for (int i = 0; i < 200; i++) await CompleteAsync($"old {i}");
        _house.Clock.Advance(TimeSpan.FromHours(24));
        for (int i = 0; i < 20; i++) await CompleteAsync($"new {i}");
        Assert.Equal(200, await Journal.SweepAsync());
        Assert.Equal(0, await Journal.SweepAsync());
        Assert.Equal(20, (await _house.ListAsync()).Count);
    }

    [Fact]
    public async Task Upkeep_sweeps_every_minute()
    {
        _house.Clock.IsHeld = true;
        await CompleteAsync(null);
        using var ending = new CancellationTokenSource();
        Task upkeep = Journal.RunUpkeepAsync(ending.Token);
        await _house.Clock.WaitForTimerAsync();
        Assert.Single(await _house.ListAsync());
        _house.Clock.Advance(TimeSpan.FromHours(1));
        await _house.Clock.WaitForTimerAsync();
        Assert.Empty(await _house.ListAsync());
        Assert.Equal([TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1)], _house.Clock.Waits);
        await ending.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => upkeep);
    }

    [Fact]
    public async Task A_sweep_that_a_crash_cuts_short_is_done_again()
    {
        // 256 go by a batch.
        for (int i = 0; i < 514; i++) await CompleteAsync($"k{i}");
        _house.Clock.Advance(TimeSpan.FromHours(24));
        _house.Store.EndsAtWrite = _house.Store.Writes.Length + 2;
        _house.Store.EndsBehindWrite = true;
        await Assert.ThrowsAsync<ProcessEndedException>(async () => await Journal.SweepAsync());
        _house.Restart(CrashMode.KeepAll);
        Assert.Equal(2, await Journal.SweepAsync());
        Assert.All(_house.CountRows(), map => Assert.Equal(0, map.Value));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("k")]
    public async Task What_an_operator_runs_again_while_it_is_swept_stays(string? key)
    {
        await CompleteAsync(null);
        InvocationContext aborted = await _house.BeginAsync(key);
        await Journal.AbortAsync(aborted.Id);
        await CompleteAsync(null);
        _house.Clock.Advance(TimeSpan.FromDays(30));
        _house.Store.BeforeWrite = async () => Assert.True(await Journal.RetryAsync(aborted.Id));
        Assert.Equal(2, await Journal.SweepAsync());
        Invocation left = Assert.Single(await _house.ListAsync());
        Assert.Equal((aborted.Id, InvocationState.Queued), (left.Id, left.State));
        InvocationContext? again = await Journal.RecoverAsync(left);
        await again!.CompleteAsync(default);
        _house.Clock.Advance(TimeSpan.FromDays(30));
        Assert.Equal(1, await Journal.SweepAsync());
        Assert.All(_house.CountRows(), map => Assert.Equal(0, map.Value));
    }

    [Fact]
    public async Task A_key_that_is_taken_anew_while_its_old_invocation_is_swept_stays_taken()
    {
        await CompleteAsync("k");
        _house.Clock.Advance(TimeSpan.FromDays(30));
        InvocationContext? anew = null;
        _house.Store.BeforeWrite = async () => anew = await _house.BeginAsync("k");
        await Journal.SweepAsync();
        Assert.Equal(anew!.Id, (await Journal.FindAsync("local", "k"))!.Id);
        await anew.CompleteAsync("second"u8.ToArray());
        Assert.Equal(BeginKind.Replayed, (await Journal.BeginAsync(JournalHouse.Request(key: "k"))).Kind);
    }

    private async Task<InvocationContext> CompleteAsync(string? key)
    {
        InvocationContext run = await _house.BeginAsync(key);
        await run.AtLeastOnceAsync("step", () => Task.FromResult(1));
        await run.CompleteAsync("answer"u8.ToArray());
        return run;
    }

    private async Task AssertLeftAsync(TimeSpan time, int removed, params Guid[] ids)
    {
        _house.Clock.Advance(time);
        Assert.Equal(removed, await Journal.SweepAsync());
        Assert.Equal(ids.Reverse(), (await _house.ListAsync()).Select(left => left.Id));
    }
}
