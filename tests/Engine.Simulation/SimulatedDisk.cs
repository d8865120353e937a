using Varve.Files;

namespace Varve.Simulation;

/// <summary>
/// A disk in memory that keeps for certain only what was synced: <see cref="IFile.Sync"/> makes a file's content durable but not
/// its name, <see cref="SyncDirectory"/> makes names durable. It fails calls by a plan, runs full, loses power, and gives the disk
/// that the restarted machine finds (<see cref="Crash"/>). With a scheduler every call is a switch point.
/// </summary>
/// <remarks>
/// Paths are separated by slashes and start at the root, which exists, whether they begin with a slash or not. Safe for concurrent
/// use. <see cref="IFile.Length"/>, advice and closing are no calls: they are neither counted nor failed.
/// </remarks>
internal sealed partial class SimulatedDisk : IFileSystem
{
    private readonly Lock _gate = new();
    private readonly DeterministicScheduler? _scheduler;
    private readonly CrashDice _dice;
    private readonly DirectoryNode _root;
    private readonly HashSet<SimulatedFile> _handles = [];
    private readonly Dictionary<string, int> _locks = new(StringComparer.Ordinal);
    private bool _isOff;

    /// <summary>An empty disk. The seed decides what a failing sync leaves.</summary>
    public SimulatedDisk(int seed = 0, DeterministicScheduler? scheduler = null)
        : this(new DirectoryNode(), seed, scheduler)
    {
    }

    private SimulatedDisk(DirectoryNode root, int seed, DeterministicScheduler? scheduler)
    {
        _root = root;
        _dice = new CrashDice(seed);
        _scheduler = scheduler;
    }

    /// <summary>Asked before every call, under the disk's lock; what it returns happens to the call.</summary>
    public Func<DiskCall, Fault?>? Faults { get; set; }

    /// <summary>Runs before every call, without the disk's lock: it may wait, as a slow device does.</summary>
    public Action<DiskOperation>? BeforeCall { get; set; }

    /// <summary>Disk space in bytes, taken by whole pages of 4 KiB; a write beyond it fails with ENOSPC after what fits.</summary>
    public long CapacityBytes { get; set; } = long.MaxValue;

    /// <summary>Nothing fits from now on beyond so many bytes.</summary>
    public void FillUp(long spareBytes)
    {
        lock (_gate) CapacityBytes = UsedBytes() + spareBytes;
    }

    /// <summary>
    /// What writes to files opened past the page cache must be multiples of, in offset, length and memory; 1 for a file system
    /// that knows no such files.
    /// </summary>
    public int DirectWriteAlignment { get; init; } = 4096;

    /// <summary>Whether files can be mapped into memory.</summary>
    public bool MapsFiles { get; init; } = true;

    /// <summary>Calls made so far, failed ones included: a test that hurts every call runs over 1 to this.</summary>
    public long CallCount { get; private set; }

    /// <summary>The call the fault plan struck last; for messages, and to see whether it struck at all.</summary>
    public DiskCall? LastFault { get; private set; }

    /// <summary>Files opened and not closed; for leak tests.</summary>
    public int OpenFileCount
    {
        get
        {
            lock (_gate) return _handles.Count;
        }
    }

    /// <summary>Locks that are held; for leak tests.</summary>
    public int LockCount
    {
        get
        {
            lock (_gate) return _locks.Values.Sum(Math.Abs);
        }
    }

    public IFile Open(string path, FileOpening opening)
    {
        using CallScope call = Begin(DiskOperation.Open, path);
        (DirectoryNode parent, string name) = FindParent("open", path);
        bool creates = opening is FileOpening.CreateNew or FileOpening.CreateNewDirect;
        if (!parent.Names.TryGetValue(name, out Node? node))
        {
            if (!creates) throw Error("open", path, Errors.NoEntry);
            node = new FileNode();
            parent.Change(NameChange.Put(name, node));
        }
        else if (creates)
        {
            throw Error("open", path, Errors.Exists);
        }

        if (node is not FileNode file) throw Error("open", path, Errors.IsDirectory);
        call.ThrowIfPowerCut();
        int alignment = opening == FileOpening.CreateNewDirect ? DirectWriteAlignment : 1;
        var handle = new SimulatedFile(this, file, path, opening != FileOpening.Read, alignment);
        _handles.Add(handle);
        return handle;
    }

    public bool FileExists(string path)
    {
        using CallScope call = Begin(DiskOperation.Exists, path);
        call.ThrowIfPowerCut();
        return Find(path) is FileNode;
    }

    public bool DirectoryExists(string path)
    {
        using CallScope call = Begin(DiskOperation.Exists, path);
        call.ThrowIfPowerCut();
        return Find(path) is DirectoryNode;
    }

