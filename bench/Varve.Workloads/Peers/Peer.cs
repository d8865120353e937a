using System.Runtime.InteropServices;

namespace Varve.Workloads.Peers;

/// <summary>A store that takes part: how it is called, what it needs, how it is opened.</summary>
internal sealed record Peer(string Name, string? Library, string? Package, Func<string, long, Store> Open)
{
    public static IReadOnlyList<Peer> All { get; } =
    [
        new("varve", null, null, (directory, budget) => new VarveStore(directory, budget)),
        new("rocksdb", RocksNative.Library, "librocksdb-dev", (directory, _) => new RocksStore(directory)),
        new("leveldb", LevelNative.Library, "libleveldb-dev", (directory, _) => new LevelStore(directory)),
        new("lmdb", LmdbNative.Library, "liblmdb-dev", (directory, _) => new LmdbStore(directory)),
    ];

    /// <summary>Whether the library is on this machine.</summary>
    public bool IsPresent =>
        Library is null || NativeLibrary.TryLoad(Library, typeof(Peer).Assembly, DllImportSearchPath.SafeDirectories, out _);

    /// <exception cref="ArgumentException">Nobody has that name.</exception>
    public static Peer Named(string name) =>
        All.FirstOrDefault(peer => peer.Name == name)
        ?? throw new ArgumentException($"No peer is called '{name}'; there are {string.Join(", ", All.Select(peer => peer.Name))}.");
}
