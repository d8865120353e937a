using Varve.Sharing;
using static Varve.Tests.Sharing.SharingHouse;

namespace Varve.Tests.Sharing;

public sealed class LeaseTests : IAsyncLifetime
{
    private const string Sessions = "$varve/sessions";
    private const int NoProcess = 0x3FFFFFFF;

    private readonly SharingHouse _house = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _house.DisposeAsync();

    [Fact]
    public void The_row_is_as_its_page_says()
    {
        var incarnation = new Guid("00112233-4455-6677-8899-aabbccddeeff");
        Assert.Equal("6C00112233445566778899AABBCCDDEEFF", Convert.ToHexString(LeaseRow.KeyOf(incarnation)));
        Assert.Equal("01AC02", Convert.ToHexString(LeaseRow.ValueOf(300)));
        Assert.True(LeaseRow.TryReadKey(LeaseRow.KeyOf(incarnation), out Guid read));
        Assert.Equal(incarnation, read);
        Assert.True(LeaseRow.TryReadValue(LeaseRow.ValueOf(300), out int process));
        Assert.Equal(300, process);
        Assert.False(LeaseRow.TryReadValue([2, 1], out _));
        Assert.Equal("$varve/sessions", SharedMaps.Sessions);
        Assert.Equal("$varve/expiry", SharedMaps.Expiry);
    }

    [Fact]
    public async Task A_lease_is_held_as_long_as_the_store_is_open()
    {
        SharedStore owner = await _house.OpenAsync();
        SharedStore peer = await _house.OpenAsync();
        Assert.True(await Leases.IsHeldAsync(peer, owner.Incarnation));
        Assert.True(await Leases.IsHeldAsync(owner, peer.Incarnation));
        Assert.False(await Leases.IsHeldAsync(peer, Guid.NewGuid()));
        Task ended = Leases.WaitForEndAsync(owner, peer.Incarnation);
        Assert.False(ended.IsCompleted);
        await peer.DisposeAsync();
        await ended.WaitAsync(WaitMax);
        Assert.False(await Leases.IsHeldAsync(owner, peer.Incarnation));
        await Leases.WaitForEndAsync(owner, peer.Incarnation).WaitAsync(WaitMax);
    }

    [Fact]
    public async Task Each_end_is_told_to_those_that_follow_also_that_of_the_owner()
    {
        SharedStore owner = await _house.OpenAsync();
        SharedStore other = await _house.OpenAsync();
        SharedStore watcher = await _house.OpenAsync();
        var following = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<List<Guid>> ended = TakeAsync(Leases.FollowEndedAsync(watcher, () => following.TrySetResult()), 2);
        await following.Task.WaitAsync(WaitMax);
        await other.DisposeAsync();
        await Leases.WaitForEndAsync(watcher, other.Incarnation).WaitAsync(WaitMax);
        await owner.DisposeAsync();
        Assert.Equal([other.Incarnation, owner.Incarnation], await ended.WaitAsync(WaitMax));
        Assert.True(await Leases.IsHeldAsync(watcher, watcher.Incarnation));
    }

    [Fact]
    public async Task A_hand_over_ends_no_lease_of_those_that_stay()
    {
        SharedStore owner = await _house.OpenAsync();
        SharedStore[] peers = [await _house.OpenAsync(), await _house.OpenAsync(), await _house.OpenAsync(mayOwn: false)];
        Task<List<Guid>> ended = TakeAsync(Leases.FollowEndedAsync(peers[2]), 2);
        await owner.DisposeAsync();
        foreach (SharedStore peer in peers) Assert.True(await Leases.IsHeldAsync(peer, peer.Incarnation));
        SharedStore next = peers.Single(peer => peer.IsOwner);
        SharedStore last = peers.Single(peer => peer != next && peer != peers[2]);
        await last.DisposeAsync();
        List<Guid> seen = await ended.WaitAsync(WaitMax);
        Assert.DoesNotContain(next.Incarnation, seen);
        Assert.Contains(last.Incarnation, seen);
    }

    [Fact]
    public async Task Rows_of_an_earlier_time_go_at_once_when_their_process_has_ended_and_later_when_it_has_not_come_back()
    {
        var gone = Guid.NewGuid();
        var silent = Guid.NewGuid();
        using (Database database = Database.Open(_house.Data))
        {
            SortedMap sessions = database.GetMap(Sessions);
            sessions.Put(LeaseRow.KeyOf(gone), LeaseRow.ValueOf(NoProcess));
            sessions.Put(LeaseRow.KeyOf(silent), LeaseRow.ValueOf(Environment.ProcessId));
            sessions.Put("another row"u8, "of a layer above"u8);
        }

        SharedStore owner = await _house.OpenAsync();
        Assert.False(await Leases.IsHeldAsync(owner, gone));
        Assert.True(await Leases.IsHeldAsync(owner, silent));
        await Leases.WaitForEndAsync(owner, silent).WaitAsync(WaitMax);
        Assert.NotNull(await owner.GetAsync(Sessions, "another row"u8.ToArray()));
        Assert.True(await Leases.IsHeldAsync(owner, owner.Incarnation));
    }

    [Fact]
    public async Task A_process_that_connects_again_takes_its_older_connection_s_place()
    {
        SharedStore owner = await _house.OpenAsync();
        SharedStoreOptions options = _house.Options();
        Guid name = options.Incarnation;
        Task<List<Guid>> ended = TakeAsync(Leases.FollowEndedAsync(owner), 1);
        PeerLink older = (await PeerLink.TryConnectAsync(_house.SocketPath, options, _ => { }, default))!;
        PeerLink newer = (await PeerLink.TryConnectAsync(_house.SocketPath, options, _ => { }, default))!;
        await older.Ended.WaitAsync(WaitMax);
        await older.DisposeAsync();
        Assert.Equal([Sessions], await newer.ListMapsAsync(default));
        Assert.True(await Leases.IsHeldAsync(owner, name));
        Assert.False(ended.IsCompleted);
        await newer.DisposeAsync();
        Assert.Equal([name], await ended.WaitAsync(WaitMax));
    }

    [Fact]
    public async Task Many_connections_of_one_process_at_once_leave_one()
    {
        SharedStore owner = await _house.OpenAsync();
        SharedStoreOptions options = _house.Options();
        IEnumerable<Task<PeerLink?>> connecting =
            Enumerable.Range(0, 30).Select(_ => Task.Run(() => PeerLink.TryConnectAsync(_house.SocketPath, options, _ => { }, default)));
        PeerLink?[] links = await Task.WhenAll(connecting).WaitAsync(WaitMax);
        PeerLink[] connected = [.. links.OfType<PeerLink>()];
        IEnumerable<Task> allButOne = connected.Select(link => Task.WhenAll(connected.Except([link]).Select(other => other.Ended)));
        await Task.WhenAny(allButOne).WaitAsync(WaitMax);
        PeerLink left = connected.Single(link => !link.Ended.IsCompleted);
        Assert.NotEmpty(await left.ListMapsAsync(default));
        Assert.True(await Leases.IsHeldAsync(owner, options.Incarnation));
        foreach (PeerLink link in connected) await link.DisposeAsync();
        await Leases.WaitForEndAsync(owner, options.Incarnation).WaitAsync(WaitMax);
        await owner.DisposeAsync().AsTask().WaitAsync(WaitMax);
    }

    private static async Task<List<Guid>> TakeAsync(IAsyncEnumerable<Guid> ended, int count)
    {
        List<Guid> seen = [];
        await foreach (Guid incarnation in ended)
        {
            seen.Add(incarnation);
            if (seen.Count == count) break;
        }

        return seen;
    }
}
