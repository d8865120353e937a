using System.Collections.Concurrent;
using Varve.Idempotency;
using Varve.Mcp.Sessions;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

// How long events are kept, and how many.
internal sealed partial class StoreEventLog
{
    private const int CheckBytesMax = 4 << 20;
    private const int RemovalsMax = 256;
    private const int RemovalsOfBatch = 1_024;

    /// <summary>Of the one stream of a session that never ends: what its client missed, not all that it was ever told.</summary>
    private const int UnsolicitedBytesMax = 64 << 10;

    private static readonly byte[] ExpiryValue = [RowWriter.Format];

    private readonly ConcurrentDictionary<string, int> _appended = new(StringComparer.Ordinal);

    /// <summary>Of a session's events, between two looks at how many there are; so much less than it may keep is left by each.</summary>
    private int CheckBytes => Math.Min(CheckBytesMax, options.Value.Http.StreamBytesMax / 4);

    /// <summary>
    /// Looks at the streams that are old enough, by the rows of the expiry map: those that have ended go, others are looked at later.
    /// </summary>
    public async ValueTask SweepAsync(CancellationToken cancellation)
    {
        long before = NowMilliseconds - (long)options.Value.Http.EventsKept.TotalMilliseconds;
        (byte[] start, byte[] end) = EventKeys.ExpiryBefore(before + 1);
        StoreRange due = new() { Map = InternalMaps.Expiry, Start = start, End = end, Limit = PageEntriesMax };
        while (await _store.ReadRangeAsync(due, cancellation) is { Entries.Count: > 0 } page)
        {
            foreach (PageEntry entry in page.Entries)
            {
                (string session, string stream) = EventKeys.ReadExpiry(entry.Key.Span);
                await ExpireAsync(session, stream, entry.Key, before, cancellation);
            }
        }
    }

    private static StoreOperation PutExpiry(long milliseconds, string session, string stream) =>
        StoreOperation.Put(InternalMaps.Expiry, EventKeys.Expiry(milliseconds, session, stream), ExpiryValue);

