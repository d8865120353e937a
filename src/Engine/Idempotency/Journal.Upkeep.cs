using Varve.Sharing;

namespace Varve.Idempotency;

// What is finished goes after some time, or when there is too much of it; by the expiry map, the oldest first.
public sealed partial class Journal
{
    private const int RemovalsOfPage = 256;

    /// <summary>
    /// Where less room than so many thousandths of all is left, the oldest go, until twice as much is: so nobody has to wait for it.
    /// </summary>
    private const int SpareThousandths = 2;

    private const int StepsOfPage = 1_024;

    /// <summary>Rows of an invocation at rest without key and steps.</summary>
    private const int RowsAtRest = 3;

    private static readonly ExpiryKind[] ExpiryKinds = Enum.GetValues<ExpiryKind>();
    private static readonly TimeSpan SweepInterval = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan CountInterval = TimeSpan.FromHours(1);

    private readonly SemaphoreSlim _sweepGuard = new(1);

    /// <summary>The last row of each kind that was dropped: what comes before it is gone, and only costs those who look for more.</summary>
    private readonly Dictionary<ExpiryKind, ExpiryRow> _dropped = [];
    private long _invocations;
    private long _restBytes;
    private long _countedAt;
    private volatile bool _isCounted;

    /// <summary>
    /// Removes what has been at rest for long enough, and the oldest of what is at rest while there is too much. One of those that use the
    /// store calls it at its start and every minute or so, or lets <see cref="RunUpkeepAsync"/> do that.
    /// </summary>
    /// <remarks>
    /// Reads the expiry map from its oldest rows on, no more than goes. The bounds (<see cref="JournalOptions.InvocationsMax"/>) hold
    /// from the first call on; what other processes have added counts within the hour.
    /// </remarks>
    /// <param name="cancellation">Ends it between two invocations.</param>
    /// <returns>How many invocations have gone.</returns>
    public async ValueTask<int> SweepAsync(CancellationToken cancellation = default)
    {
        await _sweepGuard.WaitAsync(cancellation).ConfigureAwait(false);
        try
        {
            int removed = 0;
            foreach (ExpiryKind kind in ExpiryKinds)
            {
                long before = NowMilliseconds - (long)Options.RetentionOf(kind).TotalMilliseconds;
                byte[] start = ExpiryRow.KeysOf(kind);
                while (await ReadOldestAsync(kind, start, before, cancellation).ConfigureAwait(false) is { Count: > 0 } rows)
                {
                    removed += await RemoveAsync(rows, cancellation).ConfigureAwait(false);
                }
            }

            if (!_isCounted || Options.TimeProvider.GetElapsedTime(_countedAt) >= CountInterval)
                await CountAsync(cancellation).ConfigureAwait(false);
            return removed + await DropOldestAsync(coming: 0, spare: 0, cancellation).ConfigureAwait(false);
        }
        finally
        {
            _sweepGuard.Release();
        }
    }

    /// <summary>Sweeps now and every minute, without an end.</summary>
    /// <param name="cancellation">Ends it with <see cref="OperationCanceledException"/>.</param>
    public async Task RunUpkeepAsync(CancellationToken cancellation)
    {
        while (true)
        {
            await SweepAsync(cancellation).ConfigureAwait(false);
            await Task.Delay(SweepInterval, Options.TimeProvider, cancellation).ConfigureAwait(false);
        }
    }

    private static ExpiryRow ExpiryOf(Guid id, StoredState state, bool hasKey, long bytes) =>
        new(state.ExpiryKindOf(hasKey), state.Milliseconds, id, bytes, state.Finished?.State == InvocationState.Completed);

    private bool IsExpired(StoredState state, bool hasKey)
    {
        if (!state.IsAtRest) return false;
        long retention = (long)Options.RetentionOf(state.ExpiryKindOf(hasKey)).TotalMilliseconds;
        return state.Milliseconds <= NowMilliseconds - retention;
    }

