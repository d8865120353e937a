using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;
using Varve.Mcp.Cli.Servers;

namespace Varve.Mcp.Cli.Tests;

public sealed partial class CatalogTests : ServerHouse
{
    [Fact]
    public async Task Every_tool_says_what_it_takes_does_and_answers()
    {
        await using TestServer server = await TestServer.StartAsync(Database);
        IList<McpClientTool> tools = await server.Client.ListToolsAsync();
        Assert.Equal(39, tools.Count);
        foreach (Tool tool in tools.Select(tool => tool.ProtocolTool))
        {
            Assert.False(string.IsNullOrEmpty(tool.Title), tool.Name);
            Assert.False(string.IsNullOrEmpty(tool.Description), tool.Name);
            Assert.True(tool.Annotations?.ReadOnlyHint is true || tool.Annotations?.DestructiveHint is not null, tool.Name);
            Assert.NotNull(tool.Annotations?.OpenWorldHint);
            JsonElement output = Assert.NotNull(tool.OutputSchema);
            Assert.Contains("status", output.GetProperty("required").EnumerateArray().Select(name => name.GetString()));
            Assert.Equal(2, output.GetProperty("properties").GetProperty("status").GetProperty("enum").GetArrayLength());
            CheckParameters(tool);
        }
    }

    [Fact]
    public async Task S15_no_tool_takes_a_path_and_those_that_do_more_than_read_can_be_taken_away()
    {
        await using (TestServer all = await TestServer.StartAsync(Database))
        {
            foreach (Tool tool in (await all.Client.ListToolsAsync()).Select(tool => tool.ProtocolTool))
            {
                IEnumerable<string> takes = tool.InputSchema.GetProperty("properties").EnumerateObject().Select(property => property.Name);
                Assert.DoesNotContain(takes, name => Regex.IsMatch(name, "path|dir|folder|file$", RegexOptions.IgnoreCase));
            }
        }
        await CheckAsync(OfferedTools.NonDestructive, hint => hint?.ReadOnlyHint == true || hint?.DestructiveHint == false, "map_get");
        await CheckAsync(OfferedTools.ReadOnly, hint => hint?.ReadOnlyHint == true, "map_get");

        async Task CheckAsync(OfferedTools offered, Func<ToolAnnotations?, bool> isOffered, string example)
        {
            await using TestServer server = await TestServer.StartAsync(
                Database, configure: services => services.Configure<VarveMcpOptions>(options => options.OfferedTools = offered));
            IList<McpClientTool> tools = await server.Client.ListToolsAsync();
            Assert.All(tools, tool => Assert.True(isOffered(tool.ProtocolTool.Annotations), tool.Name));
            Assert.Contains(tools, tool => tool.Name == example);
            Dictionary<string, object?> arguments = new() { ["name"] = "m", ["keys"] = new[] { "k" } };
            McpProtocolException unknown = await Assert.ThrowsAsync<McpProtocolException>(
                async () => await server.Client.CallToolAsync("map_remove", arguments));
            Assert.Equal(McpErrorCode.InvalidParams, unknown.ErrorCode);
        }
    }

    [Theory]
    [InlineData("audit", "create_user delete_user get_audit_log update_user")]
    [InlineData("steps", "create_user_with_profile get_profile get_user")]
    [InlineData("processing", "fetch_exchange_rate get_payment process_payment")]
    [InlineData("document", "get_job_status process_document upload_file")]
    [InlineData("define", "add_term browse_category define list_terms recent_terms remove_term search_terms")]
    [InlineData(
        "tasks", "add_task add_tasks_batch clear_completed complete_task complete_tasks_batch fail_task get_next_task reset_all_tasks "
            + "retry_task run_orchestrator start_task")]
    [InlineData("store", "list_maps map_get map_insert map_range map_remove map_reverse_range map_stats")]
    [InlineData("journeys", "journeys_tool")]
    public async Task A_server_has_its_own_tools_alone(string name, string tools)
    {
        await using TestServer server = await TestServer.StartAsync(Database, name);
        IEnumerable<string> names = (await server.Client.ListToolsAsync()).Select(tool => tool.Name).Order(StringComparer.Ordinal);
        Assert.Equal(tools, string.Join(' ', names));
    }

