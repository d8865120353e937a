using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Cli.Servers;
using Varve.Sharing;

namespace Varve.Mcp.Cli.Tests;

public sealed class StoreServerTests : ServerHouse
{
    private const string LegacyRevision = "2025-11-25";

    [Fact]
    public async Task What_is_written_is_read_and_an_empty_value_is_not_an_absent_one()
    {
        await using TestServer server = await StartAsync();
        await InsertAsync(server, ("a", "1"), ("b", ""));
        JsonElement a = await server.GetAsync("map_get", new { name = "m", key = "a" });
        Assert.True(a.GetProperty("found").GetBoolean());
        Assert.Equal("1", a.GetProperty("value").GetString());
        JsonElement b = await server.GetAsync("map_get", new { name = "m", key = "b" });
        Assert.Equal("", b.GetProperty("value").GetString());
        JsonElement c = await server.GetAsync("map_get", new { name = "m", key = "c" });
        Assert.False(c.GetProperty("found").GetBoolean());
        Assert.False(c.TryGetProperty("value", out _));
    }

    [Fact]
    public async Task Bytes_that_are_no_text_come_and_go_as_base64()
    {
        await using TestServer server = await StartAsync();
        byte[] bytes = [0xFF, 0x00, 0xC3];
        var entries = new Dictionary<string, string> { ["k"] = Convert.ToBase64String(bytes) };
        await server.GetAsync("map_insert", new { name = "m", entries, encoding = "base64" });
        JsonElement read = await server.GetAsync("map_get", new { name = "m", key = "k" });
        Assert.Equal(bytes, read.GetProperty("value_base64").GetBytesFromBase64());
        Assert.False(read.TryGetProperty("value", out _));
        await InsertAsync(server, ("t", "text"));
        read = await server.GetAsync("map_get", new { name = "m", key = "t", encoding = "base64" });
        Assert.Equal("text"u8.ToArray(), read.GetProperty("value_base64").GetBytesFromBase64());
        JsonElement refused = await server.GetErrorAsync(
            "map_insert", new { name = "m", entries = new { k = "?" }, encoding = "base64" });
        Assert.Equal("The value of 'k' is not base64.", refused.GetProperty("message").GetString());
    }

    [Fact]
    public async Task Ranges_go_both_ways_and_on_where_they_ended()
    {
        await using TestServer server = await StartAsync();
        await InsertAsync(server, [.. "abcdef".Select(key => ($"{key}", "v"))]);
        Assert.Equal("b c d", await RangeAsync(server, "map_range", new { name = "m", start_key = "b", end_key = "e", limit = 10 }));
        var backwards = new { name = "m", start_key = "e", end_key = "b", limit = 10 };
        Assert.Equal("e d c", await RangeAsync(server, "map_reverse_range", backwards));
        Assert.Equal("a b > c", await RangeAsync(server, "map_range", new { name = "m", limit = 2 }));
        Assert.Equal("f e > d", await RangeAsync(server, "map_reverse_range", new { name = "m", limit = 2 }));
        Assert.Equal("d c > b", await RangeAsync(server, "map_reverse_range", new { name = "m", start_key = "d", limit = 2 }));
        Assert.Equal("", await RangeAsync(server, "map_range", new { name = "never written", limit = 2 }));
        foreach ((string tool, object bounds) in new (string, object)[]
        {
            ("map_range", new { name = "m", start_key = "b", end_key = "b", limit = 1 }),
            ("map_reverse_range", new { name = "m", start_key = "b", end_key = "b", limit = 1 }),
            ("map_reverse_range", new { name = "m", start_key = "a", end_key = "b", limit = 1 }),
        })
        {
            JsonElement refused = await server.GetErrorAsync(tool, bounds);
            Assert.Contains("range must lie", refused.GetProperty("message").GetString());
        }
    }

    [Fact]
    public async Task S18_where_a_page_goes_on_is_a_key_like_any_other_and_checked_like_one()
    {
        await using TestServer server = await StartAsync();
        await InsertAsync(server, ("a", "1"), ("b", "2"), ("c", "3"));
        Assert.Equal("a b > c", await RangeAsync(server, "map_range", new { name = "m", limit = 2 }));
        Assert.Equal("c", await RangeAsync(server, "map_range", new { name = "m", limit = 2, start_key = "c" }));
        Assert.Equal("c", await RangeAsync(server, "map_range", new { name = "m", limit = 2, start_key = "bb" }));
        await server.GetErrorAsync("map_range", new { name = "$varve/invocations", limit = 2, start_key = "c" });
    }

