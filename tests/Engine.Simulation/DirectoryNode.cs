namespace Varve.Simulation;

/// <summary>A directory: the names that the disk holds for certain, those that lookups see, and the changes between in order.</summary>
internal sealed class DirectoryNode : Node
{
    private readonly List<NameChange> _unsynced = [];

    public SortedDictionary<string, Node> Names { get; } = new(StringComparer.Ordinal);

    public bool HasUnsynced => _unsynced.Count > 0;

    private SortedDictionary<string, Node> DurableNames { get; } = new(StringComparer.Ordinal);

    public void Change(NameChange change)
    {
        change.ApplyTo(Names);
        _unsynced.Add(change);
    }

    /// <summary>For damage tests and set-up: a change that is durable at once.</summary>
    public void ChangeDurably(NameChange change)
    {
        Sync();
        change.ApplyTo(Names);
        change.ApplyTo(DurableNames);
    }

    public void Sync()
    {
        foreach (NameChange change in _unsynced) change.ApplyTo(DurableNames);
        _unsynced.Clear();
    }

    public DirectoryNode AfterPowerCut(CrashDice? dice, Func<Node, Node> copyOf)
    {
        var surviving = new SortedDictionary<string, Node>(DurableNames, StringComparer.Ordinal);
        foreach (NameChange change in _unsynced)
        {
            if (dice is not null && dice.Survives()) change.ApplyTo(surviving);
        }

        var node = new DirectoryNode();
        foreach ((string name, Node target) in surviving) node.ChangeDurably(NameChange.Put(name, copyOf(target)));
        return node;
    }

    public DirectoryNode AfterProcessDeath(Func<Node, Node> copyOf)
    {
        var node = new DirectoryNode();
        foreach ((string name, Node target) in Names) node.Names[name] = copyOf(target);
        foreach ((string name, Node target) in DurableNames) node.DurableNames[name] = copyOf(target);
        foreach (NameChange change in _unsynced) node._unsynced.Add(change with { Target = copyOf(change.Target) });
        return node;
    }
}

internal enum NameChangeKind
{
    Put,
    Remove,
    Rename,
}

/// <summary>
/// One change of a directory's names. Applied to names from which an earlier change is missing it does what a disk that lost
/// that change would show: a rename that survives gives its target the new file, one that is lost leaves both names alone.
/// </summary>
internal readonly record struct NameChange(NameChangeKind Kind, string Name, string From, Node Target)
{
    public static NameChange Put(string name, Node target) => new(NameChangeKind.Put, name, "", target);

    public static NameChange Remove(string name, Node target) => new(NameChangeKind.Remove, name, "", target);

    public static NameChange Rename(string from, string to, Node target) => new(NameChangeKind.Rename, to, from, target);

    public void ApplyTo(SortedDictionary<string, Node> names)
    {
        switch (Kind)
        {
            case NameChangeKind.Put:
                names[Name] = Target;
                break;
            case NameChangeKind.Remove:
                RemoveTarget(names, Name);
                break;
            case NameChangeKind.Rename:
                names[Name] = Target;
                RemoveTarget(names, From);
                break;
            default:
                throw new InvalidOperationException($"A directory has no change {Kind}.");
        }
    }

    // A name that stands for another file by now (the change that put this one there was lost) is not this change's to remove.
    private void RemoveTarget(SortedDictionary<string, Node> names, string name)
    {
        if (names.TryGetValue(name, out Node? found) && ReferenceEquals(found, Target)) names.Remove(name);
    }
}
