using System.Text;
using Varve.Native;
using Varve.Sharing;
using Varve.Tests.Api;

namespace Varve.Tests.Sharing;

public sealed class EmbeddedStoreTests : IDisposable
{
    private readonly Database _database = OptionSet.Tiny.Open(new SimulatedDisk(), new RegionPool());
    private readonly EmbeddedStore _store;

    public EmbeddedStoreTests() => _store = new EmbeddedStore(_database);

    public void Dispose() => _database.Dispose();

    [Fact]
    public async Task An_absent_key_is_told_from_an_empty_value()
    {
        await Write(StoreOperation.Put("m", Bytes("k"), default));
        Assert.Empty((await _store.GetAsync("m", Bytes("k")))!);
        Assert.Null(await _store.GetAsync("m", Bytes("other")));
        Assert.Null(await _store.GetAsync("never written", Bytes("k")));
    }

    [Fact]
    public async Task A_batch_reaches_all_its_maps_or_none()
    {
        await Write(StoreOperation.Put("a", Bytes("old"), Bytes("1")), StoreOperation.Put("a", Bytes("older"), Bytes("2")));
        var batch = new StoreBatch
        {
            Conditions =
            [
                StoreCondition.Present("a", Bytes("old")),
                StoreCondition.Absent("b", Bytes("new")),
                StoreCondition.Value("a", Bytes("older"), Bytes("2")),
            ],
            Operations =
            [
                StoreOperation.DeleteRange("a", Bytes("old"), default),
                StoreOperation.Put("b", Bytes("new"), Bytes("3")),
                StoreOperation.Delete("a", Bytes("absent")),
            ],
        };
        StoreOutcome outcome = await _store.WriteAsync(batch);
        Assert.True(outcome.IsCommitted);
        Assert.Equal(-1, outcome.FailedCondition);
        Assert.Equal(_database.LatestSequence, outcome.Sequence);
        Assert.Null(await _store.GetAsync("a", Bytes("old")));
        Assert.Equal("3", Text(await _store.GetAsync("b", Bytes("new"))));

        outcome = await _store.WriteAsync(batch);
        Assert.Equal((false, 0UL, 0), (outcome.IsCommitted, outcome.Sequence, outcome.FailedCondition));
        Assert.Equal(["a", "b"], await _store.ListMapsAsync());
    }

