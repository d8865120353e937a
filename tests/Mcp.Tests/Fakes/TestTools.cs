using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Calls;
using Varve.Mcp.Subscriptions;

// Log messages are deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp.Tests.Fakes;

/// <summary>A tool that waits here until the test lets it go, and says that it is there, or was cancelled.</summary>
internal sealed class Gate
{
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SemaphoreSlim Entered { get; } = new(0);

    public SemaphoreSlim Cancelled { get; } = new(0);

    public void Open() => _open.TrySetResult();

    public async Task PassAsync(CancellationToken cancellation)
    {
        Entered.Release();
        try
        {
            await _open.Task.WaitAsync(cancellation);
        }
        catch (OperationCanceledException)
        {
            Cancelled.Release();
            throw;
        }
    }
}

/// <summary>A result that has a schema.</summary>
public sealed record Sum(int Total);

internal sealed class TestTools
{
    [McpServerTool(Name = "echo"), Description("Says what it was told")]
    public static string Echo([Description("What to say")] string text) => text;

    [McpServerTool(Name = "add", ReadOnly = true, UseStructuredContent = true), Description("Adds")]
    public static Sum Add([Range(1, 10)] int left, [Range(1, 10)] int right, int? third = null) => new(left + right + (third ?? 0));

    [McpServerTool(Name = "store"), Description("Has bounded arguments")]
    public static string Store([MaxLength(4)] string key, [MaxLength(2)] string[] values) => $"{key}: {values.Length}";

    [McpServerTool(Name = "label"), Description("Has arguments that hold bounded ones")]
    public static string Label(
        [ItemLimits(2, 4)] string[] words, [ItemLimits(2, 4, NameLength = 3)] Dictionary<string, string>? labels = null,
        [ItemLimits(1, 4)] JsonObject? free = null) => $"{words.Length} {labels?.Count} {free?.Count}";

    [McpServerTool(Name = "who"), Description("Says who calls")]
    public static string Who(RequestContext<CallToolRequestParams> request) => ToolCall.PrincipalOf(request.User);

    [McpServerTool(Name = "fail"), Description("Has a bug")]
    public static string Fail() => throw new InvalidOperationException("no file /secret/path at MyApp.Secrets");

    [McpServerTool(Name = "refuse"), Description("Refuses")]
    public static string Refuse() => throw new McpException("There is no such account.");

    [McpServerTool(Name = "wait"), Description("Waits at the gate")]
    public static async Task<string> Wait(Gate gate, CancellationToken cancellation)
    {
        await gate.PassAsync(cancellation);
        return "went through";
    }

    [McpServerTool(Name = "climb"), Description("Reports progress")]
    public static async Task<string> Climb(RequestContext<CallToolRequestParams> request, int steps, CancellationToken cancellation)
    {
        for (int step = 1; step <= steps && request.Params.ProgressToken is { } token; step++)
        {
            ProgressNotificationValue progress = new() { Progress = step, Total = steps, Message = $"step {step}" };
            await request.Server.NotifyProgressAsync(token, progress, cancellationToken: cancellation);
        }
        return "at the top";
    }

    [McpServerTool(Name = "count", UseStructuredContent = true), Description("Counts, item by item")]
    public static async IAsyncEnumerable<int> Count(
        [Range(0, 100)] int until, Gate gate, bool wait = false, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        for (int number = 1; number <= until; number++) yield return number;
        if (wait) await gate.PassAsync(cancellation);
    }

    [McpServerTool(Name = "log"), Description("Logs for the client")]
    public static async Task<string> Log(RequestContext<CallToolRequestParams> request, CancellationToken cancellation)
    {
        await request.LogAsync(LoggingLevel.Debug, "test", "a detail", cancellation);
        await request.LogAsync(LoggingLevel.Warning, "test", "a warning", cancellation);
        return "logged";
    }

    [McpServerTool(Name = "touch"), Description("Says that a resource changed")]
    public static string Touch(ResourceChanges changes, string uri)
    {
        changes.Report(uri);
        return "touched";
    }

    [McpServerTool(Name = "ask"), Description("Asks the user")]
    public static async Task<string> Ask(McpServer server, CancellationToken cancellation)
    {
        ElicitRequestParams question = new() { Message = "Really?", RequestedSchema = new() };
        ElicitResult answer = await server.ElicitAsync(question, cancellation);
        return answer.Action;
    }
}

internal sealed class TestPrompts
{
    [McpServerPrompt(Name = "greet"), Description("Greets")]
    public static string Greet([Description("Whom")] string name) => $"Greet {name}.";
}

internal sealed class TestResources
{
    [McpServerResource(UriTemplate = "test://state", Name = "state", MimeType = "text/plain"), Description("The state")]
    public static string State() => "fine";

    [McpServerResource(UriTemplate = "test://items/{id}", Name = "item", MimeType = "text/plain"), Description("An item")]
    public static string Item(string id) => $"item {id}";
}
