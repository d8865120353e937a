using Varve.Sharing;
using static Varve.Tests.Sharing.SharingHouse;

namespace Varve.Tests.Sharing;

public sealed class SharedStoreTests : IAsyncLifetime
{
    private readonly SharingHouse _house = new();
    private SharedStore _owner = null!;
    private SharedStore _peer = null!;

    public async Task InitializeAsync()
    {
        _owner = await _house.OpenAsync();
        _peer = await _house.OpenAsync();
    }

    public async Task DisposeAsync() => await _house.DisposeAsync();

    [Fact]
    public void The_first_is_the_owner_and_the_second_its_peer()
    {
        Assert.Equal((StoreRole.Owner, StoreRole.Peer), (_owner.Role, _peer.Role));
        Assert.Equal((Environment.ProcessId, Environment.ProcessId), (_owner.OwnerProcessId, _peer.OwnerProcessId));
        Assert.NotNull(_owner.Database);
        Assert.Null(_peer.Database);
    }

    [Fact]
    public async Task Each_operation_gives_a_peer_what_it_gives_the_owner()
    {
        Assert.True((await _peer.WriteAsync(Put("m", "a", "1"))).IsCommitted);
        Assert.True((await _owner.WriteAsync(Put("m", "b", ""))).IsCommitted);
        foreach (SharedStore store in new[] { _owner, _peer })
        {
            Assert.Equal("1", Text(await store.GetAsync("m", Utf8("a"))));
            Assert.Empty((await store.GetAsync("m", Utf8("b")))!);
            Assert.Null(await store.GetAsync("m", Utf8("c")));
            Assert.Null(await store.GetAsync("never written", default));
            StorePage page = await store.ReadRangeAsync(new StoreRange { Map = "m", Limit = 1, Direction = Direction.Descending });
            Assert.Equal(("b", "a"), (Text(page.Entries.Single().Key.ToArray()), Text(page.NextKey)));
            Assert.Null((await store.ReadRangeAsync(new StoreRange { Map = "m", Limit = 2 })).NextKey);
            Assert.Equal(["$varve/expiry", "$varve/sessions", "m"], await store.ListMapsAsync());
        }
    }

    [Fact]
    public async Task The_sequence_of_a_peers_batch_is_a_position_behind_it()
    {
        StoreOutcome outcome = await _peer.WriteAsync(Put("m", "a", "1"));
        Assert.Equal(_owner.Database!.LatestSequence, outcome.Sequence);
        await _peer.WriteAsync(Put("m", "b", "2"));
        var feed = new StoreFeed { After = outcome.Sequence, Map = "m", IncludeNotDurable = true };
        await foreach (ChangeBatch batch in _peer.ReadChangesAsync(feed))
        {
            Assert.Equal("b", Text(batch.Changes.Single().Key.ToArray()));
            break;
        }
    }

    [Fact]
    public async Task A_condition_that_does_not_hold_is_named_by_its_place()
    {
        StoreBatch batch = new()
        {
            Conditions = [StoreCondition.Absent("m", Utf8("x")), StoreCondition.Present("m", Utf8("x"))],
            Operations = [StoreOperation.Put("m", Utf8("y"), default)],
        };
        Assert.Equal(new StoreOutcome(false, 0, 1), await _peer.WriteAsync(batch));
        Assert.Equal(new StoreOutcome(false, 0, 1), await _owner.WriteAsync(batch));
        Assert.Null(await _peer.GetAsync("m", Utf8("y")));
    }

    [Fact]
    public async Task Values_of_many_sizes_go_both_ways()
    {
        foreach (int length in new[] { 0, 1, 4_000, 32_750, 32_768, 70_000, 1_900_000 })
        {
            byte[] value = new byte[length];
            new Random(length).NextBytes(value);
            await _peer.WriteAsync(new StoreBatch { Operations = [StoreOperation.Put("m", Utf8("k"), value)] });
            Assert.Equal(value, await _peer.GetAsync("m", Utf8("k")));
            Assert.Equal(value, await _owner.GetAsync("m", Utf8("k")));
        }
    }

    [Fact]
    public async Task A_peer_is_refused_what_the_owner_is_refused_with_the_same_words()
    {
        Func<SharedStore, Task>[] wrong =
        [
            async store => await store.GetAsync("", default),
            async store => await store.GetAsync("\uD800", default),
            async store => await store.GetAsync(new string('m', 256), default),
            async store => await store.GetAsync("m", new byte[16_385]),
            async store => await store.ReadRangeAsync(new StoreRange { Map = "m", Limit = 0 }),
            async store => await store.ReadRangeAsync(new StoreRange { Map = "m", Limit = 1, BytesMax = int.MaxValue }),
            async store => await store.ReadRangeAsync(new StoreRange { Map = "", Limit = 1 }),
            async store => await store.WriteAsync(
                new StoreBatch { Operations = [new StoreOperation((StoreOperationKind)9, "m", default, default)] }),
            async store => await store.WriteAsync(
                new StoreBatch { Conditions = [new StoreCondition((StoreConditionKind)9, "m", default, default)] }),
            async store => await store.WriteAsync(
                new StoreBatch { Operations = [StoreOperation.Put("m", default, default)], Durability = (Durability)7 }),
            async store => await store.WriteAsync(new StoreBatch { Operations = [StoreOperation.Put("m", default, new byte[3 << 20])] }),
            async store => await store.WriteAsync(new StoreBatch { Operations = [StoreOperation.Put("m", default, new byte[30 << 20])] }),
            async store => await FirstAsync(store.ReadChangesAsync(new StoreFeed { After = ulong.MaxValue })),
        ];
        for (int i = 0; i < wrong.Length; i++)
        {
            Exception own = await Assert.ThrowsAnyAsync<Exception>(() => wrong[i](_owner));
            Exception other = await Assert.ThrowsAnyAsync<Exception>(() => wrong[i](_peer));
            Assert.True(own is ArgumentException, $"{i}: {own}");
            Assert.True(other is ArgumentException, $"{i}: {other}");
            bool isTooLargeToSend = other.Message.Contains("the owner of the database takes", StringComparison.Ordinal);
            if (!isTooLargeToSend) Assert.Equal((own.GetType(), FirstLine(own)), (other.GetType(), FirstLine(other)));
        }

        Assert.Null(await _peer.GetAsync("m", default));
    }