    /// <summary>Whether there is more than there may be, with so many invocations that are to come.</summary>
    /// <param name="coming">How many.</param>
    /// <param name="spare">Thousandths of what there may be that are to be left free.</param>
    private bool IsOver(int coming, int spare) => InvocationsOver(coming, spare) > 0 || BytesOver(spare) > 0;

    private long InvocationsOver(int coming, int spare) =>
        Interlocked.Read(ref _invocations) + coming - Options.InvocationsMax + Options.InvocationsMax / 1_000 * spare;

    private long BytesOver(int spare) =>
        Interlocked.Read(ref _restBytes) - Options.RestBytesMax + Options.RestBytesMax / 1_000 * spare;

    private void CountInvocation() => Interlocked.Increment(ref _invocations);

    private void CountRest(long bytes) => Interlocked.Add(ref _restBytes, bytes);

    /// <exception cref="JournalFullException">Nothing is at rest that could go.</exception>
    private async ValueTask MakeRoomAsync(CancellationToken cancellation)
    {
        if (!_isCounted || !IsOver(coming: 1, SpareThousandths)) return;
        bool hasRoom = !IsOver(coming: 1, spare: 0);

        // Who has room does not wait for the one that makes more.
        if (!await _sweepGuard.WaitAsync(hasRoom ? TimeSpan.Zero : Timeout.InfiniteTimeSpan, cancellation).ConfigureAwait(false)) return;
        try
        {
            // Others that begin meanwhile may take the room: full is what nothing can leave. To find the oldest costs more than to remove
            // it, so some more go with it.
            while (IsOver(coming: 1, SpareThousandths))
            {
                int dropped = await DropOldestAsync(coming: 1, 2 * SpareThousandths, cancellation).ConfigureAwait(false);
                if (dropped > 0) continue;
                if (Interlocked.Read(ref _invocations) < Options.InvocationsMax) return;
                throw new JournalFullException(Options.InvocationsMax);
            }
        }
        finally
        {
            _sweepGuard.Release();
        }
    }

    /// <summary>Until the journal is within its bounds, or nothing is left that may go.</summary>
    private async ValueTask<int> DropOldestAsync(int coming, int spare, CancellationToken cancellation)
    {
        int dropped = 0;
        while (IsOver(coming, spare))
        {
            List<ExpiryRow> oldest = await ReadOldestAsync(cancellation).ConfigureAwait(false);
            if (oldest.Count == 0) break;
            IReadOnlyList<ExpiryRow> going = FirstTo(oldest, InvocationsOver(coming, spare), BytesOver(spare));
            dropped += await RemoveAsync(going, cancellation).ConfigureAwait(false);
            foreach (ExpiryRow row in going) _dropped[row.Kind] = row;
        }

        return dropped;
    }

    /// <summary>As many of the oldest as bring the journal within its bounds; all where they do not.</summary>
    private static List<ExpiryRow> FirstTo(List<ExpiryRow> oldest, long invocations, long bytes)
    {
        int count = 0;
        for (; count < oldest.Count && (invocations > count || bytes > 0); count++) bytes -= oldest[count].Bytes;
        return oldest[..count];
    }

    /// <summary>What came to rest first, of all kinds, the oldest first.</summary>
    private async ValueTask<List<ExpiryRow>> ReadOldestAsync(CancellationToken cancellation)
    {
        List<ExpiryRow> oldest = [];
        long horizon = long.MaxValue;
        foreach (ExpiryKind kind in ExpiryKinds)
        {
            IReadOnlyList<ExpiryRow> rows = [];
            if (_dropped.Remove(kind, out ExpiryRow last))
                rows = await ReadOldestAsync(kind, last.EncodeKey(), long.MaxValue, cancellation).ConfigureAwait(false);
            if (rows.Count == 0)
                rows = await ReadOldestAsync(kind, ExpiryRow.KeysOf(kind), long.MaxValue, cancellation).ConfigureAwait(false);
            oldest.AddRange(rows);

            // What comes behind a full page may be older than what the other kinds have shown.
            if (rows.Count == RemovalsOfPage) horizon = Math.Min(horizon, rows[^1].Milliseconds);
        }

        return [.. oldest.Where(row => row.Milliseconds <= horizon).OrderBy(row => row.Milliseconds)];
    }

