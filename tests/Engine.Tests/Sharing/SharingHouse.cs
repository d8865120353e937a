using System.Net.Sockets;
using System.Text;
using Varve.Sharing;

namespace Varve.Tests.Sharing;

/// <summary>A directory that several stores of this process share, and what tests do with it.</summary>
public sealed class SharingHouse : IAsyncDisposable
{
    public static readonly TimeSpan WaitMax = TimeSpan.FromSeconds(60);

    private readonly string _directory = Directory.CreateTempSubdirectory("varve-sharing-").FullName;
    private readonly List<IAsyncDisposable> _stores = [];

    public string Data => Path.Combine(_directory, "data");

    public string Sockets => Path.Combine(_directory, "s");

    public string SocketPath => Path.Combine(Sockets, SocketPlaces.NameOf(Data));

    public static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    public static string? Text(byte[]? bytes) => bytes is null ? null : Encoding.UTF8.GetString(bytes);

    public static StoreBatch Put(string map, string key, string value) => new()
    {
        Operations = [StoreOperation.Put(map, Utf8(key), Utf8(value))],
        Durability = Durability.Buffered,
    };

    public SharedStoreOptions Options(bool mayOwn = true) => new()
    {
        SocketDirectory = Sockets,
        MayOwn = mayOwn,
        OwnerTimeout = WaitMax,
        Database = new DatabaseOptions { MemoryBudgetBytes = 16 << 20 },
    };

    public async Task<SharedStore> OpenAsync(bool mayOwn = true, Action<SharedStoreOptions>? configure = null)
    {
        SharedStoreOptions options = Options(mayOwn);
        configure?.Invoke(options);
        SharedStore store = await SharedStore.OpenAsync(Data, options);
        _stores.Add(store);
        return store;
    }

    /// <summary>A connection that speaks for itself.</summary>
    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath));
        return socket;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable store in Enumerable.Reverse(_stores)) await store.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }
}
