using System.Diagnostics;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace Varve.Mcp.Cli.Tests;

/// <summary>The tool's package, made from what was built and installed from its folder alone: nothing is asked of a registry.</summary>
public sealed class PackageTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("varve-mcp-test-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task The_package_installs_as_a_tool_and_serves()
    {
        // .../bin/Release/net10.0/
        string configuration = new DirectoryInfo(AppContext.BaseDirectory).Parent!.Name;
        string packages = Path.Combine(_directory, "packages");
        string project = Path.Combine(Repository.Root, "tools", "Varve.Mcp.Cli");
        await RunDotnetAsync("pack", project, "--no-build", "-c", configuration, "-o", packages);
        string version = Path.GetFileNameWithoutExtension(Assert.Single(Directory.GetFiles(packages)))["Varve.Mcp.Cli.".Length..];
        string tools = Path.Combine(_directory, "tools");
        await RunDotnetAsync("tool", "install", "Varve.Mcp.Cli", "--version", version, "--tool-path", tools, "--source", packages);
        await using McpClient client = await McpClient.CreateAsync(new StdioClientTransport(new StdioClientTransportOptions
        {
            Command = Path.Combine(tools, "varve-mcp"),
            Arguments = ["serve", "--server", "tasks", "--data", Path.Combine(_directory, "data")],
        }));
        CallToolResult result = await client.CallToolAsync("add_task", new Dictionary<string, object?> { ["description"] = "a" });
        Assert.Equal("Created task: task-001", TestServer.TextOf(result));
    }

    private async Task RunDotnetAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet", arguments)
        {
            RedirectStandardOutput = true,
            WorkingDirectory = _directory,
            Environment =
            {
                ["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1",
                ["DOTNET_NOLOGO"] = "1",
                ["DOTNET_SKIP_FIRST_TIME_EXPERIENCE"] = "1",
                ["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0",
                ["MSBUILDDISABLENODEREUSE"] = "1",
            },
        };
        using Process process = Process.Start(start)!;
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"dotnet {string.Join(' ', arguments)}: {output}");
    }
}
