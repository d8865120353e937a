using Varve.Levels;

namespace Varve.Compaction;

/// <summary>What the planner knows besides the level map.</summary>
internal sealed record CompactionContext
{
    /// <summary>Jobs that have been started and are not yet installed in the map or given up.</summary>
    public IReadOnlyList<CompactionPick> Running { get; init; } = [];

    /// <summary>Numbers of tables that must not be touched: damaged ones. No job takes them, nor what can only move with them.</summary>
    public IReadOnlyCollection<long> Excluded { get; init; } = [];

    /// <summary>Tables that an ingest is about to install: no job may write around them to the level they come to.</summary>
    public IReadOnlyList<LeveledTable> Arriving { get; init; } = [];

    /// <summary>The oldest registered snapshot, or the published sequence when there is none.</summary>
    public required ulong OldestSnapshot { get; init; }

    /// <summary>Entries that expire before it may be reclaimed; milliseconds since 1970 UTC.</summary>
    public ulong ReclaimBound { get; init; }

    /// <summary>Nothing was written for a while: work that only pays in the long run may be done.</summary>
    public bool IsIdle { get; init; }
}
