using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Messages;
using Varve.Mcp.Sessions;
using Varve.Sharing;

namespace Varve.Mcp.Durable;

/// <summary>
/// Events in the journal's store: a stream goes on in the next process. The answer of a journaled call is committed with its outcome; all
/// other events survive the process, not a power cut.
/// </summary>
/// <remarks>
/// Nothing but where the streams of requests under way stand is kept in memory. Two events of one number cannot be: each is written on the
/// condition that the stream's row is as it was and there is no such event, or that the invocation is still the run's that writes.
/// </remarks>
internal sealed partial class StoreEventLog(Journal journal, IOptions<VarveMcpOptions> options, TimeProvider time) : IEventLog
{
    private const int PageEntriesMax = 256;

    private readonly ISharedStore _store = journal.Store;
    private readonly EventSignals _signals = new(journal.Store);
    private readonly ConcurrentDictionary<(string Session, string Stream), LiveStream> _live = new();
    private readonly ConcurrentDictionary<(string Session, RequestId Request), LiveStream> _liveByRequest = new();
    private readonly ConcurrentDictionary<(string Session, string Stream), byte> _resuming = new();

    private long NowMilliseconds => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The stream of a request under way in this process; null where it has none.</summary>
    public LiveStream? FindLive(string? session, RequestId request) =>
        session is null ? null : _liveByRequest.GetValueOrDefault((session, request));

    /// <summary>Whether a stream is that of a call and still without its answer. Then the next that begins it goes on with it.</summary>
    public async ValueTask<bool> TryResumeAsync(string session, string stream, Guid call, CancellationToken cancellation)
    {
        if (await ReadStreamAsync(session, stream, cancellation) is not { } row || row.Call != call) return false;
        if ((await ReadLastAsync(session, stream, cancellation)).Row.IsLast) return false;
        _resuming[(session, stream)] = 0;
        return true;
    }

    public async ValueTask<uint> BeginAsync(string session, string stream, RequestId request, CancellationToken cancellation)
    {
        LiveStream live = new(session, stream, request);
        if (_resuming.TryRemove((session, stream), out _))
        {
            (live.Last, EventRow last) = await ReadLastAsync(session, stream, cancellation);
            live.Resume(last);
        }
        else
        {
            StoreOperation begin = PutStream(live, call: default);
            await TryWriteAsync([], [begin], cancellation);
            live.OwnBytes = SizeOf(begin);
            live.Take(EventKeys.Begun, EventRow.Begun, live.OwnBytes);
        }
        _live[(session, stream)] = live;
        _liveByRequest[(session, request)] = live;
        return live.Last;
    }

    /// <summary>The invocation that answers a stream's request; empty where there is none, or none yet; null without a stream.</summary>
    internal async ValueTask<Guid?> FindCallAsync(string session, string stream) =>
        (await ReadStreamAsync(session, stream, CancellationToken.None))?.Call;

    /// <summary>The row that says which invocation answers a stream's request.</summary>
    public StoreOperation PutStream(LiveStream stream, Guid call) => StoreOperation.Put(
        InternalMaps.Events, stream.Key, new StreamRow(journal.Incarnation, call, stream.RequestJson).Encode());

    /// <summary>Says which invocation answers a stream's request, where that is known to be another request's.</summary>
    public async ValueTask LinkAsync(LiveStream stream, Guid call) =>
        await TryWriteAsync([], [PutStream(stream, call)], CancellationToken.None);

    public async ValueTask<uint> AppendAsync(
        string session, string stream, JsonRpcMessage? message, CancellationToken cancellation)
    {
        // Whoever is cancelled ends with the session or the process: nothing of that is the client's.
        cancellation.ThrowIfCancellationRequested();
        if (!_live.TryGetValue((session, stream), out LiveStream? live))
            return await AppendToIdleAsync(new LiveStream(session, stream, default), message, JsonOf(message), cancellation);
        await live.Gate.WaitAsync(cancellation);
        try
        {
            if (!live.IsEnded && !live.HasTold(message)) await AppendLockedAsync(live, message, JsonOf(message), cancellation);
            else await CountAsync(live, cancellation);
            if (message is JsonRpcResponse or JsonRpcError) Leave(live);
            return live.Last;
        }
        finally
        {
            live.Gate.Release();
        }
    }

