using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Tables;

namespace Varve.Reading;

/// <summary>Puts together what a scan reads: one cursor for each memtable, each table of level 0, each level below it.</summary>
internal static class ScanSources
{
    /// <param name="view">Pinned by the caller for as long as the cursor lives.</param>
    /// <param name="sequence">The sequence the scan reads at.</param>
    /// <param name="commonPrefix">What the keys of the scan begin with.</param>
    /// <param name="lower">First full key of the scan: tables before it are left out.</param>
    /// <param name="upper">First full key behind the scan; null: none.</param>
    public static EntryCursor Open(ReadView view, ulong sequence, byte[] commonPrefix, byte[] lower, byte[]? upper)
    {
        var sources = new List<EntryCursor>();
        try
        {
            if (view.Active.EntryCount > 0) sources.Add(view.Active.CreateCursor(sequence));
            foreach (MemTable frozen in view.Frozen) sources.Add(frozen.CreateCursor(sequence));
            foreach (Table table in view.Levels.Tables(0))
            {
                if (MayOverlap(table.Info, lower, upper)) sources.Add(table.CreateCursor(CursorPurpose.Foreground));
            }

            for (int level = 1; level < LevelMap.LevelCount; level++)
            {
                Table[] tables = view.Levels.SortedTables(level);
                if (tables.Length > 0) sources.Add(new LevelCursor(tables, CursorPurpose.Foreground));
            }

            // A single run needs no merge; an empty store is a level without tables.
            if (sources.Count == 0) sources.Add(new LevelCursor([], CursorPurpose.Foreground));
            return sources.Count == 1 ? sources[0] : new MergingCursor([.. sources], commonPrefix);
        }
        catch
        {
            foreach (EntryCursor source in sources) source.Dispose();
            throw;
        }
    }

    private static bool MayOverlap(TableInfo info, byte[] lower, byte[]? upper) =>
        info.LargestKey.AsSpan().SequenceCompareTo(lower) >= 0
        && (upper is null || info.SmallestKey.AsSpan().SequenceCompareTo(upper) < 0);
}