    [Fact]
    public async Task A_page_that_is_cut_by_its_bytes_says_where_it_goes_on()
    {
        await using TestServer server = await StartAsync();
        string large = new('x', 400_000);
        await InsertAsync(server, ("a", large), ("b", large), ("c", large));
        Assert.Equal("a b > c", await RangeAsync(server, "map_range", new { name = "m", limit = 100 }));
    }

    [Theory]
    [InlineData("utf8", 8)]
    [InlineData("base64", 8)]
    public async Task S17_keys_and_values_are_limited_by_their_bytes(string encoding, int valueBytesMax)
    {
        await using TestServer server = await TestServer.StartAsync(
            Database, "store", settings: new ServerSettings(Seed: 1, ValueBytesMax: valueBytesMax));
        string Value(int bytes) => encoding == "utf8" ? new string('x', bytes) : Convert.ToBase64String(new byte[bytes]);
        await server.GetAsync("map_insert", new { name = "m", entries = new { k = Value(valueBytesMax) }, encoding });
        JsonElement refused = await server.GetErrorAsync(
            "map_insert", new { name = "m", entries = new { a = Value(1), k = Value(valueBytesMax + 1) }, encoding });
        Assert.Equal($"The value of 'k' has more than {valueBytesMax} bytes.", refused.GetProperty("message").GetString());
        string key = new('é', 2_049);
        refused = await server.GetErrorAsync(
            "map_insert", new { name = "m", entries = new Dictionary<string, string> { [key] = Value(1) }, encoding });
        Assert.Equal($"The key '{key[..100]}...' has more than 4096 bytes.", refused.GetProperty("message").GetString());
        refused = await server.GetErrorAsync("map_get", new { name = "m", key });
        Assert.Contains("more than 4096 bytes", refused.GetProperty("message").GetString());
        refused = await server.GetErrorAsync("map_remove", new { name = "m", keys = new[] { "k", key } });
        Assert.Contains("more than 4096 bytes", refused.GetProperty("message").GetString());
        Assert.Equal("k", Assert.Single(await EntriesAsync("m")).Key);
    }

    [Fact]
    public async Task S17_a_value_of_a_mebibyte_comes_and_goes()
    {
        await using TestServer server = await StartAsync();
        string value = new('x', 1 << 20);
        await InsertAsync(server, ("k", value));
        Assert.Equal(value, (await server.GetAsync("map_get", new { name = "m", key = "k" })).GetProperty("value").GetString());
        JsonElement refused = await server.GetErrorAsync("map_insert", new { name = "m", entries = new { k = value + "x" } });
        Assert.Equal("The value of 'k' has more than 1048576 bytes.", refused.GetProperty("message").GetString());
    }

    [Fact]
    public async Task Removed_keys_are_gone_and_absent_ones_no_error()
    {
        await using TestServer server = await StartAsync();
        await InsertAsync(server, ("a", "1"), ("b", "2"));
        await server.GetAsync("map_remove", new { name = "m", keys = new[] { "a", "nowhere" } });
        JsonElement stats = await server.GetAsync("map_stats", new { name = "m" });
        Assert.Equal(1, stats.GetProperty("entries").GetInt64());
        Assert.Equal("b", stats.GetProperty("first_key").GetString());
        Assert.True(stats.GetProperty("is_complete").GetBoolean());
    }

