using System.Text.Json.Nodes;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Sessions;
using Varve.Mcp.Tests.Fakes;

namespace Varve.Mcp.Tests.Sessions;

/// <summary>Events kept in memory.</summary>
public sealed class MemoryEventLogTests
{
    private readonly ManualTime _time = new();
    private readonly VarveMcpOptions _options = new();

    [Fact]
    public async Task Events_are_numbered_from_1_by_stream_and_read_from_any_of_them()
    {
        MemoryEventLog log = Create();
        Assert.Equal(1u, await log.BeginAsync("s", "a", new RequestId(7), default));
        for (uint number = 2; number <= 3; number++) Assert.Equal(number, await log.AppendAsync("s", "a", Message(), default));
        Assert.Equal(1u, await log.AppendAsync("s", "b", null, default));
        Assert.Equal(1u, await log.AppendAsync("t", "a", null, default));
        await log.CompleteAsync("s", "a", default);
        Assert.Equal([1, 2, 3], await ReadAsync(log, "s", "a", 0));
        Assert.Equal([3], await ReadAsync(log, "s", "a", 2));
        Assert.Equal(3u, await log.FindLastAsync("s", "a", 3, default));
        Assert.Null(await log.FindLastAsync("s", "a", 4, default));
        Assert.Null(await log.FindLastAsync("s", "c", 0, default));
    }

    [Fact]
    public async Task A_reader_waits_for_what_comes_until_the_stream_is_complete()
    {
        MemoryEventLog log = Create();
        await using IAsyncEnumerator<LoggedEvent> reader = log.ReadAsync("s", "a", 0, default).GetAsyncEnumerator();
        ValueTask<bool> first = reader.MoveNextAsync();
        Assert.False(first.IsCompleted);
        await log.AppendAsync("s", "a", Message(), default);
        Assert.True(await first);
        ValueTask<bool> second = reader.MoveNextAsync();
        await log.CompleteAsync("s", "a", default);
        Assert.False(await second);
    }

    [Fact]
    public async Task A_long_stream_keeps_its_newest_events_and_a_reader_of_older_ones_is_told()
    {
        _options.Http.StreamBytesMax = 1_000;
        MemoryEventLog log = Create();
        for (int number = 0; number < 20; number++) await log.AppendAsync("s", "a", Message(100), default);
        Assert.Null(await log.FindLastAsync("s", "a", 1, default));
        Assert.Equal(20u, await log.FindLastAsync("s", "a", 19, default));
    }

    [Fact]
    public async Task Finished_streams_are_kept_for_a_while_and_the_session_s_for_as_long_as_it_is()
    {
        MemoryEventLog log = Create();
        await log.AppendAsync("s", "a", Message(), default);
        await log.AppendAsync("s", "running", Message(), default);
        await log.CompleteAsync("s", "a", default);
        _time.Advance(TimeSpan.FromMinutes(59));
        await log.AppendAsync("s", "x", null, default);
        Assert.NotNull(await log.FindLastAsync("s", "a", 0, default));
        _time.Advance(TimeSpan.FromMinutes(2));
        await log.AppendAsync("s", "x", null, default);
        Assert.Null(await log.FindLastAsync("s", "a", 0, default));
        Assert.NotNull(await log.FindLastAsync("s", "running", 0, default));
        await log.RemoveSessionAsync("s", default);
        Assert.Null(await log.FindLastAsync("s", "running", 0, default));
    }

    [Fact]
    public void Names_of_events_go_back_and_forth()
    {
        string stream = EventIds.NewStream(DateTimeOffset.UnixEpoch);
        Assert.True(EventIds.TryParse(EventIds.Format(stream, 258), out string parsed, out uint number));
        Assert.Equal((stream, 258u), (parsed, number));
        foreach (string wrong in new[] { "", "-00000001", "a-1", "a-0000000g", "00000001" })
            Assert.False(EventIds.TryParse(wrong, out _, out _), wrong);
    }

    [Fact]
    public void Names_of_streams_are_unlike_each_other_and_sort_as_they_began()
    {
        DateTimeOffset[] times = [DateTimeOffset.MinValue, DateTimeOffset.UnixEpoch, DateTimeOffset.UtcNow, DateTimeOffset.MaxValue];
        string[] streams = [.. times.Select(EventIds.NewStream)];
        Assert.Equal(streams.Order(StringComparer.Ordinal), streams);
        Assert.All(streams, stream => Assert.Matches("^[0-9a-f]{24}$", stream));
        Assert.All(streams, stream => Assert.Equal(EventIds.NewStreamCharacters, stream.Length));
        string[] atOnce = [.. Enumerable.Range(0, 1_000).Select(_ => EventIds.NewStream(times[2]))];
        Assert.Equal(atOnce.Length, atOnce.Distinct().Count());
        Assert.All(atOnce, stream => Assert.StartsWith(EventIds.NewStreamsFrom(times[2].ToUnixTimeMilliseconds()), stream));
    }

    [Fact]
    public async Task An_answer_completes_its_stream()
    {
        MemoryEventLog log = Create();
        await log.BeginAsync("s", "a", new RequestId(7), default);
        await log.AppendAsync("s", "a", new JsonRpcResponse { Id = new RequestId(7), Result = new JsonObject() }, default);
        Assert.Equal([1, 2], await ReadAsync(log, "s", "a", 0));
    }

    private static JsonRpcNotification Message(int length = 0) =>
        new() { Method = "test", Params = new JsonObject { ["text"] = new string('x', length) } };

    private MemoryEventLog Create() => new(Options.Create(_options), _time);

    private static async Task<List<int>> ReadAsync(MemoryEventLog log, string session, string stream, uint after)
    {
        List<int> numbers = [];
        await foreach (LoggedEvent entry in log.ReadAsync(session, stream, after, default)) numbers.Add((int)entry.Number);
        return numbers;
    }
}
