using System.Globalization;
using System.Text;
using Varve.Commit;
using Varve.Compaction;
using Varve.Entries;
using Varve.Tables;

namespace Varve;

/// <summary>
/// Takes sorted entries straight into tables, past the log and memory, and shows all of them at once: the fast way to fill a database.
/// </summary>
/// <remarks>
/// Made by <see cref="Database.CreateIngest"/>. One thread at a time; other reads and writes go on beside it, and writers wait only
/// while <see cref="Commit"/> flushes what is in memory and installs the tables. What was not committed leaves nothing.
/// </remarks>
public sealed class IngestWriter : IDisposable
{
    private const int CountBetweenReports = 4096;
    private const int ShownKeyBytes = 48;

    private readonly OutputTables _output;
    private readonly long _tableBytes;
    private readonly IProgress<IngestProgress>? _progress;
    private readonly List<MapRun> _runs = [];
    private readonly HashSet<MapIdentity> _mapsSeen = [];
    private readonly byte[] _key = new byte[MapIdentity.PrefixBytesMax + Limits.KeyBytesMax];
    private int _keyBytes;
    private MapIdentity? _map;
    private bool _isOver;

    internal IngestWriter(Database database, OutputTables output, long tableBytes, IProgress<IngestProgress>? progress)
    {
        Database = database;
        _output = output;
        _tableBytes = tableBytes;
        _progress = progress;
    }

    /// <summary>Entries taken so far.</summary>
    public long Count { get; private set; }

    /// <summary>Key and value bytes taken so far.</summary>
    public long ContentBytes { get; private set; }

    internal Database Database { get; }

    /// <summary>
    /// Takes the next entry. Within a map keys ascend strictly, in the order of their bytes; the entries of one map come in one run, the
    /// maps in any order.
    /// </summary>
    /// <param name="map">A map of the writer's database.</param>
    /// <param name="key">0 to 16,384 bytes.</param>
    /// <param name="value">0 bytes to the smaller of 64 MiB and an eighth of the memory budget.</param>
    /// <exception cref="ArgumentException">
    /// Key or value is over its limit, the key is not above the one before it, or the map is of another database or came before. The
    /// message names key and position. The entry is not taken; the writer may go on.
    /// </exception>
    /// <exception cref="StorageException">The disk refused; what was written is deleted, and the writer is over.</exception>
    /// <exception cref="ObjectDisposedException">The writer is over, or the database closed.</exception>
    public void Add(SortedMap map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        ObjectDisposedException.ThrowIf(_isOver, this);
        Database.ThrowIfClosed();
        ArgumentNullException.ThrowIfNull(map);
        Limits.CheckKey(key);
        Database.Limits.CheckValue(value);
        bool isNewMap = !ReferenceEquals(map.Identity, _map);
        if (isNewMap) CheckNewMap(map);
        else CheckOrder(key);
        try
        {
            if (isNewMap || _output.OpenTableBytes >= _tableBytes) _output.Cut(RangeTombstones.Empty);
            if (isNewMap) BeginMap(map.Identity);
            key.CopyTo(_key.AsSpan(_map!.Prefix.Length));
            _keyBytes = _map.Prefix.Length + key.Length;
            if (isNewMap) _runs[^1].First = _key.AsSpan(0, _keyBytes).ToArray();

            // The sequence is known only when the tables are installed; until then it is 0, and they say so.
            _output.Add(_key.AsSpan(0, _keyBytes), Trailer.Pack(0, EntryKind.Value), value);
        }
        catch
        {
            Dispose();
            throw;
        }

        Count++;
        ContentBytes += key.Length + value.Length;
        if (Count % CountBetweenReports == 0) _progress?.Report(new IngestProgress(Count, ContentBytes));
    }

