using System.Net.Sockets;
using Varve.Native;
using Varve.Sharing;
using static Varve.Tests.Sharing.SharingHouse;

namespace Varve.Tests.Sharing;

/// <summary>How an owner is found, and what is said of one that is not.</summary>
public sealed class OwnerSearchTests : IAsyncLifetime
{
    private static readonly TimeSpan ShortTimeout = TimeSpan.FromMilliseconds(400);

    private readonly SharingHouse _house = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _house.DisposeAsync();

    [Fact]
    public async Task A_process_that_has_the_database_open_and_does_not_share_it_is_named()
    {
        using Database database = Database.Open(_house.Data);

        // Long enough for one look, also on a machine that is busy: who has looked at nothing yet can name nobody.
        StoreOwnerException failure = await Assert.ThrowsAsync<StoreOwnerException>(
            () => _house.OpenAsync(configure: options => options.OwnerTimeout = TimeSpan.FromSeconds(5)));
        Assert.Equal(Environment.ProcessId, failure.OwnerProcessId);
        Assert.Contains($"Process {Environment.ProcessId} ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Who_may_not_own_says_that_nobody_else_does()
    {
        StoreOwnerException failure = await Assert.ThrowsAsync<StoreOwnerException>(
            () => _house.OpenAsync(mayOwn: false, options => options.OwnerTimeout = ShortTimeout));
        Assert.Equal(0, failure.OwnerProcessId);
        Assert.False(Directory.Exists(_house.Data));
    }

    [Fact]
    public async Task An_owner_that_accepts_and_says_nothing_is_given_up()
    {
        Directory.CreateDirectory(_house.Data);
        Assert.True(PrivateFolder.TryMake(_house.Sockets));
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_house.SocketPath));
        listener.Listen();
        StoreOwnerException failure = await Assert.ThrowsAsync<StoreOwnerException>(
            () => _house.OpenAsync(configure: options => options.OwnerTimeout = ShortTimeout));
        Assert.Contains("has not answered", failure.Message, StringComparison.Ordinal);
        if (OperatingSystem.IsLinux()) Assert.Equal(Environment.ProcessId, failure.OwnerProcessId);
        Assert.Empty(Directory.GetFileSystemEntries(_house.Data));
    }

    [Fact]
    public async Task An_owner_that_falls_silent_is_named_and_a_batch_on_its_way_is_in_doubt()
    {
        Directory.CreateDirectory(_house.Data);
        Assert.True(PrivateFolder.TryMake(_house.Sockets));
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(_house.SocketPath));
        listener.Listen();
        Task<Socket> greeting = GreetAsync(listener);
        SharedStore store = await _house.OpenAsync(configure: options => options.OwnerTimeout = ShortTimeout);
        using Socket silent = await greeting;
        StoreOwnerException read = await Assert.ThrowsAsync<StoreOwnerException>(async () => await store.GetAsync("m", Utf8("k")));
        Assert.Equal(4_711, read.OwnerProcessId);
        Assert.Contains("4711", read.Message, StringComparison.Ordinal);
        CommitOutcomeUnknownException write = await Assert.ThrowsAsync<CommitOutcomeUnknownException>(
            async () => await store.WriteAsync(Put("m", "k", "v")));
        Assert.IsType<StoreOwnerException>(write.InnerException);
        Assert.Equal(StoreRole.Peer, store.Role);
    }

    [Fact]
    public async Task What_a_dead_owner_has_left_at_the_socket_s_place_is_replaced()
    {
        Directory.CreateDirectory(_house.Data);
        Assert.True(PrivateFolder.TryMake(_house.Sockets));
        await File.WriteAllTextAsync(_house.SocketPath, "no socket");
        SharedStore owner = await _house.OpenAsync();
        SharedStore peer = await _house.OpenAsync();
        Assert.Equal((StoreRole.Owner, StoreRole.Peer), (owner.Role, peer.Role));
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_house.SocketPath));
        await peer.DisposeAsync();
        await owner.DisposeAsync();
        Assert.False(File.Exists(_house.SocketPath));
    }

    [Fact]
    public async Task A_folder_that_others_can_enter_is_not_used()
    {
        if (OperatingSystem.IsWindows()) return;
        Directory.CreateDirectory(_house.Sockets);
        File.SetUnixFileMode(
            _house.Sockets, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute);
        Assert.False(PrivateFolder.IsPrivate(_house.Sockets));
        IOException failure = await Assert.ThrowsAnyAsync<IOException>(() => _house.OpenAsync());
        Assert.Contains(_house.Sockets, failure.Message, StringComparison.Ordinal);

        // And nothing is left open behind it.
        using Database database = Database.Open(_house.Data);
    }

    [Fact]
    public void A_link_to_a_private_folder_is_none_itself()
    {
        if (OperatingSystem.IsWindows()) return;
        Assert.True(PrivateFolder.TryMake(_house.Sockets));
        Assert.True(PrivateFolder.IsPrivate(_house.Sockets));
        string link = _house.Sockets + "-link";
        Directory.CreateSymbolicLink(link, _house.Sockets);
        Assert.False(PrivateFolder.IsPrivate(link));
        Assert.False(PrivateFolder.IsPrivate(_house.Sockets + "-absent"));
        string file = _house.Sockets + "-file";
        File.WriteAllText(file, "");
        Assert.False(PrivateFolder.TryMake(file));
    }

    [Fact]
    public void Every_path_to_a_directory_leads_to_the_same_socket()
    {
        Directory.CreateDirectory(_house.Data);
        string name = SocketPlaces.NameOf(_house.Data);
        Assert.Equal(name, SocketPlaces.NameOf(_house.Data + "/"));
        Assert.Equal(name, SocketPlaces.NameOf(Path.Combine(_house.Data, "..", Path.GetFileName(_house.Data))));
        Assert.NotEqual(name, SocketPlaces.NameOf(Path.GetDirectoryName(_house.Data)!));
        if (OperatingSystem.IsWindows()) return;
        string link = _house.Data + "-link";
        Directory.CreateSymbolicLink(link, _house.Data);
        Directory.CreateSymbolicLink(link + "-link", "data-link");
        Assert.Equal(name, SocketPlaces.NameOf(link));
        Assert.Equal(name, SocketPlaces.NameOf(link + "-link"));
    }

    [Fact]
    public async Task A_folder_whose_path_is_too_long_for_a_socket_is_said_so()
    {
        string folder = Path.Combine(_house.Sockets, new string('x', 100));
        IOException failure = await Assert.ThrowsAnyAsync<IOException>(
            () => _house.OpenAsync(configure: options => options.SocketDirectory = folder));
        Assert.Contains("103 bytes", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>Welcomes one client and says nothing more.</summary>
    private static async Task<Socket> GreetAsync(Socket listener)
    {
        Socket client = await listener.AcceptAsync();
        await client.ReceiveAsync(new byte[1_000]);
        var buffer = new FrameBuffer();
        int start = buffer.Begin(FrameKind.Welcome, 0);
        var database = new Varve.Bytes.DatabaseId(1, 2);
        StoreCodec.WriteWelcome(buffer, new Welcome(SharingProtocol.Version, database, Guid.NewGuid(), 4_711, 1 << 20));
        buffer.End(start);
        await client.SendAsync(buffer.Written);
        return client;
    }
}