    [Fact]
    public async Task Many_calls_at_once_get_each_its_own_answer()
    {
        await Task.WhenAll(Enumerable.Range(0, 2_000).Select(async number =>
        {
            string key = number.ToString(System.Globalization.CultureInfo.InvariantCulture);
            await _peer.WriteAsync(Put("m", key, key));
            Assert.Equal(key, Text(await _peer.GetAsync("m", Utf8(key))));
        }));
        Assert.Equal(2_000, (await _owner.ReadRangeAsync(new StoreRange { Map = "m", Limit = 3_000 })).Entries.Count);
    }

    [Fact]
    public async Task Large_answers_asked_for_at_once_do_not_pile_up_and_all_come()
    {
        byte[] value = new byte[1_900_000];
        for (byte i = 0; i < 8; i++) await _owner.WriteAsync(new StoreBatch { Operations = [StoreOperation.Put("m", new[] { i }, value)] });
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async number =>
        {
            if (number % 4 == 0)
                Assert.Equal(4, (await _peer.ReadRangeAsync(new StoreRange { Map = "m", Limit = 4, BytesMax = 16 << 20 })).Entries.Count);
            else
                Assert.Equal(value.Length, (await _peer.GetAsync("m", new[] { (byte)(number % 8) }))!.Length);
        })).WaitAsync(WaitMax);
    }

    [Fact]
    public async Task A_cancelled_call_ends_and_its_connection_goes_on()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _peer.GetAsync("m", default, cancelled.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await _peer.WriteAsync(Put("m", "k", "v"), cancelled.Token));
        using var later = new CancellationTokenSource();
        var feed = new StoreFeed { After = _owner.Database!.LatestSequence };
        Task<ChangeBatch> waiting = FirstAsync(_peer.ReadChangesAsync(feed, later.Token));
        await later.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        for (int i = 0; i < 200; i++)
        {
            using var soon = new CancellationTokenSource();
            Task<StoreOutcome> write = _peer.WriteAsync(Put("m", $"k{i}", "v"), soon.Token).AsTask();
            await soon.CancelAsync();
            bool isWritten = await write.ContinueWith(task => task.IsCompletedSuccessfully, TaskScheduler.Default);
            Assert.Equal(isWritten, await _peer.GetAsync("m", Utf8($"k{i}")) is not null);
        }
    }

    [Fact]
    public async Task A_feed_that_nobody_reads_holds_up_nobody_and_misses_nothing()
    {
        const int Batches = 40;
        byte[] value = new byte[400_000];
        var feed = new StoreFeed { Map = "m", IncludeNotDurable = true };
        await using IAsyncEnumerator<ChangeBatch> changes = _peer.ReadChangesAsync(feed).GetAsyncEnumerator();
        Assert.True(await changes.MoveNextAsync());
        Assert.Empty(changes.Current.Changes);
        for (int i = 0; i < Batches; i++)
        {
            StoreOperation put = StoreOperation.Put("m", new[] { (byte)i }, value);
            await _peer.WriteAsync(new StoreBatch { Operations = [put], Durability = Durability.Buffered });
        }

        for (int i = 0; i < Batches; i++)
        {
            Assert.True(await changes.MoveNextAsync());
            Assert.Equal([(byte)i], changes.Current.Changes.Single().Key.ToArray());
        }
    }

    [Fact]
    public async Task A_closed_store_says_so()
    {
        await _peer.DisposeAsync();
        Assert.Equal(StoreRole.None, _peer.Role);
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await _peer.GetAsync("m", default));
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await _peer.WriteAsync(Put("m", "k", "v")));
        await _owner.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(async () => await _owner.GetAsync("m", default));
        await Assert.ThrowsAsync<ObjectDisposedException>(
            async () => await FirstAsync(_owner.ReadChangesAsync(new StoreFeed())));
    }

    [Fact]
    public async Task Options_are_checked()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => _house.OpenAsync(configure: options => options.Incarnation = Guid.Empty));
        await Assert.ThrowsAsync<ArgumentException>(
            () => _house.OpenAsync(configure: options => options.Database.Mode = OpenMode.ReadOnly));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(
            () => _house.OpenAsync(configure: options => options.OwnerTimeout = TimeSpan.Zero));
    }

    private static string FirstLine(Exception failure) => failure.Message.Split('\n')[0];

    private static async Task<ChangeBatch> FirstAsync(IAsyncEnumerable<ChangeBatch> batches)
    {
        await foreach (ChangeBatch batch in batches) return batch;
        throw new InvalidDataException("The feed has ended.");
    }
}
