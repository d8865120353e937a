using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Tables;

namespace Varve.Reading;

/// <summary>About how many entries a range of full keys shows, and how many bytes they take where they stand.</summary>
/// <remarks>
/// A tombstone counts as one entry less, besides not being one: it hides an entry somewhere below. What was overwritten and not yet
/// compacted counts.
/// </remarks>
internal readonly record struct RangeEstimate(long Entries, long Bytes)
{
    /// <summary>Entries of a memtable that are counted one by one before the shape of its tree is asked.</summary>
    private const int CountedMax = 4_096;

    /// <param name="view">Pinned by the caller.</param>
    /// <param name="lower">First full key.</param>
    /// <param name="upper">First full key behind the range; empty: no bound.</param>
    public static RangeEstimate Of(ReadView view, byte[] lower, byte[] upper)
    {
        if (upper.Length > 0 && lower.AsSpan().SequenceCompareTo(upper) >= 0) return default;
        double entries = 0;
        double bytes = 0;
        AddMemtable(view.Active, lower, upper, ref entries, ref bytes);
        foreach (MemTable frozen in view.Frozen) AddMemtable(frozen, lower, upper, ref entries, ref bytes);
        for (int level = 0; level < LevelMap.LevelCount; level++)
        {
            foreach (Table table in view.Levels.Tables(level)) AddTable(table, lower, upper, ref entries, ref bytes);
        }

        return new RangeEstimate((long)Math.Max(0, Math.Round(entries)), (long)Math.Round(bytes));
    }

    private static void AddTable(Table table, byte[] lower, byte[] upper, ref double entries, ref double bytes)
    {
        TableInfo info = table.Info;

        // Range tombstones alone: there is no block of which the range could be a share.
        if (info.EntryCount == 0) return;
        if (info.LargestKey.AsSpan().SequenceCompareTo(lower) < 0) return;
        if (upper.Length > 0 && info.SmallestKey.AsSpan().SequenceCompareTo(upper) >= 0) return;
        double blockShare = 1;
        double byteShare = 1;
        bool beginsInside = info.SmallestKey.AsSpan().SequenceCompareTo(lower) < 0;
        bool endsInside = upper.Length > 0 && info.LargestKey.AsSpan().SequenceCompareTo(upper) >= 0;
        if (beginsInside || endsInside)
        {
            (double Blocks, double Bytes) from = beginsInside ? table.EstimateShareBefore(lower) : (0, 0);
            (double Blocks, double Bytes) to = endsInside ? table.EstimateShareBefore(upper) : (1, 1);

            // Both ends in one block: there may be something between them, and it is less than the block.
            double least = table.EstimateBlockShare() / 2;
            blockShare = Math.Max(to.Blocks - from.Blocks, least);
            byteShare = Math.Max(to.Bytes - from.Bytes, least);
        }

        entries += (info.EntryCount - 2 * info.TombstoneCount) * blockShare;
        bytes += info.FileBytes * byteShare;
    }

    private static void AddMemtable(MemTable table, byte[] lower, byte[] upper, ref double entries, ref double bytes)
    {
        long total = table.EntryCount;
        if (total == 0) return;
        int counted = 0;
        int tombstones = 0;
        double inRange;
        using (EntryCursor cursor = table.CreateCursor(Trailer.SequenceMax))
        {
            cursor.Seek(lower, Trailer.Newest);
            while (counted < CountedMax && cursor.IsValid && (upper.Length == 0 || cursor.KeySpan.SequenceCompareTo(upper) < 0))
            {
                counted++;
                if (Trailer.IsTombstone(cursor.Trailer)) tombstones++;
                cursor.Next();
            }

            if (counted == 0) return;
            inRange = counted;
            if (counted == CountedMax && cursor.IsValid)
            {
                // How dense the tree is where the entries were counted tells how much its shape means.
                double from = table.EstimateShareBefore(lower);
                double countedShare = table.EstimateShareBefore(cursor.KeySpan) - from;
                double share = (upper.Length == 0 ? 1 : table.EstimateShareBefore(upper)) - from;
                if (countedShare > 0 && share > countedShare) inRange = Math.Min(total, counted * share / countedShare);
            }
        }

        entries += inRange * (counted - 2.0 * tombstones) / counted;
        bytes += inRange * table.ContentBytes / total;
    }
}