    /// <summary>
    /// The last event of a stream, its answer, in one batch with something else: what writes it gets the rows, and throws where nothing was
    /// written.
    /// </summary>
    public async ValueTask EndAsync(LiveStream stream, byte[] result, Func<IReadOnlyList<StoreOperation>, ValueTask> writeAsync) =>
        await TryEndAsync(stream, result, async rows =>
        {
            await writeAsync(rows);
            return true;
        });

    /// <summary>The same, for what may also not write them, and says so.</summary>
    public async ValueTask TryEndAsync(
        LiveStream stream, byte[] result, Func<IReadOnlyList<StoreOperation>, ValueTask<bool>> tryWriteAsync)
    {
        await stream.Gate.WaitAsync();
        try
        {
            EventRow row = stream.End(AnswerOf(stream.RequestJson, result), NowMilliseconds);
            StoreOperation put = Put(stream, row, new StreamRow(journal.Incarnation, stream.Run?.Id ?? default, stream.RequestJson));
            if (await tryWriteAsync([put])) Take(stream, put, row);
        }
        finally
        {
            stream.Gate.Release();
        }
    }

    /// <summary>
    /// The rows of a stream's last events, for whoever ends a call of a process that is gone: its open questions are taken back, and its
    /// request is answered. None where the stream is not that call's, or has its answer.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoreOperation>> RowsOfEndAsync(
        string session, string stream, Guid call, JsonRpcMessage answer, CancellationToken cancellation)
    {
        if (await ReadStreamAsync(session, stream, cancellation) is not { } row || row.Call != call) return [];
        (uint number, EventRow last) = await ReadLastAsync(session, stream, cancellation);
        if (last.IsLast) return [];
        IReadOnlyList<JsonRpcNotification> takenBack = await TakeBackQuestionsAsync(session, stream, call, cancellation);
        LiveStream idle = new(session, stream, default) { Last = number };
        List<StoreOperation> operations = [];
        foreach (JsonRpcMessage message in takenBack.Append<JsonRpcMessage>(answer))
        {
            byte[] json = JsonRpcReader.Write(message);
            operations.Add(Put(idle, last with { IsLast = message == answer, Milliseconds = NowMilliseconds, Message = json }, row));
            idle.Last++;
        }
        return operations;
    }

    public ValueTask CompleteAsync(string session, string stream, CancellationToken cancellation)
    {
        if (_live.TryGetValue((session, stream), out LiveStream? live)) Leave(live);
        return default;
    }

    public async ValueTask<uint?> FindLastAsync(string session, string stream, uint? after, CancellationToken cancellation)
    {
        (uint last, _) = await ReadLastAsync(session, stream, cancellation);
        if (last == 0) return null;

        // A power cut may have taken events that the client has: it goes on with what comes in their place.
        if (after is null || after >= last) return last;
        uint next = Math.Max(after.Value + 1, stream == EventIds.UnsolicitedStream ? 1 : EventKeys.Begun + 1);
        bool isKept = (await ReadPageAsync(session, stream, next - 1, cancellation)).FirstOrDefault().Number == next;
        return isKept ? last : null;
    }

    public async IAsyncEnumerable<LoggedEvent> ReadAsync(
        string session, string stream, uint after, [EnumeratorCancellation] CancellationToken cancellation)
    {
        // Who asks behind the answer has not had it: it has another event under that number, which a power cut has taken.
        if (after > 0 && await IsLastAsync(session, stream, after, cancellation)) after--;
        using CancellationTokenSource settling = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task settled = stream == EventIds.UnsolicitedStream ? Task.CompletedTask : SettleAsync(session, stream, settling.Token);
        try
        {
            while (true)
            {
                using EventSignals.Listener listener = await _signals.ListenAsync(session, stream, cancellation);
                while (!listener.IsLost)
                {
                    Task changed = listener.Changed;
                    foreach ((uint number, EventRow row) in await ReadPageAsync(session, stream, after, cancellation))
                    {
                        // What was dropped meanwhile, because it was too much, is not passed over in silence.
                        if (number != after + 1) yield break;
                        yield return new LoggedEvent(number, row.Message);
                        after = number;
                        changed = Task.CompletedTask;
                        if (row.IsLast) yield break;
                    }
                    await changed.WaitAsync(cancellation);
                }
            }
        }
        finally
        {
            await settling.CancelAsync();
            await settled.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public async ValueTask RemoveSessionAsync(string session, CancellationToken cancellation)
    {
        foreach (LiveStream live in _live.Values)
            if (live.Session == session) Leave(live);
        _bytes.TryRemove(session, out _);
        byte[] first = EventKeys.Session(session);
        await DropAsync(first, EventKeys.EndOf(first), cancellation);
    }

    /// <summary>Nobody writes to it any more.</summary>
    private void Leave(LiveStream live)
    {
        _live.TryRemove(KeyValuePair.Create((live.Session, live.Name), live));
        _liveByRequest.TryRemove(KeyValuePair.Create((live.Session, live.Request), live));
    }

    /// <summary>A stream's next event: a row of its own, or, where it is the answer and nothing came before it, in the stream's.</summary>
    private static StoreOperation Put(LiveStream stream, in EventRow row, StreamRow? own)
    {
        bool isInOwn = own is not null && row.IsLast && stream.Last == EventKeys.Begun;
        return isInOwn
            ? StoreOperation.Put(InternalMaps.Events, stream.Key, (own! with { Answer = row }).Encode())
            : StoreOperation.Put(InternalMaps.Events, stream.NextKey, row.Encode());
    }

    /// <summary>A stream's next event is kept, by a row.</summary>
    private static void Take(LiveStream stream, in StoreOperation put, in EventRow row)
    {
        bool isInOwn = put.Key.Length == stream.Key.Length;
        stream.Take(stream.Last + 1, row, SizeOf(put) - (isInOwn ? stream.OwnBytes : 0));
    }

    private static int SizeOf(in StoreOperation put) => put.Key.Length + put.Value.Length;

    /// <summary>A <see cref="JsonRpcResponse"/> of what is JSON already, byte for byte as the SDK writes it.</summary>
    private static byte[] AnswerOf(byte[] id, byte[] result) =>
        new RowWriter().Rest("{\"result\":"u8).Rest(result).Rest(",\"id\":"u8).Rest(id).Rest(",\"jsonrpc\":\"2.0\"}"u8).ToArray();

    private static byte[] JsonOf(JsonRpcMessage? message) => message is null ? [] : JsonRpcReader.Write(message);

    private async ValueTask AppendLockedAsync(
        LiveStream live, JsonRpcMessage? message, byte[] json, CancellationToken cancellation)
    {
        if (live.Run is { } run)
        {
            EventRow row = live.Next(message, json, NowMilliseconds);
            StoreOperation put = Put(live, row, own: null);
            await run.WriteRowsAsync([put], Durability.Buffered);
            Take(live, put, row);
            await CountAsync(live, cancellation);
        }
        else
        {
            await AppendToIdleAsync(live, message, json, cancellation);
        }
    }

    /// <summary>An event that no run answers for: others may write at the same time.</summary>
    private async ValueTask<uint> AppendToIdleAsync(
        LiveStream stream, JsonRpcMessage? message, byte[] json, CancellationToken cancellation)
    {
        while (true)
        {
            byte[]? own = stream.Name == EventIds.UnsolicitedStream
                ? null
                : await _store.GetAsync(InternalMaps.Events, stream.Key, cancellation);
            (stream.Last, EventRow last) = await ReadLastAsync(stream.Session, stream.Name, cancellation);
            stream.IsEnded |= last.IsLast;
            if (stream.IsEnded) return stream.Last;
            EventRow row = stream.Next(message, json, NowMilliseconds);
            StoreOperation put = Put(stream, row, own is null ? null : StreamRow.Decode(own));
            List<StoreCondition> conditions = [StoreCondition.Absent(InternalMaps.Events, stream.NextKey)];
            if (own is not null) conditions.Add(StoreCondition.Value(InternalMaps.Events, stream.Key, own));
            if (!await TryWriteAsync(conditions, [put], cancellation)) continue;
            Take(stream, put, row);
            await CountAsync(stream, cancellation);
            return stream.Last;
        }
    }

    /// <summary>The last event and its number; 0 where the stream has none.</summary>
    private async ValueTask<(uint Number, EventRow Row)> ReadLastAsync(string session, string stream, CancellationToken cancellation)
    {
        StoreRange range = new()
        {
            Map = InternalMaps.Events,
            Start = EventKeys.Event(session, stream, uint.MaxValue),

            // Below the stream's own row; what is found may be another's.
            End = EventKeys.Stream(session, stream)[..^1],
            Direction = Direction.Descending,
            Limit = 1,
        };
        StorePage page = await _store.ReadRangeAsync(range, cancellation);
        bool isFound = page.Entries is [var entry] && EventKeys.Read(entry.Key.Span).Stream == stream;
        return isFound ? Decode(page.Entries[0])[^1] : (0, default);
    }

    private async ValueTask<bool> IsLastAsync(string session, string stream, uint number, CancellationToken cancellation)
    {
        (uint last, EventRow row) = await ReadLastAsync(session, stream, cancellation);
        return last == number && row.IsLast;
    }

    /// <summary>The next events after one, as many as are read at once.</summary>
    private async ValueTask<IEnumerable<(uint Number, EventRow Row)>> ReadPageAsync(
        string session, string stream, uint after, CancellationToken cancellation)
    {
        StoreRange range = new()
        {
            Map = InternalMaps.Events,
            Start = after == 0 ? EventKeys.Stream(session, stream) : EventKeys.Event(session, stream, after + 1),
            End = EventKeys.EndOf(EventKeys.Stream(session, stream)),
            Limit = PageEntriesMax,
        };
        IReadOnlyList<PageEntry> entries = (await _store.ReadRangeAsync(range, cancellation)).Entries;
        if (entries.Count > 0 || after != EventKeys.Begun) return entries.SelectMany(Decode);
        return (await ReadStreamAsync(session, stream, cancellation))?.Answer is { } answer ? [(EventKeys.FirstAnswer, answer)] : [];
    }

    /// <summary>The events of a row.</summary>
    private static (uint Number, EventRow Row)[] Decode(PageEntry entry)
    {
        if (EventKeys.Read(entry.Key.Span).Number is { } number) return [(number, EventRow.Decode(entry.Value))];
        (uint, EventRow) begun = (EventKeys.Begun, EventRow.Begun);
        return StreamRow.Decode(entry.Value).Answer is { } answer ? [begun, (EventKeys.FirstAnswer, answer)] : [begun];
    }

    private async ValueTask<StreamRow?> ReadStreamAsync(string session, string stream, CancellationToken cancellation) =>
        await _store.GetAsync(InternalMaps.Events, EventKeys.Stream(session, stream), cancellation) is { } row
            ? StreamRow.Decode(row)
            : null;

    private async ValueTask<bool> TryWriteAsync(
        IReadOnlyList<StoreCondition> conditions, IReadOnlyList<StoreOperation> operations, CancellationToken cancellation)
    {
        StoreBatch batch = new() { Conditions = conditions, Operations = operations, Durability = Durability.Buffered };
        return (await _store.WriteAsync(batch, cancellation)).IsCommitted;
    }
}
