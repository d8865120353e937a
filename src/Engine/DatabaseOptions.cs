namespace Varve;

/// <summary>How a database is opened. Ten options; every default is meant to be kept.</summary>
/// <remarks>Read once by <see cref="Database.Open(string, DatabaseOptions?)"/>; changes afterwards have no effect.</remarks>
public sealed class DatabaseOptions
{
    /// <summary>Least <see cref="MemoryBudgetBytes"/>: 8 MiB.</summary>
    public const long MemoryBudgetBytesMin = 8L << 20;

    /// <summary>
    /// Bytes that memtables, cached blocks, indexes, filters, cursors and buffers may take together. 8 MiB to 1 TiB; default: the
    /// smaller of 512 MiB and a quarter of the memory the process may use.
    /// </summary>
    /// <remarks>
    /// Split by fixed fractions: memtables 40 %, cache 45 %, compaction and file buffers 10 %, cursors 5 %. A value may have an eighth of
    /// it (64 MiB at most), a batch a quarter. A quarter of memory follows WiredTiger's habit of one budget for all; RocksDB has
    /// no such bound by default.
    /// </remarks>
    public long MemoryBudgetBytes { get; set; } = EngineDefaults.MemoryBudgetBytes;

    /// <summary>
    /// When a write is acknowledged, unless the write says otherwise. Default <see cref="Durability.Synced"/>, as SQLite and LMDB
    /// do.
    /// </summary>
    public Durability Durability { get; set; } = Durability.Synced;

    /// <summary>
    /// Whether a database may be created, and whether it may be written. Default <see cref="OpenMode.CreateOrOpen"/>, as SQLite;
    /// RocksDB's default creates none.
    /// </summary>
    public OpenMode Mode { get; set; } = OpenMode.CreateOrOpen;

    /// <summary>
    /// How the bottom level, which holds most of the data, is stored. Default <see cref="TableCompression.Lz4"/>, as RocksDB and
    /// Pebble tune it.
    /// </summary>
    public TableCompression Compression { get; set; } = TableCompression.Lz4;

    /// <summary>
    /// Bytes of entries in a raw block of a table, 1,024 to 4,032; default 4,032: a 4 KiB cache frame. RocksDB and LevelDB: 4 KiB. Less
    /// reads less for a get, and takes more memory for indexes. A compressed block fills a page whatever this says.
    /// </summary>
    public int BlockBytes { get; set; } = EngineDefaults.BlockBytesMax;

    /// <summary>
    /// Filter bits a key, 0 (no filters) to 20; default 10: one absent key in a hundred is looked for in vain. As RocksDB's and
    /// LevelDB's guides say.
    /// </summary>
    public int FilterBitsPerKey { get; set; } = 10;

    /// <summary>Table files held open at a time, 16 to 65,536; default 512. LevelDB: 1,000 for all files.</summary>
    public int OpenFilesMax { get; set; } = 512;

    /// <summary>
    /// Bytes of the log that are kept for change feeds after the log itself needs them no more, also across opens: how far a feed may fall
    /// behind. 0 (nothing beyond what the log needs) to 1 TiB; default 64 MiB. Given up, oldest first, before a full disk refuses a
    /// write.
    /// </summary>
    /// <remarks>A reader that needs more gets <see cref="ChangeHistoryLostException"/>. See docs/change-feed.md.</remarks>
    public long ChangeHistoryBytes { get; set; } = 64L << 20;

    /// <summary>The clock, by which entries expire, and of waits; default <see cref="TimeProvider.System"/>.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>
    /// Told what happens: opened, flushed, compacted, damage found, writing stopped, and so on. Default null: nobody is, and it costs
    /// nothing.
    /// </summary>
    /// <remarks>
    /// Called on one thread of the database's own, one event at a time, in order. It may read, write and close the database. A slow handler
    /// holds up only itself and the close, which waits until it has seen everything; what comes while 1,024 events wait is forgotten and
    /// counted, except damage, the stop of writing and the close. What it throws is counted and otherwise ignored.
    /// </remarks>
    public Action<DatabaseEvent>? OnEvent { get; set; }

    internal DatabaseOptions Clone() => (DatabaseOptions)MemberwiseClone();

    internal void Validate()
    {
        CheckRange(nameof(MemoryBudgetBytes), MemoryBudgetBytes, MemoryBudgetBytesMin, 1L << 40);
        CheckRange(nameof(BlockBytes), BlockBytes, 1 << 10, EngineDefaults.BlockBytesMax);
        CheckRange(nameof(FilterBitsPerKey), FilterBitsPerKey, 0, 20);
        CheckRange(nameof(ChangeHistoryBytes), ChangeHistoryBytes, 0, 1L << 40);
        CheckRange(nameof(OpenFilesMax), OpenFilesMax, 16, 1 << 16);
        if (!Enum.IsDefined(Durability)) throw new ArgumentOutOfRangeException(nameof(Durability), Durability, "No such durability level.");
        if (!Enum.IsDefined(Mode)) throw new ArgumentOutOfRangeException(nameof(Mode), Mode, "No such mode.");
        if (!Enum.IsDefined(Compression)) throw new ArgumentOutOfRangeException(nameof(Compression), Compression, "No such compression.");
        ArgumentNullException.ThrowIfNull(TimeProvider);
    }

    private static void CheckRange(string option, long value, long min, long max)
    {
        if (value < min || value > max)
        {
            throw new ArgumentOutOfRangeException(
                option, value, $"DatabaseOptions.{option} is {value:N0}; it may be {min:N0} to {max:N0}.");
        }
    }
}

/// <summary>What opening may do.</summary>
public enum OpenMode
{
    /// <summary>Creates the directory and an empty database where there is none.</summary>
    CreateOrOpen = 0,

    /// <summary>Opens for reading and writing what exists.</summary>
    OpenExisting = 1,

    /// <summary>
    /// Opens what exists for reading: creates and writes nothing, works on read-only media, beside other readers, not beside a writer.
    /// </summary>
    ReadOnly = 2,
}

/// <summary>How table blocks are stored.</summary>
public enum TableCompression
{
    /// <summary>As they are: the fastest, and the largest.</summary>
    None = 0,

    /// <summary>The bottom level by LZ4; levels above it, which are rewritten soon, as they are.</summary>
    Lz4 = 1,
}
