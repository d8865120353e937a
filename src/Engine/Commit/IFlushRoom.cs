using Varve.Memory;

namespace Varve.Commit;

/// <summary>What the commit queue asks of the upkeep that turns frozen memtables into tables.</summary>
internal interface IFlushRoom
{
    /// <summary>
    /// Returns once one more memtable may be frozen. Waits while flushes make progress, and compaction where the pressure is full; throws
    /// what stopped flushes when they do not, so that a write on a full disk ends with the disk's error.
    /// </summary>
    void WaitForRoom();

    /// <summary>A memtable was frozen: flush it.</summary>
    void OnFrozen();

    /// <summary>Returns once every entry up to the sequence is in tables; throws what ends a flush meanwhile.</summary>
    void WaitForFlushed(ulong sequence);

    /// <summary>
    /// Returns once it is durable what became of an ingest whose edit failed; nothing may be logged before. Free where there is none.
    /// </summary>
    /// <exception cref="StorageException">The manifest still cannot be written: nothing can be, and it may be tried again.</exception>
    void SettleIngest();

    /// <summary>An empty memtable of the usual capacity, with room for so many bytes even where that is more.</summary>
    MemTable CreateMemTable(long roomBytes);
}
