using Varve.Compaction;
using Varve.Entries;
using Varve.Levels;
using Varve.Reading;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>
/// Gives a place to tables whose level nobody knows. One that shares keys with no other goes to the bottom. Those that share keys are
/// merged, with all that share keys with them, into new tables at the bottom: sequences tell what is newer, whatever the levels were.
/// </summary>
internal sealed class RepairMerge(RepairWork work)
{
    /// <summary>Tables that went into new ones.</summary>
    public int MergedCount { get; private set; }

    /// <summary>The tables with a level each; in a dry run those that would be merged stand where they are.</summary>
    public List<RepairTable> Run(List<RepairTable> tables)
    {
        var placed = new List<RepairTable>();
        foreach (List<RepairTable> group in Group(tables))
        {
            if (group.TrueForAll(table => table.Level is not null))
            {
                placed.AddRange(group);
            }
            else if (group.Count == 1)
            {
                placed.Add(group[0] with { Level = LevelMap.BottomLevel });
            }
            else
            {
                MergedCount += group.Count;
                if (!work.IsDryRun) placed.AddRange(Merge(group));
            }
        }

        return placed;
    }

    /// <summary>Tables that share keys, directly or by others between them, are of one group.</summary>
    private static List<List<RepairTable>> Group(List<RepairTable> tables)
    {
        var sorted = new List<RepairTable>(tables);
        sorted.Sort(static (a, b) => a.Info.SmallestKey.AsSpan().SequenceCompareTo(b.Info.SmallestKey));
        var groups = new List<List<RepairTable>>();
        KeyRange covered = default;
        foreach (RepairTable table in sorted)
        {
            KeyRange range = KeyRange.Of(table.Info);
            if (groups.Count > 0 && covered.Overlaps(range))
            {
                groups[^1].Add(table);
                covered = covered.Union(range);
                continue;
            }

            groups.Add([table]);
            covered = range;
        }

        return groups;
    }

    private List<RepairTable> Merge(List<RepairTable> group)
    {
        List<Table> tables = group.ConvertAll(table => work.Tables.Make(table.Info));
        foreach (Table table in tables) table.AddReference();
        try
        {
            var ranges = new List<RangeTombstone>();
            foreach (Table table in tables) table.Ranges.CopyTo(ranges);
            using var output = new OutputTables(
                work.Tables, work.Numbers.Take, work.Files, work.Directory, work.Setup.BottomFormat);
            using (EntryCursor source = Open(tables))
            {
                // Nobody reads at an older sequence. Tombstones stay: what they hide may be in a table that turns up later.
                EntryTransfer.Run(
                    source,
                    KeySlice.All,
                    [Trailer.SequenceMax],
                    reclaimBound: 0,
                    levels: null,
                    LevelMap.BottomLevel,
                    ranges,
                    new OutputBorders([], work.Options),
                    output,
                    work.Cancellation);
            }

            return [.. output.Finish().Select(info => new RepairTable(info, LevelMap.BottomLevel))];
        }
        finally
        {
            foreach (Table table in tables) table.Release();
        }
    }

    /// <summary>Tables that come one behind the other are read one after the other: a buffer for each run instead of each table.</summary>
    private static MergingCursor Open(List<Table> tables)
    {
        var runs = new List<List<Table>>();
        foreach (Table table in tables)
        {
            List<Table>? run = runs.Find(run => run[^1].Info.EndsBefore(table.Info.SmallestKey));
            if (run is null) runs.Add([table]);
            else run.Add(table);
        }

        return new MergingCursor([.. runs.Select(run => new LevelCursor([.. run], CursorPurpose.Compaction))], []);
    }
}
