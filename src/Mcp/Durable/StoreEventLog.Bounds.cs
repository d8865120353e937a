using System.Collections.Concurrent;
using Varve.Idempotency;
using Varve.Mcp.Sessions;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

// How many bytes of events a session keeps.
internal sealed partial class StoreEventLog
{
    private const int CheckBytesMax = 256 << 10;
    private const int RemovalsMax = 256;
    private const int RemovalsOfBatch = 1_024;

    /// <summary>Of the one stream of a session that never ends: what its client missed, not all that it was ever told.</summary>
    private const int UnsolicitedBytesMax = 64 << 10;

    /// <summary>
    /// A session is measured anew when so many times as much has come to it as it may keep: other processes may have added to it, too.
    /// </summary>
    private const int TurnsOfMeasure = 4;

    private readonly ConcurrentDictionary<string, SessionBytes> _bytes = new(StringComparer.Ordinal);

    /// <summary>Of a session's events, between two looks at how many there are; so much less than it may keep is left by each.</summary>
    private int CheckBytes => Math.Min(CheckBytesMax, options.Value.Http.StreamBytesMax / 4);

    private static long SizeOf(PageEntry entry) => entry.Key.Length + entry.Value.Length;

    /// <summary>Counts what a stream has got; from time to time it is seen to that its session's events are not too many.</summary>
    private async ValueTask CountAsync(LiveStream stream, CancellationToken cancellation)
    {
        int bytes = stream.TakeNewBytes();
        SessionBytes ofSession = _bytes.GetOrAdd(stream.Session, static _ => new SessionBytes());
        if (stream.Name == EventIds.UnsolicitedStream && ofSession.AddUnsolicited(bytes, UnsolicitedBytesMax))
            ofSession.Add(-await TrimUnsolicitedAsync(stream.Session, cancellation));
        if (ofSession.Add(bytes) < CheckBytes || !ofSession.TryBeginLook()) return;
        try
        {
            await TrimAsync(stream.Session, ofSession, cancellation);
        }
        finally
        {
            ofSession.EndLook();
        }
    }

    /// <summary>Events have expired; where it is not known how many bytes, the session is measured when that counts.</summary>
    private void Forget(string session, long? bytes)
    {
        if (bytes is null) _bytes.TryRemove(session, out _);
        else if (_bytes.TryGetValue(session, out SessionBytes? ofSession)) ofSession.Add(-bytes.Value);
    }

    private async ValueTask TrimAsync(string session, SessionBytes ofSession, CancellationToken cancellation)
    {
        long limit = options.Value.Http.StreamBytesMax - CheckBytes;
        if (ofSession.SinceMeasured < (long)TurnsOfMeasure * options.Value.Http.StreamBytesMax)
        {
            if (ofSession.Total > limit)
                ofSession.Take(await DropAnsweredAsync(session, ofSession, ofSession.Total.Value - limit, cancellation));
            if (ofSession.Total <= limit) return;
        }
        ofSession.Measured(await MeasureAndTrimAsync(session, limit, cancellation));
    }

    /// <summary>Drops the oldest answered streams until so many bytes are gone, or no more are there; returns how many.</summary>
    private async ValueTask<long> DropAnsweredAsync(
        string session, SessionBytes ofSession, long wanted, CancellationToken cancellation)
    {
        long dropped = 0;
        bool isFromFirst = ofSession.OldestKey is null;
        byte[] first = EventKeys.Expiry(session);
        byte[]? start = ofSession.OldestKey ?? first;
        while (start is not null && dropped < wanted)
        {
            StoreRange range =
                new() { Map = InternalMaps.Expiry, Start = start, End = EventKeys.EndOf(first), Limit = PageEntriesMax };
            StorePage page = await _store.ReadRangeAsync(range, cancellation);
            (int count, long bytes) = await DropAnsweredAsync(session, page.Entries, wanted - dropped, cancellation);
            dropped += bytes;
            start = count < page.Entries.Count ? page.Entries[count].Key.ToArray() : page.NextKey;
        }
        ofSession.OldestKey = start;
        if (start is not null || isFromFirst) return dropped;

        // What was passed before, because it had no answer, may have one.
        return dropped + await DropAnsweredAsync(session, ofSession, wanted - dropped, cancellation);
    }

