using System.Text.Json;
using System.Text.RegularExpressions;
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
