namespace Varve.Mcp.Gateway.Tests.Pool;

/// <summary>The program that is pooled; it is built into its own folder.</summary>
internal static class TestWorker
{
    private const string Project = "Mcp.Gateway.Worker";

    public static string Path { get; } = Find();

    private static string Find()
    {
        // bin/Release/net10.0 of this project, and the same of the other.
        DirectoryInfo output = new(AppContext.BaseDirectory);
        string tests = output.Parent!.Parent!.Parent!.Parent!.FullName;
        string program = System.IO.Path.Combine("bin", output.Parent.Name, output.Name, "Varve.Mcp.Gateway.Worker.dll");
        return System.IO.Path.Combine(tests, Project, program);
    }
}
