using System.ComponentModel;
using System.Runtime.CompilerServices;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Idempotency;
using Varve.Mcp.Calls;
using Varve.Mcp.Tests.Fakes;

// Log messages are deprecated in the protocol and still part of it.
#pragma warning disable MCP9005

namespace Varve.Mcp.Tests.Restarts;

/// <summary>What a process does to the world, and the points of a call at which it may be killed.</summary>
internal interface IWorld
{
    void Affect(string what);

    Task ReachAsync(string point, CancellationToken cancellation);
}

internal sealed class RestartTools
{
    [McpServerTool(Name = "order"), Description("Charges and ships")]
    public static async Task<string> OrderAsync(
        DurableContext context, RequestContext<CallToolRequestParams> request, IWorld world, int amount)
    {
        await context.ReportProgressAsync(1, 3, "ordered");
        await request.LogAsync(LoggingLevel.Info, "order", "ordered");
        string receipt = await context.AtLeastOnceAsync("charge", async step =>
        {
            await world.ReachAsync("in the step", context.Invocation.Cancellation);
            byte[]? charged = await context.Map("charges").GetAsync("all");
            step.Insert("charges", "all", [.. charged ?? [], (byte)amount]);
            return $"receipt {amount}";
        });
        await world.ReachAsync("behind the step", context.Invocation.Cancellation);
        await context.ReportProgressAsync(2, 3, receipt);
        await request.LogAsync(LoggingLevel.Info, "order", receipt);
        await context.AtMostOnceAsync("ship", () =>
        {
            world.Affect("ship");
            return Task.FromResult(true);
        });
        await context.ReportProgressAsync(3, 3, "shipped");
        return $"ordered {amount}: {receipt}";
    }

    [McpServerTool(Name = "items", ReadOnly = true), Description("Gives three items, one by one")]
    public static async IAsyncEnumerable<int> ItemsAsync(IWorld world, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        yield return 10;
        yield return 11;
        await world.ReachAsync("in the step", cancellation);
        yield return 12;
    }

    [McpServerTool(Name = "who_orders"), Description("Says for whom it works")]
    public static async Task<string> WhoOrdersAsync(DurableContext context, RequestContext<CallToolRequestParams> request, IWorld world)
    {
        await world.ReachAsync("in the step", context.Invocation.Cancellation);
        return $"{context.Principal}, {ToolCall.PrincipalOf(request.User)}, {request.Params.Meta?["note"]}";
    }

    [McpServerTool(Name = "fit"), Description("Asks for size and color")]
    public static async Task<string> FitAsync(DurableContext context, IWorld world)
    {
        await world.ReachAsync("before the question", context.Invocation.Cancellation);
        string size = await AskAsync(context, "size");
        await context.AtMostOnceAsync("cut", () =>
        {
            world.Affect("cut");
            return Task.FromResult(true);
        });
        return $"{size}, {await AskAsync(context, "color")}";
    }

    [McpServerTool(Name = "fragile_fit"), Description("Asks, and may not run again"), DurableTool(Recovery = RecoveryMode.Fail)]
    public static Task<string> FragileFitAsync(DurableContext context) => AskAsync(context, "size");

    private static async Task<string> AskAsync(DurableContext context, string what)
    {
        ElicitRequestParams question = new() { Message = $"Which {what}?", RequestedSchema = new() };
        ElicitResult answer = await context.ElicitAsync(what, question);
        return answer.Content!["value"].GetString()!;
    }

    [McpServerTool(Name = "fragile"), Description("May not run again"), DurableTool(Recovery = RecoveryMode.Fail)]
    public static async Task<string> FragileAsync(DurableContext context, IWorld world)
    {
        world.Affect("fragile");
        await world.ReachAsync("in the step", context.Invocation.Cancellation);
        return "intact";
    }
}

/// <summary>The tools of a later version of the program, and those of another program.</summary>
internal sealed class OtherTools
{
    [McpServerTool(Name = "order"), Description("Wants more than before")]
    public static string Order(DurableContext context, int amount, string? address = null) => $"{context.Attempt} {amount} {address}";
}

internal sealed class NoTools
{
    [McpServerTool(Name = "nothing"), Description("Does nothing")]
    public static string Nothing() => "nothing";
}

/// <summary>In the test's process: a call waits where the test wants it.</summary>
internal sealed class TestWorld : IWorld
{
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Where calls wait; null: nowhere.</summary>
    public string? Point { get; set; }

    public Effects Effects { get; init; } = new();

    public SemaphoreSlim Reached { get; } = new(0);

    public void Open() => _open.TrySetResult();

    public void Affect(string what) => Effects.Add(what);

    public async Task ReachAsync(string point, CancellationToken cancellation)
    {
        if (point != Point) return;
        Reached.Release();
        await _open.Task.WaitAsync(cancellation);
    }
}
