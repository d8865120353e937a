namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>The program that is pooled; it is built into its own folder.</summary>
internal static class TestWorker
{
    private const string Project = "Mcp.Gateway.Worker";

    public static string Path { get; } = Find();

    private static string Find()
    {
        // bin/Release/net10.0 of this project, and the same of the other.
        string[] parts = AppContext.BaseDirectory.TrimEnd(System.IO.Path.DirectorySeparatorChar).Split(System.IO.Path.DirectorySeparatorChar);
        string tests = string.Join(System.IO.Path.DirectorySeparatorChar, parts[..^4]);
        return System.IO.Path.Combine([tests, Project, .. parts[^3..], "Varve.Mcp.Gateway.Worker.dll"]);
    }
}
