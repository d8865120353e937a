using System.Diagnostics;
using Varve.Workloads.Measuring;

namespace Varve.Workloads;

/// <summary>Starts this program again with other arguments.</summary>
internal static class ChildProcess
{
    /// <summary>Nothing that a workload does takes so long, but for a peer that hangs.</summary>
    private static readonly TimeSpan TimeMax = TimeSpan.FromHours(2);

    /// <summary>Its standard output is read by the caller; its errors go where this process's go.</summary>
    public static Process Start(IEnumerable<string> arguments) => Start(CommandOf(arguments, limit: null), capturesErrors: false);

    /// <summary>Runs to the end and returns its last line of output.</summary>
    /// <param name="arguments">Of the child.</param>
    /// <param name="limit">The group that it runs in.</param>
    /// <exception cref="InvalidOperationException">It failed; the message says what it said.</exception>
    public static string Run(IEnumerable<string> arguments, MemoryLimit? limit = null)
    {
        using Process child = Start(CommandOf(arguments, limit), capturesErrors: true);
        using var timer = new Timer(_ => child.Kill(entireProcessTree: true), null, TimeMax, Timeout.InfiniteTimeSpan);
        string errors = "";
        child.ErrorDataReceived += (_, line) => errors = string.IsNullOrWhiteSpace(line.Data) ? errors : errors + line.Data + "\n";
        child.BeginErrorReadLine();
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        if (child.ExitCode != 0)
            throw new InvalidOperationException(errors.Length > 0 ? errors.TrimEnd() : $"The child process ended with {child.ExitCode}.");
        return output.TrimEnd().Split('\n')[^1];
    }

    private static Process Start(List<string> command, bool capturesErrors)
    {
        var start = new ProcessStartInfo(command[0])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = capturesErrors,
            UseShellExecute = false,
        };
        foreach (string argument in command[1..]) start.ArgumentList.Add(argument);
        return Process.Start(start) ?? throw new InvalidOperationException("The child process did not start.");
    }

    private static List<string> CommandOf(IEnumerable<string> arguments, MemoryLimit? limit)
    {
        string self = Environment.ProcessPath ?? throw new InvalidOperationException("The program's own path is not known.");
        var command = new List<string>();
        // A shell joins the group, and then becomes the child: all that it ever allocates counts.
        if (limit is not null) command.AddRange(["/bin/sh", "-c", $"echo $$ > '{limit.ProcessesPath}' && exec \"$0\" \"$@\""]);
        command.Add(self);
        if (Path.GetFileNameWithoutExtension(self) == "dotnet") command.Add(typeof(ChildProcess).Assembly.Location);
        command.AddRange(arguments);
        return command;
    }
}
