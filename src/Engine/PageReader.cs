using System.Runtime.ExceptionServices;
using Varve.Reading;

namespace Varve;

/// <summary>What a scan in pages reads.</summary>
internal sealed record PageRequest
{
    public PageRequest(
        SortedMap map, byte[] lower, byte[] upper, RangeBounds bounds, Direction direction, long limit, int pageBytes, Snapshot? snapshot)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(limit);
        ArgumentOutOfRangeException.ThrowIfLessThan(pageBytes, SortedMap.PageBytesMin);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(pageBytes, SortedMap.PageBytesMax);
        if (!Enum.IsDefined(direction)) throw new ArgumentOutOfRangeException(nameof(direction), direction, "No such direction.");
        Map = map;
        Lower = lower;
        Upper = upper;
        Bounds = bounds;
        Direction = direction;
        Limit = limit;
        PageBytes = pageBytes;
        Snapshot = snapshot;
    }

    public SortedMap Map { get; }

    public byte[] Lower { get; }

    public byte[] Upper { get; }

    public RangeBounds Bounds { get; }

    public Direction Direction { get; }

    public long Limit { get; }

    public int PageBytes { get; }

    public Snapshot? Snapshot { get; }
}

/// <summary>
/// Reads one page after the other on the engine's threads; the first one, if it is not large and probably in memory, on the caller's.
/// One read at a time; closed once.
/// </summary>
internal sealed class PageReader : ReadJob
{
    private const int EntriesAtFirst = 64;
    private const int BytesAtFirst = 4 << 10;

    /// <summary>A larger page takes longer to copy than a thread takes to wake.</summary>
    private const int BytesAtOnceMax = 64 << 10;

    private readonly PageRequest _request;
    private readonly CancellationToken _cancellation;
    private readonly Snapshot _snapshot;
    private TaskCompletionSource<EntryPage?> _completion = new();
    private Task<EntryPage?>? _lastRead;
    private Cursor? _cursor;
    private long _left;
    private int _entriesOfLastPage = EntriesAtFirst;
    private int _bytesExpected = BytesAtFirst;

    /// <summary>True while the cursor stands on an entry that is in no page yet.</summary>
    private bool _isOnEntry;
    private bool _isAtEnd;

    /// <summary>What a read met behind the entries that it gave out as a page.</summary>
    private Exception? _failure;

    /// <summary>The moment of the scan is now, unless the request has a snapshot.</summary>
    public PageReader(PageRequest request, CancellationToken cancellation)
    {
        _request = request;
        _cancellation = cancellation;
        _left = request.Limit;
        Database database = request.Map.Database;
        _snapshot = request.Snapshot ?? database.CreateSnapshot();
        if (request.Snapshot is not null) request.Snapshot.CheckReadable(database);
    }

    /// <summary>The next page; null behind the last one. Not before the read before it has ended.</summary>
    public Task<EntryPage?> ReadAsync()
    {
        if (_isAtEnd) return Task.FromResult<EntryPage?>(null);
        _completion = new TaskCompletionSource<EntryPage?>(TaskCreationOptions.RunContinuationsAsynchronously);
        _lastRead = _completion.Task;
        if (_cursor is null && IsAtHand()) Run();
        else if (!_request.Map.Database.Readers.TryPost(this, 1)) _completion.SetException(new ObjectDisposedException(nameof(Database)));
        return _lastRead;
    }

    /// <summary>Waits for a read under way, then lets go of what the scan keeps.</summary>
    public async ValueTask CloseAsync()
    {
        // What it has found nobody asks for any more.
        if (_lastRead is not null) await ((Task)_lastRead).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Close();
    }

    /// <summary>Lets go of what the scan keeps; no read may be under way.</summary>
    public void Close()
    {
        _cursor?.Dispose();
        _cursor = null;
        if (_request.Snapshot is null) _snapshot.Dispose();
    }

    public override void Run()
    {
        TaskCompletionSource<EntryPage?> completion = _completion;
        try
        {
            completion.SetResult(ReadPage());
        }
        catch (OperationCanceledException) when (_cancellation.IsCancellationRequested)
        {
            completion.SetCanceled(_cancellation);
        }
        catch (Exception failure)
        {
            completion.SetException(failure);
        }
    }

    /// <summary>
    /// Whether a page is there sooner than a thread is. Behind its beginning, and for large values, it may meet a file all the same.
    /// </summary>
    private bool IsAtHand() =>
        _request.PageBytes <= BytesAtOnceMax
        && _request.Map.ProbablyHoldsStart(_request.Lower, _request.Upper, _request.Bounds, _request.Direction);

    private EntryPage? ReadPage()
    {
        Begin();
        var page = new PageBuilder(_request.PageBytes, _entriesOfLastPage, _bytesExpected);
        try
        {
            while (_isOnEntry && _left > 0)
            {
                _cancellation.ThrowIfCancellationRequested();
                if (!page.TryAdd(_cursor!.Key, _cursor.Value)) break;
                _left--;
                _isOnEntry = false;
                _isOnEntry = _request.Direction == Direction.Ascending ? _cursor.Next() : _cursor.Previous();
            }

            _isAtEnd = !_isOnEntry || _left == 0;
        }
        catch (Exception failure) when (page.Count > 0)
        {
            // What was read before is shown first.
            _failure = failure;
        }

        if (page.Count == 0) return null;
        _entriesOfLastPage = page.Count;
        _bytesExpected = _request.PageBytes;
        return page.Build();
    }

    private void Begin()
    {
        _cancellation.ThrowIfCancellationRequested();
        if (_failure is not null) ExceptionDispatchInfo.Throw(_failure);
        if (_cursor is not null) return;
        _cursor = _request.Map.OpenRange(_request.Lower, _request.Upper, _request.Bounds, _snapshot);
        _isOnEntry = _request.Direction == Direction.Ascending ? _cursor.SeekToFirst() : _cursor.SeekToLast();
    }
}

/// <summary>Gathers the entries of a page.</summary>
internal struct PageBuilder(int pageBytes, int entriesExpected, int bytesExpected)
{
    private byte[] _bytes = [];
    private int[] _ends = [];
    private int _used;

    public int Count { get; private set; }

    /// <summary>False when the page is full; the first entry always fits.</summary>
    public bool TryAdd(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        long entryBytes = (long)key.Length + value.Length;
        if (Count == 0)
        {
            _bytes = GC.AllocateUninitializedArray<byte>((int)Math.Max(entryBytes, Math.Min(pageBytes, bytesExpected)));
            _ends = new int[2 * entriesExpected];
        }

        if (entryBytes > _bytes.Length - _used && !TryGrow(_used + entryBytes)) return false;
        if (2 * Count == _ends.Length) Array.Resize(ref _ends, 2 * _ends.Length);
        key.CopyTo(_bytes.AsSpan(_used));
        value.CopyTo(_bytes.AsSpan(_used + key.Length));
        _ends[2 * Count] = _used + key.Length;
        _used += (int)entryBytes;
        _ends[2 * Count + 1] = _used;
        Count++;
        return true;
    }

    private bool TryGrow(long neededBytes)
    {
        if (neededBytes > pageBytes) return false;
        byte[] larger = GC.AllocateUninitializedArray<byte>((int)Math.Clamp(2L * _bytes.Length, neededBytes, pageBytes));
        _bytes.AsSpan(0, _used).CopyTo(larger);
        _bytes = larger;
        return true;
    }

    public readonly EntryPage Build() => new(_bytes, _ends, Count);
}
