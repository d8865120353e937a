using System.ComponentModel;
using ModelContextProtocol.Server;

namespace Varve.Mcp.Conformance.Fixtures;

/// <summary>What a tool of a server over stdio may do by mistake, and how it may hang.</summary>
internal sealed class StdioTools
{
    [McpServerTool(Name = "print"), Description("Writes to standard output")]
    public static string Print()
    {
        Console.WriteLine("this is no message of the protocol");
        return "printed";
    }

    [McpServerTool(Name = "hang"), Description("Runs until it is cancelled")]
    public static async Task<string> Hang(CancellationToken cancellation)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
        return "";
    }
}
