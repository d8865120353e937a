using System.Text.Json;

namespace Varve.Mcp.Cli.Tests;

public sealed class DefineServerTests : ServerHouse
{
    [Fact]
    public async Task A_term_is_found_in_any_case_with_all_that_was_said()
    {
        await using TestServer server = await StartAsync();
        JsonElement added = await server.GetAsync(
            "add_term", new { term = "gRPC", definition = "Calls", category = "architecture", examples = new[] { "a", "b" } });
        JsonElement term = (await server.GetAsync("define", new { term = "GrPc" })).GetProperty("term");
        Assert.Equal("gRPC", term.GetProperty("term").GetString());
        Assert.Equal("architecture", term.GetProperty("category").GetString());
        Assert.Equal(2, term.GetProperty("examples").GetArrayLength());
        Assert.Equal(added.GetProperty("timestamp").GetInt64(), term.GetProperty("timestamp").GetInt64());
        JsonElement missing = await server.GetErrorAsync("define", new { term = "REST" });
        Assert.Equal("Term 'REST' not found in glossary", missing.GetProperty("message").GetString());
    }

    [Fact]
    public async Task Long_definitions_are_shortened_in_two_lists_alone()
    {
        await using TestServer server = await StartAsync();
        string exact = string.Concat(Enumerable.Repeat("𝄞", 100));
        await AddAsync(server, "exact", exact);
        await AddAsync(server, "long", exact + "!");
        Assert.Equal([exact, exact + "..."], await TextsAsync(server, "list_terms", "terms", new { }));
        Assert.Equal([exact + "...", exact], await TextsAsync(server, "recent_terms", "recent_terms", new { }));
        Assert.Equal([exact, exact + "!"], await TextsAsync(server, "browse_category", "terms", new { category = "general" }));
        Assert.Equal([exact + "!"], await TextsAsync(server, "search_terms", "terms", new { prefix = "L" }));
    }

    [Fact]
    public async Task A_prefix_of_any_script_finds_all_that_begin_with_it()
    {
        await using TestServer server = await StartAsync();
        string[] terms = ["Zebra", "zz", "Zürich", "été", "état", "日本", "日本語", "😀", "😀😀", "a"];
        foreach (string term in terms) await AddAsync(server, term);
        Assert.Equal(3, (await SearchAsync(server, "Z")).Length);
        Assert.Equal(["état", "été"], await SearchAsync(server, "ét"));
        Assert.Equal(["日本", "日本語"], await SearchAsync(server, "日本"));
        Assert.Equal(["😀", "😀😀"], await SearchAsync(server, "😀"));
        Assert.Equal(10, (await SearchAsync(server, "")).Length);
    }

    [Fact]
    public async Task A_list_begins_at_a_place_and_has_an_end()
    {
        await using TestServer server = await StartAsync();
        foreach (string term in (string[])["b", "A", "d", "C"]) await AddAsync(server, term);
        Assert.Equal(["C", "d"], await NamesAsync(server, "list_terms", "terms", new { start_with = "BB" }));
        Assert.Equal(["A", "b"], await NamesAsync(server, "list_terms", "terms", new { limit = 2 }));
        Assert.Equal(["C", "d", "A"], await NamesAsync(server, "recent_terms", "recent_terms", new { limit = 3 }));
    }

    [Fact]
    public async Task A_term_that_moves_leaves_its_category()
    {
        await using TestServer server = await StartAsync();
        await server.GetAsync("add_term", new { term = "One", definition = "x", category = "a" });
        await server.GetAsync("add_term", new { term = "one", definition = "y", category = "ab" });
        Assert.Empty(await NamesAsync(server, "browse_category", "terms", new { category = "a" }));
        Assert.Equal(["one"], await NamesAsync(server, "browse_category", "terms", new { category = "ab" }));
    }

    [Fact]
    public async Task A_removed_term_stays_among_the_recent_ones()
    {
        await using TestServer server = await StartAsync();
        await AddAsync(server, "Docker");
        JsonElement removed = await server.GetAsync("remove_term", new { term = "docker" });
        Assert.Equal("Removed 'docker' from glossary", removed.GetProperty("message").GetString());
        JsonElement missing = await server.GetErrorAsync("remove_term", new { term = "docker" });
        Assert.Equal("Term 'docker' not found", missing.GetProperty("message").GetString());
        Assert.Empty(await NamesAsync(server, "list_terms", "terms", new { }));
        Assert.Empty(await NamesAsync(server, "browse_category", "terms", new { category = "general" }));
        Assert.Equal(["Docker"], await NamesAsync(server, "recent_terms", "recent_terms", new { }));
    }

    [Fact]
    public async Task Definitions_given_at_the_same_time_leave_one_entry_in_one_category()
    {
        await using TestServer server = await StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i =>
            server.GetAsync("add_term", new { term = "one", definition = $"{i}", category = $"c{i}" })));
        Assert.Single(await EntriesAsync("terms"));
        Assert.Single(await EntriesAsync("categories"));
        Assert.Equal(20, (await EntriesAsync("recent")).Count);
    }

    private static Task AddAsync(TestServer server, string term, string definition = "x") =>
        server.GetAsync("add_term", new { term, definition });

    private static Task<string[]> SearchAsync(TestServer server, string prefix) =>
        NamesAsync(server, "search_terms", "terms", new { prefix });

    private static Task<string[]> NamesAsync(TestServer server, string tool, string list, object arguments) =>
        ReadAsync(server, tool, list, arguments, "term");

    private static Task<string[]> TextsAsync(TestServer server, string tool, string list, object arguments) =>
        ReadAsync(server, tool, list, arguments, "definition");

    private static async Task<string[]> ReadAsync(TestServer server, string tool, string list, object arguments, string member)
    {
        JsonElement answer = await server.GetAsync(tool, arguments);
        string[] found = [.. answer.GetProperty(list).EnumerateArray().Select(term => term.GetProperty(member).GetString()!)];
        Assert.Equal(found.Length, answer.GetProperty("count").GetInt32());
        return found;
    }

    private Task<TestServer> StartAsync() => TestServer.StartAsync(Database, "define");
}