    /// <summary>Removes a stream, or moves its row of the expiry map to when it is to be looked at next.</summary>
    private async ValueTask ExpireAsync(
        string session, string stream, ReadOnlyMemory<byte> expiryKey, long before, CancellationToken cancellation)
    {
        StoreOperation forget = StoreOperation.Delete(InternalMaps.Expiry, expiryKey);
        bool hasSession = await _store.GetAsync(InternalMaps.Sessions, SessionRows.Key(session), cancellation) is not null;
        (uint number, EventRow last) = await ReadLastAsync(session, stream, cancellation);
        if (!hasSession || number == 0)
        {
            await RemoveAsync(EventKeys.Stream(session, stream), [forget], cancellation);
        }
        else if (stream == EventIds.UnsolicitedStream)
        {
            // Its last event stays, so that its numbers go on.
            byte[] first = EventKeys.Stream(session, stream);
            if (last.Milliseconds <= before) await DropAsync(first, EventKeys.Event(session, stream, number), [], cancellation);
            await TryWriteAsync([], [forget, PutExpiry(Math.Max(NowMilliseconds, before + 1), session, stream)], cancellation);
        }
        else if (last.Milliseconds > before || await IsUnderWayAsync(session, stream, last, cancellation))
        {
            long later = Math.Max(last.Milliseconds, before + 1);
            await TryWriteAsync([], [forget, PutExpiry(later, session, stream)], cancellation);
        }
        else
        {
            await RemoveAsync(EventKeys.Stream(session, stream), [forget], cancellation);
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
    private ValueTask RemoveAsync(byte[] prefix, IReadOnlyList<StoreOperation> more, CancellationToken cancellation) =>
        DropAsync(prefix, EventKeys.EndOf(prefix), more, cancellation);

    private async ValueTask DropAsync(
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
    }

    /// <summary>From time to time it is seen to that a session's events are not too many.</summary>
    private async ValueTask CountAsync(string session, int bytes, CancellationToken cancellation)
    {
        if (_appended.AddOrUpdate(session, bytes, (_, before) => before + bytes) < CheckBytes) return;
        _appended.TryRemove(session, out _);
        await TrimAsync(session, cancellation);
    }

    /// <summary>The oldest answered streams go first, then the older halves of the longest others.</summary>
    private async ValueTask TrimAsync(string session, CancellationToken cancellation)
    {
        List<StreamSize> streams = await MeasureAsync(session, cancellation);
        long total = streams.Sum(stream => stream.Bytes);
        long limit = options.Value.Http.StreamBytesMax - CheckBytes;
        IEnumerable<StreamSize> order = streams.OrderBy(stream => !stream.IsEnded)
            .ThenBy(stream => stream.IsEnded ? stream.Milliseconds : -stream.Bytes);
        List<StoreOperation> drop = [];
        foreach (StreamSize stream in order)
        {
            bool isTooLong = stream.Name == EventIds.UnsolicitedStream && stream.Bytes > UnsolicitedBytesMax;
            if (total <= limit && !isTooLong) continue;
            uint kept = stream.IsEnded ? stream.Last + 1 : stream.First + ((stream.Last - stream.First) / 2) + 1;
            if (stream.IsEnded) drop.Add(StoreOperation.Delete(InternalMaps.Events, EventKeys.Stream(session, stream.Name)));
            DropEvents(session, stream, kept, drop);
            total -= stream.IsEnded ? stream.Bytes : stream.Bytes / 2;
            if (drop.Count < RemovalsOfBatch) continue;
            await TryWriteAsync([], drop, cancellation);
            drop = [];
        }
        if (drop.Count > 0) await TryWriteAsync([], drop, cancellation);
    }

    /// <summary>What drops a stream's events before a number: they have all numbers from the first on.</summary>
    private static void DropEvents(string session, StreamSize stream, uint kept, List<StoreOperation> drop)
    {
        if (kept - stream.First > RemovalsMax)
        {
            byte[] end = EventKeys.Event(session, stream.Name, kept);
            drop.Add(StoreOperation.DeleteRange(InternalMaps.Events, EventKeys.Event(session, stream.Name, stream.First), end));
            return;
        }
        for (uint number = stream.First; number < kept; number++)
            drop.Add(StoreOperation.Delete(InternalMaps.Events, EventKeys.Event(session, stream.Name, number)));
    }

    private async ValueTask<List<StreamSize>> MeasureAsync(string session, CancellationToken cancellation)
    {
        List<StreamSize> streams = [];
        byte[]? start = EventKeys.Session(session);
        byte[] end = EventKeys.EndOf(start);
        while (start is not null)
        {
            StoreRange range = new() { Map = InternalMaps.Events, Start = start, End = end, Limit = PageEntriesMax };
            StorePage page = await _store.ReadRangeAsync(range, cancellation);
            foreach (PageEntry entry in page.Entries)
            {
                (_, string name, uint? number) = EventKeys.Read(entry.Key.Span);
                if (streams.Count == 0 || streams[^1].Name != name) streams.Add(new StreamSize(name));
                StreamSize stream = streams[^1];
                stream.Bytes += entry.Key.Length + entry.Value.Length;
                if (number is null) continue;
                EventRow row = EventRow.Decode(entry.Value.Span);
                if (stream.Last == 0) stream.First = number.Value;
                (stream.Last, stream.IsEnded, stream.Milliseconds) = (number.Value, row.IsLast, row.Milliseconds);
            }
            start = page.NextKey;
        }
        return streams;
    }

    private sealed class StreamSize(string name)
    {
        public string Name => name;

        public long Bytes { get; set; }

        public uint First { get; set; }

        public uint Last { get; set; }

        public bool IsEnded { get; set; }

        public long Milliseconds { get; set; }
    }
}