    /// <summary>
    /// Makes all entries durable and visible, at one sequence: reads and snapshots see all or none of them. They win over what was written
    /// to the same keys before this call. The writer is over afterwards, however it ends.
    /// </summary>
    /// <param name="cancellation">Gives up as long as the entries were not handed to the queue of writers.</param>
    /// <returns>The sequence; the latest one when there were no entries, which is no write.</returns>
    /// <exception cref="OperationCanceledException">Cancelled: nothing happened.</exception>
    /// <exception cref="StorageException">The disk refused: the ingest did not happen.</exception>
    /// <exception cref="CommitOutcomeUnknownException">
    /// The disk refused while the manifest was written: the entries may exist after the next open, all or none; until then they do not.
    /// </exception>
    /// <exception cref="DatabaseReadOnlyException">The database takes no writes: the ingest did not happen.</exception>
    public ulong Commit(CancellationToken cancellation = default)
    {
        ObjectDisposedException.ThrowIf(_isOver, this);
        Database.ThrowIfClosed();
        IReadOnlyList<TableInfo> tables;
        BatchBuffer marks = new();
        try
        {
            cancellation.ThrowIfCancellationRequested();
            tables = _output.Finish();
            EndMap();
            foreach (MapRun run in _runs) marks.AddIngest(run.Map, run.First, run.Last);
            cancellation.ThrowIfCancellationRequested();
            if (tables.Count == 0) return Database.LatestSequence;
            ulong sequence = Database.CommitIngest(marks, tables, WriterOver);
            _progress?.Report(new IngestProgress(Count, ContentBytes));
            return sequence;
        }
        finally
        {
            Dispose();
            marks.Dispose();
        }
    }

    /// <summary>Gives up what was not committed, and deletes it.</summary>
    public void Dispose()
    {
        if (_isOver) return;
        _isOver = true;
        _output.Abandon();
    }

    /// <summary>The tables are the edit's from now on, which deletes them if it fails.</summary>
    private void WriterOver()
    {
        _isOver = true;
        _output.Dispose();
    }

    private void CheckNewMap(SortedMap map)
    {
        if (!ReferenceEquals(map.Database, Database))
            throw new ArgumentException($"The map '{map.Name}' belongs to another database than the ingest.", nameof(map));
        if (_mapsSeen.Contains(map.Identity))
        {
            throw new ArgumentException(
                $"Entry {Count:N0}: the map '{map.Name}' has had its run of entries already; those of one map come one after the other.",
                nameof(map));
        }
    }

    private void CheckOrder(ReadOnlySpan<byte> key)
    {
        ReadOnlySpan<byte> before = _key.AsSpan(_map!.Prefix.Length, _keyBytes - _map.Prefix.Length);
        int order = before.SequenceCompareTo(key);
        if (order < 0) return;
        string how = order == 0 ? "is the same as" : "comes before";
        throw new ArgumentException(
            $"Entry {Count:N0} of the ingest (counted from 0): the key {Show(key)} {how} the one before it, {Show(before)}. "
                + "Keys must ascend strictly, in the order of their bytes.",
            nameof(key));
    }

    private void BeginMap(MapIdentity map)
    {
        EndMap();
        _map = map;
        _mapsSeen.Add(map);
        map.Prefix.CopyTo(_key.AsSpan());
        _runs.Add(new MapRun(map));
    }

    private void EndMap()
    {
        if (_map is not null) _runs[^1].Last = _key.AsSpan(0, _keyBytes).ToArray();
    }

    private static string Show(ReadOnlySpan<byte> key)
    {
        var text = new StringBuilder("'");
        foreach (byte unit in key[..Math.Min(key.Length, ShownKeyBytes)])
        {
            if (unit is >= 0x20 and < 0x7F and not (byte)'\\') text.Append((char)unit);
            else text.Append(CultureInfo.InvariantCulture, $"\\x{unit:x2}");
        }

        text.Append('\'');
        if (key.Length > ShownKeyBytes) text.Append(CultureInfo.InvariantCulture, $"… ({key.Length:N0} bytes)");
        return text.ToString();
    }

    private sealed class MapRun(MapIdentity map)
    {
        public MapIdentity Map { get; } = map;

        public byte[] First { get; set; } = [];

        public byte[] Last { get; set; } = [];
    }
}

/// <summary>How far an ingest is.</summary>
/// <param name="Entries">Entries taken.</param>
/// <param name="ContentBytes">Their key and value bytes.</param>
public readonly record struct IngestProgress(long Entries, long ContentBytes);
