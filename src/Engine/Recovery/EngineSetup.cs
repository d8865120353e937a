using Varve.Compaction;
using Varve.Files;
using Varve.Native;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Recovery;

/// <summary>Everything an open needs to know: the seams and the sizes. Made from the public options, or by a test.</summary>
internal sealed record EngineSetup
{
    /// <summary>Full path.</summary>
    public required string Directory { get; init; }

    public required bool CreateIfMissing { get; init; }

    public required IFileSystem Files { get; init; }

    public required Scheduler Scheduler { get; init; }

    public required RandomSource Random { get; init; }

    public required RegionPool Pool { get; init; }

    public required MemoryPlan Memory { get; init; }

    public required CompactionOptions Compaction { get; init; }

    public required TableFormatOptions UpperFormat { get; init; }

    public required TableFormatOptions BottomFormat { get; init; }

    public required int OpenFilesMax { get; init; }

    public required long LogSegmentBytes { get; init; }

    /// <summary>Bytes of retired log kept for change feeds.</summary>
    public long ChangeHistoryBytes { get; init; }

    public required int CompactionThreads { get; init; }

    /// <summary>From so many bytes of tables on they are written past the page cache; 0: always.</summary>
    public long DirectWritesFromBytes { get; init; }

    /// <summary>Whether a thread of its own fills a cache that has room with the neighbours of what is read.</summary>
    public bool ReadsNeighbours { get; init; }

    /// <summary>Told what happens, on a thread of its own; null: nobody is.</summary>
    public Action<DatabaseEvent>? OnEvent { get; init; }
}
