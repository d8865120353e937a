using Varve.Tables;

namespace Varve.Compaction;

// What an ingest needs of upkeep.
internal sealed partial class Upkeep
{
    /// <summary>File bytes at which an ingest ends a table and begins the next.</summary>
    public long TableBytes => _context.Options.TableBytes;

    public void WaitForFlushed(ulong sequence) => WaitForFlushed(sequence, _flushFailure);

    /// <summary>Tables to be ingested: most come to the bottom, so they are written as tables there are.</summary>
    /// <param name="sequenceFloor">The sequence of the ingest will be above it.</param>
    public OutputTables CreateIngestOutput(ulong sequenceFloor) => _context.CreateOutput(_context.BottomFormat, sequenceFloor);

    /// <summary>See <see cref="CompactionWorkers.Install"/>.</summary>
    /// <remarks>The log's old segments are retired by the next flush: only the flushing thread may.</remarks>
    public void Install(IReadOnlyList<TableInfo> tables, ulong sequence) => _compaction.Install(tables, sequence);

    /// <summary>While true, only what is in tables is durable: the log has the marks of an ingest that the manifest may not have.</summary>
    public bool HasUnsettledIngest => _compaction.HasUnsettledIngest;

    public void SettleIngest() => _compaction.SettleIngest();
}
