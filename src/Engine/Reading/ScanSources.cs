using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Tables;

namespace Varve.Reading;

/// <summary>Puts together what a scan reads: one cursor for each memtable, each table of level 0, each level below it.</summary>
internal static class ScanSources
{
    /// <summary>What a reader at the moment sees between the bounds.</summary>
    /// <param name="view">Pinned by the caller for as long as the cursor lives.</param>
    /// <param name="moment">What the scan reads at; its time is fixed.</param>
    /// <param name="bounds">Tables of level 0 outside are left out.</param>
    public static VisibleCursor Open(ReadView view, ReadMoment moment, ScanBounds bounds) =>
        new(
            OpenMerged(view, moment.Sequence, bounds),
            moment,
            bounds.Lower,
            bounds.Upper,
            RangeCover.Create(view, moment.Sequence, bounds),
            bounds.CommonPrefix);

    private static EntryCursor OpenMerged(ReadView view, ulong sequence, ScanBounds bounds)
    {
        var sources = new EntryCursor[1 + view.Frozen.Length + view.Levels.Tables(0).Length + (LevelMap.LevelCount - 1)];
        int count = 0;
        try
        {
            if (view.Active.EntryCount > 0) sources[count++] = view.Active.CreateCursor(sequence);
            foreach (MemTable frozen in view.Frozen) sources[count++] = frozen.CreateCursor(sequence);
            foreach (Table table in view.Levels.Tables(0))
            {
                if (MayOverlap(table.Info, bounds)) sources[count++] = table.CreateCursor(CursorPurpose.Foreground);
            }

            for (int level = 1; level < LevelMap.LevelCount; level++)
            {
                LevelRun run = view.Levels.SortedRun(level);
                if (run.Tables.Length > 0) sources[count++] = new LevelCursor(run, CursorPurpose.Foreground);
            }

            // A single run needs no merge; an empty store is a level without tables.
            if (count == 0) return new LevelCursor(LevelRun.Empty, CursorPurpose.Foreground);
            return count == 1 ? sources[0] : new MergingCursor(sources[..count], bounds.CommonPrefix);
        }
        catch
        {
            // The one whose making failed is not there.
            foreach (EntryCursor? source in sources) source?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Whether what a scan shows first is probably in memory: of each place the block where the scan begins. What comes behind may not be.
    /// </summary>
    public static bool ProbablyHoldStart(ReadView view, ScanBounds bounds, bool isAscending)
    {
        if ((isAscending ? bounds.Lower : bounds.Upper) is not { } start) return false;
        foreach (Table table in view.Levels.Tables(0))
        {
            if (MayOverlap(table.Info, bounds) && !table.ProbablyHolds(start)) return false;
        }

        for (int level = 1; level < LevelMap.LevelCount; level++)
        {
            LevelRun run = view.Levels.SortedRun(level);
            int index = run.FirstEndingAtOrBehind(start, Trailer.Newest);
            if (!isAscending && (index == run.Tables.Length || run.BeginsBehind(index, start, Trailer.Newest))) index--;
            if ((uint)index >= (uint)run.Tables.Length || !MayOverlap(run.Tables[index].Info, bounds)) continue;
            if (!run.Tables[index].ProbablyHolds(start)) return false;
        }

        return true;
    }

    /// <summary>True unless all of the table, its range deletes included, lies outside.</summary>
    public static bool MayOverlap(TableInfo info, ScanBounds bounds) =>
        !info.EndsBefore(bounds.Lower) && (bounds.Upper is null || info.SmallestKey.AsSpan().SequenceCompareTo(bounds.Upper) < 0);
}

/// <summary>Where a scan begins and ends, as full keys.</summary>
/// <param name="CommonPrefix">What the keys of the scan begin with.</param>
/// <param name="Lower">The first key of the scan.</param>
/// <param name="Upper">The first key behind the scan; null: none.</param>
internal sealed record ScanBounds(byte[] CommonPrefix, byte[] Lower, byte[]? Upper);
