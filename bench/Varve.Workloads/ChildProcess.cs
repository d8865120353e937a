using System.Diagnostics;

namespace Varve.Workloads;

/// <summary>Starts this program again with other arguments.</summary>
internal static class ChildProcess
{
    public static Process Start(IEnumerable<string> arguments)
    {
        string self = Environment.ProcessPath ?? throw new InvalidOperationException("The program's own path is not known.");
        var start = new ProcessStartInfo(self) { RedirectStandardOutput = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(self) == "dotnet") start.ArgumentList.Add(typeof(ChildProcess).Assembly.Location);
        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new InvalidOperationException("The child process did not start.");
    }

    /// <summary>Runs to the end and returns its last line of output.</summary>
    /// <exception cref="InvalidOperationException">It failed; what it said is on standard error.</exception>
    public static string Run(IEnumerable<string> arguments)
    {
        using Process child = Start(arguments);
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        if (child.ExitCode != 0) throw new InvalidOperationException($"The child process ended with {child.ExitCode}.");
        return output.TrimEnd().Split('\n')[^1];
    }
}
