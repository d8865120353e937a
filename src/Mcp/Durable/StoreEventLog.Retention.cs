using Varve.Idempotency;
using Varve.Mcp.Sessions;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

// How long events are kept.
internal sealed partial class StoreEventLog
{
    /// <summary>
    /// Looks at the streams that are old enough, by the rows of the expiry map: those that have ended go, others are looked at later.
    /// </summary>
    public async ValueTask SweepAsync(CancellationToken cancellation)
    {
        long before = NowMilliseconds - (long)options.Value.Http.EventsKept.TotalMilliseconds;
        (byte[] start, byte[] end) = EventKeys.AllExpiry;
        while (await FirstAsync() is [var first])
        {
            (string session, _) = EventKeys.ReadExpiry(first.Key.Span);
            await SweepAsync(session, before, cancellation);
            start = EventKeys.EndOf(EventKeys.Expiry(session));
        }

        async ValueTask<IReadOnlyList<PageEntry>> FirstAsync()
        {
            StoreRange left = new() { Map = InternalMaps.Expiry, Start = start, End = end, Limit = 1 };
            return (await _store.ReadRangeAsync(left, cancellation)).Entries;
        }
    }

    private async ValueTask SweepAsync(string session, long before, CancellationToken cancellation)
    {
        StoreRange due = new()
        {
            Map = InternalMaps.Expiry,
            Start = EventKeys.Expiry(session),
            End = EventKeys.ExpiryFrom(session, before + 1),
            Limit = PageEntriesMax,
        };
        while (await _store.ReadRangeAsync(due, cancellation) is { Entries.Count: > 0 } page)
        {
            foreach (PageEntry entry in page.Entries)
            {
                (_, string stream) = EventKeys.ReadExpiry(entry.Key.Span);
                await ExpireAsync(session, stream, entry.Key, before, cancellation);
            }
        }
    }

    private static StoreOperation PutExpiry(string session, long milliseconds, string stream) =>
        StoreOperation.Put(InternalMaps.Expiry, EventKeys.Expiry(session, milliseconds, stream), default(StreamEnd).Encode());

    /// <summary>Removes a stream, or moves its row of the expiry map to when it is to be looked at next.</summary>
    private async ValueTask ExpireAsync(
        string session, string stream, ReadOnlyMemory<byte> expiryKey, long before, CancellationToken cancellation)
    {
        StoreOperation forget = StoreOperation.Delete(InternalMaps.Expiry, expiryKey);
        bool hasSession = await _store.GetAsync(InternalMaps.Sessions, SessionRows.Key(session), cancellation) is not null;
        (uint number, EventRow last) = await ReadLastAsync(session, stream, cancellation);
        if (!hasSession || number == 0)
        {
            await DropAsync(EventKeys.Stream(session, stream), [forget], cancellation);
        }
        else if (stream == EventIds.UnsolicitedStream)
        {
            // Its last event stays, so that its numbers go on.
            byte[] first = EventKeys.Stream(session, stream);
            if (last.Milliseconds <= before)
                Forget(session, await DropAsync(first, EventKeys.Event(session, stream, number), [], cancellation));
            await TryWriteAsync([], [forget, PutExpiry(session, Math.Max(NowMilliseconds, before + 1), stream)], cancellation);
        }
        else if (last.Milliseconds > before || await IsUnderWayAsync(session, stream, last, cancellation))
        {
            long later = Math.Max(last.Milliseconds, before + 1);
            await TryWriteAsync([], [forget, PutExpiry(session, later, stream)], cancellation);
        }
        else
        {
            Forget(session, await DropAsync(EventKeys.Stream(session, stream), [forget], cancellation));
        }
    }

    private async ValueTask<bool> IsUnderWayAsync(string session, string stream, EventRow last, CancellationToken cancellation)
    {
        if (last.IsLast) return false;
        if (_live.ContainsKey((session, stream))) return true;
        if (await ReadStreamAsync(session, stream, cancellation) is not { } row) return false;
        if (row.Owner != journal.Incarnation && await Leases.IsHeldAsync(_store, row.Owner, cancellation)) return true;
        Invocation? call = await journal.FindAsync(row.Call, cancellation);
        return call is { IsFinished: false, State: not (InvocationState.Open or InvocationState.Waiting) };
    }

    /// <summary>All rows that begin with a prefix, and more.</summary>
    private ValueTask<long?> DropAsync(byte[] prefix, IReadOnlyList<StoreOperation> more, CancellationToken cancellation) =>
        DropAsync(prefix, EventKeys.EndOf(prefix), more, cancellation);

    /// <returns>How many bytes of events; null where they were not counted.</returns>
    private async ValueTask<long?> DropAsync(
        byte[] start, byte[] end, IReadOnlyList<StoreOperation> more, CancellationToken cancellation)
    {
        // Few rows go one by one: a range that is deleted is something that every later read has to look at.
        StoreRange range = new() { Map = InternalMaps.Events, Start = start, End = end, Limit = RemovalsMax };
        StorePage page = await _store.ReadRangeAsync(range, cancellation);
        IEnumerable<StoreOperation> drop = page.NextKey is null
            ? page.Entries.Select(entry => StoreOperation.Delete(InternalMaps.Events, entry.Key))
            : [StoreOperation.DeleteRange(InternalMaps.Events, start, end)];
        StoreOperation[] operations = [.. drop, .. more];
        if (operations.Length > 0) await TryWriteAsync([], operations, cancellation);
        return page.NextKey is null ? page.Entries.Sum(SizeOf) : null;
    }
}
