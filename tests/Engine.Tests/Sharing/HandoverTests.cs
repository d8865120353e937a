using System.Collections.Concurrent;
using Varve.Sharing;
using static Varve.Tests.Sharing.SharingHouse;

namespace Varve.Tests.Sharing;

public sealed class HandoverTests : IAsyncLifetime
{
    private readonly SharingHouse _house = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _house.DisposeAsync();

    [Theory]
    [InlineData(Durability.Synced)]
    [InlineData(Durability.Buffered)]
    [InlineData(Durability.None)]
    public async Task What_was_acknowledged_is_there_when_the_owner_has_left(Durability durability)
    {
        SharedStore owner = await _house.OpenAsync();
        SharedStore peer = await _house.OpenAsync();
        for (int i = 0; i < 100; i++)
        {
            StoreOperation put = StoreOperation.Put("m", new[] { (byte)i }, new[] { (byte)i });
            await (i % 2 == 0 ? owner : peer).WriteAsync(new StoreBatch { Operations = [put], Durability = durability });
        }

        await owner.DisposeAsync();
        Assert.Equal(100, (await peer.ReadRangeAsync(new StoreRange { Map = "m", Limit = 1_000 })).Entries.Count);
        Assert.Equal(StoreRole.Owner, peer.Role);
    }

    [Fact]
    public async Task Roles_are_told_as_they_change()
    {
        SharedStore owner = await _house.OpenAsync();
        SharedStore peer = await _house.OpenAsync();
        var roles = new ConcurrentQueue<StoreRole>();
        var isOwner = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        peer.RoleChanged += role =>
        {
            roles.Enqueue(role);
            if (role == StoreRole.Owner) isOwner.TrySetResult();
        };
        await owner.DisposeAsync();
        await isOwner.Task.WaitAsync(WaitMax);
        Assert.Equal([StoreRole.None, StoreRole.Owner], roles);
        Assert.True(peer.IsOwner);
    }

    [Fact]
    public async Task Who_may_not_own_waits_for_one_who_may()
    {
        SharedStore owner = await _house.OpenAsync();
        SharedStore worker = await _house.OpenAsync(mayOwn: false);
        await worker.WriteAsync(Put("m", "k", "v"));
        await owner.DisposeAsync();
        Task<byte[]?> read = worker.GetAsync("m", Utf8("k")).AsTask();
        SharedStore next = await _house.OpenAsync();
        Assert.Equal("v", Text(await read.WaitAsync(WaitMax)));
        Assert.Equal((StoreRole.Owner, StoreRole.Peer), (next.Role, worker.Role));
    }

    [Fact]
    public async Task An_owner_that_leaves_under_load_loses_nothing_and_nothing_happens_twice()
    {
        const int Stores = 4;
        const int Rounds = 12;
        const int Writes = 40;
        List<SharedStore> stores = [];
        for (int i = 0; i < Stores; i++) stores.Add(await _house.OpenAsync());
        SharedStore watcher = await _house.OpenAsync(mayOwn: false);
        var seen = new ConcurrentDictionary<string, int>();
        using var end = new CancellationTokenSource();
        Task following = FollowAsync(watcher, seen, end.Token);
        int number = 0;
        for (int round = 0; round < Rounds; round++)
        {
            // Those that stay write while the owner leaves.
            SharedStore owner = await OwnerOfAsync(stores);
            stores.Remove(owner);
            Task[] writing = [.. stores.Select(store => Task.Run(async () =>
            {
                for (int i = 0; i < Writes; i++)
                {
                    string key = $"{Interlocked.Increment(ref number):d6}";
                    Assert.True((await store.WriteAsync(Put("m", key, key))).IsCommitted);
                    Assert.Equal(key, Text(await store.GetAsync("m", Utf8(key))));
                }
            }))];
            await owner.DisposeAsync();
            stores.Add(await _house.OpenAsync());
            await Task.WhenAll(writing).WaitAsync(WaitMax);
        }

        await watcher.WriteAsync(Put("m", "last", ""));
        await following.WaitAsync(WaitMax);
        Assert.Equal(number, seen.Count);
        Assert.All(seen, row => Assert.Equal(1, row.Value));
        Assert.Equal(number + 1, (await watcher.ReadRangeAsync(new StoreRange { Map = "m", Limit = 100_000 })).Entries.Count);
    }

    [Fact]
    public async Task A_large_batch_whose_feed_is_cut_in_the_middle_comes_once()
    {
        const int Entries = 12;
        SharedStore owner = await _house.OpenAsync();
        SharedStore peer = await _house.OpenAsync();
        StoreOperation[] puts =
        [
            .. Enumerable.Range(0, Entries).Select(number => StoreOperation.Put("m", new[] { (byte)number }, new byte[300_000])),
        ];
        StoreOutcome outcome = await peer.WriteAsync(new StoreBatch { Operations = puts });
        List<byte> seen = [];
        int pieces = 0;
        bool isWhole = false;
        await foreach (ChangeBatch batch in peer.ReadChangesAsync(new StoreFeed { After = 0, Map = "m" }))
        {
            Assert.Equal(pieces == 0, batch.IsFirstPiece);
            seen.AddRange(batch.Changes.Select(change => change.Key.Span[0]));
            if (++pieces == 1)
            {
                Assert.False(batch.IsLastPiece);
                await owner.DisposeAsync();
            }

            isWhole = batch.IsLastPiece;
            if (!isWhole) continue;
            Assert.Equal(outcome.Sequence, batch.Sequence);
            break;
        }

        Assert.True(isWhole);
        Assert.Equal(Enumerable.Range(0, Entries).Select(number => (byte)number), seen);
    }

    [Fact]
    public async Task Another_database_in_the_same_place_is_not_taken_for_the_one_before()
    {
        SharedStore owner = await _house.OpenAsync();
        SharedStore worker = await _house.OpenAsync(mayOwn: false);
        await owner.DisposeAsync();
        Directory.Delete(_house.Data, recursive: true);
        await _house.OpenAsync();
        IOException failure = await Assert.ThrowsAnyAsync<IOException>(async () => await worker.GetAsync("m", default));
        Assert.Contains("another database", failure.Message, StringComparison.Ordinal);
    }

    private static async Task FollowAsync(SharedStore store, ConcurrentDictionary<string, int> seen, CancellationToken cancellation)
    {
        await foreach (ChangeBatch batch in store.ReadChangesAsync(
            new StoreFeed { After = 0, Map = "m", IncludeNotDurable = true }, cancellation))
        {
            foreach (Change change in batch.Changes)
            {
                string key = Text(change.Key.ToArray())!;
                if (key == "last") return;
                seen.AddOrUpdate(key, 1, (_, count) => count + 1);
            }
        }
    }

    private static async Task<SharedStore> OwnerOfAsync(List<SharedStore> stores)
    {
        using var limit = new CancellationTokenSource(WaitMax);
        while (true)
        {
            if (stores.Find(store => store.IsOwner) is { } owner) return owner;
            await stores[0].GetAsync("m", default, limit.Token);
            await Task.Yield();
        }
    }
}
