using Varve.Entries;
using Varve.Levels;
using Varve.Reading;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>
/// Merges the tables of one pick into new tables of its output level, in parts of the key range that any threads may write side by side.
/// One edit puts the tables of all parts in the place of the old ones.
/// </summary>
internal sealed class CompactionJob : IDisposable
{
    private readonly CompactionPick _pick;
    private readonly LevelMap _levels;
    private readonly ulong[] _snapshots;
    private readonly ulong _reclaimBound;
    private readonly CompactionOptions _options;
    private readonly KeySlice[] _slices;
    private readonly OutputTables[] _outputs;
    private readonly long[] _entriesRead;

    /// <param name="pick">What to merge; its tables are kept alive by the caller.</param>
    /// <param name="levels">The map the pick was made of, or a later one.</param>
    /// <param name="snapshots">As <see cref="DropRule"/> wants them.</param>
    /// <param name="reclaimBound">As <see cref="EntryTransfer"/> wants it.</param>
    /// <param name="options">Where outputs are cut.</param>
    /// <param name="slices">The parts, in order; together all keys.</param>
    /// <param name="createOutput">Makes what one part writes.</param>
    public CompactionJob(
        CompactionPick pick,
        LevelMap levels,
        ulong[] snapshots,
        ulong reclaimBound,
        CompactionOptions options,
        KeySlice[] slices,
        Func<OutputTables> createOutput)
    {
        _pick = pick;
        _levels = levels;
        _snapshots = snapshots;
        _reclaimBound = reclaimBound;
        _options = options;
        _slices = slices;
        _entriesRead = new long[slices.Length];
        _outputs = new OutputTables[slices.Length];
        for (int part = 0; part < slices.Length; part++) _outputs[part] = createOutput();
    }

    public int PartCount => _slices.Length;

    /// <summary>Writes the tables of one part; each part once, on any thread.</summary>
    /// <param name="part">From 0.</param>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="CorruptDataException">An input does not hold what the manifest says.</exception>
    public void WritePart(int part, CancellationToken cancellation)
    {
        KeySlice slice = _slices[part];
        var ranges = new List<RangeTombstone>();
        foreach (Table table in _pick.Inputs) table.Ranges.CopyTo(ranges);
        foreach (Table table in _pick.Overlapped) table.Ranges.CopyTo(ranges);
        using EntryCursor source = OpenInputs(slice);
        var borders = new OutputBorders(_pick.Grandparents, _options);
        TransferCounts counts = EntryTransfer.Run(
            source,
            slice,
            _snapshots,
            _reclaimBound,
            _levels,
            _pick.OutputLevel,
            slice.Clip(ranges),
            borders,
            _outputs[part],
            cancellation);
        _entriesRead[part] = counts.EntriesRead;
    }

    /// <summary>Makes the tables' names durable; returns the edit that puts them in the place of the old ones.</summary>
    /// <exception cref="CorruptDataException">The inputs do not hold what the manifest says: nothing of it is passed on.</exception>
    public LevelEdit Finish()
    {
        long expected = 0;
        foreach (Table table in _pick.Inputs) expected += table.Info.EntryCount;
        foreach (Table table in _pick.Overlapped) expected += table.Info.EntryCount;
        long read = _entriesRead.Sum();
        if (read != expected)
        {
            throw new CorruptDataException(
                _pick.Inputs[0].FilePath,
                0,
                $"the tables of a compaction that begins here gave {read:N0} entries, the manifest says {expected:N0}");
        }

        var finished = new List<TableInfo>();
        foreach (OutputTables output in _outputs) finished.AddRange(output.Finished);
        if (finished.Count > 0) _outputs[0].SyncNames();
        return _pick.CreateEdit(finished);
    }

    /// <summary>Deletes what was written; for a job that failed before its edit was tried. No part is being written.</summary>
    public void Abandon()
    {
        foreach (OutputTables output in _outputs) output.Abandon();
    }

    public void Dispose()
    {
        foreach (OutputTables output in _outputs) output.Dispose();
    }

    /// <summary>A table without a key of the slice is not even opened.</summary>
    private EntryCursor OpenInputs(KeySlice slice)
    {
        var sources = new List<EntryCursor>();
        try
        {
            Table[] inputs = Within(slice, _pick.Inputs);
            Table[] overlapped = Within(slice, _pick.Overlapped);
            if (_pick.InputLevel == 0)
            {
                foreach (Table table in inputs) sources.Add(table.CreateCursor(CursorPurpose.Compaction));
            }
            else
            {
                sources.Add(new LevelCursor(inputs, CursorPurpose.Compaction));
            }

            if (overlapped.Length > 0 || sources.Count == 0) sources.Add(new LevelCursor(overlapped, CursorPurpose.Compaction));
            return sources.Count == 1 ? sources[0] : new MergingCursor([.. sources], []);
        }
        catch
        {
            foreach (EntryCursor source in sources) source.Dispose();
            throw;
        }
    }

    private static Table[] Within(KeySlice slice, IReadOnlyList<Table> tables)
    {
        var within = new List<Table>(tables.Count);
        foreach (Table table in tables)
        {
            if (slice.Overlaps(table.Info)) within.Add(table);
        }

        return [.. within];
    }
}
