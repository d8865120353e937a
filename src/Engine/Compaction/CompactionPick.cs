using Varve.Levels;
using Varve.Tables;

namespace Varve.Compaction;

internal enum CompactionReason
{
    /// <summary>Level 0 has too many tables.</summary>
    LevelZero,

    /// <summary>A level is over its target.</summary>
    Size,

    /// <summary>A table holds mostly tombstones, which scans have to skip.</summary>
    Tombstones,

    /// <summary>Range tombstones above delete all of the tables: they go without being read.</summary>
    Covered,

    /// <summary>Most entries of a table have expired.</summary>
    Expired,

    /// <summary>Nothing is written: tables of level 0 go where a read has fewer places to ask.</summary>
    Calm,

    /// <summary>A raw table was moved to the bottom, where tables are compressed.</summary>
    RewriteRaw,

    /// <summary>The user asked for it.</summary>
    Requested,
}

/// <summary>One compaction to run: which tables are merged into which level. Immutable; whoever runs it holds the level map.</summary>
internal sealed class CompactionPick
{
    public required CompactionReason Reason { get; init; }

    public required int InputLevel { get; init; }

    /// <summary>The tables of the input level, in that level's order.</summary>
    public required IReadOnlyList<Table> Inputs { get; init; }

    /// <summary>The input level itself when a table is rewritten where it is.</summary>
    public required int OutputLevel { get; init; }

    /// <summary>The tables of the output level that the inputs overlap: merged with them.</summary>
    public required IReadOnlyList<Table> Overlapped { get; init; }

    /// <summary>The tables one level deeper than the output that it will overlap: where it may be cut.</summary>
    public required IReadOnlyList<Table> Grandparents { get; init; }

    /// <summary>The table needs no rewriting: an edit puts it on the output level.</summary>
    public required bool IsTrivialMove { get; init; }

    /// <summary>From the smallest to the largest key of all inputs.</summary>
    public required KeyRange Range { get; init; }

    /// <summary>Bytes to read, and at most about to write.</summary>
    public required long InputBytes { get; init; }

    /// <summary>An edit takes the tables away; nothing is read or written.</summary>
    public bool IsDrop { get; init; }

    public bool IsBottom => OutputLevel == LevelMap.BottomLevel;

    /// <summary>The edit that replaces the inputs by the outputs, or moves them when no rewriting is needed.</summary>
    /// <param name="outputs">What the job wrote; empty for a move.</param>
    public LevelEdit CreateEdit(IReadOnlyList<TableInfo> outputs)
    {
        var edit = new LevelEdit();
        foreach (Table table in Inputs) edit.Remove(InputLevel, table.Info.Number);
        foreach (Table table in Overlapped) edit.Remove(OutputLevel, table.Info.Number);
        foreach (TableInfo output in outputs) edit.Add(OutputLevel, output);
        if (!IsTrivialMove) return edit;
        foreach (Table table in Inputs) edit.Add(OutputLevel, table.Info);
        return edit;
    }
}
