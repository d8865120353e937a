using Varve.Compaction;
using Varve.Files;
using Varve.Native;
using Varve.Recovery;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Tests.Api;

/// <summary>Sizes to open a database with. The small ones make few entries go through every part of the engine.</summary>
internal sealed record OptionSet(string Name)
{
    public long MemtableBytes { get; init; } = 16 << 10;

    public long TableBytes { get; init; } = 8 << 10;

    public int BlockBytes { get; init; } = 512;

    public int FilterBitsPerKey { get; init; } = 10;

    public bool Compress { get; init; } = true;

    public long LogSegmentBytes { get; init; } = 16 << 10;

    public long ChangeHistoryBytes { get; init; } = 1 << 20;

    public int LevelZeroTrigger { get; init; } = 2;

    public int LevelRatio { get; init; } = 4;

    public int CompactionThreads { get; init; } = 1;

    public int OpenFilesMax { get; init; } = 16;

    public Durability Durability { get; init; } = Durability.Buffered;

    /// <summary>As small as it gets: everything is flushed and compacted all the time.</summary>
    public static OptionSet Tiny { get; } = new("tiny");

    /// <summary>From the smallest parts to the sizes of real life.</summary>
    public static IReadOnlyList<OptionSet> All { get; } =
    [
        Tiny,
        new("no filters, no compression, two threads") { FilterBitsPerKey = 0, Compress = false, CompactionThreads = 2, BlockBytes = 256 },
        new("large tables, synced") { BlockBytes = 4032, TableBytes = 64 << 10, MemtableBytes = 64 << 10, Durability = Durability.Synced },
        new("many small tables, long logs")
        {
            TableBytes = 2 << 10, MemtableBytes = 4 << 10, LogSegmentBytes = 256 << 10, LevelZeroTrigger = 4,
        },
        new("few files open") { OpenFilesMax = 1, BlockBytes = 1024, LevelRatio = 2, CompactionThreads = 2, LogSegmentBytes = 8 << 10 },
        new("as in life")
        {
            MemtableBytes = 1 << 20, TableBytes = 1 << 20, BlockBytes = 4032, LogSegmentBytes = 256 << 10,
            LevelZeroTrigger = 4, LevelRatio = 10,
        },
    ];

    public EngineSetup CreateSetup(IFileSystem files, string directory, RegionPool pool, Scheduler? scheduler = null)
    {
        var upper = new TableFormatOptions { BlockBytes = BlockBytes, FilterBitsPerKey = FilterBitsPerKey };
        return new EngineSetup
        {
            Directory = directory,
            CreateIfMissing = true,
            Files = files,
            Scheduler = scheduler ?? new SystemScheduler(TimeProvider.System),
            Random = new SeededRandom(1),
            Pool = pool,
            Memory = new MemoryPlan(MemoryPlan.BudgetBytesMin),
            Compaction = new CompactionOptions
            {
                MemtableBytes = MemtableBytes,
                TableBytes = TableBytes,
                LevelZeroTrigger = LevelZeroTrigger,
                LevelRatio = LevelRatio,
                TombstoneCountMin = 16,
                CompressesBottom = Compress,
            },
            UpperFormat = upper,
            BottomFormat = upper with { Compress = Compress },
            OpenFilesMax = OpenFilesMax,
            LogSegmentBytes = LogSegmentBytes,
            ChangeHistoryBytes = ChangeHistoryBytes,
            CompactionThreads = CompactionThreads,
        };
    }

    public Database Open(
        IFileSystem files, RegionPool pool, bool isReadOnly = false, string directory = "data", Scheduler? scheduler = null) =>
        Database.Open(
            CreateSetup(files, directory, pool, scheduler),
            new DatabaseOptions { Durability = Durability, Mode = isReadOnly ? OpenMode.ReadOnly : OpenMode.CreateOrOpen });

    public override string ToString() => Name;
}
