using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Reading;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>
/// Chooses the level of a flush. Where keys come in order, each memtable lies behind all that was written before: written to the bottom at
/// once, as tables there are written, it needs no second writing.
/// </summary>
internal static class FlushPlacement
{
    /// <summary>The bottom, or level 0, which is always right.</summary>
    /// <param name="table">Frozen; the oldest of those.</param>
    /// <param name="view">The current one, kept by the caller.</param>
    /// <param name="options">How large a table of the bottom may be.</param>
    /// <remarks>
    /// Not while another memtable waits: to compress takes time. Not when newer entries lie between: merged with them soon, it would be
    /// written for nothing. One table, so that a repair without a manifest takes its sequences for flushed only when all of it is there;
    /// what would be too large a table takes the way through level 0.
    /// </remarks>
    public static int LevelFor(MemTable table, ReadView view, CompactionOptions options)
    {
        if (view.Frozen.Length > 1 || table.HasRanges || view.Active.HasRanges || table.EntryCount == 0) return 0;
        if (table.ContentBytes > options.FlushedBytesMax) return 0;
        KeyRange range = RangeOf(table);
        foreach (Table older in view.Levels.Tables(0))
        {
            if (range.Overlaps(older.Info)) return 0;
        }

        return view.Levels.OverlapsDeeper(0, range) || HasKeyIn(view.Active, range) ? 0 : LevelMap.BottomLevel;
    }

    private static KeyRange RangeOf(MemTable table)
    {
        using EntryCursor cursor = table.CreateVersionCursor();
        cursor.SeekToFirst();
        byte[] first = cursor.KeySpan.ToArray();
        cursor.SeekToLast();
        return new KeyRange(first, cursor.KeySpan.ToArray());
    }

    private static bool HasKeyIn(MemTable table, KeyRange range)
    {
        using EntryCursor cursor = table.CreateVersionCursor();
        cursor.Seek(range.Smallest, Trailer.Newest);
        return cursor.IsValid && cursor.KeySpan.SequenceCompareTo(range.Largest) <= 0;
    }
}
