using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Runtime.CompilerServices;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;
using Varve.Mcp.Calls;

namespace Varve.Mcp.Gateway.Tests.Fakes;

/// <summary>A tool that waits here until the test lets it go, and says that it is there, or was cancelled.</summary>
internal sealed class Gate
{
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public SemaphoreSlim Entered { get; } = new(0);

    public SemaphoreSlim Cancelled { get; } = new(0);

    /// <summary>Runs of <c>die</c> so far.</summary>
    public int Runs;

    /// <summary>Whether <c>flaky</c> works by now.</summary>
    public bool IsMended { get; set; }

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

/// <summary>A result in the gateway's own shape.</summary>
public sealed record Listing(string Status, int[] Data);

/// <summary>Tools that run in the gateway's own process, so that its surface can be tested without workers.</summary>
internal sealed class SurfaceTools
{
    [McpServerTool(Name = "echo", ReadOnly = true), Description("Says what it was told")]
    public static string Echo([Description("What to say")] string text) => text;

    [McpServerTool(Name = "add", ReadOnly = true, UseStructuredContent = true), Description("Adds")]
    public static Sum Add([Range(1, 10)] int left, [Range(1, 10)] int right) => new(left + right);

    [McpServerTool(Name = "list", ReadOnly = true, UseStructuredContent = true), Description("Lists, and sends no chunks")]
    public static Listing List([Range(0, 10_000)] int length) => new("success", [.. Enumerable.Range(1, length)]);

    [McpServerTool(Name = "write"), Description("Is not read-only")]
    public static string Write(string text) => text;

    [McpServerTool(Name = "who", ReadOnly = true), Description("Says who calls")]
    public static string Who(RequestContext<CallToolRequestParams> request) => ToolCall.PrincipalOf(request.User);

    [McpServerTool(Name = "fail", ReadOnly = true), Description("Has a bug")]
    public static string Fail() => throw new InvalidOperationException("no file /secret/path at MyApp.Secrets");

    [McpServerTool(Name = "refuse", ReadOnly = true), Description("Refuses")]
    public static string Refuse() => throw new McpException("There is no such account.");

    [McpServerTool(Name = "flaky", ReadOnly = true), Description("Has a bug until it is mended")]
    public static string Flaky(Gate gate) => gate.IsMended ? "well" : throw new InvalidOperationException("not yet");

    [McpServerTool(Name = "die", ReadOnly = true), Description("Its worker dies the first times")]
    public static string Die(int times, Gate gate) =>
        Interlocked.Increment(ref gate.Runs) > times ? "lives" : throw new CallInterruptedException("worker 1 is gone");

    [McpServerTool(Name = "die_writing"), Description("Its worker dies, and it is not read-only")]
    public static string DieWriting(Gate gate) => Die(100, gate);

    [McpServerTool(Name = "wait", ReadOnly = true), Description("Tells of progress, then waits at the gate")]
    public static async Task<string> WaitAsync(
        Gate gate, IProgress<ProgressNotificationValue> progress, CancellationToken cancellation, string said = "waiting")
    {
        progress.Report(new ProgressNotificationValue { Progress = 1, Total = 2, Message = said });
        await gate.PassAsync(cancellation);
        return "went through";
    }

    [McpServerTool(Name = "count", ReadOnly = true, UseStructuredContent = true), Description("Counts, item by item")]
    public static async IAsyncEnumerable<int> CountAsync(
        [Range(0, 100_000)] int until, Gate gate, bool wait = false, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        for (int number = 1; number <= until; number++) yield return number;
        if (wait) await gate.PassAsync(cancellation);
    }

    [McpServerTool(Name = "flood", ReadOnly = true), Description("Sends many large chunks")]
    public static async IAsyncEnumerable<string> FloodAsync(
        int chunks, int length, Gate gate, bool wait = false, [EnumeratorCancellation] CancellationToken cancellation = default)
    {
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            await Task.Yield();
            cancellation.ThrowIfCancellationRequested();
            yield return new string('x', length);
        }
        if (wait) await gate.PassAsync(cancellation);
    }

    [McpServerTool(Name = "ask"), Description("Asks the user")]
    public static string Ask(RequestContext<CallToolRequestParams> request)
    {
        if (request.Params.InputResponses?.TryGetValue("name", out InputResponse? answer) == true)
            return $"{request.Params.RequestState}: {answer.RawValue.GetProperty("content").GetProperty("value").GetString()}";
        ElicitRequestParams question = new() { Message = "Your name?", RequestedSchema = new() };
        Dictionary<string, InputRequest> asked = new() { ["name"] = InputRequest.ForElicitation(question) };
        throw new InputRequiredException(asked, "state-1");
    }
}
