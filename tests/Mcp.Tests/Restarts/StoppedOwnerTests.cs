using System.Text;
using Varve.Sharing;

namespace Varve.Mcp.Tests.Restarts;

/// <summary>A real owner that is there and does not answer: nobody takes its place, and nothing is lost.</summary>
public sealed class StoppedOwnerTests : IDisposable
{
    private const string Map = "kept";
    private const string LastKey = "end";

    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _directory = Directory.CreateTempSubdirectory("varve-mcp-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Peers_of_an_owner_that_is_stopped_are_told_of_it_and_go_on_when_it_does()
    {
        using KilledProcess owner = await KilledProcess.StartAsync("shared", _directory, "");
        await using SharedStore peer = await OpenAsync();
        Assert.Equal((StoreRole.Peer, owner.Id), (peer.Role, peer.OwnerProcessId));
        ulong start = await WriteAsync(peer, "before");
        Task<List<string>> changes = ReadChangesAsync(peer, start);

        await owner.SignalAsync("STOP");
        StoreOwnerException mute = await Assert.ThrowsAsync<StoreOwnerException>(() => GetAsync(peer, "before"));
        Assert.Equal(owner.Id, mute.OwnerProcessId);
        Assert.Contains($"Process {owner.Id}", mute.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<CommitOutcomeUnknownException>(() => WriteAsync(peer, "unknown"));
        StoreOwnerException refused = await Assert.ThrowsAsync<StoreOwnerException>(() => OpenAsync().AsTask());
        Assert.Equal(owner.Id, refused.OwnerProcessId);

        await owner.SignalAsync("CONT");
        while (!await AnswersAsync(peer)) Assert.Equal(StoreRole.Peer, peer.Role);
        Assert.Equal((StoreRole.Peer, owner.Id), (peer.Role, peer.OwnerProcessId));
        await WriteAsync(peer, "behind");
        await WriteAsync(peer, LastKey);
        await using SharedStore other = await OpenAsync();
        Assert.Equal("before", await GetAsync(other, "before"));
        Assert.Equal("behind", await GetAsync(other, "behind"));

        // What nothing was heard of has happened once, or not at all.
        string[] doubtful = await GetAsync(other, "unknown") is null ? [] : ["unknown"];
        Assert.Equal([.. doubtful, "behind", LastKey], await changes.WaitAsync(s_patience));
    }

    private ValueTask<SharedStore> OpenAsync() =>
        SharedStore.OpenAsync(Path.Combine(_directory, "data"), new SharedStoreOptions { OwnerTimeout = s_timeout });

    private static async Task<ulong> WriteAsync(SharedStore store, string key)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(key);
        return (await store.WriteAsync(new StoreBatch { Operations = [StoreOperation.Put(Map, bytes, bytes)] })).Sequence;
    }

    /// <summary>Whether the owner has woken up.</summary>
    private static async Task<bool> AnswersAsync(SharedStore store)
    {
        try
        {
            await GetAsync(store, "before");
            return true;
        }
        catch (StoreOwnerException)
        {
            return false;
        }
    }

    private static async Task<string?> GetAsync(SharedStore store, string key) =>
        await store.GetAsync(Map, Encoding.UTF8.GetBytes(key)) is { } value ? Encoding.UTF8.GetString(value) : null;

    /// <summary>The keys of all changes up to the last one.</summary>
    private static async Task<List<string>> ReadChangesAsync(SharedStore store, ulong after)
    {
        List<string> keys = [];
        await foreach (ChangeBatch batch in store.ReadChangesAsync(new StoreFeed { Map = Map, After = after, IncludeNotDurable = true }))
        {
            foreach (Change change in batch.Changes) keys.Add(Encoding.UTF8.GetString(change.Key.Span));
            if (keys.Contains(LastKey)) break;
        }

        return keys;
    }
}
