using System.Runtime.CompilerServices;

namespace Varve.Sharing;

/// <summary>The store of a database that is open in this process. Safe for concurrent use.</summary>
/// <param name="database">Stays the caller's: it is not closed with anything.</param>
public sealed class EmbeddedStore(Database database) : ISharedStore
{
    private const int PageBytesMin = SortedMap.PageBytesMin;
    private const int PageBytesMax = SortedMap.PageBytesDefault;

    private WriteBatch? _idleBatch;

    /// <inheritdoc/>
    public ValueTask<byte[]?> GetAsync(string map, ReadOnlyMemory<byte> key, CancellationToken cancellation = default) =>
        database.GetMap(map).GetAsync(key, snapshot: null, cancellation);

    /// <inheritdoc/>
    public async ValueTask<StorePage> ReadRangeAsync(StoreRange range, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(range);
        range.Validate();
        Limits.CheckKey(range.Start.Span);
        Limits.CheckKey(range.End.Span);
        bool isAscending = range.Direction == Direction.Ascending;

        // One entry more than asked for, which tells whether and where there are more.
        var request = new PageRequest(
            database.GetMap(range.Map),
            (isAscending ? range.Start : range.End).ToArray(),
            (isAscending ? range.End : range.Start).ToArray(),
            isAscending ? RangeBounds.FromInclusive : RangeBounds.UpToInclusive,
            range.Direction,
            range.Limit + 1L,
            Math.Clamp(range.BytesMax, PageBytesMin, PageBytesMax),
            snapshot: null);
        var reader = new PageReader(request, cancellation);
        try
        {
            return await ReadPageAsync(reader, range).ConfigureAwait(false);
        }
        finally
        {
            await reader.CloseAsync().ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<StoreOutcome> WriteAsync(StoreBatch batch, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(batch);
        WriteBatch write = Interlocked.Exchange(ref _idleBatch, null) ?? database.CreateBatch();
        try
        {
            Fill(write, batch);
            WriteOutcome outcome = await database.TryWriteAsync(write, batch.Durability, cancellation).ConfigureAwait(false);
            return new StoreOutcome(outcome.IsCommitted, outcome.Sequence, outcome.FailedCondition);
        }
        finally
        {
            write.Clear();
            Interlocked.Exchange(ref _idleBatch, write)?.Dispose();
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<ChangeBatch> ReadChangesAsync(
        StoreFeed feed, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(feed);
        ulong after = feed.After ?? database.LatestSequence;
        var options = new ChangeFeedOptions { IncludeNotDurable = feed.IncludeNotDurable };
        if (feed.After is null) yield return new ChangeBatch(after, after, [], isFirstPiece: true, isLastPiece: true);
        await foreach (ChangeBatch batch in database.ReadChanges(after, options, cancellation).ConfigureAwait(false))
        {
            if (feed.Show(batch) is { } shown) yield return shown;
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<string>> ListMapsAsync(CancellationToken cancellation = default) => new(database.ListMaps());

    /// <summary>What is written and what must hold, behind what the batch has already.</summary>
    internal void Fill(WriteBatch write, StoreBatch batch)
    {
        // By index: enumerators of lists behind an interface are objects.
        IReadOnlyList<StoreCondition> conditions = batch.Conditions;
        SortedMap? map = null;
        string name = "";
        for (int i = 0; i < conditions.Count; i++) Add(write, conditions[i], MapOf(conditions[i].Map));
        IReadOnlyList<StoreOperation> operations = batch.Operations;
        for (int i = 0; i < operations.Count; i++) Add(write, operations[i], MapOf(operations[i].Map));

        // Most are of the same few maps, one behind the other.
        SortedMap MapOf(string wanted)
        {
            if (map is not null && ReferenceEquals(wanted, name)) return map;
            name = wanted;
            return map = database.GetMap(wanted);
        }
    }

    private static async ValueTask<StorePage> ReadPageAsync(PageReader reader, StoreRange range)
    {
        List<PageEntry> entries = [];
        long bytes = 0;
        while (await reader.ReadAsync().ConfigureAwait(false) is { } page)
        {
            foreach (PageEntry entry in page)
            {
                bytes += (long)entry.Key.Length + entry.Value.Length;
                bool isFull = entries.Count == range.Limit || (entries.Count > 0 && bytes > range.BytesMax);
                if (isFull) return new StorePage(entries, entry.Key.ToArray());
                entries.Add(entry);
            }
        }

        return new StorePage(entries, NextKey: null);
    }

    private static void Add(WriteBatch write, in StoreCondition condition, SortedMap map)
    {
        switch (condition.Kind)
        {
            case StoreConditionKind.Absent:
                write.RequireAbsent(map, condition.Key.Span);
                break;
            case StoreConditionKind.Present:
                write.RequirePresent(map, condition.Key.Span);
                break;
            case StoreConditionKind.Value:
                write.RequireValue(map, condition.Key.Span, condition.Expected.Span);
                break;
            default:
                throw new ArgumentException($"There is no condition {condition.Kind}.", nameof(condition));
        }
    }

    private static void Add(WriteBatch write, in StoreOperation operation, SortedMap map)
    {
        switch (operation.Kind)
        {
            case StoreOperationKind.Put:
                write.Put(map, operation.Key.Span, operation.Value.Span);
                break;
            case StoreOperationKind.Delete:
                write.Delete(map, operation.Key.Span);
                break;
            case StoreOperationKind.DeleteRange:
                write.DeleteRange(map, operation.Key.Span, operation.Value.Span);
                break;
            default:
                throw new ArgumentException($"There is no operation {operation.Kind}.", nameof(operation));
        }
    }
}
