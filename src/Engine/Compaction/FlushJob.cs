using Varve.Diagnostics;
using Varve.Entries;
using Varve.Levels;
using Varve.Memory;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>Writes a frozen memtable to a table.</summary>
internal static class FlushJob
{
    /// <summary>Writes the entries that somebody can still see; returns the edit that puts the table in the memtable's place.</summary>
    /// <param name="table">Frozen: nobody writes it.</param>
    /// <param name="outputLevel">Level 0, or the bottom where <see cref="FlushPlacement"/> allows it.</param>
    /// <param name="levels">The tables there are; all are older.</param>
    /// <param name="snapshots">As <see cref="DropRule"/> wants them.</param>
    /// <param name="reclaimBound">As <see cref="EntryTransfer"/> wants it.</param>
    /// <param name="output">Abandoned by the caller when this throws.</param>
    /// <param name="cancellation">Ends the job with <see cref="OperationCanceledException"/>.</param>
    public static LevelEdit Write(
        MemTable table, int outputLevel, LevelMap levels, ulong[] snapshots, ulong reclaimBound, OutputTables output,
        CancellationToken cancellation)
    {
        var ranges = new List<RangeTombstone>();
        table.Ranges.CopyTo(ranges);
        TransferCounts counts;
        using (EntryCursor cursor = table.CreateVersionCursor())
        {
            // Tables may come between while this goes on: only a flush that goes where nothing is knows that its tombstones hide nothing.
            LevelMap? known = outputLevel == LevelMap.BottomLevel ? levels : null;
            counts = EntryTransfer.Run(
                cursor, KeySlice.All, snapshots, reclaimBound, known, outputLevel, ranges, borders: null, output, cancellation);
        }

        // What the memtable counted is what the tree gave back: a lost leaf would be lost data.
        ulong newest = Math.Max(counts.NewestSequence, table.Ranges.LargestSequence);
        Invariant.Holds(counts.EntriesRead == table.EntryCount && newest == table.LastSequence);
        // A table without entries, frozen because a batch did not fit it, says nothing of sequences.
        var edit = new LevelEdit { FlushedSequence = table.IsEmpty ? null : table.LastSequence };
        foreach (TableInfo info in output.Finish()) edit.Add(outputLevel, info);
        return edit;
    }
}
