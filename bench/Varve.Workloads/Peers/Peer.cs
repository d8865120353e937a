using System.Runtime.InteropServices;

namespace Varve.Workloads.Peers;

/// <summary>A store that takes part.</summary>
/// <param name="Name">How it is called.</param>
/// <param name="Library">The native library it needs.</param>
/// <param name="Package">The package of Debian and Ubuntu that holds it.</param>
/// <param name="Open">Opens or creates it.</param>
internal sealed record Peer(string Name, string? Library, string? Package, Func<StoreOptions, Store> Open)
{
    public static IReadOnlyList<Peer> All { get; } =
    [
        new("varve", null, null, options => new VarveStore(options)),
        new("rocksdb", RocksNative.Library, "librocksdb-dev", options => new RocksStore(options)),
        new("leveldb", LevelNative.Library, "libleveldb-dev", options => new LevelStore(options)) { Without = ["deleteranges"] },
        new("lmdb", LmdbNative.Library, "liblmdb-dev", options => new LmdbStore(options)) { Without = ["deleteranges"] },
        new("sqlite", SqliteNative.Library, "libsqlite3-dev", options => new SqliteStore(options)),
        new("device", null, null, options => new DeviceStore(options)) { OnlyFor = ["fillsync"] },
    ];

    /// <summary>Workloads that it has no means for.</summary>
    public string[] Without { get; private init; } = [];

    /// <summary>The only workloads that it is there for; all when empty.</summary>
    public string[] OnlyFor { get; private init; } = [];

    /// <summary>Whether the library is on this machine.</summary>
    public bool IsPresent =>
        Library is null || NativeLibrary.TryLoad(Library, typeof(Peer).Assembly, DllImportSearchPath.SafeDirectories, out _);

    public bool Supports(WorkloadKind workload) =>
        OnlyFor.Length == 0 ? !Without.Contains(workload.Name) : OnlyFor.Contains(workload.Name);

    /// <exception cref="ArgumentException">Nobody has that name.</exception>
    public static Peer Named(string name) =>
        All.FirstOrDefault(peer => peer.Name == name)
        ?? throw new ArgumentException($"No peer is called '{name}'; there are {string.Join(", ", All.Select(peer => peer.Name))}.");
}
