using System.ComponentModel;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

// Sampling and log messages are deprecated; the suite asks for them.
#pragma warning disable MCP9005

namespace Varve.Mcp.Conformance.Fixtures;

/// <summary>Tools by which the suite looks at what revision 2026-07-28 changed.</summary>
internal sealed class RevisionTools
{
    private static int s_added;

    [McpServerTool(Name = "test_missing_capability"), Description("Needs a client that can sample")]
    public static string NeedSampling(RequestContext<CallToolRequestParams> request) =>
        request.JsonRpcRequest.Context?.ClientCapabilities?.Sampling is not null
            ? "The client can sample."
            : throw new MissingRequiredClientCapabilityException(new ClientCapabilities { Sampling = new() }, "The client cannot sample.");

    [McpServerTool(Name = "test_streaming_elicitation"), Description("Its stream carries no request")]
    public static string Stream() => "The stream carries this result alone.";

    [McpServerTool(Name = "test_logging_tool"), Description("Logs a message, if the client wants it")]
    public static async Task<string> Log(RequestContext<CallToolRequestParams> request, CancellationToken cancellation)
    {
        await request.LogAsync(LoggingLevel.Info, "conformance", "test_logging_tool runs", cancellation);
        return "Logged, if asked to.";
    }

    [McpServerTool(Name = "test_trigger_tool_change"), Description("Adds a tool and removes it")]
    public static string ChangeTools(McpServer server)
    {
        McpServerTool tool = McpServerTool.Create(() => "", new() { Name = NextName(), Description = "Comes and goes" });
        server.ServerOptions.ToolCollection!.Add(tool);
        server.ServerOptions.ToolCollection.Remove(tool);
        return "The list of tools changed.";
    }

    [McpServerTool(Name = "test_trigger_prompt_change"), Description("Adds a prompt and removes it")]
    public static string ChangePrompts(McpServer server)
    {
        McpServerPrompt prompt = McpServerPrompt.Create(() => "", new() { Name = NextName(), Description = "Comes and goes" });
        server.ServerOptions.PromptCollection!.Add(prompt);
        server.ServerOptions.PromptCollection.Remove(prompt);
        return "The list of prompts changed.";
    }

    private static string NextName() => $"test_added_{Interlocked.Increment(ref s_added)}";
}
