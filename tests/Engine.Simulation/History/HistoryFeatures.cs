namespace Varve.Simulation;

/// <summary>What a history may do without: a failing one is shrunk by leaving these away. What the others draw stays.</summary>
[Flags]
internal enum HistoryFeatures
{
    None = 0,

    /// <summary>Calls to the disk that fail, and disks that run full.</summary>
    Faults = 1,

    /// <summary>Flipped, misdirected and lost bytes, once the history is over.</summary>
    Damage = 2,

    /// <summary>Kills and power cuts; without them every generation ends by a close.</summary>
    Crashes = 4,

    /// <summary>A crash in the middle of an open.</summary>
    RecoveryCrashes = 8,

    /// <summary>Each generation opens with options of its own.</summary>
    Redraws = 16,

    /// <summary>Ingests.</summary>
    Ingests = 32,

    /// <summary>Checkpoints.</summary>
    Checkpoints = 64,

    /// <summary>Reads other than those of the checks.</summary>
    Reads = 128,

    /// <summary>The change feed, read between the operations.</summary>
    Feed = 256,

    /// <summary>Asking for flushes, compactions and verification.</summary>
    Upkeep = 512,

    /// <summary>Power cuts: what is not synced may be lost.</summary>
    PowerCuts = 1024,
}
