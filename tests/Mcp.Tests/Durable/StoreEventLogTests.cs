using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Protocol;
using Varve.Idempotency;
using Varve.Mcp.Durable;
using Varve.Mcp.Sessions;
using Varve.Mcp.Tests.Fakes;
using Varve.Sharing;

namespace Varve.Mcp.Tests.Durable;

/// <summary>Events in a store.</summary>
public sealed class StoreEventLogTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly string _directory = Directory.CreateTempSubdirectory("varve-mcp-").FullName;
    private readonly ManualTime _time = new();
    private readonly VarveMcpOptions _options = new();
    private readonly Database _database;
    private readonly EmbeddedStore _store;

    public StoreEventLogTests()
    {
        _database = Database.Open(_directory, new DatabaseOptions { Durability = Durability.None });
        _store = new EmbeddedStore(_database);
    }

    public void Dispose()
    {
        _database.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task Events_are_numbered_from_1_by_stream_and_read_from_any_of_them_until_the_answer()
    {
        StoreEventLog log = Create();
        Assert.Equal(1u, await log.BeginAsync("s", "a", new RequestId(7), default));
        Assert.Equal(2u, await log.AppendAsync("s", "a", Notice(), default));
        Assert.Equal(1u, await log.BeginAsync("s", "b", new RequestId("7"), default));
        Assert.Equal(1u, await log.AppendAsync("t", EventIds.UnsolicitedStream, Notice(), default));
        Assert.Equal(3u, await log.AppendAsync("s", "a", Answer(7), default));
        Assert.Equal([1, 2, 3], await ReadAsync(log, "s", "a", 0));
        Assert.Equal([3], await ReadAsync(log, "s", "a", 2));
        Assert.Equal(3u, await log.FindLastAsync("s", "a", 3, default));

        // Behind a power cut a client may know more events than there are: at least the answer is not kept from it.
        Assert.Equal(3u, await log.FindLastAsync("s", "a", 4, default));
        Assert.Equal([3], await ReadAsync(log, "s", "a", 3));
        Assert.Null(await log.FindLastAsync("s", "d", null, default));

        // Whatever comes behind the answer is none of the client's.
        Assert.Equal(3u, await log.AppendAsync("s", "a", Notice(), default));

        // Where nothing but the answer comes it is no row of its own.
        Assert.Equal(2u, await log.AppendAsync("s", "b", Answer(7), default));
        Assert.Equal([1, 2], await ReadAsync(log, "s", "b", 0));
        Assert.Equal([2], await ReadAsync(log, "s", "b", 1));
        Assert.Equal(2u, await log.FindLastAsync("s", "b", 1, default));
        Assert.Equal([2], await ReadAsync(log, "s", "b", 2));
        Assert.Equal(2u, await log.AppendAsync("s", "b", Notice(), default));
        foreach (string stream in new[] { "a", "b" })
        {
            JsonNode? answer = JsonNode.Parse((await ReadAllAsync(log, "s", stream, 1))[^1].Message.Span);
            Assert.Equal((7, "{}"), ((int)answer!["id"]!, answer["result"]!.ToJsonString()));
        }

        // The id of a request may come again.
        Assert.Equal(1u, await log.BeginAsync("s", "c", new RequestId(7), default));
        Assert.Equal("c", log.FindLive("s", new RequestId(7))!.Name);
        Assert.Equal(2u, await log.AppendAsync("s", "c", Answer(7), default));
        Assert.Null(log.FindLive("s", new RequestId(7)));
        await log.RemoveSessionAsync("s", default);
        Assert.Null(await log.FindLastAsync("s", "a", null, default));
        Assert.Equal(1u, await log.FindLastAsync("t", EventIds.UnsolicitedStream, null, default));
    }

    [Fact]
    public async Task A_reader_hears_of_events_of_another_process()
    {
        (StoreEventLog mine, StoreEventLog theirs) = (Create(), Create());
        await using IAsyncEnumerator<LoggedEvent> reader =
            mine.ReadAsync("s", EventIds.UnsolicitedStream, 0, default).GetAsyncEnumerator();
        for (uint number = 1; number <= 20; number++)
        {
            Task<bool> next = reader.MoveNextAsync().AsTask();
            Assert.False(next.IsCompleted);
            Assert.Equal(number, await (number % 2 == 0 ? mine : theirs).AppendAsync("s", EventIds.UnsolicitedStream, Notice(), default));
            Assert.True(await next.WaitAsync(s_patience));
            Assert.Equal(number, reader.Current.Number);
        }
    }

    [Fact]
    public async Task Two_processes_never_give_one_number_to_two_events()
    {
        StoreEventLog[] logs = [Create(), Create()];
        uint[] numbers = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(
            async () => await logs[i % 2].AppendAsync("s", EventIds.UnsolicitedStream, Notice(), default))));
        Assert.Equal(Enumerable.Range(1, 200), numbers.Select(number => (int)number).Order());
    }

    [Fact]
    public async Task An_answer_and_another_event_at_once_come_one_behind_the_other()
    {
        (StoreEventLog mine, StoreEventLog theirs) = (Create(), Create());
        for (int i = 0; i < 300; i++)
        {
            string stream = NewStream();
            int before = Entries(InternalMaps.Events).Count;
            await mine.BeginAsync("s", stream, new RequestId(i), default);
            uint[] numbers = await Task.WhenAll(
                Task.Run(async () => await mine.AppendAsync("s", stream, Notice(), default)),
                Task.Run(async () => await theirs.AppendAsync("s", stream, Answer(i), default)));
            List<LoggedEvent> events = await ReadAllAsync(theirs, "s", stream, 0);
            Assert.Equal(numbers[1], events[^1].Number);
            Assert.Equal(i, (int?)JsonNode.Parse(events[^1].Message.Span)!["id"]);

            // The stream's row with the answer, or without it behind the other one.
            Assert.Equal(events.Count == 2 ? 1 : 3, Entries(InternalMaps.Events).Count - before);
        }
    }

    [Fact]
    public async Task A_stream_whose_process_is_gone_is_answered_with_an_error_and_one_that_is_served_is_not()
    {
        (StoreEventLog gone, StoreEventLog here) = (Create(out Journal journal), Create());
        SortedMap sessions = _database.GetMap(InternalMaps.Sessions);
        byte[] lease = [(byte)'l', .. journal.Incarnation.ToByteArray(bigEndian: true)];
        sessions.Put(lease, [1]);
        await gone.BeginAsync("s", "a", new RequestId("seven"), default);
        Task<List<LoggedEvent>> reading = ReadAllAsync(here, "s", "a", 1);
        await gone.AppendAsync("s", "a", Notice(), default);
        Assert.False(reading.IsCompleted);
        sessions.Delete(lease);
        _time.Advance(TimeSpan.FromMinutes(1));
        while (!reading.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            await Task.Yield();
        }

        List<LoggedEvent> events = await reading;
        Assert.Equal([2u, 3u], events.Select(entry => entry.Number));
        JsonNode answer = JsonNode.Parse(events[^1].Message.Span)!;
        Assert.Equal(("seven", -32000), ((string?)answer["id"], (int?)answer["error"]!["code"]));
    }

    [Fact]
    public async Task Streams_go_an_hour_behind_their_end_and_that_of_the_session_keeps_its_place()
    {
        StoreEventLog log = Create();
        _database.GetMap(InternalMaps.Sessions).Put("ss"u8, [1]);
        (string ended, string told, string running, string gone) = (NewStream(), NewStream(), NewStream(), NewStream());
        await log.BeginAsync("s", ended, new RequestId(1), default);
        await log.BeginAsync("s", told, new RequestId(4), default);
        await log.BeginAsync("s", running, new RequestId(2), default);
        for (int i = 0; i < 3; i++) await log.AppendAsync("s", EventIds.UnsolicitedStream, Notice(), default);
        await log.BeginAsync("gone", gone, new RequestId(3), default);
        _time.Advance(TimeSpan.FromMinutes(50));
        await log.AppendAsync("s", ended, Answer(1), default);
        await log.AppendAsync("s", told, Notice(), default);
        await log.AppendAsync("s", told, Answer(4), default);
        _time.Advance(TimeSpan.FromMinutes(50));
        await log.SweepAsync(default);
        Assert.Equal(2u, await log.FindLastAsync("s", ended, null, default));
        Assert.Equal(3u, await log.FindLastAsync("s", told, 0, default));
        Assert.Equal(3u, await log.FindLastAsync("s", EventIds.UnsolicitedStream, null, default));
        Assert.Null(await log.FindLastAsync("s", EventIds.UnsolicitedStream, 0, default));
        Assert.Null(await log.FindLastAsync("gone", gone, null, default));
        _time.Advance(TimeSpan.FromMinutes(11));
        await log.SweepAsync(default);
        Assert.Null(await log.FindLastAsync("s", ended, null, default));
        Assert.Null(await log.FindLastAsync("s", told, null, default));
        for (int hour = 0; hour < 3; hour++)
        {
            _time.Advance(TimeSpan.FromHours(1));
            await log.SweepAsync(default);
            Assert.Equal(1u, await log.FindLastAsync("s", running, null, default));
            Assert.Equal(3u, await log.FindLastAsync("s", EventIds.UnsolicitedStream, null, default));
        }

        await log.CompleteAsync("s", running, default);
        _time.Advance(TimeSpan.FromHours(2));
        await log.SweepAsync(default);
        Assert.Null(await log.FindLastAsync("s", running, null, default));
        Assert.Single(Entries(InternalMaps.Events));
        Assert.Equal(4u, await log.AppendAsync("s", EventIds.UnsolicitedStream, Notice(), default));
    }

    [Fact]
    public async Task A_session_keeps_so_many_bytes_the_newest_and_a_reader_of_older_ones_is_told()
    {
        _options.Http.StreamBytesMax = 3 << 20;
        StoreEventLog log = Create();
        List<string> streams = [];
        for (int i = 0; i < 8; i++)
        {
            string stream = NewStream();
            streams.Add(stream);
            await log.BeginAsync("s", stream, new RequestId(i), default);
            await log.AppendAsync("s", stream, Notice(1 << 20), default);
            await log.AppendAsync("s", stream, Answer(i), default);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Null(await log.FindLastAsync("s", streams[0], null, default));
        Assert.Equal(3u, await log.FindLastAsync("s", streams[7], 0, default));
        string running = NewStream();
        await log.BeginAsync("s", running, new RequestId(9), default);
        for (int i = 0; i < 80; i++) await log.AppendAsync("s", running, Notice(100_000), default);
        Assert.Null(await log.FindLastAsync("s", running, 1, default));
        Assert.Equal(81u, await log.FindLastAsync("s", running, 80, default));
        long bytes = 0;
        foreach (Entry entry in _database.GetMap(InternalMaps.Events).All()) bytes += entry.Value.Length;
        Assert.True(bytes < 5 << 20, $"{bytes} bytes");
    }

    [Fact]
    public async Task Of_many_short_streams_the_oldest_answered_go_with_all_their_rows_and_one_that_goes_on_stays()
    {
        const int Streams = 4_000;
        _options.Http.StreamBytesMax = 256 << 10;
        StoreEventLog log = Create();
        (string running, string told) = (NewStream(), NewStream());
        await log.BeginAsync("s", running, new RequestId("running"), default);
        await log.BeginAsync("s", told, new RequestId("told"), default);
        for (int i = 0; i < 3; i++) await log.AppendAsync("s", told, Notice(), default);
        await log.AppendAsync("s", told, Answer(0), default);
        string ofOther = await AnswerAsync(Create(), 0);
        List<string> streams = [];
        for (int i = 0; i < Streams; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(1));
            streams.Add(await AnswerAsync(log, i));
        }

        Assert.Equal(1u, await log.FindLastAsync("s", running, null, default));
        Assert.Null(await log.FindLastAsync("s", told, null, default));
        Assert.Null(await log.FindLastAsync("s", ofOther, null, default));
        List<uint?> found = [];
        foreach (string stream in streams) found.Add(await log.FindLastAsync("s", stream, null, default));
        int kept = found.Count(number => number is not null);
        Assert.All(found[..^kept], number => Assert.Null(number));
        Assert.All(found[^kept..], number => Assert.Equal(2u, number));
        int bytes = Entries(InternalMaps.Events).Sum();
        Assert.InRange(bytes, 128 << 10, 260 << 10);
        Assert.Equal(kept + 1, Entries(InternalMaps.Events).Count);
    }

    [Fact]
    public async Task What_has_expired_does_not_count_among_what_a_session_keeps()
    {
        _options.Http.StreamBytesMax = 256 << 10;
        _database.GetMap(InternalMaps.Sessions).Put("ss"u8, [1]);
        StoreEventLog log = Create();
        for (int turn = 0; turn < 4; turn++)
        {
            string first = await AnswerAsync(log, 0);
            for (int i = 1; i < 900; i++) await AnswerAsync(log, i);
            Assert.Equal(2u, await log.FindLastAsync("s", first, null, default));
            _time.Advance(TimeSpan.FromHours(2));
            await log.SweepAsync(default);
            Assert.Empty(Entries(InternalMaps.Events));
        }
    }

    [Fact]
    public async Task Of_messages_that_answer_no_request_some_are_kept_the_newest()
    {
        StoreEventLog log = Create();
        for (int i = 0; i < 1_000; i++) await log.AppendAsync("s", EventIds.UnsolicitedStream, Notice(1_000), default);
        int bytes = Entries(InternalMaps.Events).Sum();
        Assert.InRange(bytes, 32 << 10, 128 << 10);
        Assert.Equal(1_000u, await log.FindLastAsync("s", EventIds.UnsolicitedStream, 999, default));
        Assert.Null(await log.FindLastAsync("s", EventIds.UnsolicitedStream, 0, default));
        int kept = Entries(InternalMaps.Events).Count;
        Assert.Equal(1_000u, await log.FindLastAsync("s", EventIds.UnsolicitedStream, (uint)(1_000 - kept), default));
    }

    [Fact]
    public async Task A_stream_that_another_one_s_name_comes_before_is_not_taken_for_it()
    {
        StoreEventLog log = Create();
        foreach (string stream in new[] { "a1", "a3" })
        {
            await log.BeginAsync("s", stream, new RequestId(1), default);
            await log.AppendAsync("s", stream, Answer(1), default);
        }

        Assert.Null(await log.FindLastAsync("s", "a2", null, default));
        Assert.Equal(1u, await log.BeginAsync("s", "a2", new RequestId(2), default));
        Assert.Equal(1u, await log.FindLastAsync("s", "a2", null, default));
    }

    private async Task<string> AnswerAsync(StoreEventLog log, int id)
    {
        string stream = NewStream();
        await log.BeginAsync("s", stream, new RequestId(id), default);
        await log.AppendAsync("s", stream, Answer(id), default);
        return stream;
    }

    private string NewStream() => EventIds.NewStream(_time.GetUtcNow());

    /// <summary>The sizes of a map's entries.</summary>
    private List<int> Entries(string map)
    {
        List<int> bytes = [];
        foreach (Entry entry in _database.GetMap(map).All()) bytes.Add(entry.Key.Length + entry.Value.Length);
        return bytes;
    }

    private static JsonRpcNotification Notice(int length = 0) =>
        new() { Method = "test", Params = new JsonObject { ["text"] = new string('x', length) } };

    private static JsonRpcResponse Answer(int id) => new() { Id = new RequestId(id), Result = new JsonObject() };

    private StoreEventLog Create() => Create(out _);

    private StoreEventLog Create(out Journal journal)
    {
        journal = new Journal(_store, new JournalOptions { TimeProvider = _time });
        return new StoreEventLog(journal, Options.Create(_options), _time);
    }

    private static async Task<List<int>> ReadAsync(StoreEventLog log, string session, string stream, uint after) =>
        [.. (await ReadAllAsync(log, session, stream, after)).Select(entry => (int)entry.Number)];

    private static async Task<List<LoggedEvent>> ReadAllAsync(StoreEventLog log, string session, string stream, uint after)
    {
        List<LoggedEvent> events = [];
        await foreach (LoggedEvent entry in log.ReadAsync(session, stream, after, default)) events.Add(entry);
        return events;
    }
}
