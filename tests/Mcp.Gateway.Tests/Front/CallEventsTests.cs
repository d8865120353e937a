using Varve.Mcp.Gateway.Front;

namespace Varve.Mcp.Gateway.Tests.Front;

/// <summary>The events of one call.</summary>
public sealed class CallEventsTests
{
    [Fact]
    public async Task Every_reader_gets_what_is_after_its_number_in_order()
    {
        CallEvents events = new(bytesMax: 1_000);
        Task<List<long>> early = ReadAsync(events, 0);
        for (int number = 0; number < 20; number++) events.Append("progress", new byte[10]);
        Task<List<long>> middle = ReadAsync(events, 15);
        events.End([("result", new byte[10]), ("done", new byte[10])]);
        events.Append("progress", new byte[10]);
        Assert.Equal(Enumerable.Range(1, 22).Select(number => (long)number), await early);
        Assert.Equal([16, 17, 18, 19, 20, 21, 22], await middle);
        Assert.Empty(await ReadAsync(events, 22));
        Assert.Equal((22, 220), (events.Last, events.Bytes));
    }

    [Fact]
    public async Task What_is_too_much_is_dropped_from_the_oldest_on_but_never_the_end()
    {
        CallEvents events = new(bytesMax: 100);
        for (int number = 0; number < 50; number++) events.Append("chunk", new byte[30]);
        events.End([("result", new byte[1_000]), ("done", new byte[1])]);
        Assert.Equal([48, 49, 50, 51, 52], await ReadAsync(events, 0));
        CallEvents none = new(bytesMax: 0);
        none.Append("chunk", new byte[1]);
        none.End([("done", new byte[1])]);
        Assert.Equal([2], await ReadAsync(none, 0));
    }

    [Fact]
    public async Task A_reader_that_leaves_stops_waiting()
    {
        using CancellationTokenSource leaving = new();
        Task<List<long>> reading = ReadAsync(new CallEvents(100), 0, leaving.Token);
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reading);
    }

    private static async Task<List<long>> ReadAsync(CallEvents events, long after, CancellationToken cancellation = default)
    {
        List<long> numbers = [];
        await foreach (CallEvent one in events.ReadAsync(after, cancellation)) numbers.Add(one.Number);
        return numbers;
    }
}
