using Varve.Commit;
using Varve.Files;
using Varve.Native;
using Varve.Reading;
using Varve.Runtime;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>The parts that upkeep works with.</summary>
internal sealed record UpkeepContext
{
    public required Scheduler Scheduler { get; init; }

    public required IFileSystem Files { get; init; }

    public required string Directory { get; init; }

    public required RegionPool Pool { get; init; }

    public required ReadViews Views { get; init; }

    public required SnapshotList Snapshots { get; init; }

    public required TableStore Tables { get; init; }

    public required LevelStore Levels { get; init; }

    public required WritePacer Pacer { get; init; }

    public required CompactionOptions Options { get; init; }

    /// <summary>Tables above the bottom level.</summary>
    public required TableFormatOptions UpperFormat { get; init; }

    public required TableFormatOptions BottomFormat { get; init; }

    /// <summary>Memtables at a time, the active one included.</summary>
    public required int MemtableCountMax { get; init; }

    public required int CompactionThreads { get; init; }

    /// <summary>Told what upkeep does.</summary>
    public EngineEvents Events { get; init; } = EngineEvents.CreateSilent();

    public OutputTables CreateOutput(TableFormatOptions format, ulong sequenceFloor = 0) =>
        new(Tables, Levels.TakeFileNumber, Files, Directory, format) { SequenceFloor = sequenceFloor };
}
