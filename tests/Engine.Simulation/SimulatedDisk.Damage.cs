namespace Varve.Simulation;

/// <summary>
/// Direct access for set-up and damage: durable at once, neither counted nor failed. Damage to a file makes its other unsynced
/// changes durable too.
/// </summary>
internal sealed partial class SimulatedDisk
{
    /// <summary>The full paths of all files, in ordinal order within each directory.</summary>
    public IReadOnlyList<string> ListAllFiles()
    {
        var paths = new List<string>();
        lock (_gate) List(_root, "", paths);
        return paths;
    }

    public byte[] ReadAll(string path)
    {
        lock (_gate) return FindFile(path).Cached.ToArray();
    }

    /// <summary>A file's length; 0 where there is none.</summary>
    public long LengthOf(string path)
    {
        lock (_gate) return Find(path) is FileNode file ? file.Cached.Length : 0;
    }

    /// <summary>Replaces a file's content, or creates it in an existing directory.</summary>
    public void WriteAll(string path, ReadOnlySpan<byte> content)
    {
        lock (_gate)
        {
            (DirectoryNode parent, string name) = FindParent("open", path);
            if (!parent.Names.TryGetValue(name, out Node? node))
            {
                node = new FileNode();
                parent.ChangeDurably(NameChange.Put(name, node));
            }

            ((FileNode)node).Replace(content);
        }
    }

    /// <summary>Takes a name away, durably.</summary>
    public void Remove(string path)
    {
        lock (_gate)
        {
            (DirectoryNode parent, string name) = FindParent("unlink", path);
            parent.ChangeDurably(NameChange.Remove(name, FindFile(path)));
        }
    }

    /// <summary>True while a power cut could take something of the file's content.</summary>
    public bool HasUnsyncedContent(string path)
    {
        lock (_gate) return FindFile(path).HasUnsynced;
    }

    /// <summary>Flips one bit of a file; bit 0 is the lowest of the first byte.</summary>
    public void FlipBit(string path, long bit)
    {
        byte[] content = ReadAll(path);
        content[bit / 8] ^= (byte)(1 << (int)(bit % 8));
        WriteAll(path, content);
    }

    /// <summary>Cuts a file off.</summary>
    public void Cut(string path, int length) => WriteAll(path, ReadAll(path).AsSpan(0, length));

    public void Zero(string path, int offset, int count)
    {
        byte[] content = ReadAll(path);
        content.AsSpan(offset, count).Clear();
        WriteAll(path, content);
    }

    /// <summary>Puts bytes of one file into another, or into another place of the same: a misplaced or foreign page.</summary>
    public void CopyRange(string from, int fromOffset, string to, int toOffset, int count)
    {
        byte[] bytes = ReadAll(from).AsSpan(fromOffset, count).ToArray();
        byte[] content = ReadAll(to);
        bytes.CopyTo(content.AsSpan(toOffset, count));
        WriteAll(to, content);
    }

    /// <summary>Exchanges two ranges of a file that do not overlap.</summary>
    public void SwapRanges(string path, int first, int second, int count)
    {
        byte[] content = ReadAll(path);
        byte[] kept = content.AsSpan(first, count).ToArray();
        content.AsSpan(second, count).CopyTo(content.AsSpan(first, count));
        kept.CopyTo(content.AsSpan(second, count));
        WriteAll(path, content);
    }

    private FileNode FindFile(string path) => Find(path) as FileNode ?? throw Error("open", path, Errors.NoEntry);

    private static void List(DirectoryNode directory, string prefix, List<string> paths)
    {
        foreach ((string name, Node node) in directory.Names)
        {
            if (node is DirectoryNode inner) List(inner, prefix + name + "/", paths);
            else paths.Add(prefix + name);
        }
    }
}