    /// <summary>As many of these as have so many bytes, where they have their answer; returns how many it has come by.</summary>
    private async ValueTask<(int Count, long Bytes)> DropAnsweredAsync(
        string session, IReadOnlyList<PageEntry> expiries, long wanted, CancellationToken cancellation)
    {
        // A stream that has gone on since, for another request with its request's id, is looked at.
        List<StoreCondition> conditions = [];
        List<StoreOperation> drop = [];
        List<PageEntry> others = [];
        long known = 0;
        long bytes = 0;
        int count = 0;
        for (; count < expiries.Count && known + bytes < wanted; count++)
        {
            PageEntry expiry = expiries[count];
            StreamEnd end = StreamEnd.Decode(expiry.Value.Span);
            if (end.Last is 0 or > RemovalsMax)
            {
                bytes += await DropAnsweredAsync(session, expiry.Key, cancellation);
                continue;
            }
            (_, string stream) = EventKeys.ReadExpiry(expiry.Key.Span);
            byte[] key = EventKeys.Stream(session, stream);
            conditions.Add(StoreCondition.Absent(InternalMaps.Events, EventKeys.Event(key, (uint)end.Last + 1)));
            drop.Add(StoreOperation.Delete(InternalMaps.Expiry, expiry.Key));
            drop.Add(StoreOperation.Delete(InternalMaps.Events, key));
            for (uint number = EventKeys.Begun + 1; number <= end.Last; number++)
                drop.Add(StoreOperation.Delete(InternalMaps.Events, EventKeys.Event(key, number)));
            others.Add(expiry);
            known += end.Bytes;
        }
        if (drop.Count == 0 || await TryWriteAsync(conditions, drop, cancellation)) return (count, known + bytes);
        foreach (PageEntry expiry in others) bytes += await DropAnsweredAsync(session, expiry.Key, cancellation);
        return (count, bytes);
    }

    /// <summary>Drops a stream, if it has its answer; returns how many bytes of events.</summary>
    private async ValueTask<long> DropAnsweredAsync(string session, ReadOnlyMemory<byte> expiryKey, CancellationToken cancellation)
    {
        (_, string stream) = EventKeys.ReadExpiry(expiryKey.Span);
        if (stream == EventIds.UnsolicitedStream) return 0;
        StoreOperation forget = StoreOperation.Delete(InternalMaps.Expiry, expiryKey);
        byte[] prefix = EventKeys.Stream(session, stream);
        (uint number, EventRow last) = await ReadLastAsync(session, stream, cancellation);
        if (number > 0 && !last.IsLast) return 0;
        long bytes = (await MeasureAsync(prefix, cancellation)).Sum(measured => measured.Bytes);
        await DropAsync(prefix, [forget], cancellation);
        return bytes;
    }

    /// <summary>
    /// Measures all that a session keeps. Where that is too much, the oldest answered streams go first, then the older halves of the
    /// longest others. Returns what is left.
    /// </summary>
    private async ValueTask<long> MeasureAndTrimAsync(string session, long limit, CancellationToken cancellation)
    {
        List<StreamSize> streams = await MeasureAsync(EventKeys.Session(session), cancellation);
        long total = streams.Sum(stream => stream.Bytes);
        IEnumerable<StreamSize> order = streams.OrderBy(stream => !stream.IsEnded)
            .ThenBy(stream => stream.IsEnded ? stream.Milliseconds : -stream.Bytes);
        List<StoreOperation> drop = [];
        foreach (StreamSize stream in order)
        {
            if (total <= limit) break;
            if (stream.Last == 0) continue;
            if (stream.IsEnded) drop.Add(StoreOperation.Delete(InternalMaps.Events, EventKeys.Stream(session, stream.Name)));
            DropEvents(session, stream, stream.IsEnded ? stream.Last + 1 : stream.Middle, drop);
            total -= stream.IsEnded ? stream.Bytes : stream.Bytes / 2;
            if (drop.Count < RemovalsOfBatch) continue;
            await TryWriteAsync([], drop, cancellation);
            drop = [];
        }
        if (drop.Count > 0) await TryWriteAsync([], drop, cancellation);
        return total;
    }

    /// <summary>Drops the older half of the messages that answer no request where they are too many; about so many bytes.</summary>
    private async ValueTask<long> TrimUnsolicitedAsync(string session, CancellationToken cancellation)
    {
        List<StreamSize> streams = await MeasureAsync(EventKeys.Stream(session, EventIds.UnsolicitedStream), cancellation);
        if (streams is not [{ Bytes: > UnsolicitedBytesMax } stream]) return 0;
        List<StoreOperation> drop = [];
        DropEvents(session, stream, stream.Middle, drop);
        await TryWriteAsync([], drop, cancellation);
        return stream.Bytes / 2;
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

    /// <summary>The streams whose rows begin with a prefix.</summary>
    private async ValueTask<List<StreamSize>> MeasureAsync(byte[] prefix, CancellationToken cancellation)
    {
        List<StreamSize> streams = [];
        byte[]? start = prefix;
        byte[] end = EventKeys.EndOf(prefix);
        while (start is not null)
        {
            StoreRange range = new() { Map = InternalMaps.Events, Start = start, End = end, Limit = PageEntriesMax };
            StorePage page = await _store.ReadRangeAsync(range, cancellation);
            foreach (PageEntry entry in page.Entries)
            {
                (_, string name, uint? number) = EventKeys.Read(entry.Key.Span);
                if (streams.Count == 0 || streams[^1].Name != name) streams.Add(new StreamSize(name));
                StreamSize stream = streams[^1];
                stream.Bytes += SizeOf(entry);
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

        /// <summary>Of its events that are rows, as the last; 0: it has none.</summary>
        public uint First { get; set; }

        public uint Last { get; set; }

        /// <summary>The first event of the newer half.</summary>
        public uint Middle => First + ((Last - First) / 2) + 1;

        public bool IsEnded { get; set; }

        public long Milliseconds { get; set; }
    }
}
