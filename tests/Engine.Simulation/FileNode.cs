namespace Varve.Simulation;

/// <summary>What a name in a simulated directory stands for: a file or a directory. Guarded by the disk's lock.</summary>
internal abstract class Node;

/// <summary>
/// A file: what the disk holds for certain, what reads see (the page cache), and the changes between the two in order.
/// </summary>
internal sealed class FileNode : Node
{
    private readonly List<DataChange> _unsynced = [];

    public FileNode()
        : this(new SparseBytes(), new SparseBytes())
    {
    }

    private FileNode(SparseBytes durable, SparseBytes cached)
    {
        Durable = durable;
        Cached = cached;
    }

    public SparseBytes Cached { get; private set; }

    public SparseBytes Durable { get; private set; }

    public bool HasUnsynced => _unsynced.Count > 0;

    public void Change(DataChange change)
    {
        change.ApplyTo(Cached);
        _unsynced.Add(change);
    }

    public void Sync()
    {
        foreach (DataChange change in _unsynced) change.ApplyTo(Durable);
        _unsynced.Clear();
    }

    /// <summary>
    /// A sync that failed: part of the changes may have reached the disk. What becomes of the rest is the system's choice,
    /// see <see cref="FailedSync"/>.
    /// </summary>
    public void FailSync(FailedSync outcome, CrashDice dice)
    {
        if (outcome == FailedSync.LeavesDirty) return;
        foreach (DataChange change in _unsynced) dice.ApplySurvivors(change, Durable);
        _unsynced.Clear();
        long length = Cached.Length;
        if (outcome == FailedSync.DropsUnsynced) Cached = Durable.Copy();

        // The length lives in the inode, not in the dropped pages: it stays, and the next sync carries it.
        Cached.SetLength(length);
        if (Durable.Length != length) _unsynced.Add(DataChange.SetLength(length));
    }

    /// <summary>For damage tests: the content becomes this, durably.</summary>
    public void Replace(ReadOnlySpan<byte> content)
    {
        _unsynced.Clear();
        Cached = new SparseBytes();
        Cached.Write(content, 0);
        Durable = Cached.Copy();
    }

    /// <summary>The file as it is found after the machine went down: only what was synced, and what the dice let survive.</summary>
    public FileNode AfterPowerCut(CrashDice? dice)
    {
        SparseBytes image = Durable.Copy();
        if (dice is not null)
        {
            foreach (DataChange change in _unsynced) dice.ApplySurvivors(change, image);
        }

        return new FileNode(image, image.Copy());
    }

    /// <summary>The file as it is found after only the process died: the page cache lives on, and so does what it has not synced.</summary>
    public FileNode AfterProcessDeath()
    {
        var node = new FileNode(Durable.Copy(), Cached.Copy());
        node._unsynced.AddRange(_unsynced);
        return node;
    }
}

internal enum DataChangeKind
{
    Write,
    SetLength,
    Allocate,
}

/// <summary>One change of a file's content. <paramref name="Position"/> is a write's offset, else the length set.</summary>
internal readonly record struct DataChange(DataChangeKind Kind, long Position, byte[] Bytes)
{
    public static DataChange Write(ReadOnlySpan<byte> source, long offset) => new(DataChangeKind.Write, offset, source.ToArray());

    public static DataChange SetLength(long bytes) => new(DataChangeKind.SetLength, bytes, []);

    public static DataChange Allocate(long bytes) => new(DataChangeKind.Allocate, bytes, []);

    public void ApplyTo(SparseBytes image)
    {
        switch (Kind)
        {
            case DataChangeKind.Write:
                image.Write(Bytes, Position);
                break;
            case DataChangeKind.SetLength:
                image.SetLength(Position);
                break;
            case DataChangeKind.Allocate:
                image.Allocate(Position);
                break;
            default:
                throw new InvalidOperationException($"A file has no change {Kind}.");
        }
    }
}
