using System.Text;
using Varve.Idempotency;

namespace Varve.Tests.Idempotency;

public sealed class InvocationMapTests : IDisposable
{
    private readonly JournalHouse _house = new();

    public void Dispose() => _house.Dispose();

    [Fact]
    public async Task A_recorded_write_is_passed_over_on_a_later_run_also_with_other_bytes()
    {
        InvocationContext run = await _house.BeginAsync();
        await run.Map("m").Idempotently("first").InsertAsync("a", "1"u8.ToArray());
        await run.Map("m").InsertAsync([new("b", "1"u8.ToArray()), new("c", "1"u8.ToArray())]);
        await run.Map("n").RemoveAsync("absent");
        _house.Restart();
        InvocationContext again = (await _house.RecoverAsync())!;
        int writes = _house.Store.Writes.Length;
        await again.Map("m").Idempotently("first").InsertAsync("a", "2"u8.ToArray());
        await again.Map("m").RemoveAsync("b", "c");
        await again.Map("n").InsertAsync("absent", "2"u8.ToArray());
        Assert.Equal(writes, _house.Store.Writes.Length);
        Assert.Equal(("1", "1", "1"), (_house.Text("m", "a"), _house.Text("m", "b"), _house.Text("m", "c")));
        Assert.Null(_house.Text("n", "absent"));
        await again.Map("m").Idempotently("second").RemoveAsync("a", "b", "absent");
        Assert.Equal((null, null, "1"), (_house.Text("m", "a"), _house.Text("m", "b"), _house.Text("m", "c")));
    }

    [Fact]
    public async Task Two_writes_of_a_map_need_aliases_and_writes_of_two_maps_do_not()
    {
        InvocationContext run = await _house.BeginAsync();
        await run.Map("m").InsertAsync("a", default);
        await run.Map("n").InsertAsync("a", default);
        AliasReusedException unnamed = await Assert.ThrowsAsync<AliasReusedException>(async () => await run.Map("m").RemoveAsync("a"));
        Assert.Equal("m", unnamed.Alias);
        Assert.Contains("Idempotently", unnamed.Message);
        await run.Map("m").Idempotently("x").InsertAsync("b", default);
        await run.Map("n").Idempotently("x").InsertAsync("b", default);
        AliasReusedException named = await Assert.ThrowsAsync<AliasReusedException>(
            async () => await run.Map("m").Idempotently("x").InsertAsync("c", default));
        Assert.Equal("x", named.Alias);

        // Guards have names of their own.
        await run.AtLeastOnceAsync("x", () => Task.FromResult(1));
        Assert.Throws<ArgumentException>(() => run.Map("m").Idempotently(""));
    }

    [Fact]
    public async Task Two_writes_beside_each_other_under_one_alias_are_one_and_an_error()
    {
        InvocationContext run = await _house.BeginAsync();
        Task[] writes = [.. Enumerable.Range(0, 8).Select(i => Task.Run(async () => await run.Map("m").InsertAsync($"{i}", default)))];
        await Task.WhenAll(writes.Select(write => Record.ExceptionAsync(() => write)));
        Assert.Equal(7, writes.Count(write => write.Exception?.InnerException is AliasReusedException));
        Assert.Single((await run.Map("m").RangeAsync(10)).Entries);
    }

    [Fact]
    public async Task Inside_of_a_guard_each_attempt_may_write_a_map_once_without_an_alias()
    {
        InvocationContext run = await _house.BeginAsync();
        await run.Map("m").InsertAsync("outside", default);
        await run.AtLeastOnceAsync("a", async step =>
        {
            await run.Map("m").InsertAsync($"a{step.Attempt}", default);
            await Assert.ThrowsAsync<AliasReusedException>(async () => await run.Map("m").InsertAsync("twice", default));
            await run.Map("m").Idempotently("named").InsertAsync($"named{step.Attempt}", default);
            if (step.Attempt < 3) throw new IOException();
        });
        await run.AtMostOnceAsync("b", async () => await run.Map("m").InsertAsync("b", default));
        Assert.Equal("a1 a2 a3 b named1 outside", await KeysAsync(run.Map("m").RangeAsync(10)));
        await Assert.ThrowsAsync<AliasReusedException>(async () => await run.Map("m").Idempotently("named").InsertAsync("late", default));
    }

    [Fact]
    public async Task A_write_that_failed_may_be_made_again()
    {
        InvocationContext run = await _house.BeginAsync();
        InvocationMap map = run.Map("m").Idempotently("alias");
        await Assert.ThrowsAsync<ArgumentException>(async () => await map.InsertAsync(new string('k', 20_000), default));
        await Assert.ThrowsAnyAsync<ArgumentException>(async () => await map.InsertAsync("half \ud800", default));
        await map.InsertAsync("key", default);
    }

    [Fact]
    public async Task Internal_maps_cannot_be_named()
    {
        InvocationContext run = await _house.BeginAsync();
        foreach (string name in (string[])["$varve/steps", "$varve/", "$varve/anything"])
        {
            Assert.True(InternalMaps.IsInternal(name));
            Assert.Contains("$varve/", Assert.Throws<ArgumentException>(() => run.Map(name)).Message);
            Assert.Throws<ArgumentException>(() => new StoreMap(_house.Store, name));
            Assert.Throws<ArgumentException>(() => InternalMaps.ThrowIfInternal(name));
        }

        foreach (string name in (string[])["$varve", "varve/", "x$varve/", "$Varve/steps"]) Assert.False(InternalMaps.IsInternal(name));
        Assert.Throws<ArgumentException>(() => run.Map(""));
        await run.Map("audit:user_operations").InsertAsync("key", default);
    }

