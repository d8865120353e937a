using System.Diagnostics;

namespace Varve.Cli.Tour;

/// <summary>Starts this program once more.</summary>
internal static class SelfProcess
{
    private const string HostName = "dotnet";

    public static Process Start(params ReadOnlySpan<string> arguments)
    {
        var start = new ProcessStartInfo
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        string program = Path.Combine(AppContext.BaseDirectory, "Varve.Cli" + (OperatingSystem.IsWindows() ? ".exe" : ""));
        if (File.Exists(program))
        {
            start.FileName = program;
        }
        else
        {
            start.FileName = HostName;
            start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Varve.Cli.dll"));
        }

        foreach (string argument in arguments) start.ArgumentList.Add(argument);
        return Process.Start(start)!;
    }
}
