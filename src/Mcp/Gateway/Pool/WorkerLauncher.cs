namespace Varve.Mcp.Gateway.Pool;

/// <summary>
/// Becomes another program, which then leads a group of its own and ends with the gateway: in front of workers that know nothing of that.
/// </summary>
internal static class WorkerLauncher
{
    /// <summary>What shells answer for a program that is not there.</summary>
    public const int NotFound = 127;

    /// <summary>Runs a command in place of this process; returns only where that fails.</summary>
    /// <param name="command">The program, a path or a name that is looked up, and its arguments. At least the program.</param>
    /// <returns>The exit code to end with; why stands on standard error.</returns>
    public static int Run(IReadOnlyList<string> command)
    {
        ArgumentOutOfRangeException.ThrowIfZero(command.Count, nameof(command));
        if (OperatingSystem.IsWindows()) throw new PlatformNotSupportedException("On Windows workers are started without launcher.");
        if (!ProcessGroup.LeadOwn())
        {
            Console.Error.WriteLine("The gateway that wanted this worker has ended.");
            return 1;
        }
        ProcessGroup.RestoreSignals();
        string problem = ProcessImage.Replace(command);
        Console.Error.WriteLine($"'{command[0]}' cannot be started: {problem}.");
        return NotFound;
    }
}