    [Fact]
    public async Task An_absent_key_is_told_from_an_empty_value()
    {
        InvocationContext run = await _house.BeginAsync();
        await run.Map("m").InsertAsync("empty", default);
        Assert.Empty((await run.Map("m").GetAsync("empty"))!);
        Assert.Null(await run.Map("m").GetAsync("absent"));
    }

    [Theory]
    [InlineData("range", null, null, 9, " a b ba c")]
    [InlineData("range", "a", "c", 9, "a b ba")]
    [InlineData("range", "aa", null, 2, "b ba|c")]
    [InlineData("range", "", "b", 9, " a")]
    [InlineData("range", null, "", 9, "")]
    [InlineData("range", "b", "b", 9, "invalid")]
    [InlineData("range", "c", "a", 9, "invalid")]
    [InlineData("range", "a", "", 9, "invalid")]
    [InlineData("range", null, null, 0, "invalid")]
    [InlineData("range", null, null, -1, "invalid")]
    [InlineData("reverse", null, null, 9, "c ba b a ")]
    [InlineData("reverse", "ba", "a", 9, "ba b")]
    [InlineData("reverse", "bb", null, 2, "ba b|a")]
    [InlineData("reverse", "b", "", 9, "b a")]
    [InlineData("reverse", "b", "", 2, "b a")]
    [InlineData("reverse", "", null, 9, "")]
    [InlineData("reverse", "b", "b", 9, "invalid")]
    [InlineData("reverse", "a", "c", 9, "invalid")]
    [InlineData("reverse", "", "", 9, "invalid")]
    [InlineData("reverse", null, null, 0, "invalid")]
    [InlineData("prefix", "b", null, 9, "b ba")]
    [InlineData("prefix", "b", null, 1, "b|ba")]
    [InlineData("prefix", "b", "ba", 9, "ba")]
    [InlineData("prefix", "", null, 9, " a b ba c")]
    [InlineData("prefix", "x", null, 9, "")]
    [InlineData("prefix", "b", "c", 9, "invalid")]
    [InlineData("prefix", "b", null, 0, "invalid")]
    public async Task Ranges_are_those_of_the_keys_bytes(string kind, string? first, string? second, int limit, string expected)
    {
        InvocationContext run = await _house.BeginAsync();
        await run.Map("m").InsertAsync(((string[])["b", "", "c", "ba", "a"]).Select(key => KeyValuePair.Create(key, Array.Empty<byte>())));
        var map = new StoreMap(_house.Store, "m");
        string actual;
        try
        {
            actual = await KeysAsync(kind switch
            {
                "range" => map.RangeAsync(limit, first, second),
                "reverse" => map.ReverseRangeAsync(limit, first, second),
                _ => map.PrefixAsync(first!, limit, second),
            });
        }
        catch (InvalidRangeException)
        {
            actual = "invalid";
        }

        Assert.Equal(expected, actual);
    }

    [Fact]
    public async Task Keys_sort_by_UTF_8_and_a_prefix_holds_for_any_text()
    {
        // UTF-16 would sort the last two the other way round.
        string[] sorted = ["Z", "Z~", "Z\u00e4", "Z\uffff", "Z\U0001f600", "[", "\u00e4", "\uffff", "\U0001f600"];
        InvocationContext run = await _house.BeginAsync();
        await run.Map("m").InsertAsync(sorted.Reverse().Select(key => KeyValuePair.Create(key, Encoding.UTF8.GetBytes(key))));
        MapPage all = await run.Map("m").RangeAsync(100);
        Assert.Equal(sorted, all.Entries.Select(entry => entry.Key));
        Assert.Equal(sorted, all.Entries.Select(entry => Encoding.UTF8.GetString(entry.Value.Span)));
        Assert.Equal(sorted.Reverse(), (await run.Map("m").ReverseRangeAsync(100)).Entries.Select(entry => entry.Key));
        Assert.Equal(sorted[..5], (await run.Map("m").PrefixAsync("Z", 100)).Entries.Select(entry => entry.Key));
        Assert.Equal(["\U0001f600"], (await run.Map("m").PrefixAsync("\U0001f600", 100)).Entries.Select(entry => entry.Key));
        Assert.Equal(["Z\uffff"], (await run.Map("m").PrefixAsync("Z\uffff", 100)).Entries.Select(entry => entry.Key));
    }

    [Fact]
    public async Task A_page_that_its_bytes_have_ended_names_the_next_key()
    {
        InvocationContext run = await _house.BeginAsync();
        await run.Map("m").InsertAsync(Enumerable.Range(0, 5).Select(i => KeyValuePair.Create($"{i}", new byte[1_000])));
        Assert.Equal("0 1|2", await KeysAsync(run.Map("m").RangeAsync(100, bytesMax: 2_500)));
        Assert.Equal("2 3|4", await KeysAsync(run.Map("m").RangeAsync(100, "2", bytesMax: 2_500)));
        Assert.Equal("4 3|2", await KeysAsync(run.Map("m").ReverseRangeAsync(100, bytesMax: 2_500)));
    }

    private static async Task<string> KeysAsync(ValueTask<MapPage> reading)
    {
        MapPage page = await reading;
        string keys = string.Join(' ', page.Entries.Select(entry => entry.Key));
        return page.NextKey is null ? keys : $"{keys}|{page.NextKey}";
    }
}
