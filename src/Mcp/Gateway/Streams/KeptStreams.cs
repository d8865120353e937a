using System.Globalization;
using Microsoft.Extensions.Options;
using Varve.Mcp.Gateway.Front;

namespace Varve.Mcp.Gateway.Streams;

/// <summary>
/// The streams of calls: kept for some time after their end, so that a client can resume them. A call without key whose listeners have all
/// left is cancelled after a while.
/// </summary>
internal sealed class KeptStreams(IOptions<GatewayOptions> options, TimeProvider time) : IDisposable
{
    /// <summary>Bytes of events of calls that have ended.</summary>
    private const long EndedBytesMax = 64 << 20;

    private const int EndedMax = 10_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, KeptStream> _streams = new(StringComparer.Ordinal);
    private readonly LinkedList<KeptStream> _ended = [];
    private long _endedBytes;

    /// <summary>Adds a call that was just begun, with one listener.</summary>
    public KeptStream Add(GatewayCall call)
    {
        KeptStream stream = new(call) { Listeners = 1 };
        lock (_gate) _streams.Add(call.Id, stream);
        _ = KeepAsync(stream);
        return stream;
    }

    /// <summary>
    /// Finds what an event's id names, and adds a listener; null where that is nothing of this caller and tool, or forgotten.
    /// </summary>
    public KeptStream? TryEnter(string eventId, string caller, string tool, out long after)
    {
        int dash = eventId.LastIndexOf('-');
        after = 0;
        if (dash < 0 || !long.TryParse(eventId.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out after)) return null;
        lock (_gate)
        {
            if (!_streams.TryGetValue(eventId[..dash], out KeptStream? stream)) return null;
            GatewayCall call = stream.Call;
            if (stream.Caller != caller || call.Start.Tool != tool || after > call.Events.Last) return null;
            stream.Listeners++;
            if (!call.Completion.IsCompleted) StopTimerLocked(stream);
            return stream;
        }
    }

    /// <summary>A listener has left.</summary>
    public void Leave(KeptStream stream)
    {
        lock (_gate)
        {
            if (--stream.Listeners > 0 || stream.Call.Completion.IsCompleted || stream.Call.Start.IdempotencyKey is not null) return;
            StopTimerLocked(stream);
            stream.Timer = time.CreateTimer(_ => Abandon(stream), null, options.Value.StreamAbandoned, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        lock (_gate)
            foreach (KeptStream stream in _streams.Values) StopTimerLocked(stream);
    }

    private void Abandon(KeptStream stream)
    {
        lock (_gate)
            if (stream.Listeners > 0) return;
        stream.Call.Cancel();
    }

    private async Task KeepAsync(KeptStream stream)
    {
        await stream.Call.Completion;
        lock (_gate)
        {
            StopTimerLocked(stream);
            _ended.AddLast(stream);
            _endedBytes += stream.Call.Events.Bytes;
            stream.Timer = time.CreateTimer(_ => Forget(stream), null, options.Value.StreamKept, Timeout.InfiniteTimeSpan);
            while (_ended.First is { } oldest && oldest.Value != stream && (_endedBytes > EndedBytesMax || _ended.Count > EndedMax))
                ForgetLocked(oldest.Value);
        }
    }

    private void Forget(KeptStream stream)
    {
        lock (_gate) ForgetLocked(stream);
    }

    private void ForgetLocked(KeptStream stream)
    {
        if (!_streams.Remove(stream.Call.Id)) return;
        StopTimerLocked(stream);
        _ended.Remove(stream);
        _endedBytes -= stream.Call.Events.Bytes;
    }

    private static void StopTimerLocked(KeptStream stream)
    {
        stream.Timer?.Dispose();
        stream.Timer = null;
    }
}
