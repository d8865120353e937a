using Varve.Mcp.Gateway.Pool;

namespace Varve.Mcp.Cli.Commands;

/// <summary><c>varve-mcp launch-worker</c>, which the gateway starts, and nobody else.</summary>
internal static class LaunchWorkerCommand
{
    /// <summary>Its arguments are another program's, whatever they look like: they are not read as options of this one.</summary>
    public static bool IsIt(string[] arguments) => arguments is [WorkerCommands.LaunchName, _, ..];

    public static int Run(string[] arguments) => WorkerLauncher.Run(arguments[1..]);
}
