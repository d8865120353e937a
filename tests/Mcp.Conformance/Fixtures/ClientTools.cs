using System.ComponentModel;
using System.Text.Json;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

// Sampling, log messages and one old form of enumerations are deprecated; the suite asks for them.
#pragma warning disable MCP9001, MCP9005

namespace Varve.Mcp.Conformance.Fixtures;

/// <summary>Tools that talk to the client while they run.</summary>
internal sealed class ClientTools
{
    [McpServerTool(Name = "test_tool_with_logging"), Description("Logs three messages")]
    public static async Task<string> Log(RequestContext<CallToolRequestParams> request, CancellationToken cancellation)
    {
        foreach (string text in new[] { "Tool execution started", "Tool processing data", "Tool execution completed" })
            await request.LogAsync(LoggingLevel.Info, "conformance", text, cancellation);
        return "Tool with logging executed successfully";
    }

    [McpServerTool(Name = "test_tool_with_progress"), Description("Reports progress three times")]
    public static async Task<string> Progress(RequestContext<CallToolRequestParams> request, CancellationToken cancellation)
    {
        if (request.Params.ProgressToken is not { } token) return "No progress token provided";
        foreach (int progress in new[] { 0, 50, 100 })
        {
            await request.Server.NotifyProgressAsync(
                token, new ProgressNotificationValue { Progress = progress, Total = 100 }, cancellationToken: cancellation);
        }
        return token.ToString()!;
    }

    [McpServerTool(Name = "test_sampling"), Description("Asks the client's model")]
    public static async Task<string> Sample(McpServer server, [Description("What to ask")] string prompt, CancellationToken cancellation)
    {
        CreateMessageRequestParams asked = new()
        {
            Messages = [new SamplingMessage { Role = Role.User, Content = [new TextContentBlock { Text = prompt }] }],
            MaxTokens = 100,
        };
        CreateMessageResult answer = await server.SampleAsync(asked, cancellation);
        return $"LLM response: {answer.Content.OfType<TextContentBlock>().FirstOrDefault()?.Text}";
    }

    [McpServerTool(Name = "test_elicitation"), Description("Asks the user")]
    public static Task<string> Elicit(McpServer server, [Description("What to ask")] string message, CancellationToken cancellation) =>
        AskAsync(server, message, cancellation, new()
        {
            ["username"] = new ElicitRequestParams.StringSchema { Description = "User's response" },
            ["email"] = new ElicitRequestParams.StringSchema { Description = "User's email address" },
        });

    [McpServerTool(Name = "test_elicitation_sep1034_defaults"), Description("Asks the user, with defaults")]
    public static Task<string> ElicitDefaults(McpServer server, CancellationToken cancellation) =>
        AskAsync(server, "Please review and update the form fields with defaults", cancellation, new()
        {
            ["name"] = new ElicitRequestParams.StringSchema { Description = "User name", Default = "John Doe" },
            ["age"] = new ElicitRequestParams.NumberSchema { Type = "integer", Description = "User age", Default = 30 },
            ["score"] = new ElicitRequestParams.NumberSchema { Description = "User score", Default = 95.5 },
            ["status"] = new ElicitRequestParams.UntitledSingleSelectEnumSchema
            {
                Description = "User status",
                Enum = ["active", "inactive", "pending"],
                Default = "active",
            },
            ["verified"] = new ElicitRequestParams.BooleanSchema { Description = "Verification status", Default = true },
        });

    [McpServerTool(Name = "test_elicitation_sep1330_enums"), Description("Asks the user to choose")]
    public static Task<string> ElicitEnums(McpServer server, CancellationToken cancellation) =>
        AskAsync(server, "Please select options from the enum fields", cancellation, new()
        {
            ["untitledSingle"] = new ElicitRequestParams.UntitledSingleSelectEnumSchema { Enum = ["option1", "option2", "option3"] },
            ["titledSingle"] = new ElicitRequestParams.TitledSingleSelectEnumSchema
            {
                OneOf = [Choice("value1", "First Option"), Choice("value2", "Second Option"), Choice("value3", "Third Option")],
            },
            ["legacyEnum"] = new ElicitRequestParams.LegacyTitledEnumSchema
            {
                Enum = ["opt1", "opt2", "opt3"],
                EnumNames = ["Option One", "Option Two", "Option Three"],
            },
            ["untitledMulti"] = new ElicitRequestParams.UntitledMultiSelectEnumSchema
            {
                Items = new ElicitRequestParams.UntitledEnumItemsSchema { Enum = ["option1", "option2", "option3"] },
            },
            ["titledMulti"] = new ElicitRequestParams.TitledMultiSelectEnumSchema
            {
                Items = new ElicitRequestParams.TitledEnumItemsSchema
                {
                    AnyOf = [Choice("value1", "First Choice"), Choice("value2", "Second Choice"), Choice("value3", "Third Choice")],
                },
            },
        });

    private static ElicitRequestParams.EnumSchemaOption Choice(string value, string title) => new() { Const = value, Title = title };

    private static async Task<string> AskAsync(
        McpServer server, string message, CancellationToken cancellation,
        Dictionary<string, ElicitRequestParams.PrimitiveSchemaDefinition> properties)
    {
        ElicitRequestParams asked = new() { Message = message, RequestedSchema = new() { Properties = properties } };
        ElicitResult answer = await server.ElicitAsync(asked, cancellation);
        return $"User response: action={answer.Action}, content={JsonSerializer.Serialize(answer.Content)}";
    }
}
