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
    public SimulatedDisk Crash(CrashMode mode, int seed = 0)
    {
        lock (_gate)
        {
            _isOff = true;
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

            return new SimulatedDisk((DirectoryNode)CopyOf(_root), seed, _scheduler)
            {
                CapacityBytes = CapacityBytes,
                DirectWriteAlignment = DirectWriteAlignment,
            };
        }
    }
}
