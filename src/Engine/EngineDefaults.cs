using Varve.Compaction;
using Varve.Files;
using Varve.Native;
using Varve.Recovery;
using Varve.Runtime;
using Varve.Tables;

namespace Varve;

/// <summary>From the public options to what the engine runs with.</summary>
internal static class EngineDefaults
{
    /// <summary>A raw block that is read whole with one page.</summary>
    public const int BlockBytesMax = TableFormat.RawPayloadBytesMax;

    private const long TableBytesMax = 32L << 20;
    private const long TableBytesMin = 1L << 20;
    private const long LogSegmentBytesMax = 64L << 20;
    private const long LogSegmentBytesMin = 256L << 10;
    private const long LogSegmentGranularity = 64L << 10;
    private const int CompactionThreadsMax = 2;

    /// <summary>Tables go through the page cache up to this share of what the process may use: so much is likely to stay there.</summary>
    private const int DirectWritesShare = 4;

    /// <summary>The smaller of 512 MiB and a quarter of what the process may use.</summary>
    public static long MemoryBudgetBytes { get; } = MemoryPlan.DefaultBudgetBytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes);

    public static EngineSetup CreateSetup(string directory, DatabaseOptions options)
    {
        var memory = new MemoryPlan(options.MemoryBudgetBytes);
        var upper = new TableFormatOptions
        {
            BlockBytes = options.BlockBytes,
            Compress = false,
            FilterBitsPerKey = options.FilterBitsPerKey,
        };
        bool compresses = options.Compression == TableCompression.Lz4;
        return new EngineSetup
        {
            Directory = Path.GetFullPath(directory),
            CreateIfMissing = options.Mode == OpenMode.CreateOrOpen,
            Files = LocalFileSystem.Instance,
            Scheduler = new SystemScheduler(options.TimeProvider),
            Random = RandomSource.System,
            Pool = RegionPool.Shared,
            Memory = memory,
            Compaction = new CompactionOptions
            {
                MemtableBytes = memory.MemtableBytes,
                TableBytes = Math.Clamp(memory.MemtableBytes, TableBytesMin, TableBytesMax),
                CompressesBottom = compresses,
                MemoryBytes = memory.CompactionBytes,
            },
            UpperFormat = upper,
            BottomFormat = upper with { Compress = compresses },
            OpenFilesMax = options.OpenFilesMax,
            LogSegmentBytes = LogSegmentBytes(memory.MemtableBytes),
            ChangeHistoryBytes = options.ChangeHistoryBytes,
            CompactionThreads = Math.Min(CompactionThreadsMax, Environment.ProcessorCount),
            DirectWritesFromBytes = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / DirectWritesShare,
            ReadsNeighbours = Environment.ProcessorCount > 1,
            OnEvent = options.OnEvent,
        };
    }

    /// <summary>A quarter of a memtable, so that little of the log is kept for the entries of the memtable that is being filled.</summary>
    private static long LogSegmentBytes(long memtableBytes)
    {
        long bytes = Math.Clamp(memtableBytes / 4, LogSegmentBytesMin, LogSegmentBytesMax);
        return bytes / LogSegmentGranularity * LogSegmentGranularity;
    }
}
