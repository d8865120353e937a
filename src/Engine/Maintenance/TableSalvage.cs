using Varve.Entries;
using Varve.Tables;

namespace Varve.Maintenance;

/// <summary>Copies what can be read of a damaged table to a new one.</summary>
internal sealed class TableSalvage(RepairWork work, string fileName, TableInfo? expected)
{
    private TableWriter? _writer;
    private ulong _lastTrailer;
    private bool _isOutOfOrder;

    /// <summary>The new table; null where nothing is left, or nothing is to be written.</summary>
    public TableInfo? Result { get; private set; }

    /// <summary>True when something could be read.</summary>
    public bool HasEntries { get; private set; }

    /// <summary>Reads the table, and writes the new one unless this is a dry run.</summary>
    public void Run()
    {
        using var inspector = new TableInspector(work.Files, work.PathOf(fileName), onEntry: null)
        {
            Expected = expected,
            ExpectedOwner = work.Owner,
            OnStored = Take,
        };
        try
        {
            inspector.Run(work.Cancellation);
            bool isForeign = inspector.Footer != default
                && (inspector.Footer.DatabaseId != work.Owner || (expected is not null && inspector.Footer.Salt != expected.Salt));
            if (isForeign)
            {
                LoseAll("another table stands in its place");
                return;
            }

            Report(inspector);
            RangeTombstones ranges = inspector.Ranges ?? RangeTombstones.Empty;
            HasEntries |= !ranges.IsEmpty;
            if (work.IsDryRun || !HasEntries) return;
            _writer ??= Begin();
            TableInfo info = _writer.Finish(ranges);
            ulong sequence = expected?.LargestSequence ?? 0;
            Result = info.LargestSequence == 0 && sequence > 0 ? info.AtSequence(sequence) : info;
        }
        finally
        {
            if (_writer is not null && Result is null) work.Tables.Abandon(_writer);
            _writer?.Dispose();
        }
    }

    private void Take(ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> value)
    {
        HasEntries = true;
        if (work.IsDryRun) return;
        _writer ??= Begin();
        bool isBehind = _writer.EntryCount == 0 || EntryOrder.Compare(_writer.LastKey, _lastTrailer, key, trailer) < 0;
        bool isEntry = Trailer.Kind(trailer) is not (EntryKind.RangeTombstone or EntryKind.Ingest);
        if (isBehind && isEntry)
        {
            _writer.Add(key, trailer, value);
            _lastTrailer = trailer;
            return;
        }

        _isOutOfOrder = true;
    }

    private TableWriter Begin() => work.Tables.CreateWriter(work.Numbers.Take(), TableFormatOptions.Default, direct: false);

    private void Report(TableInspector inspector)
    {
        if (inspector.Lost.Any(lost => lost.First is null || lost.Last is null) && FindBounds(inspector) is null)
        {
            work.LoseUnknown(fileName, "the table cannot be read, nor what it held: " + inspector.Lost[0].Detail);
            return;
        }

        (byte[] smallest, byte[] largest) = FindBounds(inspector) ?? ([], []);
        foreach (LostKeys lost in inspector.Lost) work.Lose(lost, fileName, smallest, largest);
        if (_isOutOfOrder) work.Lose(new LostKeys(null, null, 0, "entries out of their order are left out"), fileName, smallest, largest);
        bool mayHaveHadRanges = inspector.Footer == default ? expected?.RangeTombstoneCount > 0 : inspector.Ranges is null;
        if (!mayHaveHadRanges) return;
        var lostRanges = new LostKeys(null, null, inspector.Footer.RangeTombstones.Offset, "its range deletes cannot be read");
        work.Lose(lostRanges, fileName, smallest, largest);
        work.Risks.Add($"'{fileName}' has lost its range deletes: entries that they deleted may be back.");
    }

    private void LoseAll(string detail)
    {
        if (expected is null) work.LoseUnknown(fileName, detail);
        else work.Lose(new LostKeys(null, null, 0, detail), fileName, expected.SmallestKey, expected.LargestKey);
        HasEntries = false;
    }

    private (byte[] Smallest, byte[] Largest)? FindBounds(TableInspector inspector)
    {
        if (expected is not null) return (expected.SmallestKey, expected.LargestKey);
        return inspector.Properties is { } properties ? (properties.SmallestKey, properties.LargestKey) : null;
    }
}