    public IReadOnlyList<string> ListFiles(string directory)
    {
        using CallScope call = Begin(DiskOperation.List, directory);
        call.ThrowIfPowerCut();
        var names = new List<string>();
        foreach ((string name, Node node) in FindDirectory("readdir", directory).Names)
        {
            if (node is FileNode) names.Add(name);
        }

        return names;
    }

    public void CreateDirectory(string path)
    {
        string[] parts = Split(path);
        int existing = parts.Length;
        while (existing > 0 && !Has(string.Join('/', parts, 0, existing))) existing--;

        // As on a real system: a crash may have come between the creation of the deepest directory and the sync of its name.
        if (existing > 0) SyncDirectory(string.Join('/', parts, 0, existing - 1));
        for (int depth = existing + 1; depth <= parts.Length; depth++)
        {
            MakeDirectory(string.Join('/', parts, 0, depth));
            SyncDirectory(string.Join('/', parts, 0, depth - 1));
        }
    }

    public void Delete(string path)
    {
        using CallScope call = Begin(DiskOperation.Delete, path);
        (DirectoryNode parent, string name) = FindParent("unlink", path);
        if (parent.Names.TryGetValue(name, out Node? node))
        {
            if (node is not FileNode) throw Error("unlink", path, Errors.IsDirectory);
            parent.Change(NameChange.Remove(name, node));
        }

        call.ThrowIfPowerCut();
    }

    public void Rename(string from, string to)
    {
        using CallScope call = Begin(DiskOperation.Rename, from);
        (DirectoryNode parent, string name) = FindParent("rename", from);
        (DirectoryNode targetParent, string targetName) = FindParent("rename", to);
        if (!parent.Names.TryGetValue(name, out Node? node)) throw Error("rename", from, Errors.NoEntry);
        if (parent != targetParent) throw Error("rename", from, Errors.CrossDevice);
        targetParent.Names.TryGetValue(targetName, out Node? replaced);
        if (replaced is DirectoryNode) throw Error("rename", to, Errors.IsDirectory);
        if (replaced is not null && node is DirectoryNode) throw Error("rename", to, Errors.NotDirectory);

        // Two names of one file: POSIX leaves both alone.
        if (!ReferenceEquals(replaced, node)) parent.Change(NameChange.Rename(name, targetName, node));
        call.ThrowIfPowerCut();
    }

    public void Link(string existing, string created)
    {
        using CallScope call = Begin(DiskOperation.Link, existing);
        if (Find(existing) is not FileNode node) throw Error("link", existing, Errors.NoEntry);
        (DirectoryNode parent, string name) = FindParent("link", created);
        if (parent.Names.ContainsKey(name)) throw Error("link", created, Errors.Exists);
        parent.Change(NameChange.Put(name, node));
        call.ThrowIfPowerCut();
    }

    public void SyncDirectory(string path)
    {
        using CallScope call = Begin(DiskOperation.SyncDirectory, path);
        call.ThrowIfPowerCut();
        FindDirectory("fsync", path).Sync();
    }

    public long GetAvailableBytes(string directory)
    {
        using CallScope call = Begin(DiskOperation.GetAvailableBytes, directory);
        call.ThrowIfPowerCut();
        FindDirectory("statvfs", directory);
        return AvailableBytes();
    }

    private bool Has(string directory)
    {
        lock (_gate)
        {
            ThrowIfOff();
            Node? found = Find(directory);
            return found is null or DirectoryNode ? found is not null : throw Error("mkdir", directory, Errors.NotDirectory);
        }
    }

    private void MakeDirectory(string path)
    {
        using CallScope call = Begin(DiskOperation.CreateDirectory, path);
        (DirectoryNode parent, string name) = FindParent("mkdir", path);
        if (!parent.Names.ContainsKey(name)) parent.Change(NameChange.Put(name, new DirectoryNode()));
        call.ThrowIfPowerCut();
    }

    private static string[] Split(string path) =>
        path.Split(['/', '\\'], StringSplitOptions.RemoveEmptyEntries);

    private Node? Find(string path)
    {
        Node? node = _root;
        foreach (string part in Split(path))
        {
            if (node is not DirectoryNode directory || !directory.Names.TryGetValue(part, out node)) return null;
        }

        return node;
    }

    private DirectoryNode FindDirectory(string operation, string path) => Find(path) switch
    {
        DirectoryNode directory => directory,
        null => throw Error(operation, path, Errors.NoEntry),
        _ => throw Error(operation, path, Errors.NotDirectory),
    };

    private (DirectoryNode Parent, string Name) FindParent(string operation, string path)
    {
        string[] parts = Split(path);
        if (parts.Length == 0) throw Error(operation, path, Errors.IsDirectory);
        string parent = string.Join('/', parts, 0, parts.Length - 1);
        return (Find(parent) as DirectoryNode ?? throw Error(operation, path, Errors.NoEntry), parts[^1]);
    }

    private static StorageException Error(string operation, string path, int errorCode) =>
        new(operation, path, errorCode, Errors.Describe(errorCode));
}
