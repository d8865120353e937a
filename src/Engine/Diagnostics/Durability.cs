namespace Varve;

/// <summary>
/// When a write is acknowledged, and so what it survives. All levels share one log and one order: whatever survives is a prefix
/// of it.
/// </summary>
public enum Durability
{
    /// <summary>Acknowledged when the log is synced to the device (several writers share a sync). Survives a power cut.</summary>
    Synced = 0,

    /// <summary>Acknowledged when the record has left the process. Survives the death of the process, not a power cut.</summary>
    Buffered = 1,

    /// <summary>Acknowledged when the record is in the process's log buffer: the next drain or sync carries it, within a second.</summary>
    None = 2,
}
