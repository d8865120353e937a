using Varve.Sharing;
using static Varve.Tests.Sharing.SharingHouse;

namespace Varve.Tests.Sharing;

public sealed class BatchIdTests : IAsyncLifetime
{
    private readonly SharingHouse _house = new();
    private SharedStore _owner = null!;

    public async Task InitializeAsync() => _owner = await _house.OpenAsync();

    public async Task DisposeAsync() => await _house.DisposeAsync();

    [Fact]
    public async Task A_connection_that_is_cut_at_any_byte_of_an_answer_leaves_one_effect()
    {
        string folder = Path.Combine(Path.GetDirectoryName(_house.Sockets)!, "p");
        using var proxy = new CuttingProxy(Path.Combine(folder, Path.GetFileName(_house.SocketPath)), _house.SocketPath);
        (int Whole, _) = await WriteOnceAsync(proxy, folder, 0, cutAfter: null);
        Assert.InRange(Whole, 20, 200);
        for (int cut = 1; cut <= Whole; cut++)
        {
            (int _, StoreOutcome outcome) = await WriteOnceAsync(proxy, folder, cut, cut);
            Assert.True(outcome.IsCommitted);
        }

        // Each batch in the feed once: also those that were sent twice.
        List<string> seen = [];
        await _owner.WriteAsync(Put("m", "last", ""));
        await foreach (ChangeBatch batch in _owner.ReadChangesAsync(new StoreFeed { After = 0, Map = "m", IncludeNotDurable = true }))
        {
            seen.AddRange(batch.Changes.Select(change => Text(change.Key.ToArray())!));
            if (seen[^1] == "last") break;
        }

        Assert.Equal(Whole + 2, seen.Count);
        Assert.Equal(seen.Count, seen.Distinct().Count());
    }

    [Fact]
    public async Task A_batch_that_is_sent_again_tells_what_became_of_it()
    {
        OwnerStore store = new(_owner.Database!);
        var attempt = new BatchAttempt(UuidV7.Next(), IsAgain: false);
        StoreBatch batch = new()
        {
            Conditions = [StoreCondition.Absent("m", Utf8("k"))],
            Operations = [StoreOperation.Put("m", Utf8("k"), Utf8("v"))],
        };
        StoreOutcome first = await store.WriteAsync(batch, attempt, default);
        StoreOutcome again = await store.WriteAsync(batch, attempt with { IsAgain = true }, default);
        Assert.Equal(first, again);
        Assert.Equal((true, -1), (again.IsCommitted, again.FailedCondition));

        // One that was not committed is tried anew, and its conditions keep their places.
        var other = new BatchAttempt(UuidV7.Next(), IsAgain: true);
        Assert.Equal(new StoreOutcome(false, 0, 0), await store.WriteAsync(batch, other, default));
        await _owner.WriteAsync(new StoreBatch { Operations = [StoreOperation.Delete("m", Utf8("k"))] });
        Assert.True((await store.WriteAsync(batch, other, default)).IsCommitted);
    }

    [Fact]
    public async Task An_id_that_is_too_old_to_be_known_is_not_taken_for_a_new_one()
    {
        OwnerStore store = new(_owner.Database!);
        Guid old = UuidV7.First(DateTimeOffset.UtcNow - TimeSpan.FromMinutes(9.5));
        await Assert.ThrowsAsync<CommitOutcomeUnknownException>(
            async () => await store.WriteAsync(Put("m", "k", "v"), new BatchAttempt(old, IsAgain: true), default));
        Assert.Null(await _owner.GetAsync("m", Utf8("k")));
    }

    [Fact]
    public async Task Rows_of_ids_go_after_ten_minutes()
    {
        OwnerStore store = new(_owner.Database!);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        foreach (double minutes in new[] { 0, 5, 9.9, 10.1, 60 })
        {
            var attempt = new BatchAttempt(UuidV7.First(now - TimeSpan.FromMinutes(minutes)), IsAgain: false);
            await store.WriteAsync(Put("m", "k", "v"), attempt, default);
        }

        Assert.Equal(5, await CountAsync(_owner));
        await store.RemoveIdsAsync(now, default);
        Assert.Equal(3, await CountAsync(_owner));
        ulong sequence = _owner.Database!.LatestSequence;
        await store.RemoveIdsAsync(now, default);
        Assert.Equal(sequence, _owner.Database.LatestSequence);
    }

    private async Task<(int Bytes, StoreOutcome Outcome)> WriteOnceAsync(CuttingProxy proxy, string folder, int number, int? cutAfter)
    {
        proxy.CutAfter = cutAfter;
        SharedStoreOptions options = _house.Options(mayOwn: false);
        options.SocketDirectory = folder;
        await using SharedStore client = await SharedStore.OpenAsync(_house.Data, options);
        StoreOutcome outcome = await client.WriteAsync(Put("m", $"k{number}", "v"));
        return (proxy.Passed, outcome);
    }

    private static async Task<int> CountAsync(SharedStore store)
    {
        var range = new StoreRange { Map = "$varve/expiry", Start = BatchIds.All, Limit = 1_000 };
        return (await store.ReadRangeAsync(range)).Entries.Count;
    }
}