    [Fact]
    public async Task Resources_are_listed_with_what_they_are()
    {
        await using TestServer server = await TestServer.StartAsync(Database);
        string[] uris = [.. (await server.Client.ListResourcesAsync()).Select(resource => resource.Uri)];
        Assert.Equal(TasksServer.ResourceUris.Take(5).Order(), uris.Order());
        IEnumerable<string> templates = (await server.Client.ListResourceTemplatesAsync()).Select(template => template.UriTemplate);
        Assert.Equal(["map://{name}/{key}", "task://filter/{status}"], templates.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task An_argument_that_is_wrong_is_named()
    {
        await using TestServer server = await TestServer.StartAsync(Database);
        foreach ((string tool, object arguments, string text) in new (string, object, string)[]
        {
            ("add_task", new { description = "x", priority = 11 }, "'priority' must be at most 10"),
            ("add_task", new { }, "'description' is required"),
            ("map_range", new { name = "m" }, "'limit' is required"),
            ("map_range", new { name = "m", limit = 0 }, "'limit' must be at least 1"),
            ("journeys_tool", new { action = "dance" }, "'action' must be one of"),
            ("get_user", new { user = "x" }, "'user_id' is required"),
        })
        {
            CallToolResult result = await server.CallAsync(tool, arguments);
            Assert.True(result.IsError, tool);
            Assert.Contains(text, TestServer.TextOf(result));
        }
    }

    [Fact]
    public async Task S17_everything_that_a_tool_takes_has_a_limit()
    {
        await using TestServer server = await TestServer.StartAsync(Database);
        List<string> unlimited = [];
        foreach (Tool tool in (await server.Client.ListToolsAsync()).Select(tool => tool.ProtocolTool))
        {
            if (!tool.InputSchema.TryGetProperty("properties", out JsonElement parameters)) continue;
            foreach (JsonProperty parameter in parameters.EnumerateObject())
                if (!HasLimits(parameter.Value)) unlimited.Add($"{tool.Name}.{parameter.Name}: {parameter.Value.GetRawText()}");
        }

        Assert.True(unlimited.Count == 0, string.Join('\n', unlimited));
    }

    [Theory]
    [InlineData("create_user", "name", 201, "Argument 'name' must have at most 200 characters.")]
    [InlineData("create_user_with_profile", "bio", 10_001, "Argument 'bio' must have at most 10000 characters.")]
    [InlineData("process_payment", "description", 1_001, "Argument 'description' must have at most 1000 characters.")]
    [InlineData("upload_file", "content", 250_001, "Argument 'content' must have at most 250000 characters.")]
    [InlineData("add_term", "definition", 10_001, "Argument 'definition' must have at most 10000 characters.")]
    [InlineData("add_task", "description", 10_001, "Argument 'description' must have at most 10000 characters.")]
    [InlineData("journeys_tool", "description", 10_001, "Argument 'description' must have at most 10000 characters.")]
    [InlineData("map_get", "key", 4_097, "Argument 'key' must have at most 4096 characters.")]
    public async Task S17_a_text_that_is_too_long_is_refused_by_name_before_anything_is_written(
        string tool, string argument, int characters, string text)
    {
        await using TestServer server = await TestServer.StartAsync(Database);
        var arguments = new Dictionary<string, object>
        {
            ["create_user"] = new { email = "a@example.com" },
            ["create_user_with_profile"] = new { username = "a", email = "a@example.com" },
            ["process_payment"] = new { amount = 1 },
            ["upload_file"] = new { file_id = "a" },
            ["add_term"] = new { term = "a" },
            ["journeys_tool"] = new { action = "create", name = "a" },
            ["map_get"] = new { name = "m" },
        };
        JsonObject given = JsonSerializer.SerializeToNode(arguments.GetValueOrDefault(tool, new { }))!.AsObject();
        given[argument] = new string('x', characters);
        CallToolResult refused = await server.CallAsync(tool, given);
        Assert.Equal((true, text), (refused.IsError, TestServer.TextOf(refused)));
        Assert.DoesNotContain("$varve/invocations", await Store.ListMapsAsync());
        given[argument] = new string('x', characters - 1);
        refused = await server.CallAsync(tool, given);
        Assert.False(refused.IsError == true, TestServer.TextOf(refused));
    }

    [Fact]
    public async Task S17_lists_and_objects_are_limited_with_what_they_hold()
    {
        await using TestServer server = await TestServer.StartAsync(Database);
        string line = new('x', 1_001);
        string[] many = [.. Enumerable.Range(0, 1_001).Select(number => $"{number}")];
        foreach ((string tool, object arguments, string text) in new (string, object, string)[]
        {
            ("add_tasks_batch", new { descriptions = many }, "Argument 'descriptions' must have at most 1000 items."),
            ("add_tasks_batch", new { descriptions = new[] { "a", new string('x', 10_001) } },
                "Argument 'descriptions[1]' must have at most 10000 characters."),
            ("complete_tasks_batch", new { task_ids = new[] { line }, result = "" },
                "Argument 'task_ids[0]' must have at most 200 characters."),
            ("add_term", new { term = "a", definition = "b", examples = new[] { line } },
                "Argument 'examples[0]' must have at most 1000 characters."),
            ("upload_file", new { file_id = "a", content = "", metadata = new { author = line } },
                "Argument 'metadata.author' must have at most 1000 characters."),
            ("upload_file", new { file_id = "a", content = "", metadata = new Dictionary<string, string> { [line] = "" } },
                $"Argument 'metadata.{line[..100]}...' must have at most 1000 characters in its name."),
            ("upload_file", new { file_id = "a", content = "", metadata = many.Take(101).ToDictionary(key => key) },
                "Argument 'metadata' must have at most 100 members."),
            ("update_user", new { user_id = "a", updates = new { bio = line } },
                "Argument 'updates.bio' must have at most 1000 characters."),
            ("update_user", new { user_id = "a", updates = new { bio = many } },
                "Argument 'updates.bio' must be string or number or boolean or null, not array."),
            ("map_insert", new { name = "m", entries = many.ToDictionary(key => key) },
                "Argument 'entries' must have at most 1000 members."),
            ("map_remove", new { name = "m", keys = many }, "Argument 'keys' must have at most 1000 items."),
            ("map_range", new { name = "m", limit = 1_001 }, "Argument 'limit' must be at most 1000."),
        })
        {
            CallToolResult refused = await server.CallAsync(tool, arguments);
            Assert.Equal((true, text), (refused.IsError, TestServer.TextOf(refused)));
        }

        await server.GetAsync("update_user", new { user_id = "a", updates = new { age = 7, nickname = (string?)null } });
    }

    private static bool HasLimits(JsonElement schema)
    {
        if (schema.TryGetProperty("enum", out _)) return true;
        if (!schema.TryGetProperty("type", out JsonElement type)) return false;
        IEnumerable<JsonElement> types = type.ValueKind == JsonValueKind.Array ? type.EnumerateArray() : [type];
        return types.All(one => one.GetString() switch
        {
            "string" => schema.TryGetProperty("maxLength", out _),
            "integer" or "number" => schema.TryGetProperty("maximum", out _),
            "array" => schema.TryGetProperty("maxItems", out _) && schema.GetProperty("items").TryGetProperty("maxLength", out _),
            "object" => schema.TryGetProperty("maxProperties", out _) && schema.TryGetProperty("propertyNames", out _)
                && schema.GetProperty("additionalProperties").TryGetProperty("maxLength", out _),
            _ => true,
        });
    }

    private static void CheckParameters(Tool tool)
    {
        if (!tool.InputSchema.TryGetProperty("properties", out JsonElement parameters)) return;
        foreach (JsonProperty parameter in parameters.EnumerateObject())
        {
            Assert.Matches(SnakeCase(), parameter.Name);
            Assert.True(parameter.Value.TryGetProperty("description", out _), $"{tool.Name}.{parameter.Name}");
        }
    }

    [GeneratedRegex("^[a-z]+(_[a-z]+)*$")]
    private static partial Regex SnakeCase();
}