    [Fact]
    public async Task The_journals_own_maps_cannot_be_named()
    {
        await using TestServer server = await StartAsync();
        await InsertAsync(server, ("a", "1"));
        JsonElement maps = await server.GetAsync("list_maps", new { });
        Assert.Equal(["m"], maps.GetProperty("maps").EnumerateArray().Select(map => map.GetString()));
        foreach ((string tool, object arguments) in new (string, object)[]
        {
            ("map_get", new { name = "$varve/invocations", key = "a" }),
            ("map_insert", new { name = "$varve/mine", entries = new { a = "1" } }),
            ("map_remove", new { name = "$varve/steps", keys = new[] { "a" } }),
            ("map_range", new { name = "$varve/expiry", limit = 1 }),
            ("map_reverse_range", new { name = "$varve/expiry", limit = 1 }),
            ("map_stats", new { name = "$varve/expiry" }),
        })
        {
            JsonElement refused = await server.GetErrorAsync(tool, arguments);
            Assert.Contains("begin with '$varve/'", refused.GetProperty("message").GetString());
        }

        await Assert.ThrowsAsync<McpProtocolException>(() => server.Client.ReadResourceAsync("map://%24varve%2Fexpiry/a").AsTask());
    }

    [Fact]
    public async Task S14_names_of_maps_and_keys_never_become_paths()
    {
        string[] before = [.. Directory.EnumerateFileSystemEntries(Folder, "*", SearchOption.AllDirectories).Order()];
        await using TestServer server = await StartAsync();
        string[] names = ["../outside", "..", "/etc/passwd", "a/b", @"c:\d", "CURRENT", "MANIFEST-000001", "LOCK"];
        foreach (string name in names)
        {
            await server.GetAsync("map_insert", new { name, entries = new Dictionary<string, string> { [name] = name } });
            Assert.Equal(name, (await server.GetAsync("map_get", new { name, key = name })).GetProperty("value").GetString());
        }
        string[] after = [.. Directory.EnumerateFileSystemEntries(Folder, "*", SearchOption.AllDirectories).Order()];
        Assert.DoesNotContain(after.Except(before), file => names.Any(name => Path.GetFileName(file) == Path.GetFileName(name)));
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.GetDirectoryName(Folder)!, "outside*"));
    }

    [Fact]
    public async Task A_key_is_a_resource_under_its_encoded_name()
    {
        await using TestServer server = await StartAsync();
        var entries = new Dictionary<string, string> { ["a/b ü?%"] = "text" };
        await server.GetAsync("map_insert", new { name = "audit:x/y", entries });
        ReadResourceResult read = await server.Client.ReadResourceAsync("map://audit%3Ax%2Fy/a%2Fb%20%C3%BC%3F%25");
        Assert.Equal("text", Assert.IsType<TextResourceContents>(Assert.Single(read.Contents)).Text);
        var missing = await Assert.ThrowsAsync<McpProtocolException>(() => server.Client.ReadResourceAsync("map://m/nothing").AsTask());
        Assert.Equal(McpErrorCode.InvalidParams, missing.ErrorCode);
    }

    [Fact]
    public async Task A_change_of_a_key_is_told_to_its_subscribers()
    {
        var legacy = new McpClientOptions { ProtocolVersion = LegacyRevision };
        await using TestServer server = await TestServer.StartAsync(Database, "store", client: legacy);
        var told = new SemaphoreSlim(0);
        await using IAsyncDisposable subscription = await server.Client.SubscribeToResourceAsync("map://m/a%2Fb", (_, _) =>
        {
            told.Release();
            return ValueTask.CompletedTask;
        });
        await InsertAsync(server, ("other", "1"));
        await InsertAsync(server, ("a/b", "1"));
        Assert.True(await told.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Theory]
    [InlineData("b", "e", "b", "d/d")]
    [InlineData("d", "", "d/d", "f")]
    [InlineData("a", "b")]
    [InlineData("f", "f\0", "f")]
    public async Task A_range_that_is_deleted_is_told_to_the_subscribers_of_its_keys(string start, string end, params string[] expected)
    {
        await using TestServer server = await StartSubscribableAsync();
        ToldKeys told = await ToldKeys.SubscribeAsync(server, "b", "d/d", "f");
        await Store.WriteAsync(new StoreBatch { Operations = [DeleteRange("m", start, end), DeleteRange("other", "", "")] });
        await told.CheckAsync(expected);
    }

    [Fact]
    public async Task A_map_that_is_dropped_is_told_to_the_subscribers_of_its_keys()
    {
        await using TestServer server = await StartSubscribableAsync();
        await Store.WriteAsync(new StoreBatch { Operations = [StoreOperation.Put("other", "a"u8.ToArray(), default)] });
        ToldKeys told = await ToldKeys.SubscribeAsync(server, "a", "absent");
        Database.DropMap("other");
        Database.DropMap("m");
        await told.CheckAsync("a", "absent");
    }

    [Fact]
    public async Task Entries_that_are_ingested_are_told_to_the_subscribers_of_keys_from_the_first_to_the_last_one()
    {
        await using TestServer server = await StartSubscribableAsync();
        ToldKeys told = await ToldKeys.SubscribeAsync(server, "a", "b", "c", "d", "e");
        Database.Ingest(Database.GetMap("m"), [new("b"u8.ToArray(), "1"u8.ToArray()), new("d"u8.ToArray(), "1"u8.ToArray())]);
        await told.CheckAsync("b", "c", "d");
    }

    [Theory]
    [InlineData("map://m/a%2Fb", "m", "a/b")]
    [InlineData("map://audit%3Ax%2Fy/", "audit:x/y", "")]
    [InlineData("map://m", null, null)]
    [InlineData("tasks://all", null, null)]
    public void A_resource_names_its_key(string uri, string? name, string? key)
    {
        Assert.Equal(name is not null, StoreServer.TryReadUri(uri, out string? readName, out byte[]? readKey));
        Assert.Equal(name, readName);
        Assert.Equal(key, readKey is null ? null : Encoding.UTF8.GetString(readKey));
        if (name is not null) Assert.Equal(uri, StoreServer.UriOf(name, key!));
    }

    private static StoreOperation DeleteRange(string map, string start, string end) =>
        StoreOperation.DeleteRange(map, Encoding.UTF8.GetBytes(start), Encoding.UTF8.GetBytes(end));

    private Task<TestServer> StartSubscribableAsync() =>
        TestServer.StartAsync(Database, "store", client: new McpClientOptions { ProtocolVersion = LegacyRevision });

    private static Task InsertAsync(TestServer server, params (string Key, string Value)[] entries) => server.GetAsync(
        "map_insert", new { name = "m", entries = entries.ToDictionary(entry => entry.Key, entry => entry.Value) });

    private static async Task<string> RangeAsync(TestServer server, string tool, object arguments)
    {
        JsonElement page = await server.GetAsync(tool, arguments);
        string keys = string.Join(' ', page.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("key").GetString()));
        Assert.Equal(page.GetProperty("entries").GetArrayLength(), page.GetProperty("count").GetInt32());
        return page.TryGetProperty("next_start_key", out JsonElement next) ? $"{keys} > {next.GetString()}" : keys;
    }

    private Task<TestServer> StartAsync() => TestServer.StartAsync(Database, "store");

    /// <summary>Which of some keys of the map "m" the client is told of.</summary>
    private sealed class ToldKeys
    {
        private const string First = "first";
        private const string Last = "last";

        private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

        private readonly ConcurrentDictionary<string, TaskCompletionSource> _told = new();
        private readonly TestServer _server;

        private ToldKeys(TestServer server) => _server = server;

        /// <summary>From then on each change is told: the feed runs, which begins by itself some time after the server.</summary>
        public static async Task<ToldKeys> SubscribeAsync(TestServer server, params string[] keys)
        {
            ToldKeys told = new(server);
            await told.SubscribeAsync(First);
            await told.WriteAsync(First);
            foreach (string key in (string[])[.. keys, Last]) await told.SubscribeAsync(key);
            return told;
        }

        /// <summary>These keys were told of, and no others by the time at which a change that came later is told of.</summary>
        public async Task CheckAsync(params string[] expected)
        {
            foreach (string key in expected) await ToldAsync(key);
            await WriteAsync(Last);
            string[] told = [.. _told.Where(key => key.Value.Task.IsCompleted && key.Key is not (First or Last)).Select(key => key.Key)];
            Assert.Equal(expected.Order(), told.Order());
        }

        private async Task WriteAsync(string key)
        {
            await InsertAsync(_server, (key, "1"));
            await ToldAsync(key);
        }

        private async Task SubscribeAsync(string key)
        {
            _told[key] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await _server.Client.SubscribeToResourceAsync(StoreServer.UriOf("m", key), (_, _) =>
            {
                _told[key].TrySetResult();
                return ValueTask.CompletedTask;
            });
        }

        private Task ToldAsync(string key) => _told[key].Task.WaitAsync(Patience);
    }
}
