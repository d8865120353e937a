using System.Diagnostics;

namespace Varve.Mcp.Cli.Tests;

/// <summary>The clients of tests/Mcp.Clients, which are not ours, where they are installed.</summary>
public sealed class ForeignClientTests
{
    private static readonly TimeSpan TimeMax = TimeSpan.FromMinutes(9);

    [ForeignClientsTheory]
    [InlineData("clients.test.mjs")]
    [InlineData("inspector.test.mjs")]
    [InlineData("restart.test.mjs")]
    public async Task Clients_that_are_not_ours_get_what_they_ask_for(string file)
    {
        string program = Path.Combine(AppContext.BaseDirectory, "Varve.Mcp.Cli" + (OperatingSystem.IsWindows() ? ".exe" : ""));
        var start = new ProcessStartInfo(ForeignClients.Node!)
        {
            WorkingDirectory = ForeignClients.Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            Environment = { ["VARVE_MCP"] = program },
        };
        foreach (string argument in new[] { "--test", "--test-reporter=./reporter.mjs", file }) start.ArgumentList.Add(argument);
        using Process process = Process.Start(start)!;
        using var patience = new CancellationTokenSource(TimeMax);
        using CancellationTokenRegistration ending = patience.Token.Register(() => process.Kill(entireProcessTree: true));
        Task<string> error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        string output = await process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        await process.WaitForExitAsync(CancellationToken.None);
        Assert.True(process.ExitCode == 0, output + await error);
        Assert.Matches(@"[1-9]\d* passed, 0 failed\n$", output);
    }
}

/// <summary>Skips where the clients, or the Node that they need, are not installed, and says what installs them.</summary>
internal sealed class ForeignClientsTheoryAttribute : TheoryAttribute
{
    public ForeignClientsTheoryAttribute()
    {
        if (ForeignClients.Node is null) Skip = "The clients are not installed: tests/Mcp.Clients/run --install does that, with npm.";
    }
}

/// <summary>Where the clients are.</summary>
internal static class ForeignClients
{
    public static string Folder { get; } = Path.Combine(Repository.Root, "tests", "Mcp.Clients");

    /// <summary>The Node that is installed beside the clients; null where they are not.</summary>
    public static string? Node { get; } = FindNode();

    private static string? FindNode()
    {
        string modules = Path.Combine(Folder, "node_modules");
        string node = Path.Combine(modules, ".bin", "node");
        return Directory.Exists(Path.Combine(modules, "@modelcontextprotocol", "inspector")) && File.Exists(node) ? node : null;
    }
}
