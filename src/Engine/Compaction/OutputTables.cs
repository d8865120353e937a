using Varve.Entries;
using Varve.Files;
using Varve.Tables;

namespace Varve.Compaction;

/// <summary>
/// The tables that one flush or compaction writes. Until <see cref="Finish"/> has returned and the edit is durable they are nobody's:
/// an abandoned job deletes them.
/// </summary>
internal sealed class OutputTables(
    TableStore store, Func<long> takeNumber, IFileSystem files, string directory, TableFormatOptions format) : IDisposable
{
    private readonly List<TableInfo> _finished = [];
    private readonly List<long> _numbers = [];
    private TableWriter? _writer;

    /// <summary>Bytes of the table being written; 0 when none is.</summary>
    public long OpenTableBytes => _writer?.EstimatedFileBytes ?? 0;

    public bool IsOpen => _writer is not null;

    public long EntryCount { get; private set; }

    /// <summary>Of an ingest: its sequence will be above this one.</summary>
    public ulong SequenceFloor { get; init; }

    public void Add(ReadOnlySpan<byte> key, ulong trailer, ReadOnlySpan<byte> value)
    {
        _writer ??= Begin();
        _writer.Add(key, trailer, value);
        EntryCount++;
    }

    /// <summary>
    /// Ends the table being written; the next entry begins another. Range tombstones go into it, also where it has nothing else.
    /// </summary>
    public void Cut(RangeTombstones ranges)
    {
        if (_writer is null && ranges.IsEmpty) return;
        _writer ??= Begin();
        _finished.Add(_writer.Finish(ranges));
        _writer.Dispose();
        _writer = null;
    }

    /// <summary>The tables that have been ended.</summary>
    public IReadOnlyList<TableInfo> Finished => _finished;

    /// <summary>Ends the last table and makes all their names durable.</summary>
    public IReadOnlyList<TableInfo> Finish()
    {
        Cut(RangeTombstones.Empty);
        if (_finished.Count > 0) SyncNames();
        return _finished;
    }

    /// <summary>Makes the names of all tables in the directory durable.</summary>
    public void SyncNames() => files.SyncDirectory(directory);

    /// <summary>Deletes what was written; for a job that failed before its edit was tried.</summary>
    public void Abandon()
    {
        Dispose();
        foreach (long number in _numbers)
        {
            try
            {
                files.Delete(Path.Combine(directory, FileNames.Table(number)));
            }
            catch (StorageException)
            {
                // The job's own failure is the one to report. A file that no manifest names is deleted at the next open.
            }
        }
    }

    public void Dispose()
    {
        _writer?.Dispose();
        _writer = null;
    }

    private TableWriter Begin()
    {
        long number = takeNumber();
        _numbers.Add(number);
        return store.CreateWriter(number, format, direct: true, SequenceFloor);
    }
}
