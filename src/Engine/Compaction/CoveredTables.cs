using Varve.Entries;
using Varve.Levels;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>
/// Finds tables of which nothing can be read any more, since range tombstones above them, which everybody sees, delete all their keys.
/// Such a table needs no reading to be got rid of. Pure; looks only at tombstones that have been loaded.
/// </summary>
/// <remarks>
/// What the table's own tombstones hide deeper down the ones above hide as well, and those stay as long as anything lies below them.
/// </remarks>
internal static class CoveredTables
{
    /// <summary>The next drop: tables of one level that no running job has; null when there is none.</summary>
    public static CompactionPick? Find(LevelMap map, CompactionAssembly assembly, ulong oldestSnapshot)
    {
        if (map.RangeTombstoneCount == 0) return null;
        for (int level = 0; level < LevelMap.LevelCount; level++)
        {
            var covered = new List<Table>();
            foreach (Table table in map.Tables(level))
            {
                if (!assembly.IsBusy(table) && IsCovered(map, level, table, oldestSnapshot)) covered.Add(table);
            }

            if (assembly.TryDrop(level, covered) is { } pick) return pick;
        }

        return null;
    }

    private static bool IsCovered(LevelMap map, int level, Table table, ulong oldestSnapshot)
    {
        if (table.Info.LargestSequence >= oldestSnapshot) return false;
        foreach (Table above in map.Tables(0))
        {
            // Level 0 is ordered by age: what follows is older.
            if (ReferenceEquals(above, table)) return false;
            if (above.Info.RangeTombstoneCount > 0 && Covers([above], table.Info, oldestSnapshot)) return true;
        }

        for (int above = 1; above < level; above++)
        {
            if (map.HasRanges(above) && Covers(map.Overlapping(above, KeyRange.Of(table.Info)), table.Info, oldestSnapshot)) return true;
        }

        return false;
    }

    /// <summary>True when the tombstones of the tables, which are in order, leave no gap within the bounds.</summary>
    private static bool Covers(ReadOnlySpan<Table> above, TableInfo info, ulong oldestSnapshot)
    {
        byte[] coveredUpTo = info.SmallestKey;
        foreach (Table table in above)
        {
            if (table.LoadedRanges is not { } ranges) return false;
            for (int i = ranges.FirstEndingBehind(coveredUpTo); i < ranges.Fragments.Length; i++)
            {
                RangeFragment fragment = ranges.Fragments[i];
                if (fragment.Start.AsSpan().SequenceCompareTo(coveredUpTo) > 0) return false;
                if (fragment.NewestAt(oldestSnapshot) <= info.LargestSequence) return false;
                coveredUpTo = fragment.End;
                if (info.EndsBefore(coveredUpTo)) return true;
                if (info.IsLargestExclusive && info.LargestKey.AsSpan().SequenceEqual(coveredUpTo)) return true;
            }
        }

        return false;
    }
}
