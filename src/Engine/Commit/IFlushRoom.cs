using Varve.Memory;

namespace Varve.Commit;

/// <summary>What the commit queue asks of the upkeep that turns frozen memtables into tables.</summary>
internal interface IFlushRoom
{
    /// <summary>
    /// Returns once one more memtable may be frozen. Waits while flushes make progress; throws what stopped them when they do not, so
    /// that a write on a full disk ends with the disk's error.
    /// </summary>
    void WaitForRoom();

    /// <summary>A memtable was frozen: flush it.</summary>
    void OnFrozen();

    /// <summary>An empty memtable of the usual capacity, or the given one where that is larger.</summary>
    MemTable CreateMemTable(long capacityBytes);
}
