using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
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
        bool isFromFirst = ofSession.OldestKey is null;
        byte[] start = ofSession.OldestKey ?? EventKeys.StreamsFrom(session, 0);
        byte[] end = EventKeys.EndOf(EventKeys.Session(session));
        ofSession.OldestKey = null;
        long dropped = 0;
        List<StoreOperation> drop = [];
        await foreach (StreamSize stream in ReadStreamsAsync(start, end, cancellation))
        {
            if (dropped >= wanted)
            {
                ofSession.OldestKey = EventKeys.Stream(session, stream.Name);
                break;
            }
            if (!stream.IsEnded) continue;
            Drop(session, stream, drop);
            dropped += stream.Bytes;
            drop = await WriteIfManyAsync(drop, cancellation);
        }
        if (drop.Count > 0) await TryWriteAsync([], drop, cancellation);
        if (dropped >= wanted || isFromFirst) return dropped;

        // What was passed before, because it had no answer, may have one.
        return dropped + await DropAnsweredAsync(session, ofSession, wanted - dropped, cancellation);
    }

    /// <summary>
    /// Measures all that a session keeps. Where that is too much, the oldest answered streams go first, then the older halves of the
    /// longest others. Returns what is left.
    /// </summary>
    private async ValueTask<long> MeasureAndTrimAsync(string session, long limit, CancellationToken cancellation)
    {
        byte[] start = EventKeys.Session(session);
        List<StreamSize> streams = [];
        await foreach (StreamSize stream in ReadStreamsAsync(start, EventKeys.EndOf(start), cancellation)) streams.Add(stream);
        long total = streams.Sum(stream => stream.Bytes);
        IEnumerable<StreamSize> order = streams.OrderBy(stream => !stream.IsEnded)
            .ThenBy(stream => stream.IsEnded ? stream.Milliseconds : -stream.Bytes);
        List<StoreOperation> drop = [];
        foreach (StreamSize stream in order)
        {
            if (total <= limit) break;
            if (stream.IsEnded) Drop(session, stream, drop);
            else if (stream.Last > 0) DropEvents(session, stream, stream.Middle, drop);
            else continue;
            total -= stream.IsEnded ? stream.Bytes : stream.Bytes / 2;
            drop = await WriteIfManyAsync(drop, cancellation);
        }
        if (drop.Count > 0) await TryWriteAsync([], drop, cancellation);
        return total;
    }

    /// <summary>Drops the older half of the messages that answer no request where they are too many; about so many bytes.</summary>
    private async ValueTask<long> TrimUnsolicitedAsync(string session, CancellationToken cancellation)
    {
        byte[] start = EventKeys.Stream(session, EventIds.UnsolicitedStream);
        await foreach (StreamSize stream in ReadStreamsAsync(start, EventKeys.EndOf(start), cancellation))
        {
            if (stream.Bytes <= UnsolicitedBytesMax) break;
            List<StoreOperation> drop = [];
            DropEvents(session, stream, stream.Middle, drop);
            await TryWriteAsync([], drop, cancellation);
            return stream.Bytes / 2;
        }
        return 0;
    }

    /// <summary>Writes what is dropped where that is enough for a batch; returns what is left to be written.</summary>
    private async ValueTask<List<StoreOperation>> WriteIfManyAsync(List<StoreOperation> drop, CancellationToken cancellation)
    {
        if (drop.Count < RemovalsOfBatch) return drop;
        await TryWriteAsync([], drop, cancellation);
        return [];
    }

    /// <summary>What drops a stream of a request.</summary>
    private static void Drop(string session, StreamSize stream, List<StoreOperation> drop)
    {
        drop.Add(StoreOperation.Delete(InternalMaps.Events, EventKeys.Stream(session, stream.Name)));
        if (stream.Last > 0) DropEvents(session, stream, stream.Last + 1, drop);
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

    /// <summary>The streams that have their rows between two keys.</summary>
    private async IAsyncEnumerable<StreamSize> ReadStreamsAsync(
        byte[] start, byte[] end, [EnumeratorCancellation] CancellationToken cancellation)
    {
        StreamSize? stream = null;
        byte[]? next = start;
        while (next is not null)
        {
            StoreRange range = new() { Map = InternalMaps.Events, Start = next, End = end, Limit = PageEntriesMax };
            StorePage page = await _store.ReadRangeAsync(range, cancellation);
            foreach (PageEntry entry in page.Entries)
            {
                (_, string name, uint? number) = EventKeys.Read(entry.Key.Span);
                if (stream?.Name != name)
                {
                    if (stream is not null) yield return stream;
                    stream = new StreamSize(name);
                }
                stream.Add(number, entry);
            }
            next = page.NextKey;
        }
        if (stream is not null) yield return stream;
    }

    private sealed class StreamSize(string name)
    {
        public string Name => name;

        public long Bytes { get; private set; }

        /// <summary>Of its events that are rows, as the last; 0: it has none.</summary>
        public uint First { get; private set; }

        public uint Last { get; private set; }

        /// <summary>The first event of the newer half.</summary>
        public uint Middle => First + ((Last - First) / 2) + 1;

        public bool IsEnded { get; private set; }

        /// <summary>When its last event was sent; 0: only the first was.</summary>
        public long Milliseconds { get; private set; }

        public void Add(uint? number, PageEntry entry)
        {
            Bytes += SizeOf(entry);
            if (number is not null)
            {
                if (Last == 0) First = number.Value;
                Last = number.Value;
            }
            (_, EventRow row) = Decode(entry)[^1];
            (IsEnded, Milliseconds) = (row.IsLast, row.Milliseconds);
        }
    }
}
