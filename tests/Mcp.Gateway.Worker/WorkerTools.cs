using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Varve.Mcp.Gateway.Worker;

/// <summary>Tools that do what workers do to a gateway: answer, take long, hang, die.</summary>
[McpServerToolType]
internal sealed partial class WorkerTools
{
    private const int Stop = 19;

    private static readonly ConcurrentQueue<string> s_cancelled = [];
    private static int s_turns;

    [McpServerTool(Name = "echo", ReadOnly = true), Description("Returns the text.")]
    public static string Echo([Description("What to return.")] string text) => text;

    [McpServerTool(Name = "pid", ReadOnly = true), Description("The worker's process id.")]
    public static int Pid() => Environment.ProcessId;

    [McpServerTool(Name = "slow", ReadOnly = true), Description("Waits, and tells of progress ten times.")]
    public static async Task<string> SlowAsync(
        int milliseconds, IProgress<ProgressNotificationValue> progress, CancellationToken cancellation)
    {
        for (int tick = 1; tick <= 10; tick++)
        {
            await Task.Delay(milliseconds / 10, cancellation);
            progress.Report(new ProgressNotificationValue { Progress = tick, Total = 10, Message = $"tick {tick}" });
        }
        return $"waited {milliseconds} ms";
    }

    [McpServerTool(Name = "crash", ReadOnly = true), Description("Ends the process at once, with each run.")]
    public static string Crash()
    {
        using var self = Process.GetCurrentProcess();
        self.Kill();
        return "";
    }

    [McpServerTool(Name = "crash_write", Destructive = true), Description("Ends the process at once, and is not read-only.")]
    public static string CrashWrite() => Crash();

    [McpServerTool(Name = "fail"), Description("Throws.")]
    public static string Fail() => throw new InvalidOperationException("secret detail");

    [McpServerTool(Name = "say_no"), Description("Ends with an error of the tool's own.")]
    public static string SayNo() => throw new McpException("no");

    [McpServerTool(Name = "refuse"), Description("Ends with an error of the protocol.")]
    public static string Refuse() =>
        throw new McpProtocolException("refused", McpErrorCode.InvalidParams) { Data = { ["reason"] = "because" } };

    [McpServerTool(Name = "hang", ReadOnly = true), Description("Stops the whole process: it answers nothing any more.")]
    public static string Hang()
    {
        _ = SendSignal(Environment.ProcessId, Stop);
        // Some thread gets the signal, and not each one has stopped when this goes on.
        Thread.Sleep(Timeout.Infinite);
        return "";
    }

    [McpServerTool(Name = "spawn"), Description("Starts a process that goes on, and returns its id.")]
    public static int Spawn()
    {
        using var child = Process.Start(new ProcessStartInfo("sleep", ["1000"]) { RedirectStandardInput = true })!;
        return child.Id;
    }

    [McpServerTool(Name = "wait", ReadOnly = true), Description("Waits until it is cancelled; tells by progress that it has begun.")]
    public static async Task<string> WaitAsync(string name, RequestContext<CallToolRequestParams> request, CancellationToken cancellation)
    {
        try
        {
            // Whoever hears of it may cancel before this has ended.
            if (request.Params.ProgressToken is { } token)
                await request.Server.NotifyProgressAsync(
                    token, new ProgressNotificationValue { Progress = 1 }, cancellationToken: cancellation);
            await Task.Delay(Timeout.Infinite, cancellation);
            return "";
        }
        finally
        {
            s_cancelled.Enqueue(name);
        }
    }

    [McpServerTool(Name = "cancelled", ReadOnly = true), Description("The names of the waits that were cancelled.")]
    public static string Cancelled() => string.Join(',', s_cancelled);

    [McpServerTool(Name = "turn"), Description("Returns how many calls of it there were before.")]
    public static int Turn() => Interlocked.Increment(ref s_turns) - 1;

    [McpServerTool(Name = "chunks", ReadOnly = true), Description("Sends progress and chunks by turns.")]
    public static async Task<string> ChunksAsync(int count, RequestContext<CallToolRequestParams> request, CancellationToken cancellation)
    {
        ProgressToken token = request.Params.ProgressToken!.Value;
        for (int index = 0; index < count; index++)
        {
            await request.Server.NotifyProgressAsync(
                token, new ProgressNotificationValue { Progress = index }, cancellationToken: cancellation);
            JsonObject chunk = new() { ["progressToken"] = (long)token.Token!, ["index"] = index, ["data"] = $"chunk {index}" };
            await request.Server.SendMessageAsync(
                new JsonRpcNotification { Method = "notifications/varve/chunk", Params = chunk }, cancellation);
        }
        return $"{count} chunks";
    }

    [McpServerTool(Name = "big", ReadOnly = true), Description("Returns so many characters.")]
    public static string Big(int characters) => new('x', characters);

    [McpServerTool(Name = "meta", ReadOnly = true), Description("Returns what came under _meta.")]
    public static string Meta(RequestContext<CallToolRequestParams> request) => request.Params.Meta?.ToJsonString() ?? "";

    [McpServerTool(Name = "input", ReadOnly = true), Description("Asks for a name, and greets.")]
    public static string Input(RequestContext<CallToolRequestParams> request)
    {
        if (request.Params.InputResponses is { } responses)
            return $"{request.Params.RequestState}: {responses["name"].RawValue.GetProperty("content").GetProperty("name")}";
        InputRequest question = InputRequest.ForElicitation(new ElicitRequestParams
        {
            Message = "Your name?",
            RequestedSchema = new() { Properties = { ["name"] = new ElicitRequestParams.StringSchema() } },
        });
        throw new InputRequiredException(new Dictionary<string, InputRequest> { ["name"] = question }, "asked");
    }

    [McpServerTool(Name = "add_tool"), Description("Adds a tool to the list.")]
    public static string AddTool(string name, RequestContext<CallToolRequestParams> request)
    {
        request.Server.ServerOptions.ToolCollection!.Add(McpServerTool.Create(() => "added", new() { Name = name }));
        return "added";
    }

    [McpServerTool(Name = "add_others"), Description("Adds a prompt and a resource to the lists.")]
    public static string AddOthers(RequestContext<CallToolRequestParams> request)
    {
        McpServerOptions server = request.Server.ServerOptions;
        server.PromptCollection!.Add(McpServerPrompt.Create(() => "said", new() { Name = "new_one" }));
        server.ResourceCollection!.Add(McpServerResource.Create(() => "read", new() { Name = "new_one", UriTemplate = "new://one" }));
        return "added";
    }

    [McpServerTool(Name = "print"), Description("Writes lines to standard error.")]
    public static string Print(string line, int times)
    {
        for (int time = 0; time < times; time++) Console.Error.WriteLine(line);
        return "printed";
    }

    [McpServerTool(Name = "say"), Description("Writes a line to standard output, as if it were a message.")]
    public static string Say(string line)
    {
        Console.Out.WriteLine(line);
        Console.Out.Flush();
        return "said";
    }

    [McpServerTool(Name = "variable", ReadOnly = true), Description("Returns a variable of the environment and the directory.")]
    public static string Variable(string name) => $"{Environment.GetEnvironmentVariable(name)} {Environment.CurrentDirectory}";

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int process, int signal);
}
