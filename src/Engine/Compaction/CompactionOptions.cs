namespace Varve.Compaction;

/// <summary>What the planner steers by. All sizes are of files.</summary>
internal sealed record CompactionOptions
{
    public required long MemtableBytes { get; init; }

    /// <summary>Tables of level 0 from which they are compacted. Default 4, as in RocksDB and LevelDB.</summary>
    public int LevelZeroTrigger { get; init; } = 4;

    /// <summary>A level's target over that of the level above it. Default 10, as in RocksDB and LevelDB.</summary>
    public int LevelRatio { get; init; } = 10;

    /// <summary>Where the output of a compaction is cut. Default 32 MiB; a small budget wants less.</summary>
    public long TableBytes { get; init; } = 32L << 20;

    /// <summary>Tombstones from which a table that consists mostly of them is compacted for their sake.</summary>
    public long TombstoneCountMin { get; init; } = 1_024;

    /// <summary>Whether the bottom level is written compressed, so that a raw table there is worth a rewrite.</summary>
    public bool CompressesBottom { get; init; } = true;

    /// <summary>
    /// The smallest target of a level. Half of what level 0 holds when it is compacted: a level that is smaller than that is rewritten
    /// whole by each such compaction, and costs more than it saves the level below it.
    /// </summary>
    public long BaseBytesMin => Math.Max(MemtableBytes, MemtableBytes * LevelZeroTrigger / 2);

    /// <summary>Bytes of the level below its own that an output or a moved table may overlap: what its next compaction will cost.</summary>
    public long GrandparentBytesMax => TableBytes * LevelRatio;

    /// <summary>Memory for buffers of all jobs that run. Default: no bound.</summary>
    public long MemoryBytes { get; init; } = long.MaxValue;

    /// <summary>Bytes to read below which no part of a compaction is worth a thread and a table of its own.</summary>
    public long PartBytesMin => Math.Max(1, TableBytes / 2);

    /// <summary>Bytes of keys and values of a memtable that may become one table of the bottom level.</summary>
    public long FlushedBytesMax => TableBytes * 2;

    /// <summary>Bytes of the input level at which a requested compaction of a long range is cut into several jobs.</summary>
    public long RequestedBytesMax => TableBytes * 4;

    /// <summary>What the buffers of one part of a compaction take that reads so many runs: windows and blocks, and an output.</summary>
    public static long PartMemoryBytes(int sources) => (2L << 20) + (sources * (704L << 10));
}
