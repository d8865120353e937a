namespace Varve;

/// <summary>Figures of a database at one moment; counters begin at the open.</summary>
public sealed record DatabaseStatistics
{
    /// <summary>The database's random 128-bit identity, 32 hexadecimal digits.</summary>
    public required string DatabaseId { get; init; }

    /// <summary>The sequence of the last write that reads see.</summary>
    public required ulong LatestSequence { get; init; }

    /// <summary>Everything up to it survives a power cut.</summary>
    public required ulong DurableSequence { get; init; }

    /// <summary>Maps that have been written to.</summary>
    public required int MapCount { get; init; }

    /// <summary>Levels 0 to 6, empty ones included.</summary>
    public required IReadOnlyList<LevelStatistics> Levels { get; init; }

    /// <summary>Bytes of all table files.</summary>
    public required long TableBytes { get; init; }

    /// <summary>Bytes of log segments that hold entries not yet in tables.</summary>
    public required long LogBytes { get; init; }

    /// <summary>Bytes of the log that are kept for change feeds only, see <see cref="DatabaseOptions.ChangeHistoryBytes"/>.</summary>
    public required long ChangeHistoryBytes { get; init; }

    /// <summary>Bytes the active memtable takes.</summary>
    public required long MemtableBytes { get; init; }

    /// <summary>Memtables that wait for their flush.</summary>
    public required int FrozenMemtables { get; init; }

    /// <summary>Entries in memtables, old versions and tombstones included.</summary>
    public required long MemtableEntries { get; init; }

    /// <summary>The budget of all memory, in bytes.</summary>
    public required long MemoryBudgetBytes { get; init; }

    /// <summary>Bytes of cached blocks, indexes and filters.</summary>
    public required long CacheBytes { get; init; }

    /// <summary>Bytes the cache may take.</summary>
    public required long CacheCapacityBytes { get; init; }

    /// <summary>Blocks that reads found in the cache.</summary>
    public required long CacheHits { get; init; }

    /// <summary>Blocks that reads had to fetch from a file.</summary>
    public required long CacheMisses { get; init; }

    /// <summary>Snapshots that are open.</summary>
    public required int OpenSnapshots { get; init; }

    /// <summary>How long the oldest of them has been held.</summary>
    public required TimeSpan OldestSnapshotAge { get; init; }

    /// <summary>0 to 1, see <see cref="Database.WritePressure"/>.</summary>
    public required double WritePressure { get; init; }

    /// <summary>Batches committed; a put or delete alone is a batch of one.</summary>
    public required long CommittedBatches { get; init; }

    /// <summary>Operations in those batches.</summary>
    public required long CommittedOperations { get; init; }

    /// <summary>Groups of batches that were logged together.</summary>
    public required long CommitGroups { get; init; }

    /// <summary>Times that writes stood still until upkeep had caught up.</summary>
    public required long WriteStalls { get; init; }

    /// <summary>How long they stood still, all together.</summary>
    public required TimeSpan WriteStallTime { get; init; }

    /// <summary>Memtables flushed.</summary>
    public required long Flushes { get; init; }

    /// <summary>Bytes written by flushes.</summary>
    public required long FlushedBytes { get; init; }

    /// <summary>Compactions that rewrote tables.</summary>
    public required long Compactions { get; init; }

    /// <summary>Tables that went a level deeper without being rewritten.</summary>
    public required long TableMoves { get; init; }

    /// <summary>Tables that range deletes covered as a whole: taken away without being read.</summary>
    public required long TableDrops { get; init; }

    /// <summary>Bytes read by compactions.</summary>
    public required long CompactionReadBytes { get; init; }

    /// <summary>Bytes written by compactions.</summary>
    public required long CompactionWrittenBytes { get; init; }

    /// <summary>Flushes and compactions that failed and were or will be tried again.</summary>
    public required long UpkeepFailures { get; init; }
}

/// <summary>Figures of one level.</summary>
public sealed record LevelStatistics
{
    /// <summary>0 (newest; tables may overlap) to 6 (the bottom).</summary>
    public required int Level { get; init; }

    /// <summary>Its tables, in key order below level 0, newest first in level 0.</summary>
    public required IReadOnlyList<TableStatistics> Tables { get; init; }

    /// <summary>Bytes of their files.</summary>
    public required long Bytes { get; init; }

    /// <summary>Entries, old versions and tombstones included.</summary>
    public required long Entries { get; init; }

    /// <summary>Bytes it should hold; 0 where it has no target.</summary>
    public required long TargetBytes { get; init; }
}

/// <summary>Figures of one table file.</summary>
public sealed record TableStatistics
{
    /// <summary>The file's name in the database's directory.</summary>
    public required string FileName { get; init; }

    /// <summary>The file's length.</summary>
    public required long Bytes { get; init; }

    /// <summary>Entries, old versions and tombstones included.</summary>
    public required long Entries { get; init; }

    /// <summary>Tombstones among them.</summary>
    public required long Tombstones { get; init; }

    /// <summary>Range deletes, each counted once for every piece that others cut it into. They are no entries.</summary>
    public required long RangeTombstones { get; init; }

    /// <summary>Key and value bytes before compression.</summary>
    public required long ContentBytes { get; init; }

    /// <summary>Whether its blocks are compressed.</summary>
    public required bool IsCompressed { get; init; }
}

/// <summary>How far a verification is.</summary>
/// <param name="DoneBytes">Bytes read so far.</param>
/// <param name="TotalBytes">Bytes of all that is to be read.</param>
public readonly record struct VerifyProgress(long DoneBytes, long TotalBytes);

/// <summary>What a verification found.</summary>
public sealed record VerifyReport
{
    /// <summary>Tables read.</summary>
    public required int Tables { get; init; }

    /// <summary>Bytes read.</summary>
    public required long Bytes { get; init; }

    /// <summary>Entries seen in sound tables, old versions and tombstones included.</summary>
    public required long Entries { get; init; }

    /// <summary>Batches of the log that are in no table yet, or were not when they were read.</summary>
    public required long LogRecords { get; init; }

    /// <summary>Every damage, with file and offset; empty when all is well.</summary>
    public required IReadOnlyList<CorruptDataException> Damages { get; init; }

    /// <summary>True when nothing is damaged.</summary>
    public bool IsSound => Damages.Count == 0;
}