    /// <summary>What came to rest first, up to a time (inclusive).</summary>
    private async ValueTask<IReadOnlyList<ExpiryRow>> ReadOldestAsync(
        ExpiryKind kind, byte[] start, long upTo, CancellationToken cancellation)
    {
        if (upTo < 0) return [];
        byte[] end = upTo == long.MaxValue
            ? JournalKeys.EndOf(ExpiryRow.KeysOf(kind))
            : new ExpiryRow(kind, upTo + 1, Guid.Empty, 0).EncodeKey();
        var range = new StoreRange
        {
            Map = InternalMaps.Expiry,
            Start = start,
            End = end,
            Limit = RemovalsOfPage,
        };
        StorePage page = await Store.ReadRangeAsync(range, cancellation).ConfigureAwait(false);
        return [.. page.Entries.Select(entry => ExpiryRow.Decode(entry.Key.Span, entry.Value.Span))];
    }

    private async ValueTask<long> ReadRestBytesAsync(byte[] expiryKey, CancellationToken cancellation)
    {
        byte[]? value = await Store.GetAsync(InternalMaps.Expiry, expiryKey, cancellation).ConfigureAwait(false);
        return value is null ? 0 : ExpiryRow.Decode(expiryKey, value).Bytes;
    }

    /// <summary>All rows of invocations, as many in a batch as are still at rest; returns how many.</summary>
    private async ValueTask<int> RemoveAsync(IReadOnlyList<ExpiryRow> rows, CancellationToken cancellation)
    {
        if (rows.Count == 0) return 0;
        // What is not completed may be run again meanwhile, and a key may be another's.
        StoreCondition[] conditions = [.. rows.Where(row => !row.IsCompleted || row.Kind != ExpiryKind.Unkeyed).Select(IsAtRest)];
        var operations = new List<StoreOperation>(rows.Count * RowsAtRest);
        ILookup<Guid, byte[]>? steps = await FindStepsAsync(rows, cancellation).ConfigureAwait(false);
        foreach (ExpiryRow row in rows) await AddDeletesAsync(operations, row, steps, cancellation).ConfigureAwait(false);
        if (await TryRemoveAsync(conditions, operations, rows).ConfigureAwait(false)) return rows.Count;
        int removed = 0;
        foreach (ExpiryRow row in rows)
        {
            if (await RemoveAsync(row, IsAtRest(row), cancellation).ConfigureAwait(false)) removed++;
        }

        return removed;

        static StoreCondition IsAtRest(ExpiryRow row) => StoreCondition.Present(InternalMaps.Expiry, row.EncodeKey());
    }

    /// <summary>All rows of an invocation at once; false when the condition does not hold.</summary>
    private async ValueTask<bool> RemoveAsync(ExpiryRow row, StoreCondition condition, CancellationToken cancellation)
    {
        var operations = new List<StoreOperation>(RowsAtRest);
        await AddDeletesAsync(operations, row, steps: null, cancellation).ConfigureAwait(false);
        return await TryRemoveAsync([condition], operations, [row]).ConfigureAwait(false);
    }

    private async ValueTask<bool> TryRemoveAsync(
        IReadOnlyList<StoreCondition> conditions, IReadOnlyList<StoreOperation> operations, IReadOnlyList<ExpiryRow> rows)
    {
        // A crash that takes the removal with it leaves it to be done again.
        if (!await TryWriteAsync(conditions, operations, Durability.Buffered).ConfigureAwait(false)) return false;
        Interlocked.Add(ref _invocations, -rows.Count);
        CountRest(-rows.Sum(row => row.Bytes));
        return true;
    }

