using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Messages;

namespace Varve.Mcp.Sessions;

/// <summary>Events that end with the process. Bounded: bytes of a stream, bytes of all, age of those that are complete.</summary>
internal sealed class MemoryEventLog(IOptions<VarveMcpOptions> options, TimeProvider time) : IEventLog
{
    private const long TotalBytesMax = 256L << 20;
    private const int EventOverheadBytes = 64;

    /// <summary>What a stream takes without its events, measured: with a stream for each call it is most of all.</summary>
    private const int StreamOverheadBytes = 384;

    /// <summary>Of the one stream of a session that never completes: what its client missed, not all that it was ever told.</summary>
    private const int UnsolicitedBytesMax = 64 << 10;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Dictionary<string, EventStream>> _sessions = new(StringComparer.Ordinal);
    private readonly Queue<EventStream> _complete = new();
    private long _totalBytes;

    public ValueTask<uint> BeginAsync(string session, string stream, RequestId request, CancellationToken cancellation) =>
        AppendAsync(session, stream, null, cancellation);

    public ValueTask<uint> AppendAsync(string session, string stream, JsonRpcMessage? message, CancellationToken cancellation)
    {
        byte[] json = message is null ? [] : JsonRpcReader.Write(message);
        lock (_gate)
        {
            EventStream target = GetOrAddLocked(session, stream);
            uint number = target.Last + 1;
            target.Events.Enqueue(new LoggedEvent(number, json));
            target.Last = number;
            ChangeBytesLocked(target, json.Length + EventOverheadBytes);
            int bytesMax = stream == EventIds.UnsolicitedStream ? UnsolicitedBytesMax : options.Value.Http.StreamBytesMax;
            while (target.Bytes - StreamOverheadBytes > bytesMax && target.Events.Count > 1)
                ChangeBytesLocked(target, -(target.Events.Dequeue().Message.Length + EventOverheadBytes));
            if (message is JsonRpcResponse or JsonRpcError) CompleteLocked(target);
            target.Signal();
            DropOldLocked();
            return new(number);
        }
    }

    public ValueTask CompleteAsync(string session, string stream, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (FindLocked(session, stream) is not { } target) return default;
            CompleteLocked(target);
            DropOldLocked();
            return default;
        }
    }

    public ValueTask<uint?> FindLastAsync(string session, string stream, uint? after, CancellationToken cancellation)
    {
        lock (_gate)
        {
            EventStream? target = FindLocked(session, stream);
            bool isKept = target is not null && (after is null || (after <= target.Last && after + 1 >= target.First));
            return new(isKept ? target!.Last : null);
        }
    }

    public async IAsyncEnumerable<LoggedEvent> ReadAsync(
        string session, string stream, uint after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        EventStream target;
        lock (_gate) target = GetOrAddLocked(session, stream);
        while (true)
        {
            LoggedEvent[] events;
            bool isComplete;
            Task changed;
            lock (_gate)
            {
                events = [.. target.Events.Where(entry => entry.Number > after)];
                isComplete = target.CompletedAt is not null;
                changed = target.Changed;
            }
            foreach (LoggedEvent entry in events) yield return entry;
            if (isComplete) yield break;
            if (events.Length > 0) after = events[^1].Number;
            else await changed.WaitAsync(cancellation);
        }
    }

    public ValueTask RemoveSessionAsync(string session, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (!_sessions.Remove(session, out Dictionary<string, EventStream>? streams)) return default;
            foreach (EventStream stream in streams.Values) EndLocked(stream);
            return default;
        }
    }

    private EventStream? FindLocked(string session, string stream) =>
        _sessions.TryGetValue(session, out Dictionary<string, EventStream>? streams) ? streams.GetValueOrDefault(stream) : null;

    private EventStream GetOrAddLocked(string session, string stream)
    {
        if (!_sessions.TryGetValue(session, out Dictionary<string, EventStream>? streams))
            _sessions.Add(session, streams = new Dictionary<string, EventStream>(StringComparer.Ordinal));
        if (streams.TryGetValue(stream, out EventStream? found)) return found;
        streams.Add(stream, found = new EventStream(session, stream));
        ChangeBytesLocked(found, StreamOverheadBytes);
        return found;
    }

    private void CompleteLocked(EventStream stream)
    {
        if (stream.CompletedAt is not null) return;
        stream.CompletedAt = time.GetUtcNow();
        stream.Signal();
        _complete.Enqueue(stream);
    }

    private void ChangeBytesLocked(EventStream stream, int bytes)
    {
        stream.Bytes += bytes;
        _totalBytes += bytes;
    }

    /// <summary>The oldest complete streams go first: those that are too old, and more while all are too large.</summary>
    private void DropOldLocked()
    {
        DateTimeOffset oldest = time.GetUtcNow() - options.Value.Http.EventsKept;
        while (_complete.TryPeek(out EventStream? stream) && (stream.CompletedAt < oldest || _totalBytes > TotalBytesMax))
        {
            _complete.Dequeue();
            if (!_sessions.TryGetValue(stream.Session, out Dictionary<string, EventStream>? streams)) continue;
            if (streams.GetValueOrDefault(stream.Name) == stream) streams.Remove(stream.Name);
            EndLocked(stream);
        }
    }

    private void EndLocked(EventStream stream)
    {
        ChangeBytesLocked(stream, -stream.Bytes);
        stream.Events.Clear();
        stream.CompletedAt ??= time.GetUtcNow();
        stream.Signal();
    }

    private sealed class EventStream(string session, string name)
    {
        /// <summary>Null: nobody waits.</summary>
        private TaskCompletionSource? _changed;

        public string Session => session;

        public string Name => name;

        public Queue<LoggedEvent> Events { get; } = new();

        public uint Last { get; set; }

        /// <summary>The oldest event kept; one after the last where none is.</summary>
        public uint First => Events.TryPeek(out LoggedEvent oldest) ? oldest.Number : Last + 1;

        public int Bytes { get; set; }

        public DateTimeOffset? CompletedAt { get; set; }

        /// <summary>Ends with the next event, or the stream.</summary>
        public Task Changed => (_changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

        public void Signal()
        {
            _changed?.TrySetResult();
            _changed = null;
        }
    }
}
