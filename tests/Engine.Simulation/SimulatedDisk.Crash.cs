namespace Varve.Simulation;

/// <summary>The crash: from this disk to the one the restarted machine finds.</summary>
internal sealed partial class SimulatedDisk
{
    /// <summary>True once the power is cut: every call throws <see cref="SimulatedPowerCutException"/>.</summary>
    public bool IsOff
    {
        get
        {
            lock (_gate) return _isOff;
        }
    }

    /// <summary>
    /// Stops the machine, whether or not its power is cut already, and gives the disk as it is found after the restart: no open
    /// file, no lock, no fault plan, no call counted. This disk stays off, so that what is left of the crashed engine changes
    /// nothing; it may be crashed again with another seed, for another outcome of the same moment.
    /// </summary>
    /// <param name="mode">What becomes of the unsynced changes.</param>
    /// <param name="seed">Decides which survive a <see cref="CrashMode.Random"/> cut.</param>
    /// <param name="scheduler">Switched by the calls of the disk found; default: this disk's.</param>
    public SimulatedDisk Crash(CrashMode mode, int seed = 0, DeterministicScheduler? scheduler = null)
    {
        lock (_gate)
        {
            _isOff = true;
            return Copy(mode, seed, scheduler ?? _scheduler);
        }
    }

    /// <summary>
    /// The disk of this moment, synced and unsynced, while this one runs on: crash the copy as often as wanted. May be called by a
    /// fault plan, which runs before the effect of its call.
    /// </summary>
    public SimulatedDisk Fork()
    {
        lock (_gate) return Copy(CrashMode.KeepAll, seed: 0, scheduler: null);
    }

    /// <summary>True while a power cut could take something: then its outcome depends on the mode.</summary>
    public bool HasUnsynced
    {
        get
        {
            lock (_gate) return IsUnsynced(_root);
        }
    }

    private static bool IsUnsynced(DirectoryNode directory)
    {
        if (directory.HasUnsynced) return true;
        foreach (Node node in directory.Names.Values)
        {
            if (node is FileNode { HasUnsynced: true } || (node is DirectoryNode inner && IsUnsynced(inner))) return true;
        }

        return false;
    }

    private SimulatedDisk Copy(CrashMode mode, int seed, DeterministicScheduler? scheduler)
    {
        CrashDice? dice = mode == CrashMode.Random ? new CrashDice(seed) : null;

        // A file may have several names, and must still be one file.
        var copies = new Dictionary<Node, Node>(ReferenceEqualityComparer.Instance);
        Node CopyOf(Node node)
        {
            if (copies.TryGetValue(node, out Node? copy)) return copy;
            copy = node switch
            {
                FileNode file when mode == CrashMode.KeepAll => file.AfterProcessDeath(),
                FileNode file => file.AfterPowerCut(dice),
                DirectoryNode directory when mode == CrashMode.KeepAll => directory.AfterProcessDeath(CopyOf),
                DirectoryNode directory => directory.AfterPowerCut(dice, CopyOf),
                _ => throw new InvalidOperationException($"A disk has no {node.GetType().Name}."),
            };
            copies.Add(node, copy);
            return copy;
        }

        return new SimulatedDisk((DirectoryNode)CopyOf(_root), seed, scheduler)
        {
            CapacityBytes = CapacityBytes,
            DirectWriteAlignment = DirectWriteAlignment,
            MapsFiles = MapsFiles,
        };
    }
}
