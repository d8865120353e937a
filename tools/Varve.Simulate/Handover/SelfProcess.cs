using System.Diagnostics;

namespace Varve.Simulate.Handover;

/// <summary>Starts this program once more.</summary>
internal static class SelfProcess
{
    public static Process Start(params IEnumerable<string> arguments)
    {
        string program = Environment.ProcessPath!;
        bool isHost = Path.GetFileNameWithoutExtension(program) == "dotnet";
        string[] library = isHost ? [Path.Combine(AppContext.BaseDirectory, "varve-simulate.dll")] : [];
        var start = new ProcessStartInfo(program, [.. library, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        return Process.Start(start)!;
    }
}
