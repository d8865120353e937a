using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Cli.Commands;

/// <summary>
/// Keeps the runtime from opening its port for debuggers and profilers: whoever reaches it reads keys from memory. Only the environment
/// that a program starts with can say so.
/// </summary>
internal static class Diagnostics
{
    public const string Variable = "DOTNET_EnableDiagnostics";
    public const string Off = "0";

    /// <summary>
    /// Puts this program in its own place, with the port off, unless the environment says something of it already. Returns where it does,
    /// or where the system cannot do that.
    /// </summary>
    public static void TurnOff(string[] arguments)
    {
        if (OperatingSystem.IsWindows() || Environment.GetEnvironmentVariable(Variable) is { Length: > 0 }) return;
        ProcessImage.Replace(["env", $"{Variable}={Off}", .. WorkerCommands.Self(), .. arguments]);
    }
}