    [Fact]
    public async Task Nothing_of_a_batch_that_was_refused_is_in_the_next_one()
    {
        StoreOperation[] operations =
            [StoreOperation.Put("a", Bytes("k"), Bytes("1")), StoreOperation.Put("a", new byte[Limits.KeyBytesMax + 1], default)];
        StoreCondition[] conditions = [StoreCondition.Present("a", Bytes("never"))];
        var wrong = new StoreBatch { Conditions = conditions, Operations = operations };
        await Assert.ThrowsAsync<ArgumentException>(async () => await _store.WriteAsync(wrong));
        var ended = new CancellationToken(canceled: true);
        var right = new StoreBatch { Conditions = conditions, Operations = operations[..1] };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _store.WriteAsync(right, ended));
        Assert.False((await _store.WriteAsync(right)).IsCommitted);
        StoreOutcome outcome = await _store.WriteAsync(new StoreBatch { Operations = [StoreOperation.Delete("b", Bytes("k"))] });
        Assert.Equal((true, _database.LatestSequence), (outcome.IsCommitted, outcome.Sequence));
        Assert.Null(await _store.GetAsync("a", Bytes("k")));
        Assert.Equal(["b"], await _store.ListMapsAsync());
    }

    [Theory]
    [InlineData(StoreConditionKind.Absent, "k", "", false)]
    [InlineData(StoreConditionKind.Present, "other", "", false)]
    [InlineData(StoreConditionKind.Value, "k", "w", false)]
    [InlineData(StoreConditionKind.Value, "other", "", false)]
    [InlineData(StoreConditionKind.Absent, "other", "", true)]
    [InlineData(StoreConditionKind.Present, "k", "", true)]
    [InlineData(StoreConditionKind.Value, "k", "v", true)]
    public async Task Each_kind_of_condition_holds_only_where_it_should(StoreConditionKind kind, string key, string expected, bool holds)
    {
        await Write(StoreOperation.Put("m", Bytes("k"), Bytes("v")));
        var batch = new StoreBatch
        {
            Conditions = [new StoreCondition(kind, "m", Bytes(key), Bytes(expected))],
            Operations = [StoreOperation.Put("m", Bytes("written"), default)],
        };
        Assert.Equal(holds, (await _store.WriteAsync(batch)).IsCommitted);
        Assert.Equal(holds, await _store.GetAsync("m", Bytes("written")) is not null);
    }

    [Theory]
    [InlineData(Direction.Ascending, "", "", 9, "abcde")]
    [InlineData(Direction.Ascending, "b", "d", 9, "bc")]
    [InlineData(Direction.Ascending, "b", "", 2, "bc|d")]
    [InlineData(Direction.Ascending, "d", "b", 2, "")]
    [InlineData(Direction.Ascending, "x", "", 2, "")]
    [InlineData(Direction.Descending, "", "", 9, "edcba")]
    [InlineData(Direction.Descending, "d", "b", 9, "dc")]
    [InlineData(Direction.Descending, "", "", 2, "ed|c")]
    [InlineData(Direction.Descending, "cc", "", 3, "cba")]
    [InlineData(Direction.Descending, "b", "b", 3, "")]
    public async Task A_page_ends_with_the_range_or_names_the_key_behind_it(
        Direction direction, string start, string end, int limit, string expected)
    {
        foreach (char key in "abcde") await Write(StoreOperation.Put("m", Bytes(key.ToString()), default));
        Assert.Equal(expected, await ReadAsync(direction, start, end, limit, StoreRange.BytesMaxMax));
    }

    [Fact]
    public async Task A_page_ends_where_its_bytes_do_and_holds_at_least_one_entry()
    {
        byte[] value = new byte[3_000];
        for (char key = 'a'; key < 'k'; key++) await Write(StoreOperation.Put("m", Bytes(key.ToString()), value));
        Assert.Equal("abc|d", await ReadAsync(Direction.Ascending, "", "", 100, 3 * 3_001));
        Assert.Equal("ab|c", await ReadAsync(Direction.Ascending, "", "", 100, (3 * 3_001) - 1));
        Assert.Equal("a|b", await ReadAsync(Direction.Ascending, "", "", 100, 1));
        Assert.Equal("j|i", await ReadAsync(Direction.Descending, "", "", 100, 1));
        Assert.Equal("abcdefghij", await ReadAsync(Direction.Ascending, "", "", 10, 100_000));

        string all = "";
        string? next = "";
        while (next is not null)
        {
            string[] page = (await ReadAsync(Direction.Ascending, next, "", 4, 7_000)).Split('|');
            all += page[0];
            next = page.Length > 1 ? page[1] : null;
        }

        Assert.Equal("abcdefghij", all);
    }

    [Fact]
    public async Task Bounds_that_make_no_sense_are_refused()
    {
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ReadAsync(Direction.Ascending, "", "", 0, 1));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => ReadAsync(Direction.Ascending, "", "", 1, 0));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => ReadAsync(Direction.Ascending, "", "", 1, StoreRange.BytesMaxMax + 1));
        await Assert.ThrowsAsync<ArgumentException>(() => ReadAsync(Direction.Ascending, new string('k', 20_000), "", 1, 1));
        await Assert.ThrowsAsync<ArgumentException>(() => Write(new StoreOperation((StoreOperationKind)9, "m", Bytes("k"), default)));
        var batch = new StoreBatch { Conditions = [new StoreCondition((StoreConditionKind)9, "m", Bytes("k"), default)] };
        await Assert.ThrowsAsync<ArgumentException>(async () => await _store.WriteAsync(batch));
    }

    [Fact]
    public async Task A_feed_from_now_says_so_first_and_then_shows_what_it_is_asked_for()
    {
        await Write(StoreOperation.Put("m", Bytes("x1"), Bytes("before")));
        var feed = new StoreFeed { Map = "m", KeyPrefix = Bytes("x"), IncludeNotDurable = true };
        await using IAsyncEnumerator<ChangeBatch> changes = _store.ReadChangesAsync(feed).GetAsyncEnumerator();
        Assert.True(await changes.MoveNextAsync());
        Assert.Empty(changes.Current.Changes);
        Assert.Equal(_database.LatestSequence, changes.Current.Sequence);

        ValueTask<bool> next = changes.MoveNextAsync();
        await Write(StoreOperation.Put("other", Bytes("x"), default));
        await Write(StoreOperation.Put("m", Bytes("y"), default));
        Assert.False(next.IsCompleted);
        await Write(
            StoreOperation.Put("m", Bytes("y"), default), StoreOperation.Put("m", Bytes("x2"), Bytes("after")),
            StoreOperation.Delete("m", Bytes("x1")), StoreOperation.DeleteRange("m", Bytes("y"), Bytes("z")));
        Assert.True(await next);
        Assert.Equal(
            [(ChangeKind.Put, "x2"), (ChangeKind.Delete, "x1"), (ChangeKind.DeleteRange, "y")],
            changes.Current.Changes.Select(change => (change.Kind, Text(change.Key.ToArray()))));
        Assert.Equal(_database.LatestSequence, changes.Current.Sequence);
    }

    [Fact]
    public async Task A_feed_from_a_position_shows_everything_behind_it()
    {
        await Write(StoreOperation.Put("m", Bytes("1"), default));
        ulong position = _database.LatestSequence;
        await Write(StoreOperation.Put("m", Bytes("2"), default));
        await Write(StoreOperation.Put("n", Bytes("3"), default));
        var feed = new StoreFeed { After = position, IncludeNotDurable = true };
        List<string> seen = [];
        await foreach (ChangeBatch batch in _store.ReadChangesAsync(feed))
        {
            seen.AddRange(batch.Changes.Select(change => change.MapName + Text(change.Key.ToArray())));
            if (seen.Count == 2) break;
        }

        Assert.Equal(["m2", "n3"], seen);
    }

    private async Task Write(params StoreOperation[] operations) =>
        Assert.True((await _store.WriteAsync(new StoreBatch { Operations = operations })).IsCommitted);

    /// <summary>The keys of the page, and behind a bar where the next one begins.</summary>
    private async Task<string> ReadAsync(Direction direction, string start, string end, int limit, int bytesMax)
    {
        StorePage page = await _store.ReadRangeAsync(new StoreRange
        {
            Map = "m",
            Start = Bytes(start),
            End = Bytes(end),
            Direction = direction,
            Limit = limit,
            BytesMax = bytesMax,
        });
        string keys = string.Concat(page.Entries.Select(entry => Text(entry.Key.ToArray())));
        return page.NextKey is null ? keys : $"{keys}|{Text(page.NextKey)}";
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private static string Text(byte[]? bytes) => Encoding.UTF8.GetString(bytes!);
}
