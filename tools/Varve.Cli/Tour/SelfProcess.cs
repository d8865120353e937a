using System.Diagnostics;

namespace Varve.Cli.Tour;

/// <summary>Starts this program once more.</summary>
internal static class SelfProcess
{
    private const string HostName = "dotnet";

    public static Process Start(params ReadOnlySpan<string> arguments)
    {
        List<string> command = Command();
        foreach (string argument in arguments) command.Add(argument);
        return Start(command);
    }

    /// <summary>A shell does something first, sets a limit say, and then becomes the process.</summary>
    public static Process StartInShell(string first, params ReadOnlySpan<string> arguments)
    {
        List<string> command = ["/bin/sh", "-c", first + " exec \"$@\"", "varve", .. Command()];
        foreach (string argument in arguments) command.Add(argument);
        return Start(command);
    }

    private static Process Start(List<string> command)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        return Process.Start(start)!;
    }

    private static List<string> Command()
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Varve.Cli" + (OperatingSystem.IsWindows() ? ".exe" : ""));
        return File.Exists(program) ? [program] : [HostName, Path.Combine(AppContext.BaseDirectory, "Varve.Cli.dll")];
    }
}
