using Varve.Levels;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>Chooses the level of an ingested table. Pure.</summary>
internal static class IngestPlacement
{
    /// <summary>
    /// The deepest level such that neither it nor one above it has a table that overlaps, and no running job writes to it around the
    /// table: all entries there are newer than those of the same key below. Level 0 is always right.
    /// </summary>
    public static int LevelFor(TableInfo table, LevelMap map, IReadOnlyList<CompactionPick> running)
    {
        KeyRange range = KeyRange.Of(table);
        foreach (Table newer in map.Tables(0))
        {
            if (range.Overlaps(newer.Info)) return 0;
        }

        int level = 0;
        while (level < LevelMap.BottomLevel && map.Overlapping(level + 1, range).IsEmpty) level++;

        // Outputs of a job stand where its inputs were, and between them: a table that came in there meanwhile would lie in their way.
        while (level > 0 && IsWrittenAround(level, range, running)) level--;
        return level;
    }

    private static bool IsWrittenAround(int level, KeyRange range, IReadOnlyList<CompactionPick> running)
    {
        foreach (CompactionPick job in running)
        {
            if (job.OutputLevel == level && job.Range.Overlaps(range)) return true;
        }

        return false;
    }
}
