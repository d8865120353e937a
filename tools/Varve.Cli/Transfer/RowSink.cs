using System.Text;

namespace Varve.Cli.Transfer;

/// <summary>Where rows go, in batches that carry the position behind them.</summary>
internal sealed class RowSink : IDisposable
{
    /// <summary>Enough to make the cost of a commit small, and little enough to lose and to wait for.</summary>
    private const long BatchBytesTarget = 1 << 20;

    private readonly Database _database;
    private readonly WriteBatch _batch;
    private readonly string _mapDefault;
    private readonly byte[]? _positionKey;
    private SortedMap _map;
    private byte[] _mapName;
    private bool _isPositionKept;

    /// <param name="database">Open for writing.</param>
    /// <param name="map">For rows that name none.</param>
    /// <param name="positionKey">Where the position is kept; null for an import that cannot be resumed.</param>
    /// <param name="isPositionKept">Whether an earlier run has left one there.</param>
    public RowSink(Database database, string map, byte[]? positionKey, bool isPositionKept)
    {
        _database = database;
        _mapDefault = map;
        _positionKey = positionKey;
        _isPositionKept = isPositionKept;
        _map = database.GetMap(map);
        _mapName = Encoding.UTF8.GetBytes(map);
        _batch = database.CreateBatch();
    }

    /// <summary>Whether a row should go into the batch beside what is there; any row may go into an empty one.</summary>
    public bool HasRoomFor(long rowBytes) => _batch.Count == 0 || _batch.SizeBytes + rowBytes <= BatchBytesTarget;

    /// <param name="map">The map the row names; empty where it names none.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="expiry">When the entry expires; null: never. One that has passed acts as a delete.</param>
    public void Add(ReadOnlySpan<byte> map, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset? expiry)
    {
        if (expiry is { } moment) _batch.PutUntil(MapOf(map), key, value, moment);
        else _batch.Put(MapOf(map), key, value);
    }

    /// <summary>Commits the rows together with the position behind them.</summary>
    public void Commit(Func<ImportPosition> position)
    {
        if (_batch.Count == 0) return;
        if (_positionKey is not null)
        {
            _batch.Put(_database.GetMap(ImportPosition.MapName), _positionKey, position().Encode());
            _isPositionKept = true;
        }

        Write();
    }

    /// <summary>As <see cref="Commit"/>, and it is on disk when it returns.</summary>
    public void CommitAndSync(Func<ImportPosition> position)
    {
        Commit(position);
        _database.Sync();
    }

    /// <summary>Commits the last rows, and on disk is everything when it returns. No position is left.</summary>
    public void CommitLast()
    {
        if (_isPositionKept) _batch.Delete(_database.GetMap(ImportPosition.MapName), _positionKey);
        _isPositionKept = false;
        Write();
        _database.Sync();
    }

    public void Dispose() => _batch.Dispose();

    private void Write()
    {
        // The end of the import syncs once; whatever a power cut leaves until then is a prefix, and its position tells which.
        _database.Write(_batch, Durability.Buffered);
        _batch.Clear();
    }

    private SortedMap MapOf(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty) name = Encoding.UTF8.GetBytes(_mapDefault);
        if (name.SequenceEqual(_mapName)) return _map;
        _mapName = name.ToArray();
        return _map = _database.GetMap(Encoding.UTF8.GetString(name));
    }
}