    /// <param name="operations">Where they are added.</param>
    /// <param name="row">What is removed.</param>
    /// <param name="steps">The keys of its steps among those of others; null: they are looked for.</param>
    /// <param name="cancellation">Ends the wait.</param>
    private async ValueTask AddDeletesAsync(
        List<StoreOperation> operations, ExpiryRow row, ILookup<Guid, byte[]>? steps, CancellationToken cancellation)
    {
        byte[] state = row.Kind == ExpiryKind.Idle ? JournalKeys.Pending(row.Id) : JournalKeys.Finished(row.Id);
        operations.Add(StoreOperation.Delete(InternalMaps.Expiry, row.EncodeKey()));
        operations.Add(StoreOperation.Delete(InternalMaps.Invocations, JournalKeys.Request(row.Id)));
        operations.Add(StoreOperation.Delete(InternalMaps.Invocations, state));
        bool mayHaveKey = row.Kind != ExpiryKind.Unkeyed;
        if (mayHaveKey && await LoadRequestAsync(row.Id, cancellation).ConfigureAwait(false) is { Key: { } key } request)
            operations.Add(StoreOperation.Delete(InternalMaps.Invocations, JournalKeys.Keyed(request.Principal, key)));
        if (steps is not null)
        {
            operations.AddRange(steps[row.Id].Select(step => StoreOperation.Delete(InternalMaps.Steps, step)));
            return;
        }

        IAsyncEnumerable<PageEntry> found = ReadPrefixAsync(InternalMaps.Steps, JournalKeys.Steps(row.Id), cancellation);
        await foreach (PageEntry step in found.ConfigureAwait(false))
            operations.Add(StoreOperation.Delete(InternalMaps.Steps, step.Key));
    }

    /// <summary>
    /// The steps of invocations by one read, since what ended together has mostly begun together: null where there are too many others
    /// between them.
    /// </summary>
    private async ValueTask<ILookup<Guid, byte[]>?> FindStepsAsync(IReadOnlyList<ExpiryRow> rows, CancellationToken cancellation)
    {
        // Ids are ordered as their bytes are.
        var range = new StoreRange
        {
            Map = InternalMaps.Steps,
            Start = JournalKeys.Steps(rows.Min(row => row.Id)),
            End = JournalKeys.EndOf(JournalKeys.Steps(rows.Max(row => row.Id))),
            Limit = StepsOfPage,
        };
        StorePage page = await Store.ReadRangeAsync(range, cancellation).ConfigureAwait(false);
        if (page.NextKey is not null) return null;
        return page.Entries.ToLookup(entry => JournalKeys.ReadIdOfStep(entry.Key.Span), entry => entry.Key.ToArray());
    }

    /// <summary>Counts anew; what begins or ends meanwhile may be missed until the next time.</summary>
    private async ValueTask CountAsync(CancellationToken cancellation)
    {
        long invocations = 0;
        long bytes = 0;
        foreach (ExpiryKind kind in ExpiryKinds)
        {
            byte[] first = ExpiryRow.KeysOf(kind);
            await foreach (PageEntry entry in ReadPrefixAsync(InternalMaps.Expiry, first, cancellation).ConfigureAwait(false))
            {
                invocations++;
                bytes += ExpiryRow.Decode(entry.Key.Span, entry.Value.Span).Bytes;
            }
        }

        IAsyncEnumerable<PageEntry> pending = ReadPrefixAsync(InternalMaps.Invocations, JournalKeys.AllPending, cancellation);
        await foreach (PageEntry entry in pending.ConfigureAwait(false))
        {
            if (!PendingRow.Decode(entry.Value.Span).IsIdle) invocations++;
        }

        Interlocked.Exchange(ref _invocations, invocations);
        Interlocked.Exchange(ref _restBytes, bytes);
        _countedAt = Options.TimeProvider.GetTimestamp();
        _isCounted = true;
    }
}
