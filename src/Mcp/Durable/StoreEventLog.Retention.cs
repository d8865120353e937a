using Varve.Idempotency;
using Varve.Mcp.Sessions;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

// How long events are kept.
internal sealed partial class StoreEventLog
{
    /// <summary>
    /// Looks at the streams that have begun long enough ago: those that have ended go, of the one that never ends all but its last event.
    /// </summary>
    public async ValueTask SweepAsync(CancellationToken cancellation)
    {
        long before = NowMilliseconds - (long)options.Value.Http.EventsKept.TotalMilliseconds;
        byte[] start = [];
        while (await FirstAsync() is [var first])
        {
            (string session, _, _) = EventKeys.Read(first.Key.Span);
            bool hasSession = await _store.GetAsync(InternalMaps.Sessions, SessionRows.Key(session), cancellation) is not null;
            await SweepUnsolicitedAsync(session, hasSession, before, cancellation);
            await SweepAsync(session, hasSession, before, cancellation);
            start = EventKeys.EndOf(EventKeys.Session(session));
        }

        async ValueTask<IReadOnlyList<PageEntry>> FirstAsync()
        {
            StoreRange left = new() { Map = InternalMaps.Events, Start = start, Limit = 1 };
            return (await _store.ReadRangeAsync(left, cancellation)).Entries;
        }
    }

    private async ValueTask SweepAsync(string session, bool hasSession, long before, CancellationToken cancellation)
    {
        byte[] start = EventKeys.StreamsFrom(session, 0);
        byte[] end = EventKeys.StreamsFrom(session, before + 1);
        List<StoreOperation> drop = [];
        await foreach (StreamSize stream in ReadStreamsAsync(start, end, cancellation))
        {
            if (hasSession && (stream.Milliseconds > before || await IsUnderWayAsync(session, stream, cancellation))) continue;
            Drop(session, stream, drop);
            if (_bytes.TryGetValue(session, out SessionBytes? ofSession)) ofSession.Add(-stream.Bytes);
            drop = await WriteIfManyAsync(drop, cancellation);
        }
        if (drop.Count > 0) await TryWriteAsync([], drop, cancellation);
    }

    /// <summary>Its last event stays, so that its numbers go on.</summary>
    private async ValueTask SweepUnsolicitedAsync(string session, bool hasSession, long before, CancellationToken cancellation)
    {
        byte[] key = EventKeys.Stream(session, EventIds.UnsolicitedStream);
        (uint number, EventRow last) = await ReadLastAsync(session, EventIds.UnsolicitedStream, cancellation);
        if (number == 0 || last.Milliseconds > before) return;
        byte[] end = hasSession ? EventKeys.Event(key, number) : EventKeys.EndOf(key);
        if (await DropAsync(key, end, cancellation) is not { } bytes) _bytes.TryRemove(session, out _);
        else if (_bytes.TryGetValue(session, out SessionBytes? ofSession)) ofSession.Add(-bytes);
    }

    private async ValueTask<bool> IsUnderWayAsync(string session, StreamSize stream, CancellationToken cancellation)
    {
        if (stream.IsEnded) return false;
        if (_live.ContainsKey((session, stream.Name))) return true;
        if (await ReadStreamAsync(session, stream.Name, cancellation) is not { } row) return false;
        if (row.Owner != journal.Incarnation && await Leases.IsHeldAsync(_store, row.Owner, cancellation)) return true;
        Invocation? call = await journal.FindAsync(row.Call, cancellation);
        return call is { IsFinished: false, State: not (InvocationState.Open or InvocationState.Waiting) };
    }

    /// <summary>All rows between two keys.</summary>
    /// <returns>How many bytes of events; null where they were not counted.</returns>
    private async ValueTask<long?> DropAsync(byte[] start, byte[] end, CancellationToken cancellation)
    {
        // Few rows go one by one: a range that is deleted is something that every later read has to look at.
        StoreRange range = new() { Map = InternalMaps.Events, Start = start, End = end, Limit = RemovalsMax };
        StorePage page = await _store.ReadRangeAsync(range, cancellation);
        StoreOperation[] drop = page.NextKey is null
            ? [.. page.Entries.Select(entry => StoreOperation.Delete(InternalMaps.Events, entry.Key))]
            : [StoreOperation.DeleteRange(InternalMaps.Events, start, end)];
        if (drop.Length > 0) await TryWriteAsync([], drop, cancellation);
        return page.NextKey is null ? page.Entries.Sum(SizeOf) : null;
    }
}
