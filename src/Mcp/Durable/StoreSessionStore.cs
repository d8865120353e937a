using Varve.Idempotency;
using Varve.Mcp.Sessions;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

/// <summary>
/// Sessions in the journal's store: they outlive the process. A new one is as durable as a call; later changes survive the process, not
/// a power cut.
/// </summary>
internal sealed class StoreSessionStore(Journal journal) : ISessionStore
{
    private const int PageEntriesMax = 1_000;
    private static readonly byte[] ExpiryValue = [RowWriter.Format];

    private readonly ISharedStore _store = journal.Store;

    // Of this process's knowledge: counted at first and whenever it says that there are too many.
    private int _count = int.MaxValue;

    public async ValueTask AddAsync(SessionRecord session, CancellationToken cancellation)
    {
        await _store.WriteAsync(
            new StoreBatch
            {
                Operations =
                [
                    StoreOperation.Put(InternalMaps.Sessions, SessionRows.Key(session.Id), SessionRows.Encode(session)),
                    StoreOperation.Put(InternalMaps.Expiry, SessionRows.ExpiryKey(session), ExpiryValue),
                ],
                Durability = journal.Durability,
            },
            cancellation);
        if (_count != int.MaxValue) Interlocked.Increment(ref _count);
    }

    public async ValueTask<bool> TryReplaceAsync(SessionRecord session, CancellationToken cancellation)
    {
        byte[] key = SessionRows.Key(session.Id);
        while (await _store.GetAsync(InternalMaps.Sessions, key, cancellation) is { } before)
        {
            StoreBatch batch = new()
            {
                Conditions = [StoreCondition.Value(InternalMaps.Sessions, key, before)],
                Operations =
                [
                    StoreOperation.Put(InternalMaps.Sessions, key, SessionRows.Encode(session)),
                    StoreOperation.Delete(InternalMaps.Expiry, SessionRows.ExpiryKey(SessionRows.Decode(session.Id, before))),
                    StoreOperation.Put(InternalMaps.Expiry, SessionRows.ExpiryKey(session), ExpiryValue),
                ],
                Durability = Durability.Buffered,
            };
            if ((await _store.WriteAsync(batch, cancellation)).IsCommitted) return true;
        }
        return false;
    }

    public async ValueTask<SessionRecord?> FindAsync(string id, CancellationToken cancellation) =>
        await _store.GetAsync(InternalMaps.Sessions, SessionRows.Key(id), cancellation) is { } row ? SessionRows.Decode(id, row) : null;

    public async ValueTask RemoveAsync(string id, CancellationToken cancellation)
    {
        byte[] key = SessionRows.Key(id);
        while (await _store.GetAsync(InternalMaps.Sessions, key, cancellation) is { } row)
            if (await TryRemoveAsync(SessionRows.Decode(id, row), row, cancellation)) return;
    }

    public async ValueTask<IReadOnlyList<string>> ExpireAsync(
        DateTimeOffset lastUsedBefore, int countMax, CancellationToken cancellation)
    {
        List<string> ended = [];
        if (Volatile.Read(ref _count) > countMax) await CountAsync(cancellation);
        (byte[] start, byte[] end) = SessionRows.AllExpiry;
        while (await ReadOldestAsync(start, end, cancellation) is { Entries.Count: > 0 } page)
        {
            foreach (PageEntry entry in page.Entries)
            {
                (DateTimeOffset lastUsed, string id) = SessionRows.ReadExpiry(entry.Key.Span);
                if (lastUsed >= lastUsedBefore && Volatile.Read(ref _count) <= countMax) return ended;
                if (await TryExpireAsync(entry.Key, id, cancellation)) ended.Add(id);
            }
        }
        return ended;
    }

    /// <summary>False where the session was used meanwhile.</summary>
    private async ValueTask<bool> TryExpireAsync(ReadOnlyMemory<byte> expiryKey, string id, CancellationToken cancellation)
    {
        byte[]? row = await _store.GetAsync(InternalMaps.Sessions, SessionRows.Key(id), cancellation);
        SessionRecord? session = row is null ? null : SessionRows.Decode(id, row);
        if (session is not null && SessionRows.ExpiryKey(session).AsSpan().SequenceEqual(expiryKey.Span))
            return await TryRemoveAsync(session, row!, cancellation);
        StoreBatch stale = new()
        {
            Operations = [StoreOperation.Delete(InternalMaps.Expiry, expiryKey)],
            Durability = Durability.Buffered,
        };
        await _store.WriteAsync(stale, cancellation);
        return false;
    }

    /// <summary>Final: what is gone stays gone, also behind a power cut.</summary>
    private async ValueTask<bool> TryRemoveAsync(SessionRecord session, byte[] row, CancellationToken cancellation)
    {
        byte[] key = SessionRows.Key(session.Id);
        StoreBatch batch = new()
        {
            Conditions = [StoreCondition.Value(InternalMaps.Sessions, key, row)],
            Operations =
            [
                StoreOperation.Delete(InternalMaps.Sessions, key),
                StoreOperation.Delete(InternalMaps.Expiry, SessionRows.ExpiryKey(session)),
            ],
            Durability = journal.Durability,
        };
        if (!(await _store.WriteAsync(batch, cancellation)).IsCommitted) return false;
        if (_count != int.MaxValue) Interlocked.Decrement(ref _count);
        return true;
    }

    /// <summary>Where there may be too many: other processes end sessions, too. Reads the short rows of the expiry map alone.</summary>
    private async ValueTask CountAsync(CancellationToken cancellation)
    {
        int count = 0;
        (byte[]? start, byte[] end) = SessionRows.AllExpiry;
        while (start is not null)
        {
            StorePage page = await ReadOldestAsync(start, end, cancellation);
            count += page.Entries.Count;
            start = page.NextKey;
        }
        Volatile.Write(ref _count, count);
    }

    private ValueTask<StorePage> ReadOldestAsync(byte[] start, byte[] end, CancellationToken cancellation) =>
        _store.ReadRangeAsync(
            new StoreRange { Map = InternalMaps.Expiry, Start = start, End = end, Limit = PageEntriesMax }, cancellation);
}
