using Varve.Tables;

namespace Varve.Levels;

/// <summary>The order of the tables on a level, and which pairs must not stand on one. Level maps and the manifest share it.</summary>
internal static class LevelOrder
{
    /// <summary>Level 0: newest first. Deeper levels: by key.</summary>
    private static int Compare(int level, TableInfo a, TableInfo b)
    {
        if (level > 0) return a.SmallestKey.AsSpan().SequenceCompareTo(b.SmallestKey);
        int order = b.LargestSequence.CompareTo(a.LargestSequence);
        return order != 0 ? order : b.Number.CompareTo(a.Number);
    }

    /// <summary>
    /// What is wrong with two tables on one level, the first of them before the second in the level's order; null when nothing
    /// is.
    /// </summary>
    private static string? FindClash(int level, TableInfo first, TableInfo second)
    {
        if (level > 0)
        {
            return first.EndsBefore(second.SmallestKey)
                ? null
                : $"tables {first.Number} and {second.Number} on level {level} share keys";
        }

        // A read stops at the newest table of level 0 that has the key, so the versions of a shared key must not interleave.
        return first.SmallestSequence > second.LargestSequence || !KeyRange.Of(first).Overlaps(second)
            ? null
            : $"tables {first.Number} and {second.Number} on level 0 share keys, and their sequences interleave";
    }

    /// <summary>Brings the tables into the level's order; what is wrong with them there, or null.</summary>
    public static string? SortAndFindClash(int level, List<TableInfo> tables)
    {
        tables.Sort((a, b) => Compare(level, a, b));
        for (int i = 0; i < tables.Count; i++)
        {
            // On a sorted level only neighbours can clash; on level 0 any two can.
            int last = level == 0 ? tables.Count - 1 : Math.Min(i + 1, tables.Count - 1);
            for (int k = i + 1; k <= last; k++)
            {
                if (FindClash(level, tables[i], tables[k]) is { } clash) return clash;
            }
        }

        return null;
    }
}
