using System.ComponentModel;
using System.Diagnostics;
using ModelContextProtocol;
using ModelContextProtocol.Server;

namespace Varve.Mcp.Gateway.Worker;

/// <summary>Tools that do what workers do to a gateway: answer, take long, hang, die.</summary>
[McpServerToolType]
internal sealed class WorkerTools
{
    [McpServerTool(Name = "echo", ReadOnly = true), Description("Returns the text.")]
    public static string Echo([Description("What to return.")] string text) => text;

    [McpServerTool(Name = "pid", ReadOnly = true), Description("The worker's process id.")]
    public static int Pid() => Environment.ProcessId;

    [McpServerTool(Name = "slow", ReadOnly = true), Description("Waits, and tells of progress ten times.")]
    public static async Task<string> SlowAsync(int milliseconds, IProgress<ProgressNotificationValue> progress, CancellationToken cancellation)
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
}
