using Varve.Entries;
using Varve.Levels;
using Varve.Reading;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>Merges the tables of one pick into new tables of its output level.</summary>
internal static class CompactionJob
{
    /// <summary>Returns the edit that puts the new tables in the place of the old ones.</summary>
    /// <param name="pick">What to merge; its tables are kept alive by the caller.</param>
    /// <param name="levels">The map the pick was made of, or a later one.</param>
    /// <param name="snapshots">As <see cref="DropRule"/> wants them.</param>
    /// <param name="reclaimBound">As <see cref="EntryTransfer"/> wants it.</param>
    /// <param name="options">Where outputs are cut.</param>
    /// <param name="output">Abandoned by the caller when this throws.</param>
    /// <param name="cancellation">Ends the job with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="CorruptDataException">An input does not hold what the manifest says: nothing of it is passed on.</exception>
    public static LevelEdit Write(
        CompactionPick pick,
        LevelMap levels,
        ulong[] snapshots,
        ulong reclaimBound,
        CompactionOptions options,
        OutputTables output,
        CancellationToken cancellation)
    {
        long expected = 0;
        foreach (Table table in pick.Inputs) expected += table.Info.EntryCount;
        foreach (Table table in pick.Overlapped) expected += table.Info.EntryCount;
        var ranges = new List<RangeTombstone>();
        foreach (Table table in pick.Inputs) table.Ranges.CopyTo(ranges);
        foreach (Table table in pick.Overlapped) table.Ranges.CopyTo(ranges);
        TransferCounts counts;
        using (EntryCursor source = OpenInputs(pick))
        {
            var borders = new OutputBorders(pick.Grandparents, options);
            counts = EntryTransfer.Run(
                source, snapshots, reclaimBound, levels, pick.OutputLevel, ranges, borders, output, cancellation);
        }

        if (counts.EntriesRead != expected)
        {
            throw new CorruptDataException(
                pick.Inputs[0].FilePath,
                0,
                $"the tables of a compaction that begins here gave {counts.EntriesRead:N0} entries, the manifest says {expected:N0}");
        }

        return pick.CreateEdit(output.Finish());
    }

    private static EntryCursor OpenInputs(CompactionPick pick)
    {
        var sources = new List<EntryCursor>();
        try
        {
            if (pick.InputLevel == 0)
            {
                foreach (Table table in pick.Inputs) sources.Add(table.CreateCursor(CursorPurpose.Compaction));
            }
            else
            {
                sources.Add(new LevelCursor([.. pick.Inputs], CursorPurpose.Compaction));
            }

            if (pick.Overlapped.Count > 0) sources.Add(new LevelCursor([.. pick.Overlapped], CursorPurpose.Compaction));
            return sources.Count == 1 ? sources[0] : new MergingCursor([.. sources], []);
        }
        catch
        {
            foreach (EntryCursor source in sources) source.Dispose();
            throw;
        }
    }
}
